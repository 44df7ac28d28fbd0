"""A third of the broken and odd inputs through check, train and predict: the right result or exit 2, every row accounted for.

The whole, with time and memory measured in child processes, is `python -m benchmarks.reliability.bad_inputs`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reliability.bad_inputs import Workshop, prepare, problems_of, write_case
from benchmarks.reliability.odd_tables import OddTable, cases

MOST_BYTES = 300_000
"""Larger ones take seconds each."""
CHANGING = "while it is read"
ALL = cases()


def is_small(case: OddTable) -> bool:
    """Whether it is quick, and stays as it was written."""
    return CHANGING not in case.name and (callable(case.content) or len(case.content) <= MOST_BYTES)


def is_heavy(case: OddTable) -> bool:
    """Whether what it holds is many times its file."""
    return "bomb" in case.name or "64 MB" in case.name or "classes" in case.name


CHOSEN = [case for case in ALL if is_small(case) and not is_heavy(case)][::2]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return prepare(tmp_path_factory.mktemp("bad-inputs"))


def test_there_are_at_least_120_bad_inputs() -> None:
    assert len({case.name for case in ALL}) == len(ALL) >= 120
    assert len(CHOSEN) * 3 >= len(ALL)


@pytest.mark.parametrize("command", ["check", "train", "predict"])
def test_every_bad_input_ends_as_it_should(command: str, workshop: Workshop, tmp_path: Path) -> None:
    wrong = {}
    for number, case in enumerate(CHOSEN):
        problems = problems_of(case, write_case(case, tmp_path / str(number)), workshop, command)
        if problems:
            wrong[case.name] = problems
    assert wrong == {}
