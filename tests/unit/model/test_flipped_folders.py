"""A few bytes of a good folder are changed at random: a right answer or a refusal, and never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.flipped_folders import FILES, damage, outcome_of, write_good

torch.set_num_threads(1)
SEEDS = range(10_000, 10_015)
"""Others than the benchmark's."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_good(tmp_path_factory.mktemp("good") / "m")


def test_a_folder_without_a_change_answers(good: Path) -> None:
    assert outcome_of(good) == "answered"


@pytest.mark.parametrize("file", FILES)
def test_changed_bytes_are_refused_or_harmless(good: Path, tmp_path: Path, file: str) -> None:
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        damage(good, folder, file=file, seed=seed)
        assert outcome_of(folder) in ("answered", "refused"), seed
