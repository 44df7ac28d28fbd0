"""Scoring a finished run on labelled rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results
from tests.story.conftest import Finished
from tests.story.rows import read_csv, write_csv


@pytest.fixture
def held_out(finished: Finished, reviews: Path, tmp_path: Path) -> Path:
    """The test rows of the run as a file of their own."""
    rows = [(row["text"], row["label"]) for row in read_csv(finished.folder / "predictions.csv")]
    return write_csv(tmp_path / "held-out.csv", rows)


def test_the_test_rows_score_as_they_did_in_the_run(finished: Finished, held_out: Path) -> None:
    outcome = bertsmith("evaluate", finished.folder, held_out, "--json")
    assert outcome.code == 0, outcome.err
    in_the_run = results(finished.folder)["test"]
    assert outcome.json["rows"] == in_the_run["rows"]
    for name in ("accuracy", "f1", "precision", "recall", "macro_f1"):
        assert outcome.json[name] == pytest.approx(in_the_run[name]), name


def test_wrong_labels_score_low(finished: Finished, held_out: Path, tmp_path: Path) -> None:
    other = {"negative": "positive", "positive": "negative"}
    rows = [(row["text"], other[row["label"]]) for row in read_csv(held_out)]
    turned = write_csv(tmp_path / "turned.csv", rows)
    outcome = bertsmith("evaluate", finished.folder, turned, "--json")
    assert outcome.json["accuracy"]["value"] < 0.1


def test_the_console_shows_each_score_with_its_interval(finished: Finished, held_out: Path) -> None:
    outcome = bertsmith("evaluate", finished.folder, held_out)
    assert outcome.out == ""
    shown = [line.split()[0] for line in outcome.err.splitlines() if "–" in line]
    assert shown[:4] == ["accuracy", "f1", "precision", "recall"]


def test_quiet_still_shows_the_scores(finished: Finished, held_out: Path) -> None:
    outcome = bertsmith("evaluate", finished.folder, held_out, "--quiet")
    assert "accuracy" in outcome.err and "Least served" not in outcome.err


def test_a_label_that_the_model_does_not_know_is_refused_with_its_line(
    finished: Finished, tmp_path: Path
) -> None:
    data = write_csv(tmp_path / "odd.csv", [("fine", "positive"), ("so so", "Positiv"), ("bad", "negative")])
    outcome = bertsmith("evaluate", finished.folder, data)
    assert outcome.code == 2
    assert "odd.csv:3" in outcome.err and "Did you mean 'positive'?" in outcome.err


def test_a_limit_scores_the_first_rows_only(finished: Finished, reviews: Path) -> None:
    assert bertsmith("evaluate", finished.folder, reviews, "--limit", 30, "--json").json["rows"] == 30


def test_the_json_counts_every_row_and_holds_the_findings(finished: Finished, tmp_path: Path) -> None:
    rows = [("fine", "positive"), ("bad", "negative"), *[("", "negative")] * 5]
    data = write_csv(tmp_path / "gaps.csv", rows)
    outcome = bertsmith("evaluate", finished.folder, data, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["data"]["rows"] == {"read": 7, "used": 2, "reported": 5}
    (finding,) = outcome.json["data"]["findings"]
    assert (finding["code"], finding["num_rows"]) == ("D002", 5)
    assert finding["rows"] == [f"{data}:{line}" for line in range(4, 9)]
    assert "gaps.csv:6 and 2 more" in outcome.err


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_mistyped_run_folder_is_answered_with_the_nearest(
    finished: Finished, held_out: Path, command: str
) -> None:
    mistyped = finished.folder.with_name(finished.folder.name[:-1])
    outcome = bertsmith(command, mistyped, held_out)
    assert outcome.code == 2
    assert f"there is no such folder. Did you mean {finished.folder.name!r}?" in outcome.err
