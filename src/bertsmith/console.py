"""The only printer: notes, findings, tables and progress, for people, on standard error.

Every text that comes from data passes through `printable`, so that no cell can drive the terminal.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

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
from rich.table import Table

from bertsmith.findings import Finding
from bertsmith.printing import printable

SECONDS_BETWEEN_LINES = 5.0
"""How often progress is told where there is no terminal."""
ROWS_SHOWN = 3
"""Rows named with a finding; findings.json has the rest."""


@dataclass
class ProgressLine:
    """One running count; `advance` is cheap enough for every batch."""

    description: str
    total_rows: int | None
    """None where nobody knows how many there are."""
    bar: Progress | None
    say: IO[str] | None
    rows: int = 0
    started: float = 0.0
    last_told: float = 0.0

    def advance(self, num_rows: int, *, note: str = "") -> None:
        """Count rows done; `note` is shown beside them."""
        self.rows += num_rows
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.rows, note=note, rate=self._rate())
            return
        now = time.monotonic()
        if self.say is not None and now - self.last_told >= SECONDS_BETWEEN_LINES:
            self.last_told = now
            print(self._line(note), file=self.say, flush=True)  # noqa: T201 - this file is the printer

    def seconds_left(self) -> float:
        """By the mean rate so far; 0 where nobody knows how many rows there are."""
        rate = self._rate()
        return (self.total_rows - self.rows) / rate if rate and self.total_rows is not None else 0.0

    def _rate(self) -> float:
        elapsed = time.monotonic() - self.started
        return self.rows / elapsed if elapsed else 0.0

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

    def __init__(self, *, quiet: bool = False, file: IO[str] | None = None) -> None:
        self.quiet = quiet
        self.rich = RichConsole(stderr=file is None, file=file, highlight=False, emoji=False)
        self.rich.soft_wrap = not self.rich.is_terminal  # a log's lines stay whole

    @classmethod
    def nowhere(cls) -> Console:
        """One that nobody sees."""
        return cls(quiet=True, file=io.StringIO())

    def say(self, text: str, *, style: str | None = None) -> None:
        """One line or paragraph, exactly as given; a line break in it is shown, not made: a line is always ours."""
        if not self.quiet:
            self.rich.print(escape(printable(text)), style=style)

    def answer(self, text: str, *, style: str | None = None) -> None:
        """What is told even when quiet."""
        self.rich.print(escape(printable(text)), style=style)

    def findings(self, findings: Iterable[Finding]) -> None:
        """Each finding with its first rows and its remedy, worst first."""
        order = {"error": 0, "warning": 1, "info": 2}
        for finding in sorted(findings, key=lambda finding: order[finding.severity]):
            style = {"error": "bold red", "warning": "yellow", "info": "dim"}[finding.severity]
            shown = ", ".join(finding.rows[:ROWS_SHOWN])
            more = finding.num_rows - min(len(finding.rows), ROWS_SHOWN)
            where = f" ({shown}{f' and {more:,} more' if more > 0 else ''})" if shown else ""
            remedy = f" {finding.remedy}" if finding.remedy else ""
            self.say(f"{finding.severity} {finding.code}: {finding.sentence}{where}{remedy}", style=style)

    def table(
        self, columns: Sequence[str], rows: Iterable[tuple[Sequence[str], str | None]], *, caption: str
    ) -> None:
        """A table of text; each row has its cells and a style or None."""
        if not self.rich.is_terminal:
            self._plain_table(columns, [cells for cells, _ in rows], caption=caption)
            return
        table = Table(*columns, caption=escape(printable(caption)), caption_justify="left")
        for cells, style in rows:
            table.add_row(*(escape(printable(cell)) for cell in cells), style=style)
        self.rich.print(table)

    def _plain_table(self, columns: Sequence[str], rows: list[Sequence[str]], *, caption: str) -> None:
        """The same table without lines, for logs and pipes."""
        cells = [list(columns)] + [[printable(cell) for cell in row] for row in rows]
        widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
        for row in cells:
            self.rich.print(
                escape("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
            )
        self.rich.print(escape(printable(caption)))

    @contextmanager
    def progress(self, description: str, *, total_rows: int | None) -> Iterator[ProgressLine]:
        """A bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet."""
        line = ProgressLine(
            description, total_rows, bar=None, say=None, started=time.monotonic(), last_told=time.monotonic()
        )
        if self.quiet or not self.rich.is_terminal:
            line.say = None if self.quiet else self.rich.file
            yield line
            return
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
        ]
        columns += [TimeRemainingColumn(compact=True), TextColumn("{task.fields[note]}")]
        with Progress(*columns, console=self.rich, transient=True) as bar:
            bar.add_task(description, total=total_rows, note="", rate=0.0)
            line.bar = bar
            yield line


def duration(seconds: float) -> str:
    """`48 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
