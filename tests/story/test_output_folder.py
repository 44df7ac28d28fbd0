"""Where a run may be written: nothing of anybody else's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.story.commands import Outcome, bertsmith, results
from tests.story.conftest import QUICK_RECIPE

NOTE = "do not lose this"


def train_into(folder: Path, few_reviews: Path, tiny: Path, *flags: object) -> Outcome:
    """A run of one step."""
    recipe = (*QUICK_RECIPE, "--max-steps", 1, "--no-fail")
    return bertsmith("train", few_reviews, "--model", tiny, *recipe, "--output", folder, *flags)


@pytest.fixture
def earlier(few_reviews: Path, tiny: Path, tmp_path: Path) -> Path:
    """A run folder into which somebody put a note."""
    folder = tmp_path / "run"
    assert train_into(folder, few_reviews, tiny, "--seed", 1, "--keep-failed-model").code == 0
    (folder / "notes.txt").write_text(NOTE)
    return folder


def test_an_earlier_run_is_not_replaced_unasked(earlier: Path, few_reviews: Path, tiny: Path) -> None:
    before = (earlier / "results.json").read_bytes()
    outcome = train_into(earlier, few_reviews, tiny)
    assert outcome.code == 2 and "--overwrite" in outcome.err
    assert (earlier / "results.json").read_bytes() == before


def test_overwrite_replaces_an_earlier_run(earlier: Path, few_reviews: Path, tiny: Path) -> None:
    assert train_into(earlier, few_reviews, tiny, "--overwrite", "--seed", 2).code == 0
    assert results(earlier)["recipe"]["seed"] == 2


def test_overwrite_leaves_no_model_of_the_earlier_run(earlier: Path, few_reviews: Path, tiny: Path) -> None:
    assert (earlier / "model.safetensors").exists()
    diverging = ("--learning-rate", 1e30, "--max-grad-norm", 0, "--max-steps", 5)
    train_into(earlier, few_reviews, tiny, "--overwrite", *diverging)
    assert results(earlier)["best_epoch"] is None
    assert not (earlier / "model.safetensors").exists()


def test_overwrite_keeps_files_that_no_run_writes(earlier: Path, few_reviews: Path, tiny: Path) -> None:
    assert train_into(earlier, few_reviews, tiny, "--overwrite").code == 0
    assert (earlier / "notes.txt").read_text() == NOTE


@pytest.mark.parametrize("flags", [(), ("--overwrite",)], ids=["plain", "overwrite"])
def test_a_folder_of_somebody_else_is_refused(
    few_reviews: Path, tiny: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    (tmp_path / "README.md").write_text(NOTE)
    outcome = train_into(tmp_path, few_reviews, tiny, *flags)
    assert outcome.code == 2 and "did not write" in outcome.err
    assert [path.read_text() for path in tmp_path.iterdir()] == [NOTE]


def test_an_empty_folder_is_used(few_reviews: Path, tiny: Path, tmp_path: Path) -> None:
    assert train_into(tmp_path, few_reviews, tiny).code == 0


def test_unusable_data_leave_no_folder(tiny: Path, tmp_path: Path) -> None:
    data = tmp_path / "one-label.csv"
    data.write_text("text,label\n" + "a fine film,good\n" * 20)
    assert train_into(tmp_path / "run", data, tiny).code == 2
    assert not (tmp_path / "run").exists()


def test_unusable_data_leave_the_earlier_run_alone(earlier: Path, tiny: Path, tmp_path: Path) -> None:
    before = {path.name for path in earlier.iterdir()}
    outcome = train_into(earlier, tmp_path / "missing.csv", tiny, "--overwrite")
    assert outcome.code == 2
    assert {path.name for path in earlier.iterdir()} == before


def test_the_default_folder_is_runs_and_the_name_of_the_data(
    few_reviews: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bertsmith("train", few_reviews, "--model", tiny, *QUICK_RECIPE, "--max-steps", 1)
    assert (tmp_path / "runs" / "few" / "results.json").is_file()
