"""Memory that runs out under a real limit, each case in a process of its own."""

from __future__ import annotations

import json
import sys

import pytest
from tests.story.commands import bertsmith, results

from benchmarks.reliability.memory import CASES, in_fresh_process
from bertsmith.model.prediction import TokenBudget

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux alone")


@pytest.mark.parametrize("case", CASES)
def test_where_memory_runs_out_smaller_passes_come_to_the_same_result(case: str) -> None:
    _, (allowed, *_) = CASES[case]
    is_well, detail = in_fresh_process(case, allowed)

    assert is_well, detail


def test_a_run_says_before_the_first_step_how_much_memory_it_will_take(finished) -> None:
    [line] = [line for line in finished.outcome.err.splitlines() if "Memory: about " in line]
    told = results(finished.folder)["memory"]

    assert "activations" in line and "free" in line
    assert told["bends"] == [] and told["scoring_tokens"] is None
    assert told["peak_bytes"] > 100_000_000


def test_memory_that_will_not_suffice_is_told_before_the_first_step(few_reviews, tiny, monkeypatch) -> None:
    monkeypatch.setattr("bertsmith.training.forecast.free_bytes", lambda device: 1_000_000)
    outcome = bertsmith("train", few_reviews, "--model", tiny, "--dry-run", "--device", "cpu")

    assert outcome.code == 0
    assert "warning M007: training will likely not fit in memory" in outcome.err


def test_where_not_even_one_row_fits_the_run_ends_with_the_remedy(
    few_reviews, tiny, tmp_path, monkeypatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes.")

    monkeypatch.setattr("bertsmith.training.gradients.summed_cross_entropy", refuse)
    settings = ("--device", "cpu", "--output", tmp_path / "run")
    outcome = bertsmith("train", few_reviews, "--model", tiny, *settings)

    assert outcome.code == 2
    assert "bertsmith: Step 1: there is not enough memory to train on rows one by one" in outcome.err
    assert "--max-length" in outcome.err and "Traceback" not in outcome.err


def test_what_scoring_learned_of_the_memory_is_kept_for_the_process_that_goes_on(
    few_reviews, tiny, tmp_path, monkeypatch
) -> None:
    from bertsmith.preparation import predict_logits

    def score_in_too_little(*arguments: object, budget: TokenBudget, **settings: object) -> object:
        budget.shrink(8, tokens=80, of_half=40)
        budget.fitted()
        return predict_logits(*arguments, budget=budget, **settings)

    monkeypatch.setattr("bertsmith.preparation.predict_logits", score_in_too_little)
    folder = tmp_path / "run"
    bertsmith("train", few_reviews, "--model", tiny, "--device", "cpu", "--epochs", 1, "--output", folder)
    assert json.loads((folder / "checkpoints" / "memory.json").read_text("utf-8"))["scoring_tokens"] == 40

    monkeypatch.undo()
    (folder / "results.json").unlink()
    outcome = bertsmith("train", "--resume", "--no-fail", "--output", folder)
    assert outcome.code == 0, outcome.err
    assert results(folder)["memory"]["scoring_tokens"] == 40
