"""What is meant for sharing holds no text of a row and no path: a canary in the data and in the path proves it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, metadata_load
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from tests.story.commands import bertsmith
from tests.story.conftest import QUICK_RECIPE
from tests.story.rows import keyword_rows, write_csv

CANARY = "zanzibarcanary"
SHARED = (
    "README.md",
    "config.json",
    "results.json",
    "trainer_state.json",
    "tokenizer_config.json",
    "log.jsonl",
)


@pytest.fixture(scope="module")
def canary_run(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A run whose every text ends in its own canary word, in a folder of that name; some labels are wrong on purpose."""
    root = tmp_path_factory.mktemp(CANARY)
    rows = [
        (f"{text} {CANARY}{index}", label)
        for index, (text, label) in enumerate(keyword_rows(320, wrong_share=0.05))
    ]
    data = write_csv(root / "reviews.csv", rows)
    outcome = bertsmith("train", data, "--model", tiny, *QUICK_RECIPE, "--output", root / "run")
    assert outcome.code == 0, outcome.err
    return root / "run"


@pytest.mark.parametrize("name", SHARED)
def test_no_file_for_sharing_holds_the_canary(name: str, canary_run: Path) -> None:
    assert CANARY in (canary_run / "predictions.csv").read_text("utf-8")  # it was in the data
    assert CANARY not in (canary_run / name).read_text("utf-8")


def test_no_picture_holds_a_word(canary_run: Path) -> None:
    pictures = sorted((canary_run / "images").iterdir())
    assert [picture.name for picture in pictures] == ["confusion.png", "curves.png", "reliability.png"]
    for picture in pictures:
        content = picture.read_bytes()
        assert CANARY.encode() not in content
        assert not {b"tEXt", b"zTXt", b"iTXt", b"eXIf"} & set(re.findall(rb"[a-zA-Z]{4}", content[:200]))


def test_the_pictures_of_the_card_are_there(canary_run: Path) -> None:
    card = (canary_run / "README.md").read_text("utf-8")
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", card)
    assert linked and all((canary_run / link).is_file() for link in linked)


def test_quotes_stand_in_the_card_alone_and_only_when_asked_for(
    canary_run: Path, tiny: Path, tmp_path: Path
) -> None:
    data = canary_run.parent / "reviews.csv"
    outcome = bertsmith(
        "train", data, "--model", tiny, *QUICK_RECIPE, "--quote-examples", "--output", tmp_path / "run"
    )
    assert outcome.code == 0
    assert CANARY in (tmp_path / "run" / "README.md").read_text("utf-8")
    assert CANARY not in (tmp_path / "run" / "results.json").read_text("utf-8")


def test_the_front_matter_holds_by_the_hubs_own_rules(canary_run: Path) -> None:
    metadata = metadata_load(canary_run / "README.md")
    assert metadata is not None
    assert metadata["pipeline_tag"] == "text-classification"
    assert "language" not in metadata and "license" not in metadata and "datasets" not in metadata
    name, results = model_index_to_eval_results(metadata["model-index"])
    assert eval_results_to_model_index(name, results) == metadata["model-index"]
    for result in metadata["model-index"][0]["results"]:
        assert result["task"]["type"] and result["dataset"]["type"] and result["dataset"]["name"]
        assert all(metric["type"] and isinstance(metric["value"], float) for metric in result["metrics"])
    assert "null" not in json.dumps(metadata)
    assert ModelCard.load(canary_run / "README.md").data.to_dict() == metadata
