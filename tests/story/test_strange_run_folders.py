"""A run folder from a stranger: its notes are read as notes, and never make a traceback or a wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.hostile_folders import Case, write_case

import bertsmith
from bertsmith.run_folder import MARK

STRANGE_RESULTS = {
    "100,000 levels": "[" * 100_000 + "]" * 100_000,
    "a number of a million digits": '{"data": ' + "9" * 10**6 + "}",
    "data that is a list": '{"data": []}',
    "columns that are a number": '{"data": {"columns": 5}}',
    "names that are lists": '{"data": {"columns": {"text": ["a"], "number": []}}}',
    "no object": "[1]",
}
STRANGE_SETTINGS = {"100,000 levels": "a = " + "[" * 100_000, "another type": "[model]\nmax_length = 'x'\n"}


def run_folder(folder: Path, *, results: str = "{}", settings: str = "") -> Path:
    write_case(Case("good", lambda at, canary: None, None), folder, canary=folder.parent / "canary")
    (folder / "results.json").write_text(results)
    (folder / "run.toml").write_text(MARK + settings)
    return folder


def answers_or_is_refused(folder: Path) -> None:
    try:
        (prediction,) = bertsmith.load(folder, device="cpu", threads=1).predict("a film")
    except bertsmith.BertsmithError as error:
        assert "\n" not in str(error)
        assert folder.name in str(error)
    else:
        assert 0.5 <= prediction.probability <= 1


@pytest.mark.parametrize("title", STRANGE_RESULTS)
def test_strange_results_are_refused_or_left_alone(tmp_path: Path, title: str) -> None:
    answers_or_is_refused(run_folder(tmp_path / "run", results=STRANGE_RESULTS[title]))


@pytest.mark.parametrize("title", STRANGE_SETTINGS)
def test_strange_settings_are_refused(tmp_path: Path, title: str) -> None:
    folder = run_folder(tmp_path / "run", settings=STRANGE_SETTINGS[title])
    with pytest.raises(bertsmith.BertsmithError, match=r"run\.toml"):
        bertsmith.load(folder, device="cpu", threads=1)


@pytest.mark.parametrize("name", ["run.toml", "results.json"])
def test_a_device_in_the_place_of_a_note_is_refused(tmp_path: Path, name: str) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(
        bertsmith.BertsmithError, match=rf"{name.replace('.', '[.]')}: this is not a regular file"
    ):
        bertsmith.load(folder, device="cpu", threads=1)
