"""A disk that is full is told with the file that it refused, whichever that is, and nothing half stays."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.story.conftest import QUICK_RECIPE, Finished
from tests.story.test_interruption import environment_with_source

from bertsmith.run_folder import write_json
from bertsmith.training.log import TrainingLog


def end_files_at(num_bytes: int) -> None:
    """From now on the system refuses to make a file of this process longer."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


def with_files_of_at_most(num_bytes: int, work: Callable[[], str]) -> str:
    """What the work says in a forked process whose files the system ends there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        end_files_at(num_bytes)
        try:
            told = work()
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        told = said.read().decode()
    os.waitpid(child, 0)
    return told


def refused_file(write: Callable[[], object]) -> str:
    """The name in the OSError."""
    try:
        write()
    except OSError as error:
        return str(error.filename)
    return "nothing was refused"


def test_the_log_names_itself(tmp_path: Path) -> None:
    def write() -> None:
        with TrainingLog(tmp_path / "log.jsonl", num_bytes=0) as log:
            for number in range(100):
                log.attempt(number)

    assert with_files_of_at_most(64, lambda: refused_file(write)) == str(tmp_path / "log.jsonl")


def test_results_and_findings_name_themselves_and_leave_nothing_half(tmp_path: Path) -> None:
    told = with_files_of_at_most(
        64, lambda: refused_file(lambda: write_json(tmp_path / "results.json", "x" * 999))
    )
    assert told == str(tmp_path / "results.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("num_bytes", "file"),
    [(100, "the run folder"), (20_000, "epoch-1")],
)
def test_a_run_that_a_disk_stops_says_in_one_line_what_it_refused(
    reviews: Path, tiny: Path, tmp_path: Path, num_bytes: int, file: str
) -> None:
    folder = tmp_path / "run"

    command = ("train", reviews, "--model", tiny, *QUICK_RECIPE, "--output", folder, "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "bertsmith", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env=environment_with_source(),
        preexec_fn=lambda: end_files_at(num_bytes),
    )
    told = f"{done.returncode} {done.stderr}"
    assert told.startswith("2 bertsmith: ")
    assert told.count("\n") == 1
    assert "File too large" in told and "Make room" in told
    assert file in told
    assert not (folder / "results.json").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_that_stops_the_saving_leaves_no_model_at_the_root(finished: Finished, tmp_path: Path) -> None:
    from bertsmith.model.loading import load_run
    from bertsmith.model.saving import save_model

    loaded = load_run(finished.folder)
    told = with_files_of_at_most(
        50_000, lambda: refused_file(lambda: save_model(loaded, tmp_path / "out", max_length=64))
    )
    assert told == str(tmp_path / "out" / "model.safetensors")
    assert list((tmp_path / "out").iterdir()) == []
