"""What of an attempt is on disk at any time, and what is taken of it when some of it is damaged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.learning.small_run import make_rows, plan_for, scores
from tests.tiny_models import tiny_model

from bertsmith.errors import ConfigError, IncompatibleModel, NothingToResume
from bertsmith.interruption import Interruption
from bertsmith.sealed_folders import flaw_of
from bertsmith.training.checkpoint import AttemptCheckpoints, Every, Keeping
from bertsmith.training.history import History
from bertsmith.training.loop import Keeper, Observers, Trainee, train


def keeping(told: list[str] | None = None, *, every: int = 2) -> Keeping:
    tell = (lambda text: None) if told is None else told.append
    return Keeping(Every(steps=every), Interruption(), tell=tell)


def train_into(
    folder: Path, *, f1: tuple[float, ...] = (0.3, 0.9, 0.5, 0.4), told: list[str] | None = None
) -> History:
    """Four epochs of three steps, with these scores; the second is best."""
    model, dataset, values = tiny_model("bert", num_labels=2), make_rows(20), iter(f1)
    with AttemptCheckpoints(folder, keeping(told)) as checkpoints:
        history = train(
            model,
            dataset,
            plan=plan_for(dataset, epochs=4, batch_size=7),
            validate=lambda: scores(f1=next(values)),
            observers=Observers(
                on_epoch=lambda record, is_best: checkpoints.keep_epoch(model, is_best=is_best)
            ),
            keeper=Keeper(begin=checkpoints.begin, between=checkpoints.between),
        )
        checkpoints.finish(history)
    return history


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    train_into(tmp_path / "attempt-1")
    return tmp_path / "attempt-1"


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_the_newest_two_checkpoints_and_the_epochs_that_they_need_are_kept(trained: Path) -> None:
    assert names_in(trained) == {
        "step-00000012",
        "step-00000012-closed",
        "epoch-2",
        "epoch-3",
        "epoch-4",
        "finished",
    }
    assert all(flaw_of(folder) is None for folder in trained.iterdir())


def test_at_every_moment_the_best_and_a_whole_checkpoint_are_on_disk(tmp_path: Path) -> None:
    folder, over, lacking = tmp_path / "attempt-1", threading.Event(), []

    def watch() -> None:
        seen_step = seen_best = False
        while not over.is_set():
            try:
                names = names_in(folder) if folder.exists() else set()
            except FileNotFoundError:
                continue
            steps = {name for name in names if name.startswith("step-")}
            seen_step, seen_best = seen_step or bool(steps), seen_best or "epoch-2" in names
            if (seen_step and not steps) or (seen_best and "epoch-2" not in names):
                lacking.append(names)

    watcher = threading.Thread(target=watch)
    watcher.start()
    train_into(folder)
    over.set()
    watcher.join()
    assert not lacking


def test_what_only_an_unfinished_run_needs_can_go(trained: Path) -> None:
    checkpoints = AttemptCheckpoints(trained, keeping())
    assert checkpoints.finished() is not None
    checkpoints.drop_all_but_epochs()
    assert names_in(trained) == {"epoch-2", "epoch-4", "finished"}


def test_a_finished_attempt_is_read_and_not_trained_again(tmp_path: Path) -> None:
    history = train_into(tmp_path / "attempt-1")
    checkpoints = AttemptCheckpoints(tmp_path / "attempt-1", keeping())
    assert checkpoints.finished() == history
    assert (checkpoints.best, checkpoints.last) == (1, 3)


def begin(folder: Path, told: list[str]) -> Trainee:
    """What a new process starts from."""
    model, dataset = tiny_model("bert", num_labels=2), make_rows(20)
    begun: list[Trainee] = []

    class Enough(Exception):
        pass

    def take(trainee: Trainee) -> None:
        AttemptCheckpoints(folder, keeping(told)).begin(trainee)
        begun.append(trainee)
        raise Enough

    with pytest.raises(Enough):
        train(
            model,
            dataset,
            plan=plan_for(dataset, epochs=4, batch_size=7),
            validate=scores,
            keeper=Keeper(begin=take),
        )
    return begun[0]


def files_of(folder: Path) -> Iterator[Path]:
    yield from (file for file in sorted(folder.iterdir()) if file.is_file())


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(trained: Path) -> None:
    newest = trained / "step-00000012-closed"
    for file in list(files_of(newest)):
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        told: list[str] = []
        trainee = begin(trained, told)
        assert (trainee.step, len(trainee.epochs)) == (12, 3)
        assert told[0].startswith("Skipped attempt-1/step-00000012-closed:") and file.name in told[0]
        assert told[1] == "Going on from attempt-1/step-00000012."
        file.write_bytes(content)
    assert len(begin(trained, []).epochs) == 4


def test_with_no_whole_checkpoint_nothing_is_begun_from_scratch(trained: Path) -> None:
    for folder in trained.glob("step-*"):
        (folder / "model.safetensors").unlink()
    with pytest.raises(NothingToResume, match="model.safetensors is missing"):
        begin(trained, [])


def test_a_checkpoint_whose_best_epoch_is_gone_or_anothers_is_not_taken(trained: Path) -> None:
    (trained / "epoch-2").rename(trained / "away")
    with pytest.raises(NothingToResume, match="epoch-2"):
        begin(trained, [])


def test_stray_files_and_a_clock_that_went_back_change_nothing(trained: Path) -> None:
    for number in range(1000):
        (trained / f"stray-{number}").touch()
    (trained / "step-notes").mkdir()
    (trained / ".step-00000099.part").mkdir()
    told: list[str] = []
    assert begin(trained, told).step == 12
    assert told[-1] == "Going on from attempt-1/step-00000012-closed."


def test_damaged_weights_of_an_epoch_are_not_restored(trained: Path) -> None:
    checkpoints = AttemptCheckpoints(trained, keeping())
    checkpoints.finished()
    (trained / "epoch-2" / "model.safetensors").write_bytes(b"")
    with pytest.raises(IncompatibleModel, match="epoch-2"):
        checkpoints.restore(tiny_model("bert", num_labels=2), 1)


@pytest.mark.parametrize(
    ("text", "every"),
    [("200", Every(steps=200)), ("90s", Every(seconds=90)), ("5m", Every(seconds=300))],
)
def test_how_often_is_steps_or_time(text: str, every: Every) -> None:
    assert Every.parse(text) == every


@pytest.mark.parametrize("text", ["", "0", "m", "-3", "5x", "1.5m", "٣"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="checkpoint-every"):
        Every.parse(text)
