"""Ctrl-C ends a run with one line and the exit code that shells expect."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.story.conftest import QUICK_RECIPE, Finished

ROOT = Path(__file__).parents[2]
SECONDS_AT_MOST = 120


@dataclass(frozen=True)
class Ended:
    """A child process that is over."""

    code: int
    err: str
    folder: Path


@pytest.fixture(scope="module")
def interrupted(few_reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A long run that got SIGINT after its first epoch."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    recipe = (*QUICK_RECIPE, "--epochs", 100_000, "--output", folder)
    command = [sys.executable, "-m", "bertsmith", "train", few_reviews, "--model", tiny, *recipe]
    child = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_with_source(),
    )
    deadline = threading.Timer(SECONDS_AT_MOST, child.kill)
    deadline.start()
    assert child.stderr is not None
    told = []
    for line in child.stderr:
        told.append(line)
        if "  Epoch 1," in line:  # behind the time
            child.send_signal(signal.SIGINT)
            break
    told.append(child.stderr.read())
    code = child.wait()
    child.stderr.close()
    deadline.cancel()
    return Ended(code, "".join(told), folder)


def environment_with_source() -> dict[str, str]:
    """This process's environment, with the package importable from the checkout."""
    return os.environ | {"PYTHONPATH": str(ROOT / "src")}


def test_ctrl_c_exits_with_130(interrupted: Ended) -> None:
    assert interrupted.code == 130, interrupted.err


def test_ctrl_c_shows_no_traceback(interrupted: Ended) -> None:
    assert "Traceback" not in interrupted.err


def test_ctrl_c_is_acknowledged(interrupted: Ended) -> None:
    assert interrupted.err.splitlines()[-1] == (
        "bertsmith: interrupted by SIGINT. Go on with: bertsmith train --resume --output "
        f"{interrupted.folder}"
    )


def test_what_was_logged_before_ctrl_c_stays(interrupted: Ended) -> None:
    assert '"event": "epoch"' in (interrupted.folder / "log.jsonl").read_text("utf-8")


def test_an_interrupted_run_leaves_no_model_at_its_root(interrupted: Ended) -> None:
    assert (interrupted.folder / "run.toml").is_file()
    assert not (interrupted.folder / "model.safetensors").exists()


def test_a_reader_that_has_enough_is_no_failure(finished: Finished, tmp_path: Path) -> None:
    rows = tmp_path / "many.csv"
    rows.write_text("text\n" + "an excellent day\n" * 5_000)
    command = [sys.executable, "-m", "bertsmith", "predict", str(finished.folder), str(rows), "--quiet"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_with_source()
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert (child.stderr.read(), child.wait()) == (b"", 0)
