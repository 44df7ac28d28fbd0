"""Whole model cards. BERTSMITH_UPDATE_GOLDEN=1 writes them anew: read the difference before committing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.golden.runs import failed_run, learned_run

from bertsmith.report.model_card import model_card
from bertsmith.run import Run

GOLDEN = Path(__file__).parent
RUNS = {"model_card_learned.md": learned_run(), "model_card_failed.md": failed_run()}


@pytest.mark.parametrize(("file_name", "run"), RUNS.items(), ids=RUNS)
def test_the_card_is_the_committed_text(file_name: str, run: Run) -> None:
    card, file = model_card(run), GOLDEN / file_name
    if os.environ.get("BERTSMITH_UPDATE_GOLDEN") == "1":
        file.write_text(card, encoding="utf-8")
    assert card == file.read_text("utf-8")


def test_the_same_run_gives_the_same_card() -> None:
    assert model_card(learned_run()) == model_card(learned_run())
