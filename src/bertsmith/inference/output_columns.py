"""What the columns of a prediction file are called.

The input's columns come first, as they are; then `label`, `probability`, `probability_<label>` for every
label, and `error`. If one of these names is taken (a labelled file has its own `label`), all of the new
ones get the prefix `predicted_`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OutputColumns:
    """The names, in the order of the file."""

    given: tuple[str, ...]
    """The input's own columns."""
    label_names: tuple[str, ...]
    """The model's labels in id order."""
    label: str
    probability: str
    label_probabilities: tuple[str, ...]
    """One for each label, in id order."""
    error: str

    @property
    def appended(self) -> tuple[str, ...]:
        """The new columns."""
        return (self.label, self.probability, *self.label_probabilities, self.error)

    @property
    def all(self) -> tuple[str, ...]:
        """Every column."""
        return self.given + self.appended

    @property
    def unique(self) -> tuple[str, ...]:
        """Every column, repeated names numbered (`a`, `a_2`): JSON and Parquet can have none."""
        seen: set[str] = set(self.all)
        names: list[str] = []
        for name in self.all:
            if name in names:
                name = next(free for free in (f"{name}_{n}" for n in itertools.count(2)) if free not in seen)
                seen.add(name)
            names.append(name)
        return tuple(names)

    def beside(self, more: Sequence[str]) -> OutputColumns:
        """The same columns, the new ones renamed where the input has these names too."""
        if set(self.appended).isdisjoint(more):
            return self
        return output_columns((*self.given, *more), self.label_names)


def output_columns(given: Sequence[str], label_names: Sequence[str]) -> OutputColumns:
    """The columns of the output for an input with these columns."""
    taken = set(given)
    prefixes = itertools.chain(("", "predicted_"), (f"predicted_{number}_" for number in itertools.count(2)))
    for prefix in prefixes:
        columns = OutputColumns(
            given=tuple(given),
            label_names=tuple(label_names),
            label=f"{prefix}label",
            probability=f"{prefix}probability",
            label_probabilities=tuple(f"{prefix}probability_{name}" for name in label_names),
            error=f"{prefix}error",
        )
        if taken.isdisjoint(columns.appended):
            return columns
    raise AssertionError("the prefixes never end")
