"""A run that did not work says so: exit code, results, card, and no model where one would be picked up."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results
from tests.story.conftest import Finished, finish

NO_CLIP = (
    "--on-failure",
    "stop",
    "--max-grad-norm",
    0,
    "--epochs",
    1,
    "--max-steps",
    6,
    "--device",
    "cpu",
    "--threads",
    1,
)
COLLAPSING = ("--learning-rate", 5, *NO_CLIP)
DIVERGING = ("--learning-rate", 1e30, *NO_CLIP)


@pytest.fixture(scope="module")
def diverged(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run whose numbers stopped being numbers."""
    folder = tmp_path_factory.mktemp("runs") / "diverged"
    return finish(folder, "train", reviews, "--model", tiny, *DIVERGING)


@pytest.fixture(params=["failed", "diverged"])
def without_model(request: pytest.FixtureRequest) -> Finished:
    """A collapsed run, and a diverged one."""
    run = request.getfixturevalue(request.param)
    assert isinstance(run, Finished)
    return run


def test_labels_that_do_not_follow_from_the_texts_exit_with_1(unlearnable: Finished) -> None:
    assert unlearnable.outcome.code == 1, unlearnable.outcome.err


def test_labels_that_do_not_follow_from_the_texts_are_not_shown_to_be_learned(unlearnable: Finished) -> None:
    assert results(unlearnable.folder)["verdict"]["outcome"] == "not_shown_to_learn"


def test_a_model_that_learned_nothing_is_said_to_on_the_console(unlearnable: Finished) -> None:
    assert results(unlearnable.folder)["verdict"]["sentence"] in unlearnable.outcome.err


def test_a_failed_run_exits_with_1(without_model: Finished) -> None:
    assert without_model.outcome.code == 1, without_model.outcome.err


def test_a_collapsed_run_is_called_collapsed(failed: Finished) -> None:
    assert results(failed.folder)["verdict"]["outcome"] == "collapsed"


def test_a_diverged_run_is_called_diverged(diverged: Finished) -> None:
    assert results(diverged.folder)["verdict"]["outcome"] == "diverged"


def test_a_diverged_run_says_at_which_step(diverged: Finished) -> None:
    values = results(diverged.folder)
    assert f"step {values['divergence']['step']}" in " ".join(
        [values["verdict"]["sentence"], *values["verdict"]["reasons"]]
    )


def test_a_failed_run_has_no_best_epoch_and_no_test(without_model: Finished) -> None:
    values = results(without_model.folder)
    assert (values["best_epoch"], values["test"], values["test_reads"]) == (None, None, 0)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "predictions.csv"])
def test_a_failed_run_leaves_nothing_to_load(without_model: Finished, name: str) -> None:
    assert not (without_model.folder / name).exists()


def test_the_card_of_a_failed_run_tells_its_verdict(without_model: Finished) -> None:
    card = (without_model.folder / "README.md").read_text("utf-8")
    assert results(without_model.folder)["verdict"]["sentence"] in card


def test_every_epoch_of_a_collapsed_run_is_marked_in_the_table(failed: Finished) -> None:
    table = failed.outcome.err.split("Training Loss")[1].splitlines()[1:3]
    assert [line.split()[-1] for line in table] == ["collapsed", "collapsed"]


def test_the_last_weights_of_a_collapsed_run_are_kept_aside(failed: Finished) -> None:
    kept = list(failed.folder.glob("checkpoints/attempt-1/*/model.safetensors"))
    assert [path.parent.name for path in kept] == ["epoch-2"]


def test_where_no_epoch_ended_no_weights_are_promised(diverged: Finished) -> None:
    assert not list(diverged.folder.glob("checkpoints/attempt-1/*/model.safetensors"))
    assert "no epoch ended" in diverged.outcome.err
    assert str(diverged.folder / "checkpoints") not in diverged.outcome.err


def test_no_fail_exits_with_0(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    outcome = bertsmith(
        "train", reviews, "--model", tiny, *COLLAPSING, "--no-fail", "--output", tmp_path / "run"
    )
    assert outcome.code == 0, outcome.err
    assert results(tmp_path / "run")["verdict"]["outcome"] == "collapsed"


@pytest.fixture(scope="module")
def kept(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A collapsed run whose model was asked for."""
    folder = tmp_path_factory.mktemp("runs") / "kept"
    return finish(folder, "train", reviews, "--model", tiny, *COLLAPSING, "--keep-failed-model")


def test_a_failed_model_that_was_asked_for_predicts(kept: Finished, reviews: Path) -> None:
    outcome = bertsmith("predict", kept.folder, reviews)
    assert outcome.code == 0, outcome.err
    assert len(outcome.out.splitlines()) == 321


def test_a_failed_model_that_was_asked_for_changes_nothing_in_the_answer(kept: Finished) -> None:
    values = results(kept.folder)
    assert (kept.outcome.code, values["verdict"]["outcome"], values["test"]) == (1, "collapsed", None)


def test_a_failed_model_that_was_asked_for_is_not_said_to_be_missing(kept: Finished) -> None:
    assert "No model was put there" not in kept.outcome.err


def test_predicting_with_a_failed_run_tells_its_verdict(failed: Finished, reviews: Path) -> None:
    outcome = bertsmith("predict", failed.folder, reviews)
    assert outcome.code == 2
    assert results(failed.folder)["verdict"]["sentence"] in outcome.err
