"""Every attack string in texts, labels and columns through every command; those that need a command each, sampled.

The whole is `python -m benchmarks.reliability.attack_strings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from benchmarks.reliability import attack_strings
from benchmarks.reliability.attack_strings import PLACE, Workshop
from benchmarks.reliability.strings import ATTACKS

Part = Callable[[Workshop], Iterator[tuple[str, list[str]]]]
EVERY = 60
"""Every so many-th string where each costs a command."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("attacks") / PLACE
    folder.mkdir()
    prepared = attack_strings.prepare(folder, EVERY)
    assert failed(attack_strings.training, prepared) == []
    return prepared


def failed(part: Part, workshop: Workshop) -> list[tuple[str, list[str]]]:
    """The cases that are not right, with their problems."""
    cases = list(part(workshop))
    assert cases
    return [(case, problems) for case, problems in cases if problems]


def test_there_are_at_least_two_hundred_attack_strings() -> None:
    assert len({attack.text for attack in ATTACKS}) >= 200


@pytest.mark.parametrize(
    "part",
    [part for part in attack_strings.PARTS if part is not attack_strings.training],
    ids=lambda part: part.__name__,
)
def test_no_attack_string_gets_through(part: Part, workshop: Workshop) -> None:
    assert failed(part, workshop) == []
