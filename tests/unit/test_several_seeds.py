"""What is said of several seeds."""

from __future__ import annotations

from bertsmith.run import SeedResult
from bertsmith.several_seeds import seeds_sentence


def result(seed: int, test_macro_f1: float) -> SeedResult:
    return SeedResult(
        seed,
        restarts=0,
        failed=False,
        validation_macro_f1=0.9,
        test_macro_f1=test_macro_f1,
        test_accuracy=test_macro_f1,
    )


def test_mean_deviation_and_lowest_are_those_of_the_test_rows():
    told = seeds_sentence((result(1, 0.9), result(2, 0.5), result(3, 0.7)))

    assert "mean 0.700, standard deviation 0.200, lowest 0.500" in told
