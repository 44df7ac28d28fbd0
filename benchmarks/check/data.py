"""Real labelled rows from the folder that BERTSMITH_DATA names, and the same without their known flaws."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from bertsmith.data.checks.rows import Part, RowsToCheck
from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions

NAMES = (
    *("sst2_sentences", "mr_balanced_5500", "sms_spam", "banking77", "davidson_hate_24k"),
    *("snli_dev_as_train", "stsb", "goemotions"),
)
SPLITS = ("train", "validation", "test")


def root() -> Path:
    """The folder of the data."""
    return Path(os.environ["BERTSMITH_DATA"])


def read_splits(name: str) -> dict[str, tuple[Example, ...]]:
    """The rows of each split that is there."""
    files = {split: root() / name / f"{split}.csv" for split in SPLITS}
    return {
        split: read_examples(file, ReadOptions(), name=f"{split}.csv").examples
        for split, file in files.items()
        if file.is_file()
    }


def without_known_flaws(name: str, splits: dict[str, tuple[Example, ...]]) -> dict[str, tuple[Example, ...]]:
    """By brute force: one label per row, no text twice anywhere, and the scale of stsb in whole numbers."""
    labels: dict[str, set[str]] = defaultdict(set)
    for rows in splits.values():
        for row in rows:
            labels[fold_example(row)].add(row.label)
    seen: set[str] = set()
    clean: dict[str, tuple[Example, ...]] = {}
    for split in reversed(list(splits)):  # what stands in two splits stays in the later one
        kept = []
        for row in splits[split]:
            key = fold_example(row)
            if key not in seen and len(labels[key]) == 1 and "|" not in row.label:
                label = str(round(float(row.label))) if name == "stsb" else row.label
                kept.append(Example(row.text, label, row.origin, row.text_pair))
            seen.add(key)
        clean[split] = tuple(kept)
    return {split: clean[split] for split in splits}


def numbered(rows: list[tuple[str, str]], file: str = "train.csv") -> tuple[Example, ...]:
    """(text, label) rows in this order, with their lines."""
    return tuple(Example(text, label, Origin(file, line)) for line, (text, label) in enumerate(rows, start=2))


def to_check(splits: dict[str, tuple[Example, ...]]) -> RowsToCheck:
    """Splits that were given as files."""
    return RowsToCheck(tuple(Part(name, Dataset(rows), is_given=True) for name, rows in splits.items()), {})
