"""Labelling new rows with a finished run, and agreeing with transformers about them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.story.commands import bertsmith
from tests.story.conftest import Finished
from tests.story.rows import keyword_rows, read_csv, write_csv
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from bertsmith.console import ProgressLine

NEW_ROWS = keyword_rows(40, seed=9)


@pytest.fixture(scope="module")
def predicted(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The new rows as `bertsmith predict` writes them."""
    root = tmp_path_factory.mktemp("predict")
    data = write_csv(root / "new.csv", [(text,) for text, _ in NEW_ROWS], header=("text",))
    outcome = bertsmith("predict", finished.folder, data, "--output", root / "out.csv")
    assert outcome.code == 0, outcome.err
    return read_csv(root / "out.csv")


def test_each_row_comes_back_in_order(predicted: list[dict[str, str]]) -> None:
    assert [row["text"] for row in predicted] == [text for text, _ in NEW_ROWS]


def test_new_rows_get_the_label_of_their_keyword(predicted: list[dict[str, str]]) -> None:
    assert [row["label"] for row in predicted] == [label for _, label in NEW_ROWS]


def test_the_probabilities_of_a_row_add_up_to_one(predicted: list[dict[str, str]]) -> None:
    sums = [float(row["probability_negative"]) + float(row["probability_positive"]) for row in predicted]
    assert sums == pytest.approx([1] * len(NEW_ROWS), abs=1e-5)


def test_the_pipeline_of_transformers_gives_the_same_labels(
    finished: Finished, predicted: list[dict[str, str]]
) -> None:
    classify = pipeline("text-classification", model=str(finished.folder), device="cpu")
    answers = classify([text for text, _ in NEW_ROWS])
    assert [answer["label"] for answer in answers] == [row["label"] for row in predicted]


def test_the_auto_classes_of_transformers_give_the_same_probabilities(
    finished: Finished, predicted: list[dict[str, str]]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(finished.folder)
    model = AutoModelForSequenceClassification.from_pretrained(finished.folder).eval()
    with torch.no_grad():
        logits = model(**tokenizer([text for text, _ in NEW_ROWS], padding=True, return_tensors="pt")).logits
    ours = [float(row["probability_positive"]) for row in predicted]
    np.testing.assert_allclose(logits.softmax(-1)[:, 1].numpy(), ours, atol=1e-5)


def test_the_test_rows_are_predicted_as_the_run_predicted_them(finished: Finished, reviews: Path) -> None:
    outcome = bertsmith("predict", finished.folder, reviews, "--format", "csv")
    by_line = dict(enumerate(outcome.out.splitlines()[1:], start=2))
    for row in read_csv(finished.folder / "predictions.csv"):
        assert by_line[int(row["line"])].split(",")[2] == row["prediction"]


def test_rows_from_standard_input_are_labelled(finished: Finished) -> None:
    outcome = bertsmith("predict", finished.folder, "-", stdin="text\nan excellent day\nso terrible\n")
    assert outcome.code == 0, outcome.err
    assert [line.split(",")[1] for line in outcome.out.splitlines()[1:]] == ["positive", "negative"]


def test_notes_stay_off_standard_output(finished: Finished) -> None:
    outcome = bertsmith("predict", finished.folder, "-", stdin="text\nan excellent day\n")
    assert len(outcome.out.splitlines()) == 2
    assert "1 of 1 rows predicted" in outcome.err


def test_quiet_leaves_only_the_rows(finished: Finished) -> None:
    outcome = bertsmith("predict", finished.folder, "-", "--quiet", stdin="text\nan excellent day\n")
    assert (outcome.code, outcome.err) == (0, "")


def test_a_file_that_is_there_is_not_replaced_unasked(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    outcome = bertsmith("predict", finished.folder, "-", "-o", tmp_path / "out.csv", stdin="text\na\n")
    assert outcome.code == 2 and "--overwrite" in outcome.err
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_what_was_predicted_before_ctrl_c_is_kept_and_named(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(line: ProgressLine, num_rows: int, *, note: str = "") -> None:
        line.rows += num_rows
        if line.rows > 5_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressLine, "advance", interrupt)
    data = write_csv(tmp_path / "many.csv", [("an excellent day",)] * 9_000, header=("text",))
    outcome = bertsmith("predict", finished.folder, data, "--output", tmp_path / "out.csv")
    assert outcome.code == 130
    assert str(tmp_path / "out.csv.partial") in outcome.err


def test_a_limit_labels_the_first_rows_only(finished: Finished, reviews: Path) -> None:
    outcome = bertsmith("predict", finished.folder, reviews, "--limit", 5)
    assert outcome.code == 0, outcome.err
    assert len(outcome.out.splitlines()) == 1 + 5


def test_json_lines_come_back_with_every_value_as_it_was_written(finished: Finished, tmp_path: Path) -> None:
    given = [
        '{"text": "it was excellent", "price": 1.50, "tags": ["a", {"b": 1e5}]}',
        '{"text": 3, "id": 7}',
        "oops",
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(given) + "\n", "utf-8")

    outcome = bertsmith("predict", finished.folder, tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl")

    assert outcome.code == 0, outcome.err
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert lines[0].startswith(given[0][:-1] + ', "label": "positive"')
    assert lines[1].startswith('{"text": 3, "id": 7, ')
    assert json.loads(lines[2])["unreadable"] == "oops"


def test_an_ending_that_promises_another_format_is_refused(finished: Finished, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "new.csv", [("fine",)], header=("text",))

    outcome = bertsmith("predict", finished.folder, data, "--output", tmp_path / "out.xlsx")

    assert outcome.code == 2
    assert "not written as .xlsx" in outcome.err


def test_a_full_disk_is_told_and_is_no_bug(finished: Finished, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "new.csv", [("fine",)] * 3, header=("text",))

    outcome = bertsmith("predict", finished.folder, data, "--output", "/dev/full")

    assert outcome.code == 2
    assert "No space left on device" in outcome.err
    assert "Traceback" not in outcome.err
