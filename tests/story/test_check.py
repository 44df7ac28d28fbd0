"""`bertsmith check` and the same checks inside `train`, end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results
from tests.story.conftest import QUICK_RECIPE, Finished
from tests.story.rows import keyword_rows, pair_rows, read_csv, write_csv

Rows = list[tuple[str, str]]


def varied(num_rows: int, *, seed: int = 0) -> Rows:
    """Learnable rows, no text of which stands there twice."""
    rows = [
        (f"{text} {number}", label) for number, (text, label) in enumerate(keyword_rows(num_rows, seed=seed))
    ]
    assert len({text for text, _ in rows}) == num_rows
    return rows


@pytest.fixture
def leaky(tmp_path: Path) -> tuple[Path, Path]:
    """A training file and a test file a tenth of which it holds."""
    train, test = varied(300), varied(90, seed=7)
    return (
        write_csv(tmp_path / "train.csv", train),
        write_csv(tmp_path / "test.csv", [*((f"new {text}", label) for text, label in test), *train[:10]]),
    )


def codes(findings: list[dict[str, object]]) -> set[object]:
    """The codes of findings in JSON."""
    return {finding["code"] for finding in findings}


def test_sound_data_exits_zero(tmp_path: Path) -> None:
    outcome = bertsmith("check", write_csv(tmp_path / "sound.csv", varied(1200)), "--json")
    assert outcome.code == 0
    assert outcome.json["errors"] == []
    assert {name: split["rows"] for name, split in outcome.json["splits"].items()} == {
        "train": 800,
        "validation": 200,
        "test": 200,
    }


def test_a_leaked_test_is_an_error_that_can_be_ignored(leaky: tuple[Path, Path]) -> None:
    train, test = leaky
    outcome = bertsmith("check", train, "--test", test, "--json")
    assert outcome.code == 1
    assert outcome.json["errors"] == ["D029"]
    assert "train would not start because of D029" in outcome.err
    assert bertsmith("check", train, "--test", test, "--ignore", "d029").code == 0


def test_train_stops_on_an_error_before_the_model_is_looked_for(
    leaky: tuple[Path, Path], tmp_path: Path
) -> None:
    train, test = leaky
    outcome = bertsmith(
        "train", train, "--test", test, "--model", tmp_path / "none", "--output", tmp_path / "run"
    )
    assert outcome.code == 1
    assert "--ignore D029" in outcome.err and "Traceback" not in outcome.err
    assert not (tmp_path / "run").exists()


def test_train_goes_on_with_an_ignored_error_and_writes_what_it_found(
    leaky: tuple[Path, Path], tiny: Path, tmp_path: Path
) -> None:
    train, test = leaky
    folder = tmp_path / "run"
    validation = write_csv(
        tmp_path / "dev.csv", [(f"more {text}", label) for text, label in varied(60, seed=9)]
    )
    arguments = (
        "--validation",
        validation,
        "--test",
        test,
        "--model",
        tiny,
        *QUICK_RECIPE,
        "--output",
        folder,
        "--no-fail",
    )
    outcome = bertsmith("train", train, *arguments, "--ignore", "D029")
    assert outcome.code == 0
    # 10 of the 100 test rows stand in train.
    assert results(folder)["test_without_leaked_rows"]["rows"] == 90
    sentence = "Without the 10 test rows whose texts stand, exactly or nearly, in the training rows: accuracy"
    assert sentence in outcome.err and sentence in (folder / "README.md").read_text("utf-8")
    written = json.loads((folder / "findings.json").read_text("utf-8"))
    assert {"D010", "D029", "D038", "T002"} <= codes(written)
    assert all(isinstance(finding["effect"], str) for finding in written)
    assert not any("shown" in finding for finding in written)


def test_train_repairs_what_it_is_asked_to(leaky: tuple[Path, Path], tiny: Path, tmp_path: Path) -> None:
    train, test = leaky
    folder = tmp_path / "run"
    arguments = ("--test", test, "--model", tiny, *QUICK_RECIPE, "--output", folder, "--no-fail")
    assert bertsmith("train", train, *arguments, "--drop-duplicates").code == 0
    data = results(folder)["data"]
    assert data["rows"] == {"read": 400, "used": 390}
    assert results(folder)["test_without_leaked_rows"] is None
    assert {"D010", "D029"}.isdisjoint(codes(data["findings"])) and "D039" in codes(data["findings"])
    assert "drop_duplicates = true" in (folder / "run.toml").read_text("utf-8")


def test_a_run_without_a_flaw_finds_only_notes(finished: Finished) -> None:
    found = json.loads((finished.folder / "findings.json").read_text("utf-8"))
    assert {finding["severity"] for finding in found} <= {"info", "warning"}


def test_the_repaired_table_is_written_and_is_sound(tmp_path: Path) -> None:
    rows = [
        *varied(300),
        *varied(300)[:5],
        ("cafÃ© terrible", "negativ"),
        ("so so", "positive"),
        ("so so", "negative"),
    ]
    data, clean = write_csv(tmp_path / "rows.csv", rows), tmp_path / "clean.csv"
    repairs = ("--drop-duplicates", "--drop-conflicts", "--merge-labels", "--fix-encoding")
    outcome = bertsmith("check", data, *repairs, "--write-clean", clean, "--json")
    assert outcome.code == 0
    assert [change["action"] for change in outcome.json["changes"]].count("dropped") == 7
    assert {"text": "café terrible", "label": "negative"} in read_csv(clean)
    assert len(read_csv(clean)) == 301
    again = bertsmith("check", clean, "--json")
    assert {"D011", "D012", "D014", "D018", "D039"}.isdisjoint(codes(again.json["findings"]))


def test_a_tokenizer_tells_what_is_cut(tiny: Path, reviews: Path) -> None:
    outcome = bertsmith("check", reviews, "--model", tiny, "--max-length", 6, "--json")
    assert {"T001", "T002"} <= codes(outcome.json["findings"])
    assert "T001" not in codes(bertsmith("check", reviews, "--json").json["findings"])


def test_the_folder_of_a_run_is_checked_with_its_data_and_tokenizer(
    finished: Finished, reviews: Path
) -> None:
    outcome = bertsmith("check", finished.folder, "--json")
    assert outcome.json["files"]["train"]["name"] == reviews.name
    assert "T002" in codes(outcome.json["findings"])


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([("one film", "same"), ("two films", "same")], "D021"),
        ([("", "pos"), ("two films", "")], "D026"),
        ([(f"film {number}", f"id {number}") for number in range(30)], "D025"),
    ],
)
def test_what_leaves_nothing_to_train_on_is_an_error(tmp_path: Path, rows: Rows, code: str) -> None:
    data = write_csv(tmp_path / "rows.csv", rows)
    outcome = bertsmith("check", data, "--text-column", "text", "--label-column", "label", "--json")
    assert (outcome.code, outcome.json["errors"]) == (1, [code])


def test_a_file_that_is_read_wrongly_stops_train(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", varied(98))
    with data.open("a", encoding="utf-8") as file:
        file.write("too,many,fields\nmuch,too,many,fields\n")
    outcome = bertsmith("train", data, "--model", tiny, "--output", tmp_path / "run")
    assert outcome.code == 1 and "D017: rows.csv: 2 of 100 rows (2.0 %) cannot be read." in outcome.err


def test_a_test_label_that_train_lacks_is_an_error(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", varied(100))
    test = write_csv(tmp_path / "test.csv", [("a film", "neutral"), ("a play", "positive")])
    outcome = bertsmith("check", train, "--test", test, "--json")
    assert (outcome.code, outcome.json["errors"]) == (1, ["D024"])


def test_pairs_are_checked_as_pairs(tmp_path: Path) -> None:
    rows = [
        (f"{first} {number}", second, label) for number, (first, second, label) in enumerate(pair_rows(60))
    ]
    data = write_csv(tmp_path / "pairs.csv", [*rows, rows[3]], ("premise", "hypothesis", "label"))
    outcome = bertsmith("check", data, "--json")
    (repeats,) = [finding for finding in outcome.json["findings"] if finding["code"] == "D012"]
    assert repeats["rows"] == ["pairs.csv:62"]


def test_near_duplicates_can_be_kept_on_one_side(tmp_path: Path) -> None:
    words = "the soup was cold and so was the waiter who brought it to our table an hour late".split()  # noqa: SIM905
    texts = [
        " ".join([*words[:5], f"number{number:03d}{number * 7:04d}", *words[number % 9 :]])
        for number in range(400)
    ]
    twins = [(f"{text}!", "ab"[number % 2]) for number, text in enumerate(texts)]
    data = write_csv(tmp_path / "near.csv", [*((text, "ab"[n % 2]) for n, text in enumerate(texts)), *twins])
    near = bertsmith("check", data, "--group-duplicates", "near", "--near-threshold", "0.9", "--json")
    exact = bertsmith("check", data, "--near-threshold", "0.9", "--json")
    assert "D028" in codes(exact.json["findings"])
    assert "D028" not in codes(near.json["findings"])


def test_an_unknown_code_ignores_nothing(reviews: Path) -> None:
    outcome = bertsmith("check", reviews, "--ignore", "D999")
    assert outcome.code == 2 and "there is no such finding" in outcome.err
