"""What tells the label without the text being understood: one word, the length, another column, the order of the rows.

Each has a tiny classifier: the most frequent label for each value, fitted on half of the rows and scored on the others.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.checks.rows import MOST_SAMPLED, RowsToCheck, sampled
from bertsmith.data.checks.wording import counted, percent, row_line
from bertsmith.data.example import Example, natural_key
from bertsmith.findings import Finding, finding_about
from bertsmith.printing import quoted

FEWEST_ROWS = 40
"""Rows below which a rule that fits says nothing."""
FEWEST_OF_LABEL = 20
"""Rows of a label below which a word in all of them says nothing."""
TELLING_F1 = 0.95
"""A word is a giveaway of a label if 'the word is there' finds the label with this F1."""
TELLING_GAIN = 0.5
"""A rule is a giveaway if it gets this share of the way from the most frequent label to perfect."""
LENGTH_BINS = 20
WORD = re.compile(r"\w+|[^\w\s]")


class Rule(NamedTuple):
    """What always answering by one value gives."""

    accuracy: float
    """On rows that the rule was not fitted on, in [0, 1]."""
    majority: float
    """The same of always saying the most frequent label."""

    @property
    def gain(self) -> float:
        """How far from the most frequent label to perfect, at most 1."""
        return 0.0 if self.majority == 1 else (self.accuracy - self.majority) / (1 - self.majority)


def find_telling_words(rows: RowsToCheck) -> list[Finding]:
    """D030: a word that stands in nearly all rows of a label, and in nearly no other."""
    examples = sampled(rows.train.dataset.examples)
    label_rows = Counter(example.label for example in examples)
    told = _best_words(examples, label_rows)
    if not told:
        return []
    found = [
        example
        for example in examples
        if example.label in told and told[example.label][1] in words_of(example)
    ]
    first = list(told.items())[:5]
    scores = ", ".join(f"{quoted(label)} (F1 {f1:.3f})" for label, (f1, _) in first)
    words = ", ".join(f"{quoted(word)} tells {quoted(label)}" for label, (_, word) in first)
    first_of = {example.label: example for example in reversed(found)}
    return [
        finding_about(
            [str(example.origin) for example in found],
            code="D030",
            severity="warning",
            sentence=f"{counted(len(told), 'label is', 'labels are')} told by one word alone: {scores}.",
            effect="Scores will be high and say nothing about texts without these words.",
            remedy="If the word is not what the label is about (a signature, a marker), remove it from the texts.",
            shown=[f"{words}.", *(row_line(example) for example in first_of.values())],
        )
    ]


def find_telling_length(rows: RowsToCheck) -> list[Finding]:
    """D031: the number of characters tells the label."""
    examples = sampled(rows.train.dataset.examples)
    if len(examples) < FEWEST_ROWS:
        return []
    lengths = np.array([len(example.text) + len(example.text_pair or "") for example in examples])
    rule = _score(_bins(lengths).tolist(), [example.label for example in examples])
    if rule.gain < TELLING_GAIN:
        return []
    medians = {
        label: int(
            np.median([length for length, row in zip(lengths, examples, strict=True) if row.label == label])
        )
        for label in Counter(example.label for example in examples)
    }
    shown = ", ".join(f"{quoted(label)} {median:,}" for label, median in list(medians.items())[:6])
    return [
        Finding(
            code="D031",
            severity="warning",
            sentence=f"The length of the text tells the label: {_figures(rule)} (median characters: {shown}).",
            effect="A model can score as well without reading a word.",
            remedy="Look where the rows of each label come from; cut them to the same lengths, or take them from the same place.",
        )
    ]


def find_telling_columns(rows: RowsToCheck) -> list[Finding]:
    """D032: another column (a source, a date, an id) tells the label."""
    source = rows.sources.get("train")
    if source is None or not source.others or len(source.examples) < FEWEST_ROWS:
        return []
    step = max(1, -(-len(source.examples) // MOST_SAMPLED))
    labels = [example.label for example in source.examples[::step]]
    findings = []
    for place, index in enumerate(source.other_columns):
        cells = [others[place] or "" for others in source.others[::step]]
        rule = max(_score(values, labels) for values in (cells, _ranks(cells)))
        if rule.gain >= TELLING_GAIN:
            findings.append(
                Finding(
                    code="D032",
                    severity="warning",
                    sentence=f"Column {quoted(source.header[index])} tells the label alone: {_figures(rule)}.",
                    effect="If it says where a row comes from, the model may learn the style of the place instead of the label.",
                    remedy="If it is the label in other words, all is well; else mix the sources, and test on one that train lacks.",
                )
            )
    return findings


def find_telling_order(rows: RowsToCheck) -> list[Finding]:
    """D033: the rows are sorted by label, or their order tells it in another way."""
    labels = [example.label for example in rows.file_rows]
    runs = 1 + sum(first != second for first, second in zip(labels, labels[1:], strict=False))
    num_labels = len(set(labels))
    if len(labels) < FEWEST_ROWS or num_labels < 2:
        return []
    if runs <= num_labels + len(labels) // 200:
        sentence = f"The rows are sorted by label: {len(labels):,} rows in {counted(runs, 'run', 'runs')} of one label."
    else:
        rule = _score(["", *labels[:-1]], labels)
        if rule.gain < TELLING_GAIN:
            return []
        sentence = f"The order of the rows tells the label: each from the one before, {_figures(rule)}."
    return [
        Finding(
            code="D033",
            severity="info",
            sentence=sentence,
            effect="None here: training and splits take the rows in an order of their own. --limit takes the first ones only.",
            remedy="Shuffle the file before you cut it by hand or use --limit.",
        )
    ]


def words_of(example: Example) -> set[str]:
    """The different words and signs of a row, folded."""
    return set(WORD.findall(f"{example.text} {example.text_pair or ''}".casefold()))


def _best_words(examples: Sequence[Example], label_rows: Counter[str]) -> dict[str, tuple[float, str]]:
    """Label → (F1, word) of the word that tells it best, where one does."""
    both: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        for word in words_of(example):
            both[word][example.label] += 1
    best: dict[str, tuple[float, str]] = {}
    for word, by_label in both.items():
        (label, shared), total = by_label.most_common(1)[0], by_label.total()
        f1 = 2 * shared / (total + label_rows[label])
        is_telling = (
            label_rows[label] >= FEWEST_OF_LABEL and len(examples) - label_rows[label] >= FEWEST_OF_LABEL
        )
        if f1 >= TELLING_F1 and is_telling:
            best[label] = max(best.get(label, (0.0, "")), (f1, word))
    return dict(sorted(best.items(), key=lambda item: (-item[1][0], item[0])))


def _score(values: Sequence[Hashable], labels: Sequence[str]) -> Rule:
    """The most frequent label of each value on half of the rows, scored on the other half."""
    majority = Counter(labels).most_common(1)[0][0]
    by_value: dict[Hashable, Counter[str]] = defaultdict(Counter)
    scored: list[tuple[Hashable, str]] = []
    for index, (value, label) in enumerate(zip(values, labels, strict=True)):
        if index % 4 < 2:  # two by two: labels that take turns are on both sides
            by_value[value][label] += 1
        else:
            scored.append((value, label))
    answer = {value: counts.most_common(1)[0][0] for value, counts in by_value.items()}
    right = sum(answer.get(value, majority) == label for value, label in scored)
    always = sum(label == majority for _, label in scored)
    return Rule(right / max(1, len(scored)), always / max(1, len(scored)))


def _bins(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """(rows,) which of 20 equally filled ranges each number is in."""
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, LENGTH_BINS + 1)[1:-1]))
    return np.searchsorted(edges, numbers, side="right")


def _ranks(cells: Sequence[str]) -> list[int]:
    """Which of 20 ranges each cell is in, by natural order: ids and dates that rise with the label show in it."""
    place = {
        cell: rank for rank, cell in enumerate(sorted(set(cells), key=lambda cell: (natural_key(cell), cell)))
    }
    ranks: list[int] = _bins(np.array([place[cell] for cell in cells])).tolist()
    return ranks


def _figures(rule: Rule) -> str:
    """`accuracy 99 %, against 50 % for the most frequent label`."""
    return f"accuracy {percent(rule.accuracy)}, against {percent(rule.majority)} for the most frequent label"
