"""This file knows how a training looks while it runs: a region of the terminal that keeps its height, or lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from bertsmith.console import REFRESHES_PER_SECOND, Console, ProgressLine, duration
from bertsmith.epoch_table import COLUMNS, epoch_rows, table_caption
from bertsmith.loss_line import LossLine
from bertsmith.printing import printable
from bertsmith.text_table import laid_out
from bertsmith.training.history import EpochRecord, StepRecord

WIDEST = 100
"""Cells that the view takes at most: on a wide screen the eye need not travel."""
NARROWEST, LOWEST = 60, 14
"""A smaller screen shows the view without its table."""
LINES_BESIDE_ROWS = 9
"""Heading, head of the table, the lines below it, and room for the prompt and for what is told above."""
LABELS_SHOWN = 3
SHARE_BAR = 10
STEPS_TOLD_AT_FIRST = 10
"""A verbose console is told of each of these, then of every hundredth part of the run."""


@dataclass(frozen=True)
class Watched:
    """What is known before the first step."""

    num_steps: int
    num_rows: int
    """Rows of the whole attempt, each counted once per epoch."""
    num_epochs: int
    attempt: int
    """0 is the first try."""
    chance_loss: float
    """Loss, in nats, of knowing only the labels' shares."""
    positive_label: str | None
    memory: Callable[[], str]
    """What is told of the memory that is held now."""


@dataclass
class Progress:
    """What has happened so far."""

    watched: Watched
    started: float
    step: int = 0
    rows: int = 0
    rows_before: int = 0
    """Of these, the rows that an earlier process trained on."""
    loss: float | None = None
    losses: LossLine = field(default_factory=LossLine)
    epochs: list[EpochRecord] = field(default_factory=list)
    best: int | None = None
    validating_since: float | None = None
    validation_seconds: float = 0.0

    def rows_per_second(self, now: float) -> float:
        """Of the training steps alone."""
        validating = 0.0 if self.validating_since is None else now - self.validating_since
        seconds = now - self.started - self.validation_seconds - validating
        return (self.rows - self.rows_before) / seconds if seconds > 0 else 0.0

    def seconds_left(self, now: float) -> float | None:
        """By the mean rate so far, and by the validations so far; None before the first step."""
        rate = self.rows_per_second(now)
        if not rate:
            return None
        validations = len(self.epochs)
        each = (
            self.validation_seconds / validations if validations else 0.0
        )  # too little where some were earlier
        return (self.watched.num_rows - self.rows) / rate + (self.watched.num_epochs - validations) * each


