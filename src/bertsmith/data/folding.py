"""Cross-validation folds: stratified, a text never in two of them, decided by data and seed alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import Dataset
from bertsmith.data.splitting import TextGroup, group_by_text, rank_of
from bertsmith.errors import ConfigError, EmptySplit
from bertsmith.printing import quoted


def fold_numbers(
    dataset: Dataset, *, num_folds: int, split_seed: int, group_keys: Sequence[str] | None = None
) -> NDArray[np.int64]:
    """(rows,) the fold of every row, from 0; rows of the same text share one.

    Within each label the folds' sizes differ by no more than the largest group of repeated texts. What goes where
    depends on the texts, the labels and the seed, not on the machine or the order of the rows.

    Args:
        dataset: all rows.
        num_folds: at least 2.
        split_seed: another seed gives other folds.
        group_keys: per row, the same for rows that share a fold; by default the folded text.

    Raises:
        ConfigError: fewer than two folds.
        EmptySplit: a label has too few different texts to be in every fold's training rows and its own fold.
    """
    if num_folds < 2:
        raise ConfigError(
            [f"--folds {num_folds}: at least 2 folds are needed, so that a row can be kept back."]
        )
    groups = group_by_text(dataset.examples, group_keys)
    _refuse_rare(groups, num_folds=num_folds)
    folds = np.empty(len(dataset), np.int64)
    rows_in_fold: dict[str, list[int]] = defaultdict(lambda: [0] * num_folds)
    total = [0] * num_folds
    for key in sorted(groups, key=lambda key: (rank_of(key, split_seed), key)):
        group = groups[key]
        label = min(group.labels)
        fold = min(range(num_folds), key=lambda number: (rows_in_fold[label][number], total[number], number))
        folds[list(group.indices)] = fold
        rows_in_fold[label][fold] += len(group.indices)
        total[fold] += len(group.indices)
    return folds


def _refuse_rare(groups: Mapping[str, TextGroup], *, num_folds: int) -> None:
    """Every label needs texts for its fold and for the training rows of the others."""
    texts = {(key, label) for key, group in groups.items() for label in group.labels}
    counts = Counter(label for _, label in texts)
    label, count = min(counts.items(), key=lambda item: (item[1], item[0]))
    if count < num_folds:
        raise EmptySplit(
            f"The label {quoted(label)} has {count} different texts, too few for {num_folds} folds. "
            f"Give --folds {count}, or add rows of it."
            if count >= 2
            else f"The label {quoted(label)} has one text only, so no fold could learn it and be scored on it. Add rows of it."
        )
