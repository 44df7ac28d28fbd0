"""`bertsmith report` and `bertsmith compare` on finished runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.story.commands import bertsmith
from tests.story.conftest import Finished, finish

from bertsmith.report.comparing import holm


@pytest.fixture(scope="module")
def other_seed(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same run with another seed: the same test rows."""
    return finish(tmp_path_factory.mktemp("runs") / "other", *finished.command, "--seed", 7, "--epochs", 1)


def test_the_page_is_written_again_to_the_byte(finished: Finished) -> None:
    page = finished.folder / "report.html"
    before = page.read_bytes()
    page.unlink()
    assert bertsmith("report", finished.folder).code == 0
    assert page.read_bytes() == before


def test_the_page_names_no_folder_of_this_machine(finished: Finished) -> None:
    assert str(finished.folder.parent) not in (finished.folder / "report.html").read_text("utf-8")


def test_a_failed_run_has_a_page_too(failed: Finished) -> None:
    assert "Collapsed" in (failed.folder / "report.html").read_text("utf-8")


def test_a_folder_of_another_tool_is_refused(tmp_path: Path) -> None:
    outcome = bertsmith("report", tmp_path)
    assert outcome.code == 2
    assert "did not write this folder" in outcome.err


def test_an_unfinished_run_is_refused(finished: Finished, tmp_path: Path) -> None:
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    shutil.copy(finished.folder / "run.toml", unfinished)
    outcome = bertsmith("report", unfinished)
    assert outcome.code == 2
    assert "not finished" in outcome.err


@pytest.mark.parametrize("name", ["results.json", "predictions.csv", "log.jsonl", "findings.json"])
def test_a_damaged_file_is_named(finished: Finished, tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(finished.folder, damaged, ignore=shutil.ignore_patterns("checkpoints", "*.safetensors"))
    (damaged / name).write_text('{"event": ', encoding="utf-8")
    outcome = bertsmith("report", damaged)
    assert outcome.code == 2, outcome.err
    assert name in outcome.err


def test_runs_on_the_same_test_rows_are_tested_in_pairs(finished: Finished, other_seed: Finished) -> None:
    compared = bertsmith("compare", finished.folder, other_seed.folder, "--json")
    assert compared.code == 0, compared.err
    (test,) = compared.json["tests"]
    assert test["rows"] == len((finished.folder / "predictions.csv").read_text("utf-8").splitlines()) - 1
    assert 0 < test["p_value"] <= test["adjusted_p_value"] <= 1
    assert compared.json["settings"]["seed"] == ["42", "7"]


def test_a_run_is_not_told_apart_from_its_copy(finished: Finished, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished.folder, copy, ignore=shutil.ignore_patterns("checkpoints"))
    (test,) = bertsmith("compare", finished.folder, copy, "--json").json["tests"]
    assert (test["difference"], test["p_value"], test["is_real"]) == (0, 1, False)


def test_different_test_rows_are_said_and_not_compared(finished: Finished, unlearnable: Finished) -> None:
    compared = bertsmith("compare", finished.folder, unlearnable.folder, "--json")
    assert compared.code == 0
    assert compared.json["tests"] == []
    assert "test rows differ" in compared.json["not_tested"][0]


def test_a_comparison_is_a_page(finished: Finished, other_seed: Finished, tmp_path: Path) -> None:
    page = tmp_path / "comparison.html"
    assert bertsmith("compare", finished.folder, other_seed.folder, "--output", page).code == 0
    assert "Which differences are real" in page.read_text("utf-8")


def test_one_run_is_no_comparison(finished: Finished) -> None:
    outcome = bertsmith("compare", finished.folder)
    assert outcome.code == 2
    assert "two run folders" in outcome.err


def test_holm_multiplies_the_smallest_p_value_by_all_and_never_falls() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
