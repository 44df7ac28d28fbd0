"""Rows in memory as the checks see them, and what a check finds in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bertsmith.checking import parts_of
from bertsmith.data.checks.all_checks import run_checks
from bertsmith.data.checks.rows import Part, RowsToCheck
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.data.splitting import Splits
from bertsmith.findings import Finding

Pairs = Iterable[tuple[str, str]]


def dataset_of(rows: Pairs, file: str = "train.csv") -> Dataset:
    """(text, label) rows, the first on line 2."""
    return Dataset(
        tuple(Example(text, label, Origin(file, line)) for line, (text, label) in enumerate(rows, start=2))
    )


def rows_of(train: Pairs, *, validation: Pairs = (), test: Pairs = (), is_given: bool = True) -> RowsToCheck:
    """These splits, each a file of its own."""
    named = {"validation": list(validation), "test": list(test)}
    held_out = [Part(name, dataset_of(rows, f"{name}.csv"), is_given) for name, rows in named.items() if rows]
    return RowsToCheck((Part("train", dataset_of(train), is_given=True), *held_out), {})


def found_in(splits: Splits, given: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What all checks find in splits of which these are files of their own."""
    parts = tuple(Part(part.name, part.dataset, part.name in given) for part in parts_of(splits, {}))
    return run_checks(RowsToCheck(parts, {}))
