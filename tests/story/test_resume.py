"""A run that was ended in any way goes on with one command, to the same bits; what is not the same run is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.killable_training import start_training
from tests.story.commands import bertsmith, results, weights, without_times
from tests.story.conftest import Finished
from tests.story.rows import keyword_rows, write_csv

import bertsmith as package
from bertsmith.output_lock import NOTE_AT

ROOT = Path(__file__).parents[2]
RECIPE = {"learning_rate": 5e-3, "epochs": 3, "device": "cpu", "threads": 1, "checkpoint_every": "5"}
SECONDS_AT_MOST = 60


def flags_of(recipe: dict[str, object]) -> list[str]:
    return [word for name, value in recipe.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def end_in_child(
    data: object, model: Path, folder: Path, *, when: Callable[[Path], bool], **recipe: object
) -> None:
    """Train in a child that is killed as soon as `when` holds of the run folder."""
    child = start_training(data, model=str(model), output=str(folder), **{**RECIPE, **recipe})
    deadline = time.monotonic() + SECONDS_AT_MOST
    while not when(folder) and child.is_alive() and time.monotonic() < deadline:
        pass
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL, "it ended before it could be killed"


def has(pattern: str) -> Callable[[Path], bool]:
    return lambda folder: any(folder.glob(pattern))


@pytest.fixture(scope="module")
def unbroken(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    outcome = bertsmith("train", reviews, "--model", tiny, *flags_of(RECIPE), "--output", folder)
    assert outcome.code == 0, outcome.err
    return folder


def assert_the_same(folder: Path, unbroken: Path) -> None:
    assert weights(folder) == weights(unbroken)
    assert (folder / "log.jsonl").read_bytes() == (unbroken / "log.jsonl").read_bytes()
    assert (folder / "predictions.csv").read_bytes() == (unbroken / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    "killed_at",
    [
        "checkpoints/attempt-1/step-*",
        "checkpoints/attempt-1/epoch-2",
        "checkpoints/attempt-1/finished",
    ],
)
def test_killed_and_resumed_it_ends_in_the_same_bits(
    killed_at: str, reviews: Path, tiny: Path, unbroken: Path, tmp_path: Path
) -> None:
    end_in_child(str(reviews), tiny, tmp_path / "run", when=has(killed_at))
    outcome = bertsmith("train", "--resume", "--output", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert_the_same(tmp_path / "run", unbroken)
    mine, others = (without_times(results(folder)) for folder in (tmp_path / "run", unbroken))
    assert mine["epochs"] == others["epochs"] and mine["test"] == others["test"]


def test_an_unfinished_run_is_offered_to_be_gone_on_with(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    end_in_child(str(reviews), tiny, tmp_path / "run", when=has("checkpoints/attempt-1/step-*"))
    outcome = bertsmith("train", reviews, "--model", tiny, "--output", tmp_path / "run")
    assert outcome.code == 2
    assert "--resume" in outcome.err


@pytest.mark.parametrize("several", [{"seeds": 2}, {"folds": 3}], ids=["seeds", "folds"])
def test_seeds_and_folds_go_on_too(
    several: dict[str, object], reviews: Path, tiny: Path, tmp_path: Path
) -> None:
    recipe = {**RECIPE, **several, "epochs": 2}
    whole = bertsmith("train", reviews, "--model", tiny, *flags_of(recipe), "--output", tmp_path / "unbroken")
    second = (
        "checkpoints/seed-43/attempt-1/step-*"
        if "seeds" in several
        else "checkpoints/fold-2/attempt-1/step-*"
    )
    end_in_child(str(reviews), tiny, tmp_path / "run", when=has(second), **{**several, "epochs": 2})
    outcome = bertsmith("train", "--resume", "--output", tmp_path / "run")
    assert outcome.code == whole.code, outcome.err
    assert weights(tmp_path / "run") == weights(tmp_path / "unbroken")
    kept = {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert kept == {path.name for path in (tmp_path / "unbroken" / "checkpoints").iterdir()}


def test_restarts_are_remembered(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    recipe = {**RECIPE, "learning_rate": 5.0, "max_grad_norm": 0, "epochs": 2}
    whole = bertsmith("train", reviews, "--model", tiny, *flags_of(recipe), "--output", tmp_path / "unbroken")
    changed = {"learning_rate": 5.0, "max_grad_norm": 0.0, "epochs": 2}
    end_in_child(str(reviews), tiny, tmp_path / "run", when=has("checkpoints/attempt-2/step-*"), **changed)
    outcome = bertsmith("train", "--resume", "--output", tmp_path / "run")
    assert outcome.code == whole.code, outcome.err
    assert results(tmp_path / "run")["restarts"] == results(tmp_path / "unbroken")["restarts"]
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (tmp_path / "unbroken" / "log.jsonl").read_bytes()


@pytest.fixture
def ended(reviews: Path, tiny: Path, tmp_path: Path) -> Path:
    """An unfinished run on a file of its own."""
    data = tmp_path / "rows.csv"
    data.write_bytes(reviews.read_bytes())
    end_in_child(str(data), tiny, tmp_path / "run", when=has("checkpoints/attempt-1/step-*"))
    return tmp_path / "run"


def test_changed_rows_are_refused_by_name(ended: Path) -> None:
    write_csv(ended.parent / "rows.csv", [*keyword_rows(319), ("a terrible day", "positive")])
    outcome = bertsmith("train", "--resume", "--output", ended)
    assert outcome.code == 2
    assert (
        "rows: " in outcome.err and "not the same ones" in outcome.err and "--accept-changes" in outcome.err
    )


def test_a_changed_recipe_is_refused_by_name_unless_it_is_accepted(ended: Path) -> None:
    command = ("train", "--resume", "--output", ended, "--learning-rate", "0.002")
    outcome = bertsmith(*command)
    assert outcome.code == 2
    assert "learning_rate: 0.005 then, 0.002 now" in outcome.err
    outcome = bertsmith(*command, "--accept-changes")
    assert outcome.code == 0, outcome.err
    assert "Going on all the same: learning_rate" in outcome.err


def test_other_labels_are_never_accepted(ended: Path) -> None:
    rows = [(text, {"negative": "bad", "positive": "good"}[label]) for text, label in keyword_rows(320)]
    write_csv(ended.parent / "rows.csv", rows)
    outcome = bertsmith(
        "train", "--resume", "--output", ended, "--accept-changes", "--positive-label", "good"
    )
    assert outcome.code == 2
    assert "labels: ['negative', 'positive'] then, ['bad', 'good'] now" in outcome.err


def test_another_number_of_threads_or_micro_batch_is_told(ended: Path) -> None:
    outcome = bertsmith("train", "--resume", "--output", ended, "--micro-batch-size", "4")
    assert outcome.code == 0, outcome.err
    assert "micro_batch_size: None then, 4 now" in outcome.err


def test_a_second_process_in_the_same_folder_is_refused(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    child = start_training(str(reviews), model=str(tiny), output=str(folder), **{**RECIPE, "epochs": 100_000})
    while not has("checkpoints/attempt-1/step-*")(folder) and child.is_alive():
        pass
    try:
        outcomes = [
            bertsmith("train", reviews, "--model", tiny, "--output", folder, flag)
            for flag in ("--resume", "--overwrite")
        ]
    finally:
        child.kill()
        child.join()
    for outcome in outcomes:
        assert outcome.code == 2
        assert f"another process (number {child.pid}) is writing it" in outcome.err


def test_a_finished_run_has_nothing_to_resume(finished: Finished) -> None:
    outcome = bertsmith("train", "--resume", "--output", finished.folder)
    assert outcome.code == 2
    assert "is finished" in outcome.err


@pytest.mark.parametrize("flags", [("--resume",), ("--resume", "--overwrite")])
def test_where_there_is_no_run_nothing_is_resumed(
    flags: tuple[str, ...], reviews: Path, tmp_path: Path
) -> None:
    outcome = bertsmith("train", reviews, *flags, "--output", tmp_path / "nowhere")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert "\\x0a" not in outcome.err


def test_after_a_kill_by_the_system_for_memory_it_goes_on_in_passes_of_half_the_rows(
    reviews: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    end_in_child(reviews, tiny, folder, when=has("checkpoints/attempt-1/step-*"))
    note = json.loads((folder / ".lock").read_bytes()[NOTE_AT:])
    monkeypatch.setattr("bertsmith.open_run.oom_kills", lambda: note["oom_kills"] + 1)
    outcome = bertsmith("train", "--resume", "--output", folder)
    assert outcome.code == 0, outcome.err
    assert "going on with half the micro-batch, as with --micro-batch-size 4" in outcome.err
    assert [bend["micro_batch_size"] for bend in results(folder)["memory"]["bends"]] == [4]


def test_what_was_said_of_the_exit_code_holds_for_the_command_that_goes_on(
    reviews: Path, tiny: Path, tmp_path: Path
) -> None:
    folder, hopeless = tmp_path / "run", {"learning_rate": 1e-9, "on_failure": "continue", "no_fail": True}
    end_in_child(reviews, tiny, folder, when=has("checkpoints/attempt-1/step-*"), **hopeless)
    outcome = bertsmith("train", "--resume", "--output", folder)
    assert results(folder)["verdict"]["outcome"] in ("collapsed", "not_shown_to_learn")
    assert outcome.code == 0, outcome.err


def test_rows_that_came_from_python_are_asked_for_again(tiny: Path, tmp_path: Path) -> None:
    texts, labels = (list(column) for column in zip(*keyword_rows(320), strict=True))
    end_in_child((texts, labels), tiny, tmp_path / "run", when=has("checkpoints/attempt-1/step-*"))
    outcome = bertsmith("train", "--resume", "--output", tmp_path / "run")
    assert outcome.code == 2
    assert "Give them again" in outcome.err
    run = package.finetune((texts, labels), output=str(tmp_path / "run"), resume=True)
    assert run.verdict.exit_code == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_and_names_the_command_that_goes_on(
    number: signal.Signals, code: int, reviews: Path, tiny: Path, unbroken: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "bertsmith", "train", str(reviews), "--model", str(tiny)]
    recipe = {**RECIPE, "checkpoint_every": "1h"}
    child = subprocess.Popen(
        [*command, *flags_of(recipe), "--output", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    while not has("log.jsonl")(folder) and child.poll() is None:
        pass
    child.send_signal(number)
    _, err = child.communicate(timeout=SECONDS_AT_MOST)
    assert child.returncode == code, err
    assert err.splitlines()[-1] == (
        f"bertsmith: interrupted by {number.name}. Go on with: bertsmith train --resume --output {folder}"
    )
    assert json.loads((folder / "checkpoints" / "began_with.json").read_text())["run"]["labels"]
    assert bertsmith("train", "--resume", "--output", folder).code == 0
    assert_the_same(folder, unbroken)
