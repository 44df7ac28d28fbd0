"""The only printer: notes, findings, tables and progress, for people, on standard error.

Every text that comes from data passes through `printable`, so that no cell can drive the terminal.
"""

from __future__ import annotations

import copy
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bertsmith.errors import ConfigError
from bertsmith.findings import MAX_ROWS_KEPT, Finding
from bertsmith.printing import printable
from bertsmith.text_table import laid_out

SECONDS_BETWEEN_LINES = 5.0
"""How often progress is told where there is no terminal, at first."""
LONGEST_BETWEEN_LINES = 60.0
"""How often it is told of what takes hours: a log of thousands of such lines hides the others."""
REFRESHES_PER_SECOND = 4
"""How often a terminal is drawn anew, at most."""
ROWS_SHOWN = 3
"""Rows named with a finding; findings.json has the rest."""


@dataclass
class ProgressLine:
    """One running count; `advance` is cheap enough for every batch."""

    description: str
    total_rows: int | None
    """None where nobody knows how many there are."""
    bar: Progress | None
    console: Console | None
    """Where lines are told; None where a bar is drawn, or nothing."""
    rows: int = 0
    rows_before: int = 0
    started: float = 0.0
    last_told: float = 0.0

    def go_on(self, num_rows: int) -> None:
        """Rows that an earlier process did: they count, but not for the rate."""
        self.rows = self.rows_before = num_rows

    def advance(self, num_rows: int, *, note: str = "") -> None:
        """Count rows done; `note` is shown beside them."""
        self.rows += num_rows
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.rows, note=note, rate=self._rate())
            return
        now = time.monotonic()
        if self.console is not None and now - self.last_told >= seconds_between_lines(now - self.started):
            self.last_told = now
            self.console.say(self._line(note))

    def seconds_left(self) -> float:
        """By the mean rate so far; 0 where nobody knows how many rows there are."""
        rate = self._rate()
        return (self.total_rows - self.rows) / rate if rate and self.total_rows is not None else 0.0

    def _rate(self) -> float:
        elapsed = time.monotonic() - self.started
        return (self.rows - self.rows_before) / elapsed if elapsed else 0.0

    def _line(self, note: str) -> str:
        total = "" if self.total_rows is None else f" of {self.total_rows:,}"
        left = "" if self.total_rows is None else f"{duration(self.seconds_left())} left"
        parts = (f"{self.description}: {self.rows:,}{total} rows", f"{self._rate():.1f} rows/s", left, note)
        return ", ".join(part for part in parts if part)


class _RateColumn(ProgressColumn):
    """Rows per second as told by the line itself."""

    def render(self, task: Task) -> str:
        """`24.1 rows/s`."""
        return f"{task.fields.get('rate', 0.0):.1f} rows/s"