class TrainingView:
    """Is told of steps and epochs; draws them at most four times a second, or tells them as lines."""

    def __init__(self, watched: Watched, console: Console, *, lines: ProgressLine | None) -> None:
        self.progress = Progress(watched, started=time.monotonic())
        self._console = console
        self._lines = lines
        self._live: Live | None = None
        self._drawn_at = 0.0
        self._drawn: list[int] = []
        self._drawn_width = 0

    def go_on(self, *, num_rows: int, step: int, epochs: Sequence[EpochRecord], best: int | None) -> None:
        """Before the first step: what an earlier process did."""
        progress = self.progress
        progress.rows = progress.rows_before = num_rows
        progress.step, progress.epochs, progress.best = step, list(epochs), best
        if self._lines is not None:
            self._lines.go_on(num_rows)
        self._draw()

    def step(self, record: StepRecord, num_rows: int) -> None:
        """After every optimizer step."""
        progress = self.progress
        progress.step, progress.rows, progress.loss = record.step, progress.rows + num_rows, record.loss
        progress.losses.add(record.loss)
        if self._console.verbose and _is_told(record.step, progress.watched.num_steps):
            self._console.detail(step_sentence(record))
        if self._lines is not None:
            self._lines.advance(num_rows, note=f"loss {record.loss:.4f}, {progress.watched.memory()}")
        elif self._live is not None and time.monotonic() - self._drawn_at >= 1 / REFRESHES_PER_SECOND:
            self._draw()

    def validating(self) -> None:
        """Before a validation."""
        self.progress.validating_since = time.monotonic()
        self._draw()

    def epoch(self, record: EpochRecord, *, is_best: bool) -> None:
        """After it."""
        progress = self.progress
        if progress.validating_since is not None:
            progress.validation_seconds += time.monotonic() - progress.validating_since
            progress.validating_since = None
        progress.epochs.append(record)
        progress.best = len(progress.epochs) - 1 if is_best else progress.best
        self._draw()

    def seconds_left(self) -> float:
        """Until the last step and validation; 0 before the first step."""
        return self.progress.seconds_left(time.monotonic()) or 0.0

    def begin(self) -> None:
        """Take a region of the terminal."""
        self._live = Live(console=self._console.rich, auto_refresh=False, transient=True)
        self._live.start()
        self._draw()

    def end(self) -> None:
        """Give the region back; the table stays."""
        if self._live is None:
            return
        self._live.stop()
        self._live = None
        if self.progress.epochs:
            rows = epoch_rows(self.progress.epochs, best=self.progress.best)
            self._console.table(COLUMNS, rows, caption=table_caption(self.progress.watched.positive_label))

    def _draw(self) -> None:
        if self._live is None:
            return
        self._drawn_at = time.monotonic()
        screen = self._console.rich.size
        lines = frame(self.progress, width=screen.width, height=screen.height, now=self._drawn_at)
        self._rise_above_wrapped_lines(screen.width)
        self._drawn, self._drawn_width = [line.cell_len for line in lines], screen.width
        self._live.update(Group(*lines), refresh=True)

    def _rise_above_wrapped_lines(self, width: int) -> None:
        """After a screen became narrower its terminal has wrapped the old lines: they take more lines than rich knows of."""
        if width >= self._drawn_width:
            return
        more = sum(-(-length // width) - 1 for length in self._drawn if length > width)
        for _ in range(more):
            self._console.rich.control(
                Control(
                    ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)
                )
            )


@contextmanager
def watching(watched: Watched, console: Console) -> Iterator[TrainingView]:
    """The view of one attempt: on a screen a region of it, which ends as the table; elsewhere lines; nothing when quiet."""
    if not console.is_screen or console.quiet:
        with console.progress("Training", total_rows=watched.num_rows) as lines:
            yield TrainingView(watched, console, lines=lines)
        return
    view = TrainingView(watched, console, lines=None)
    view.begin()
    try:
        yield view
    finally:
        view.end()


def step_sentence(record: StepRecord) -> str:
    """A step, for those who want to know more."""
    return (
        f"Step {record.step:,}: loss {record.loss:.4f}, gradient norm {record.gradient_norm:.3g}, "
        f"learning rate {record.learning_rate:.3g}."
    )


def frame(progress: Progress, *, width: int, height: int, now: float) -> list[Text]:
    """The lines of the view, as many at the last step as at the first.

    Args:
        progress: what has happened.
        width: cells of the screen.
        height: lines of the screen.
        now: on the clock that `progress.started` was read from.
    """
    width = min(width, WIDEST) - 1  # a full last column makes some terminals wrap
    lines = [_heading(progress, width)]
    if width >= NARROWEST - 1 and height >= LOWEST:
        lines += _table(progress, width, most_rows=height - LINES_BESIDE_ROWS)
    lines += [_loss(progress, width), _shares(progress, width), _speed(progress, now)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
        line.no_wrap = True
    return lines


def _heading(progress: Progress, width: int) -> Text:
    """Where it is, and a bar."""
    watched = progress.watched
    epoch = min(len(progress.epochs) + 1, watched.num_epochs)
    steps = f"{watched.num_steps:,}"
    told = f"Epoch {epoch} of {watched.num_epochs} · step {progress.step:{len(steps)},} of {steps}"
    told += f" · attempt {watched.attempt + 1}" if watched.attempt else ""
    share = progress.step / watched.num_steps
    room = max(0, width - cell_len(told) - 9)
    done = round(share * room)
    line = Text(f"{told}  ", style="bold")
    line.append("━" * done, style="cyan").append("━" * (room - done), style="dim")
    return line.append(f"  {share:4.0%}")


def _table(progress: Progress, width: int, *, most_rows: int) -> list[Text]:
    """The results so far, with an empty line for each epoch that is to come."""
    rows = epoch_rows(progress.epochs, best=progress.best)
    room = min(progress.watched.num_epochs, most_rows)
    earlier = max(0, len(rows) - room)
    hidden = earlier + 1 if earlier else 0
    shown = rows[hidden:]
    # A row that is never shown holds the columns' places, so that nothing moves when the first one comes.
    widest = ("0.0000", "00", str(progress.watched.num_steps), "0.0000", *["0.0000"] * 4, "collapsed")
    head, lines = laid_out(COLUMNS, [widest, *(cells for cells, _ in shown)], width=width)
    drawn = [Text(line, style="bold") for line in head]
    if hidden:
        drawn.append(Text(_of_hidden(progress, hidden), style="dim"))
    for (_, style), row in zip(shown, lines[1:], strict=True):
        drawn.append(Text(row[0], style=style or ""))
    empty = room - len(shown) - bool(hidden)
    return drawn + [Text("·", style="dim") for _ in range(empty)]


def _of_hidden(progress: Progress, hidden: int) -> str:
    """What became of the rows that there is no room for."""
    best = progress.best
    if best is None or best >= hidden:
        return f"… {hidden} earlier epochs"
    record = progress.epochs[best]
    return f"… {hidden} earlier epochs; best so far: epoch {record.epoch:g}, F1 {record.f1:.4f}"


def _loss(progress: Progress, width: int) -> Text:
    """The training loss as bars that grow towards the run's end."""
    line = Text("Loss       ", style="dim")
    if progress.loss is None:
        return line.append("·")
    told = f"  {progress.loss:.4f}  chance {progress.watched.chance_loss:.4f}"
    room = max(0, width - 11 - len(told))
    done = max(1, round(room * progress.step / progress.watched.num_steps))
    line.append(progress.losses.drawn(done), style="cyan").append(" " * (room - done))
    return line.append(told)


def _shares(progress: Progress, width: int) -> Text:
    """What the last validation's rows were called."""
    line = Text("Predicted  ", style="dim")
    if not progress.epochs:
        return line.append("·  told after each epoch", style="dim")
    record = progress.epochs[-1]
    shares = sorted(record.predicted_share.items(), key=lambda item: -item[1])
    style = "red" if record.collapsed else ""
    room = max(8, (width - 11) // min(len(shares), LABELS_SHOWN) - SHARE_BAR - 9)
    for label, share in shares[:LABELS_SHOWN]:
        name = printable(label)
        name = name if cell_len(name) <= room else name[: room - 1] + "…"
        line.append(f"{name} ", style=style).append("█" * round(share * SHARE_BAR), style=style or "cyan")
        line.append(f" {share:.0%}   ", style=style)
    more = len(shares) - LABELS_SHOWN
    return line.append(f"and {more} more" if more > 0 else "", style="dim")


def _speed(progress: Progress, now: float) -> Text:
    """Rows per second, what is left, memory."""
    line = Text("Speed      ", style="dim")
    left = progress.seconds_left(now)
    if left is None:
        return line.append("·")
    parts = [f"{progress.rows_per_second(now):,.1f} rows/s", f"{duration(left)} left"]
    parts.append(progress.watched.memory())
    parts += [] if progress.validating_since is None else ["validating"]
    return line.append(" · ".join(parts))


def _is_told(step: int, num_steps: int) -> bool:
    """Whether a verbose console is told of the step."""
    return step <= STEPS_TOLD_AT_FIRST or step % max(1, num_steps // 100) == 0
