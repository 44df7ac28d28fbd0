"""The rows: real data sets found through the environment variable BERTSMITH_DATA, else the example reviews."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from bertsmith.data.example import Dataset, LabelSet
from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions

FILES = {
    "sst2_sentences": "train.csv",
    "banking77": "train.csv",
    "cga_cmv_valid": "all.csv",
    "snli_dev_as_train": "train.csv",
}
"""Sentences; very short with 77 labels; long conversations; pairs."""
EXAMPLE = "reviews"
JOINED = "joined "
"""Before a name: rows of `JOINED_ROWS` of its texts end to end, longer than any model reads."""
JOINED_ROWS = 64
ROOT = Path(__file__).resolve().parents[2]


def names() -> tuple[str, ...]:
    """The data sets at hand."""
    return tuple(FILES) if "BERTSMITH_DATA" in os.environ else (EXAMPLE,)


def path_of(name: str) -> Path:
    """The data set's file."""
    if name == EXAMPLE:
        return ROOT / "examples" / "reviews.csv"
    return Path(os.environ["BERTSMITH_DATA"]) / name / FILES[name]


@lru_cache
def _shuffled(name: str) -> tuple[Dataset, LabelSet]:
    """All its rows in a fixed order, and all its labels."""
    dataset = read_examples(str(path_of(name)), ReadOptions()).dataset
    # Trap: banking77 is sorted by label.
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(dataset))
    return dataset.select(order.tolist()), LabelSet.from_labels(dataset.labels)


def num_rows_of(name: str) -> int:
    """All rows of the set."""
    return len(_shuffled(name)[0])


def rows_of(name: str, num_rows: int) -> tuple[Dataset, LabelSet]:
    """So many rows, always the same, from the start again where the set has fewer; and all labels of the set."""
    if name.startswith(JOINED):
        return _joined(name.removeprefix(JOINED), num_rows)
    dataset, label_set = _shuffled(name)
    return dataset.select([row % len(dataset) for row in range(num_rows)]), label_set


def _joined(name: str, num_rows: int) -> tuple[Dataset, LabelSet]:
    """The texts of neighbouring rows end to end, under the label of the first of them."""
    dataset, label_set = rows_of(name, num_rows + JOINED_ROWS)
    examples = dataset.examples
    return Dataset(
        tuple(
            replace(
                examples[row],
                text=" ".join(example.text for example in examples[row : row + JOINED_ROWS]),
                text_pair=None,
            )
            for row in range(num_rows)
        )
    ), label_set
