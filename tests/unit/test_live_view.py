from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.text import Text
from tests.golden.runs import epoch

from bertsmith.console import Console, is_screen
from bertsmith.live_view import Progress, Watched, frame
from bertsmith.training.history import EpochRecord

WATCHED = Watched(
    num_steps=500,
    num_rows=4000,
    num_epochs=5,
    attempt=0,
    chance_loss=0.6931,
    positive_label="positive",
    memory=lambda: "812 MB",
)


def record(
    number: int, *, collapsed: bool = False, labels: tuple[str, ...] = ("negative", "positive")
) -> EpochRecord:
    shares = {label: 1 / len(labels) for label in labels}
    return epoch(number, 100 * number, (0.6, 0.5), (0.7, 0.7, 0.7, 0.7, 0.7), shares, collapsed=collapsed)


def progress(*, step: int = 0, epochs: int = 0, collapsed: bool = False) -> Progress:
    """A training at this step, on a clock that began 100 seconds ago."""
    told = Progress(WATCHED, started=0.0, step=step, rows=8 * step, loss=0.5 if step else None)
    for index in range(step):
        told.losses.add(0.7 - index / 1000)
    told.epochs = [record(number + 1, collapsed=collapsed) for number in range(epochs)]
    told.best = 0 if epochs and not collapsed else None
    return told


def lines(told: Progress, *, width: int = 80, height: int = 24) -> list[Text]:
    return frame(told, width=width, height=height, now=100.0)


@pytest.mark.parametrize("width", [40, 59, 60, 80, 100, 140])
@pytest.mark.parametrize("height", [8, 14, 24, 60])
def test_the_view_keeps_its_height_from_the_first_step_to_the_last(width: int, height: int) -> None:
    moments = [progress(step=100 * epochs, epochs=epochs) for epochs in range(6)]
    heights = {len(lines(told, width=width, height=height)) for told in moments}
    assert len(heights) == 1
    assert heights.pop() < height


@pytest.mark.parametrize("width", [20, 40, 60, 80, 140])
def test_no_line_reaches_the_last_column(width: int) -> None:
    told = progress(step=300, epochs=3)
    assert max(line.cell_len for line in lines(told, width=width)) < width


def test_a_collapsed_epoch_is_red_and_says_so() -> None:
    row = next(
        line for line in lines(progress(step=100, epochs=1, collapsed=True)) if "collapsed" in line.plain
    )
    assert row.style == "red"


def test_more_epochs_than_lines_keep_the_latest_and_name_the_best() -> None:
    told = progress(step=500, epochs=40)
    told.watched = replace(WATCHED, num_epochs=40)
    text = "\n".join(line.plain for line in lines(told))
    assert "best so far: epoch 1" in text
    assert re.search(r"^0\.6000 +40 +4000 ", text, re.MULTILINE)


def test_time_left_counts_the_validations_to_come() -> None:
    told = progress(step=250, epochs=2)
    told.validation_seconds = 20.0
    # 2,000 rows in 80 seconds of training: 80 more, and 3 validations of 10 seconds.
    assert told.seconds_left(100.0) == pytest.approx(110.0)


def test_a_hostile_label_drives_no_terminal() -> None:
    told = progress(step=100, epochs=1)
    told.epochs = [record(1, labels=("\x1b[31mred", "[bold]x[/bold]"))]
    text = "\n".join(line.plain for line in lines(told))
    assert "\x1b" not in text
    assert "[bold]" in text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("term", ["", "dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    assert not is_screen(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert is_screen(Terminal())


def test_colours_that_are_forced_put_none_into_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    log = io.StringIO()
    console = Console(file=log, dated=True)
    console.say("It collapsed.", style="red")
    assert "\x1b" not in log.getvalue()
    assert log.getvalue()[:2] == "20" and log.getvalue().endswith("  It collapsed.\n")


def test_a_table_that_stands_there_already_is_not_told_again() -> None:
    log = io.StringIO()
    console = Console(file=log)
    for _ in range(2):
        console.table(("A",), [(("1",), None)], caption="c")
    assert log.getvalue().count("A") == 1
