"""What the checks look at: `RowsToCheck`, the rows of every split with their folded texts and the file they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Dataset, Example
from bertsmith.data.near_duplicates import NearPair, near_pairs
from bertsmith.data.reading import LabelledRows
from bertsmith.findings import Finding

MOST_SAMPLED = 20_000
"""Rows that a check which fits something looks at; of more, every n-th."""


@dataclass(frozen=True)
class Part:
    """One split as the checks see it."""

    name: str
    """`train`, `validation` or `test`."""
    dataset: Dataset
    is_given: bool
    """Whether it is a file of its own; else it was cut from the training file."""

    @cached_property
    def keys(self) -> list[str]:
        """The folded text of every row: equal for rows of the same text."""
        return [fold_example(example) for example in self.dataset.examples]

    def __len__(self) -> int:
        return len(self.dataset)


@dataclass(frozen=True)
class RowsToCheck:
    """All rows, by split and by file."""

    parts: tuple[Part, ...]
    """Train first."""
    sources: Mapping[str, LabelledRows]
    """What was read from each file; empty where the rows came without."""
    near_threshold: float = 0.8
    """The Jaccard similarity from which on two texts are near-duplicates."""
    on_rows: Callable[[int], None] = lambda num_rows: None
    """Told of rows done by what takes long."""

    @property
    def train(self) -> Part:
        """The training rows."""
        return self.parts[0]

    @property
    def held_out(self) -> tuple[Part, ...]:
        """Validation and test, where there are any."""
        return self.parts[1:]

    @property
    def file_rows(self) -> tuple[Example, ...]:
        """The usable rows of the training file in their order, those included that were cut from it."""
        source = self.sources.get("train")
        return self.train.dataset.examples if source is None else source.examples

    @cached_property
    def num_rows(self) -> int:
        """Rows of all splits."""
        return sum(len(part) for part in self.parts)

    def every(self) -> Iterator[tuple[Part, Example, str]]:
        """Every row with its split and its folded text."""
        for part in self.parts:
            for example, key in zip(part.dataset.examples, part.keys, strict=True):
                yield part, example, key

    @cached_property
    def first_of(self) -> dict[str, tuple[Part, Example]]:
        """The first row of each folded text, train first."""
        first: dict[str, tuple[Part, Example]] = {}
        for part, example, key in self.every():
            first.setdefault(key, (part, example))
        return first

    @cached_property
    def near(self) -> list[NearPair]:
        """Pairs of different folded texts that are nearly the same, as indices into `first_of`."""
        return near_pairs(list(self.first_of), threshold=self.near_threshold, on_rows=self.on_rows)


Check = Callable[[RowsToCheck], list[Finding]]


def sampled(examples: tuple[Example, ...], most: int = MOST_SAMPLED) -> tuple[Example, ...]:
    """All of them, or every n-th so that at most `most` are left."""
    return examples[:: max(1, -(-len(examples) // most))]
