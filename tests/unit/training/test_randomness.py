from __future__ import annotations

import subprocess
import sys

from bertsmith.training.randomness import draw_seed


def test_a_key_gives_the_same_seed_in_every_process() -> None:
    """Unlike `hash`, which is salted."""
    command = "from bertsmith.training.randomness import draw_seed; print(draw_seed('dropout', 42, 0, 1, 0))"
    printed = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    ).stdout

    assert int(printed) == draw_seed("dropout", 42, 0, 1, 0)


def test_seeds_fit_a_torch_generator() -> None:
    assert all(0 <= draw_seed("dropout", key) < 2**63 for key in range(1000))


def test_keys_that_differ_give_seeds_that_differ() -> None:
    seeds = {draw_seed("dropout", seed, step) for seed in range(100) for step in range(100)}

    assert len(seeds) == 10_000


def test_parts_of_a_key_do_not_run_together() -> None:
    assert draw_seed("a", 1, 23) != draw_seed("a", 12, 3)
    assert draw_seed("a1") != draw_seed("a", 1)


def test_a_number_is_not_its_spelling() -> None:
    assert draw_seed("a", 1) != draw_seed("a", "1")
