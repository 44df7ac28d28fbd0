"""What a labelled text is: `Example`, `LabelSet`, `Dataset`, and where each row came from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bertsmith.errors import ConfigError, EmptySplit, list_names, nearest
from bertsmith.printing import quoted

POSITIVE_NAMES = (
    "positive",
    "pos",
    "yes",
    "true",
    "1",
    "y",
    "t",
    "spam",
    "toxic",
    "hate",
    "offensive",
    "fraud",
    "relevant",
)
"""Names that mean "this is the one we look for", in order of preference, compared in lower case."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row stands, so that a person can find it."""

    file: str
    """The file's name as the user gave it, or `<memory>` for rows that came from Python."""
    line: int
    """1-based: the line of a text file where the row begins, or the row's number in Parquet and in memory."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, or one labelled pair of texts."""

    text: str
    label: str
    origin: Origin
    text_pair: str | None = None


MOST_DIGITS = 1000


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts `2` before `10` and is total: digits compare as numbers, the rest as text.

    Trap: Python reads no number of more than 4,300 digits; so long a one is text.
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple(
        (0, int(part), part) if part[0] in "0123456789" and len(part) <= MOST_DIGITS else (1, 0, part)
        for part in parts
    )


@dataclass(frozen=True)
class LabelSet:
    """The label names in id order: the id of a label is its index."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            found = f"only the label {quoted(self.names[0])}" if self.names else "no label at all"
            raise EmptySplit(
                f"The training rows have {found}. A classifier needs rows of at least two labels. Check --label-column."
            )
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"label names repeat: {self.names}")

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> LabelSet:
        """The distinct labels in natural order (`2` before `10`).

        Raises:
            EmptySplit: fewer than two distinct labels.
        """
        return cls(tuple(sorted(set(labels), key=lambda name: (natural_key(name), name))))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def id_by_name(self) -> dict[str, int]:
        """The id of each label name."""
        return {name: index for index, name in enumerate(self.names)}

    def ids_of(self, labels: Iterable[str]) -> list[int]:
        """The ids of these labels, in order. A label that is not in the set is our bug: KeyError."""
        return [self.id_by_name[label] for label in labels]

    def positive_id(self, requested: str | None = None) -> int | None:
        """The id of the positive label for two labels; None for more.

        The requested one, else the one whose name means it (`positive`, `yes`, `1`, `spam`, …), else the last.

        Raises:
            ConfigError: the requested label is not one of the labels, or there are more than two.
        """
        if requested is not None and requested not in self.id_by_name:
            raise ConfigError(
                [
                    f"--positive-label {quoted(requested)} is not a label of this data. Labels: {list_names(self.names)}.{nearest(requested, self.names)}"
                ]
            )
        if len(self) > 2:
            if requested is not None:
                raise ConfigError(
                    [
                        f"--positive-label needs exactly two labels; this data has {len(self)}. Leave it out: scores are macro averages."
                    ]
                )
            return None
        if requested is not None:
            return self.id_by_name[requested]
        lowered = [name.strip().lower() for name in self.names]
        return next((lowered.index(name) for name in POSITIVE_NAMES if name in lowered), 1)


@dataclass(frozen=True)
class Dataset:
    """Labelled rows in file order."""

    examples: tuple[Example, ...]

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def texts(self) -> list[str]:
        """The (first) text of every row."""
        return [example.text for example in self.examples]

    @property
    def text_pairs(self) -> list[str] | None:
        """The second text of every row; None where the rows are single texts."""
        if not self.examples or self.examples[0].text_pair is None:
            return None
        return [example.text_pair or "" for example in self.examples]

    @property
    def labels(self) -> list[str]:
        """The label of every row."""
        return [example.label for example in self.examples]

    @property
    def label_counts(self) -> dict[str, int]:
        """How many rows each label has, in natural order of the labels."""
        counts = Counter(self.labels)
        return {name: counts[name] for name in sorted(counts, key=lambda name: (natural_key(name), name))}

    def select(self, indices: Sequence[int]) -> Dataset:
        """The rows at these indices, in that order."""
        return Dataset(tuple(self.examples[index] for index in indices))