class Console:
    """Where everything for people goes."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        dated: bool = False,
        file: IO[str] | None = None,
    ) -> None:
        self.quiet = quiet
        self.verbose = verbose and not quiet
        self.is_screen = is_screen(sys.stderr if file is None else file)
        """Whether what was told can be drawn anew; else it is a log, and holds no control character."""
        self.dated = dated and not self.is_screen
        """Whether each line begins with the time: in a log of what takes long."""
        self.rich = RichConsole(
            stderr=file is None,
            file=file,
            highlight=False,
            emoji=False,
            force_terminal=self.is_screen,
            color_system="auto" if self.is_screen else None,
        )
        self.rich.soft_wrap = not self.is_screen  # a log's lines stay whole
        self._last_table: object = None

    @classmethod
    def nowhere(cls) -> Console:
        """One that nobody sees."""
        return cls(quiet=True, file=io.StringIO())

    @classmethod
    def asked_for(cls, quiet: bool, verbose: bool, *, dated: bool = False) -> Console:  # noqa: FBT001 - flags
        """The one that -q and -v ask for.

        Raises:
            ConfigError: both are given.
        """
        if quiet and verbose:
            raise ConfigError(["-q says only the answer and -v says more: give one of them."])
        return cls(quiet=quiet, verbose=verbose, dated=dated)

    @property
    def rows_shown(self) -> int:
        """Rows named with a finding: a few, or for a verbose console all that it keeps."""
        return MAX_ROWS_KEPT if self.verbose else ROWS_SHOWN

    def undated(self) -> Console:
        """The same one without the time before each line: for a page that is told at once."""
        page = copy.copy(self)
        page.dated = False
        return page

    def say(self, text: str, *, style: str | None = None) -> None:
        """One line or paragraph, exactly as given; a line break in it is shown, not made: a line is always ours."""
        if not self.quiet:
            self.rich.print(escape(self._date() + printable(text)), style=style)

    def detail(self, text: str) -> None:
        """What only a verbose console tells."""
        if self.verbose:
            self.say(text, style="dim")

    def answer(self, text: str, *, style: str | None = None) -> None:
        """What is told even when quiet."""
        date = "" if self.quiet else self._date()
        self.rich.print(escape(date + printable(text)), style=style)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Tell a verbose console how long it took."""
        started = time.monotonic()
        yield
        self.detail(f"{what}: {time.monotonic() - started:.1f} s.")

    def findings(self, findings: Iterable[Finding]) -> None:
        """Each finding with its first rows and its remedy, worst first."""
        order = {"error": 0, "warning": 1, "info": 2}
        for finding in sorted(findings, key=lambda finding: order[finding.severity]):
            style = {"error": "bold red", "warning": "yellow", "info": "dim"}[finding.severity]
            shown = ", ".join(finding.rows[: self.rows_shown])
            more = finding.num_rows - min(len(finding.rows), self.rows_shown)
            where = f" ({shown}{f' and {more:,} more' if more > 0 else ''})" if shown else ""
            remedy = f" {finding.remedy}" if finding.remedy else ""
            self.say(f"{finding.severity} {finding.code}: {finding.sentence}{where}{remedy}", style=style)

    def table(
        self, columns: Sequence[str], rows: Iterable[tuple[Sequence[str], str | None]], *, caption: str
    ) -> None:
        """A table of text; each row has its cells and a style or None. The one told last is not told again."""
        shown = [([printable(cell) for cell in cells], style) for cells, style in rows]
        if self._last_table == (told := (tuple(columns), shown, caption)):
            return
        self._last_table = told
        head, lines = laid_out(
            columns, [cells for cells, _ in shown], width=self.rich.width if self.is_screen else None
        )
        for line in head:
            self.rich.print(Text(line, style="bold"))
        for (_, style), row in zip(shown, lines, strict=True):
            for line in row:
                self.rich.print(Text(line, style=style or ""))
        self.rich.print(Text(printable(caption), style="dim"))

    @contextmanager
    def progress(self, description: str, *, total_rows: int | None) -> Iterator[ProgressLine]:
        """A bar on a terminal, a plain line now and then elsewhere, nothing when quiet."""
        now = time.monotonic()
        line = ProgressLine(description, total_rows, bar=None, console=None, started=now, last_told=now)
        if self.quiet or not self.is_screen:
            line.console = None if self.quiet else self
            yield line
            return
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
        ]
        columns += [TimeRemainingColumn(compact=True), TextColumn("{task.fields[note]}")]
        with Progress(
            *columns, console=self.rich, transient=True, refresh_per_second=REFRESHES_PER_SECOND
        ) as bar:
            bar.add_task(description, total=total_rows, note="", rate=0.0)
            line.bar = bar
            yield line

    def _date(self) -> str:
        """`2026-02-28T09:30:00+01:00  ` in a dated log."""
        return f"{datetime.now().astimezone().isoformat(timespec='seconds')}  " if self.dated else ""


def is_screen(stream: IO[str]) -> bool:
    """Whether the stream is a terminal that can move its cursor; where TERM says nothing, it is taken for one that cannot."""
    term = os.environ.get("TERM", "" if os.name != "nt" else "windows").lower()
    return stream.isatty() and term not in ("", "dumb", "unknown")


def seconds_between_lines(elapsed_seconds: float) -> float:
    """How long a log waits for its next line of progress: 5 seconds, and a minute for what takes long."""
    return min(LONGEST_BETWEEN_LINES, max(SECONDS_BETWEEN_LINES, elapsed_seconds / 20))


def duration(seconds: float) -> str:
    """`48 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def byte_size(num_bytes: float) -> str:
    """`640 MB`, `1.4 GB`."""
    return f"{num_bytes / 1e6:,.0f} MB" if num_bytes < 1e9 else f"{num_bytes / 1e9:,.1f} GB"


def put_json(result: Any, *, wanted: bool) -> None:
    """The result as one JSON document on standard output, where that was asked for."""
    if wanted:
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=True, allow_nan=False)
        # The one control character that JSON leaves as it is.
        print(text.replace("\x7f", "\\u007f"))  # noqa: T201 - this file is the printer
