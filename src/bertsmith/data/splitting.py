"""Train, validation and test: stratified, a text never on two sides, decided by data and seed alone."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Dataset, Example, LabelSet, Origin, natural_key
from bertsmith.errors import ConfigError, EmptySplit, UnknownLabel

SplitName = Literal["train", "validation", "test"]
Reason = Literal["given", "random", "kept with its duplicate"]

MIN_HELD_OUT_ROWS = 200
"""Fewer rows give an interval of more than ±7 points around a score of 50 %."""

MAX_HELD_OUT_SHARE = Fraction(2, 5)
"""Train keeps at least 60 % when a held-out split is raised to `MIN_HELD_OUT_ROWS`."""

ROWS_TO_SHARE = 5
"""A label with this many texts has at least one in every split."""


@dataclass(frozen=True)
class Assignment:
    """Where one row of the input went, and why."""

    origin: Origin
    split: SplitName
    reason: Reason


@dataclass(frozen=True)
class Splits:
    """The rows by what they are for."""

    train: Dataset
    validation: Dataset
    test: Dataset
    assignments: tuple[Assignment, ...]
    """One per row: the rows of the training file, then of a given validation, then of a given test file."""


@dataclass(frozen=True)
class TextGroup:
    """The rows of one folded text."""

    indices: tuple[int, ...]
    labels: frozenset[str]


def split_dataset(
    dataset: Dataset,
    *,
    validation_share: float,
    test_share: float,
    split_seed: int,
    validation: Dataset | None = None,
    test: Dataset | None = None,
    group_keys: Sequence[str] | None = None,
) -> Splits:
    """The three splits; those that are not given are cut from `dataset`.

    Each label stays in train; a text that has two labels stays in train with all its rows. What is cut
    depends on the texts, the labels and the seed, not on the machine or the order of the rows.

    Args:
        dataset: The rows to train on, and to cut from.
        validation_share: Share of the rows of `dataset`; raised to 200 rows while train keeps 60 %.
        test_share: The same for the test.
        split_seed: Another seed gives other splits.
        validation: Used as it is.
        test: Used as it is.
        group_keys: Per row of `dataset`, the same for rows that must not be on two sides; by default the folded text.

    Raises:
        ConfigError: the shares leave nothing to train on.
        EmptySplit: a split has no rows, or train fewer than two labels.
        UnknownLabel: a given split has a label that train lacks.
    """
    given: dict[SplitName, Dataset | None] = {"validation": validation, "test": test}
    for name, rows in (("train", dataset), *given.items()):
        if rows is not None and len(rows) == 0:
            raise EmptySplit(f"The {name} split has no rows. Give a file with usable rows.")
    LabelSet.from_labels(dataset.labels)
    shares: dict[SplitName, float] = {"test": test_share, "validation": validation_share}
    sizes = held_out_sizes(
        len(dataset), {name: share for name, share in shares.items() if given[name] is None}
    )
    groups = group_by_text(dataset.examples, group_keys)
    split_of, reason_of = _assign(dataset, sizes, groups=groups, split_seed=split_seed)
    train = _part(dataset, split_of, "train")
    held_out = {
        name: _part(dataset, split_of, name) if rows is None else rows for name, rows in given.items()
    }
    _refuse_empty(dataset, held_out)
    for rows in held_out.values():
        _refuse_unknown_labels(rows, known=train.label_counts)
    assignments = _cut_assignments(dataset, split_of, reason_of) + _given_assignments(given)
    return Splits(train, held_out["validation"], held_out["test"], tuple(assignments))


def _cut_assignments(
    dataset: Dataset, split_of: Sequence[SplitName], reason_of: Sequence[Reason]
) -> list[Assignment]:
    """Where each row of the training file went."""
    return [
        Assignment(example.origin, split, reason)
        for example, split, reason in zip(dataset.examples, split_of, reason_of, strict=True)
    ]


def _given_assignments(given: Mapping[SplitName, Dataset | None]) -> list[Assignment]:
    """The rows of the splits that were given."""
    return [
        Assignment(example.origin, name, "given")
        for name, rows in given.items()
        if rows is not None
        for example in rows.examples
    ]


def _part(dataset: Dataset, split_of: Sequence[SplitName], name: str) -> Dataset:
    """The rows that went to this split."""
    return dataset.select([index for index, split in enumerate(split_of) if split == name])


def held_out_sizes(num_rows: int, shares: Mapping[SplitName, float]) -> dict[SplitName, int]:
    """How many rows each held-out split gets: its share, raised to 200 rows while train keeps 60 %.

    Raises:
        ConfigError: the shares leave nothing to train on.
    """
    if sum(shares.values()) >= 1:
        named = " and ".join(f"--{name}-share {share}" for name, share in shares.items())
        raise ConfigError(
            [f"{named}: the shares add up to {sum(shares.values()):g}; no rows are left to train on."]
        )
    names: list[SplitName] = [name for name in ("test", "validation") if name in shares]
    sizes = {name: round(num_rows * shares[name]) for name in names}
    room = max(0, int(num_rows * MAX_HELD_OUT_SHARE) - sum(sizes.values()))
    wanted = {name: max(0, MIN_HELD_OUT_ROWS - size) for name, size in sizes.items()}
    total = sum(wanted.values())
    return {
        name: size + (wanted[name] if total <= room else wanted[name] * room // total)
        for name, size in sizes.items()
    }


def _assign(
    dataset: Dataset, sizes: Mapping[SplitName, int], *, groups: Mapping[str, TextGroup], split_seed: int
) -> tuple[list[SplitName], list[Reason]]:
    """The split of every row, and why."""
    split_of: list[SplitName] = ["train"] * len(dataset)
    reason_of: list[Reason] = ["random" if sizes else "given"] * len(dataset)
    free: dict[str, list[TextGroup]] = defaultdict(list)
    for key in sorted(groups, key=lambda key: (rank_of(key, split_seed), key)):
        group = groups[key]
        if len(group.labels) == 1:
            free[next(iter(group.labels))].append(group)
    counts = {label: sum(len(group.indices) for group in owned) for label, owned in sorted(free.items())}
    num_groups = {label: len(owned) for label, owned in free.items()}
    for name, size in sizes.items():
        quotas = _apportion(size, counts, {label: num_groups[label] for label in counts})
        for label, quota in quotas.items():
            taken = _take(free[label], quota if num_groups[label] > len(sizes) else 0)
            for group in taken:
                for index in group.indices:
                    split_of[index] = name
    for group in groups.values():
        for index in group.indices[1:]:
            reason_of[index] = "kept with its duplicate" if sizes else "given"
    return split_of, reason_of


def group_by_text(examples: Sequence[Example], keys: Sequence[str] | None = None) -> dict[str, TextGroup]:
    """The rows of each folded text, or of each of these keys."""
    indices: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys if keys is not None else map(fold_example, examples)):
        indices[key].append(index)
    return {
        key: TextGroup(tuple(rows), frozenset(examples[row].label for row in rows))
        for key, rows in indices.items()
    }


def rank_of(key: str, split_seed: int) -> bytes:
    """A place in the order that only the text and the seed decide, the same on every machine."""
    return hashlib.blake2b(
        key.encode("utf-8", "surrogatepass"), digest_size=16, key=str(split_seed).encode()[:64]
    ).digest()


def _apportion(size: int, counts: Mapping[str, int], num_groups: Mapping[str, int]) -> dict[str, int]:
    """How many of `size` rows each label gets: by largest remainder, at least one if it has enough texts."""
    total = sum(counts.values())
    if total == 0:
        return {}
    exact = {label: Fraction(size * count, total) for label, count in counts.items()}
    quotas = {
        label: max(int(share), int(num_groups[label] >= ROWS_TO_SHARE)) for label, share in exact.items()
    }
    by_remainder = sorted(exact, key=lambda label: (quotas[label] - exact[label], natural_key(label), label))
    missing = size - sum(quotas.values())
    for label in by_remainder[: max(0, missing)]:
        quotas[label] += 1
    for label in sorted(quotas, key=lambda label: -quotas[label]) * max(0, -missing):
        if sum(quotas.values()) <= size:
            break
        quotas[label] -= quotas[label] > 1
    return quotas


def _take(groups: list[TextGroup], quota: int) -> list[TextGroup]:
    """Groups of together at most `quota` rows, taken off the list, which keeps at least one for train."""
    taken: list[TextGroup] = []
    kept: list[TextGroup] = []
    for position, group in enumerate(groups):
        is_last = not kept and position == len(groups) - 1
        if len(group.indices) <= quota and not is_last:
            taken.append(group)
            quota -= len(group.indices)
        else:
            kept.append(group)
    groups[:] = kept
    return taken


def _refuse_empty(dataset: Dataset, held_out: Mapping[SplitName, Dataset]) -> None:
    """A split without rows can neither choose nor judge."""
    for name, rows in held_out.items():
        if len(rows) == 0:
            raise EmptySplit(
                f"The {len(dataset)} training rows are too few to cut a {name} split: it would be empty, "
                f"as every label must stay in train. Add rows, or give --{name} FILE."
            )


def _refuse_unknown_labels(rows: Dataset, *, known: Mapping[str, int]) -> None:
    """A label that train never shows cannot be learned, so it cannot be scored."""
    for example in rows.examples:
        if example.label not in known:
            num_rows = sum(other.label == example.label for other in rows.examples)
            raise UnknownLabel(example.label, known=list(known), at=str(example.origin), num_rows=num_rows)
