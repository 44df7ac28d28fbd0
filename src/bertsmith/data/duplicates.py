"""When two texts are the same text."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import Dataset, Example
from bertsmith.data.unicode_forms import compatible


def fold_text(text: str, text_pair: str | None = None) -> str:
    """The text without what makes no difference: compatibility forms (NFKC), case, amount of white space.

    A pair is folded as both of its texts, in their order.
    """
    folded = " ".join(compatible(text).casefold().split())
    return folded if text_pair is None else f"{folded}\n{fold_text(text_pair)}"


def fold_example(example: Example) -> str:
    """The folded text, or pair, of a row: rows with the same one never stand on two sides of a split."""
    return fold_text(example.text, example.text_pair)


def duplicate_groups(dataset: Dataset) -> NDArray[np.int64] | None:
    """(rows,) the same number for rows of the same folded text; None where no two rows are the same."""
    number_by_text: dict[str, int] = {}
    numbers = [
        number_by_text.setdefault(fold_example(example), len(number_by_text)) for example in dataset.examples
    ]
    return np.array(numbers, np.int64) if len(number_by_text) < len(numbers) else None


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 of the folded texts with their labels, whatever their order: the same rows have the same one."""
    rows = sorted(f"{fold_example(example)}\x1f{example.label}" for example in dataset.examples)
    return hashlib.sha256("\x1e".join(rows).encode("utf-8", "surrogatepass")).hexdigest()
