"""What every part measures: cases, each with what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bertsmith.printing import printable


@dataclass(frozen=True)
class Case:
    """One fault, and how it ended."""

    name: str
    outcome: str
    """In a few words."""
    ok: bool


def show(part: str, cases: Iterable[Case]) -> bool:
    """The part's figures: how many went well, every kind of outcome, and each that did not."""
    listed = list(cases)
    good = sum(case.ok for case in listed)
    print(f"{part}: {good} of {len(listed)}", flush=True)
    for outcome, count in Counter(case.outcome for case in listed if case.ok).most_common(6):
        print(f"  {count:4} {outcome}")
    for case in listed:
        if not case.ok:
            print(f"  NOT {printable(case.name)}: {printable(case.outcome)[:400]}", flush=True)
    return good == len(listed)
