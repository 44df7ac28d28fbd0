"""A training in a real terminal (tmux): what stands on the screen while it runs, and what stays when it is over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.story.commands import bertsmith
from tests.story.conftest import Finished
from tests.story.rows import keyword_rows, write_csv

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(
    TMUX is None, reason="tmux, the terminal that this looks at, is not installed"
)
SECONDS_ALLOWED = 120.0


class Screen:
    """A terminal of its own server, so that no other session is touched."""

    def __init__(self, socket: Path) -> None:
        self._tmux = [str(TMUX), "-S", str(socket), "-f", "/dev/null"]

    def tmux(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True).stdout

    def text(self, *arguments: str) -> str:
        """What stands there; `-S -200` with what scrolled up, `-e` with colours."""
        return self.tmux("capture-pane", "-p", *arguments)

    def wait_for(self, words: str, *arguments: str) -> str:
        """The screen as soon as it holds these words."""
        deadline = time.monotonic() + SECONDS_ALLOWED
        while time.monotonic() < deadline:
            text = self.text(*arguments)
            if words in text:
                return text
            time.sleep(0.1)
        raise AssertionError(f"{words!r} never stood there:\n{self.text('-S', '-200')}")


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """80 columns and 24 lines."""
    if TMUX is None:
        pytest.skip("tmux, the terminal that this looks at, is not installed")
    found = Screen(tmp_path / "tmux")
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    command = [*found._tmux, "new-session", "-d", "-x", "80", "-y", "24", "sh"]
    subprocess.run(command, check=True, env=plain | {"PS1": "$ ", "TERM": "screen-256color"})
    yield found
    found.tmux("kill-server")


def training(folder: Path, tiny: Path, *flags: object, rows: int = 1200) -> str:
    """The command line of a training that takes some seconds."""
    data = write_csv(folder / "reviews.csv", keyword_rows(rows))
    words = [sys.executable, "-m", "bertsmith", "train", data, "--model", tiny, "--device", "cpu"]
    words += ["--threads", 1, "--output", folder / "run", *flags]
    return " ".join(f"'{word}'" for word in words)


def test_the_table_grows_in_place_and_stays_with_the_answer(
    screen: Screen, tiny: Path, tmp_path: Path
) -> None:
    screen.tmux(
        "send-keys", training(tmp_path, tiny, "--learning-rate", 1e-3, "--epochs", 4) + "; echo over", "Enter"
    )
    watched = screen.wait_for("Epoch 2 of 4")
    assert watched.count("Validation") == 1
    assert [
        part
        for part in ("Loss  ", "chance 0.69", "Predicted", "rows/s", "left", " MB")
        if part not in watched
    ] == []
    screen.wait_for("\nover")
    told = screen.text("-S", "-200")
    assert told.count("Scores on the validation rows") == 1
    assert "Epoch 2 of 4" not in told  # the view is gone, its table is not
    assert "It learned" in told


def test_a_narrower_screen_leaves_no_second_view(screen: Screen, tiny: Path, tmp_path: Path) -> None:
    screen.tmux("resize-window", "-x", "140", "-y", "30")
    screen.tmux("send-keys", training(tmp_path, tiny, "--learning-rate", 1e-3, "--epochs", 30), "Enter")
    screen.wait_for("Epoch 2 of 30")
    screen.tmux("resize-window", "-x", "80", "-y", "30")
    now = screen.wait_for("Epoch 4 of 30")
    assert now.count(" of 30") == 1
    assert now.count("rows/s") == 1
    screen.tmux("send-keys", "C-c")
    assert "collapsed" not in screen.wait_for("interrupted")


def test_a_collapsed_epoch_is_red_and_a_restart_is_told(screen: Screen, tiny: Path, tmp_path: Path) -> None:
    flags = ("--learning-rate", 5, "--max-grad-norm", 0, "--epochs", 2)
    screen.tmux("send-keys", training(tmp_path, tiny, *flags, rows=320) + "; echo over", "Enter")
    told = screen.wait_for("\nover", "-e", "-S", "-200")
    rows = [
        line
        for line in told.splitlines()
        if "collapsed" in line and line.rstrip().endswith(("collapsed", "m"))
    ]
    assert any("\x1b[31m" in line for line in rows)
    assert "Now starting again with" in told
    assert "attempt 1 failed" in told


def test_a_log_is_dated_lines_without_control_characters(
    tiny: Path, few_reviews: Path, tmp_path: Path
) -> None:
    outcome = bertsmith(
        *("train", few_reviews, "--model", tiny, "--max-steps", 4, "--device", "cpu", "--no-fail"),
        *("--on-failure", "continue"),
        *("--output", tmp_path / "run", "-v"),
    )
    assert not [character for character in outcome.err if ord(character) < 32 and character != "\n"]
    steps = [line for line in outcome.err.splitlines() if "Step 2: loss" in line]
    assert len(steps) == 1 and steps[0][:2] == "20" and "gradient norm" in steps[0]


def test_quiet_and_verbose_together_are_refused(few_reviews: Path) -> None:
    assert bertsmith("check", few_reviews, "-q", "-v").code == 2


def test_a_verbose_check_names_every_row_of_a_finding(tmp_path: Path) -> None:
    empty = write_csv(tmp_path / "rows.csv", keyword_rows(400) + [("", "positive")] * 4)
    told, more = (bertsmith("check", empty, *flags).err for flags in ((), ("-v",)))
    assert "rows.csv:405" not in told and "rows.csv:405" in more
    assert len(more) > len(told)


def test_a_verbose_evaluation_has_a_table_of_labels(finished: Finished, few_reviews: Path) -> None:
    told, more = (bertsmith("evaluate", finished.folder, few_reviews, *flags).err for flags in ((), ("-v",)))
    assert "Of each label" in more and "Of each label" not in told
