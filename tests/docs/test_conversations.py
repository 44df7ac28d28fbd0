"""The script that writes the published run's corpus, on conversations with ConvoKit's attributes (from its documentation)."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from tests.docs.commands import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "examples" / "conversations_gone_awry.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def conversation(name: str, *, twin: str, removed: bool, split: str, turns: list[str]) -> SimpleNamespace:
    # Out of order: ConvoKit does not promise one.
    utterances = [SimpleNamespace(text=text, timestamp=str(100 + place)) for place, text in enumerate(turns)][
        ::-1
    ]
    meta = {"has_removed_comment": removed, "split": split, "pair_id": twin}
    return SimpleNamespace(id=name, meta=meta, iter_utterances=lambda: iter(utterances))


def test_the_last_comment_is_left_out_and_turns_are_joined_in_time(script: ModuleType):
    talk = conversation("b", twin="a", removed=True, split="val", turns=["one\n two", "three", "the attack"])

    assert script.row_of(talk) == ("one two [SEP] three", "derails", "a")


def test_a_long_conversation_is_cut_after_512_words(script: ModuleType):
    assert len(script.text_of(["word " * 400, "word " * 400]).split()) == 512


def test_pairs_stay_on_one_side_of_the_published_held_out_part(script: ModuleType, tmp_path: Path):
    talks = [
        conversation(
            f"{part}{number}",
            twin=f"{part}{number ^ 1}",
            removed=number % 2 == 0,
            split=part,
            turns=[f"{part} pair {number // 2}", "end"],
        )
        for part in ("train", "val", "test")
        for number in range(8)
    ]
    script.write_all(script.parts_of(talks), tmp_path)

    with (tmp_path / "published" / "test.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {row["text"] for row in rows if row["label"] == "derails"} == {
        row["text"] for row in rows if row["label"] == "stays civil"
    }
    assert len((tmp_path / "published" / "train.csv").read_text("utf-8").splitlines()) == 1 + 16
