"""A folder from a stranger is refused with one clear line, or it works and does nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from tests.hostile_cases import CASES
from tests.hostile_folders import LABELS, Case, write_case

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.errors import IncompatibleModel
from bertsmith.model.loading import load_base, load_run

torch.set_num_threads(1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_folder_is_refused_or_harmless(tmp_path: Path, case: Case) -> None:
    canary = tmp_path / "canary"
    folder = write_case(case, tmp_path / "m", canary=canary)
    for load in (load_run, lambda path: load_base(ModelConfig(model=str(path)), LabelSet(LABELS), seed=1)):
        if case.says is None:
            load(folder)
        else:
            with pytest.raises(IncompatibleModel) as caught:
                load(folder)
            message = str(caught.value)
            assert re.search(case.says, message), message
            assert "\n" not in message
            assert len(message) < 1500
    assert not canary.exists()


def test_the_names_of_the_cases_are_unique_and_there_are_enough() -> None:
    names = {case.name for case in CASES}
    assert len(names) == len(CASES) >= 30
