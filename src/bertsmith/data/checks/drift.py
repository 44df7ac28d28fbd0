"""Whether given validation and test files look like the training rows: in length, labels, words, and as a whole.

Splits that were cut from one file differ by chance alone, so only files of their own are looked at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.checks.giveaways import words_of
from bertsmith.data.checks.rows import Part, RowsToCheck, sampled
from bertsmith.data.checks.wording import percent
from bertsmith.data.example import Example
from bertsmith.findings import Finding
from bertsmith.printing import quoted

FEWEST_ROWS = 50
"""Rows of a file below which chance alone makes it look different."""
SIGNIFICANT = 1e-4
LARGEST_DISTANCE = 0.15
"""Kolmogorov-Smirnov distance of the lengths; beyond it they differ so that it matters."""
LARGEST_SHIFT = 0.1
"""Share of the rows that would have to change their label for the shares to be equal."""
MOST_NEW_WORDS = 0.05
"""By how much the share of words that train lacks may exceed what one half of train lacks of the other."""
MOST_TOLD_APART = 0.7
"""Area under the ROC curve of a classifier that tells the two files apart, on rows that it did not see; 0.5 is chance."""
ROWS_TOLD_APART = 2000
"""Of each file, at most."""


def find_length_drift(rows: RowsToCheck) -> list[Finding]:
    """D034: the texts of a given file are longer or shorter."""
    return _for_given(rows, _length_drift)


def find_label_drift(rows: RowsToCheck) -> list[Finding]:
    """D035: the labels of a given file have other shares."""
    return _for_given(rows, _label_drift)


def find_word_drift(rows: RowsToCheck) -> list[Finding]:
    """D036: a given file has many words that the training rows lack."""
    return _for_given(rows, _word_drift)


def find_separable_file(rows: RowsToCheck) -> list[Finding]:
    """D037: a classifier of words can tell a given file from the training rows."""
    return _for_given(rows, _told_apart)


def _for_given(rows: RowsToCheck, check: Callable[[Part, Part], Finding | None]) -> list[Finding]:
    """What the check finds of every given file that has rows enough."""
    parts = [part for part in rows.held_out if part.is_given and len(part) >= FEWEST_ROWS]
    found = [check(rows.train, part) for part in parts if len(rows.train) >= FEWEST_ROWS]
    return [finding for finding in found if finding is not None]


def _length_drift(train: Part, part: Part) -> Finding | None:
    first, second = (np.sort([len(row.text) for row in one.dataset.examples]) for one in (train, part))
    every = np.concatenate([first, second])
    shares = [np.searchsorted(one, every, side="right") / len(one) for one in (first, second)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    effective = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    # Source: the first term of Kolmogorov's series; exact enough where it is small.
    p_value = min(1.0, 2 * math.exp(-2 * (effective * distance) ** 2))
    if distance < LARGEST_DISTANCE or p_value > SIGNIFICANT:
        return None
    return _drift(
        "D034",
        f"The texts of {part.name} have other lengths than those of train: median {int(np.median(second)):,} against {int(np.median(first)):,} characters.",
        "Scores there tell about other texts than those that were learned from.",
    )


def _label_drift(train: Part, part: Part) -> Finding | None:
    counts, others = Counter(train.dataset.labels), Counter(part.dataset.labels)
    names = sorted(counts | others)
    table = np.array([[one[name] for name in names] for one in (counts, others)], float)
    shares = table / table.sum(axis=1, keepdims=True)
    shift = float(np.abs(shares[0] - shares[1]).sum() / 2)
    expected = table.sum(axis=0) * table.sum(axis=1, keepdims=True) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    if shift < LARGEST_SHIFT or chi_square_tail(statistic, len(names) - 1) > SIGNIFICANT:
        return None
    worst = int(np.abs(shares[0] - shares[1]).argmax())
    return _drift(
        "D035",
        f"The labels of {part.name} have other shares than those of train: {quoted(names[worst])} {percent(shares[1][worst])} against {percent(shares[0][worst])}.",
        "A model leans towards what was frequent in training, and accuracies cannot be compared between the files.",
    )


def _word_drift(train: Part, part: Part) -> Finding | None:
    examples = sampled(train.dataset.examples)
    known = set().union(*map(words_of, examples))
    half = set().union(*map(words_of, examples[::2]))
    usual = _new_share(examples[1::2], half)
    new = _new_share(sampled(part.dataset.examples), known)
    if new < usual + MOST_NEW_WORDS:
        return None
    return _drift(
        "D036",
        f"{percent(new)} of the words of {part.name} never occur in train; within train it is {percent(usual)}.",
        "What was learned about words does not carry over to these.",
    )


def _told_apart(train: Part, part: Part) -> Finding | None:
    both = [sampled(one.dataset.examples, ROWS_TOLD_APART) for one in (train, part)]
    size = min(map(len, both))
    area, words = separability(both[0][:: max(1, len(both[0]) // size)][:size], both[1][:size])
    margin = 2 / math.sqrt(size)  # two standard errors of an area under the curve of 0.5, rounded up
    if area < MOST_TOLD_APART or area - margin < 0.5:
        return None
    return _drift(
        "D037",
        f"A classifier of words tells {part.name} from train: area under the curve {area:.2f} (0.5 is chance).",
        "The files come from different places or times; the score is about the difference as much as about the model.",
        f"The words that tell most: {', '.join(map(quoted, words))}.",
    )


def separability(first: Sequence[Example], second: Sequence[Example]) -> tuple[float, list[str]]:
    """How well naive Bayes over words tells two sets of rows apart, and the five words that tell most.

    Fitted on the even rows of each, scored on the odd ones by the area under the ROC curve, in [0, 1].

    Source: Bernoulli counts with add-one smoothing; the area by ranks (Mann-Whitney).
    """
    counts = [Counter(word for row in rows[::2] for word in words_of(row)) for rows in (first, second)]
    sizes = [len(rows[::2]) for rows in (first, second)]
    weights = {
        word: math.log((counts[1][word] + 1) / (sizes[1] + 2))
        - math.log((counts[0][word] + 1) / (sizes[0] + 2))
        for word in counts[0] | counts[1]
        if counts[0][word] + counts[1][word] >= 3
    }
    scores = [
        np.array([sum(weights.get(word, 0.0) for word in words_of(row)) for row in rows[1::2]])
        for rows in (first, second)
    ]
    told = sorted(weights, key=lambda word: -abs(weights[word]) * (counts[0][word] + counts[1][word]))
    return area_under_curve(scores[0], scores[1]), told[:5]


def area_under_curve(negative: NDArray[np.float64], positive: NDArray[np.float64]) -> float:
    """The share of pairs in which the positive score is higher; equal scores count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).sum() / (2 * max(1, len(negative)) * max(1, len(positive))))


def chi_square_tail(statistic: float, degrees: int) -> float:
    """About how often chance gives at least this statistic.

    Source: Wilson and Hilferty 1931; scipy is not imported, as that alone takes longer than all checks.
    """
    if degrees < 1:
        return 1.0
    spread = 2 / (9 * degrees)
    deviation = ((statistic / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return math.erfc(deviation / math.sqrt(2)) / 2


def _new_share(examples: Sequence[Example], known: set[str]) -> float:
    """Share of the rows' words that are not known."""
    words = [word for example in examples for word in words_of(example)]
    return sum(word not in known for word in words) / max(1, len(words))


def _drift(code: str, sentence: str, effect: str, *shown: str) -> Finding:
    """A warning; what to do about drift is always the same."""
    remedy = "Take all files from the same place and time, or report the score as one on other data."
    return Finding(
        code=code, severity="warning", sentence=sentence, effect=effect, remedy=remedy, shown=shown
    )
