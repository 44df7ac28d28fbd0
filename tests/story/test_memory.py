"""Memory that runs out under a real limit, each case in a process of its own."""

from __future__ import annotations

import sys

import pytest
from tests.story.commands import bertsmith, results

from benchmarks.reliability.memory import CASES, _in_fresh_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux alone")


@pytest.mark.parametrize("case", CASES)
def test_where_memory_runs_out_smaller_passes_come_to_the_same_result(case: str) -> None:
    _, (allowed, *_) = CASES[case]
    is_well, detail = _in_fresh_process(case, allowed)

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
