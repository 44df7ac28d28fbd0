"""Synthetic labelled texts whose rule is known: what the tiny and the real models of the benchmark are trained on."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

POSITIVE = ("good", "great", "lovely", "excellent", "superb", "delightful", "charming", "wonderful")
NEGATIVE = ("bad", "awful", "dreadful", "boring", "terrible", "pathetic", "dull", "disappointing")
NEUTRAL = (
    "the",
    "film",
    "story",
    "was",
    "and",
    "we",
    "saw",
    "it",
    "with",
    "a",
    "friend",
    "in",
    "town",
    "last",
    "week",
)
TOPICS = (
    ("food", "eat", "delicious", "taste", "meal"),
    ("hotel", "room", "stay", "bed", "staff"),
    ("car", "city", "street", "drive", "town"),
    ("movie", "actor", "scene", "plot", "film"),
)
LABELS = ("negative", "positive")


@dataclass(frozen=True)
class Texts:
    """Texts with their labels."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def head(self, rows: int) -> Texts:
        """The first rows."""
        return Texts(self.texts[:rows], self.labels[:rows])

    def tail(self, rows: int) -> Texts:
        """All but the first rows."""
        return Texts(self.texts[rows:], self.labels[rows:])

    def relabelled(self, labels: list[str]) -> Texts:
        """The same texts with other labels."""
        return replace(self, labels=tuple(labels))

    def write(self, path: Path) -> Path:
        """As a CSV with the columns `text` and `label`."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(zip(self.texts, self.labels, strict=True))
        return path


def _filler(random: np.random.Generator, low: int, high: int) -> list[str]:
    """Words that say nothing of the label."""
    return list(random.choice(NEUTRAL, size=random.integers(low, high)))


def _insert(words: list[str], piece: list[str], random: np.random.Generator) -> str:
    """The piece somewhere among the words."""
    place = random.integers(len(words) + 1)
    return " ".join([*words[:place], *piece, *words[place:]])


def keyword(
    rows: int, random: np.random.Generator, *, positive_share: float = 0.5, noise: float = 0.0
) -> Texts:
    """One word of praise or blame decides; a share `noise` of the labels is flipped."""
    positive = random.random(rows) < positive_share
    texts = [
        _insert(_filler(random, 4, 14), [str(random.choice(POSITIVE if is_positive else NEGATIVE))], random)
        for is_positive in positive
    ]
    return Texts(
        tuple(texts), tuple(LABELS[int(value)] for value in positive ^ (random.random(rows) < noise))
    )


def noisy_keyword(rows: int, random: np.random.Generator) -> Texts:
    """`keyword` with a quarter of the labels flipped: at best a gain of one half."""
    return keyword(rows, random, noise=0.25)


def noisier_keyword(rows: int, random: np.random.Generator) -> Texts:
    """`keyword` with 32 % of the labels flipped: at best a gain of 0.36."""
    return keyword(rows, random, noise=0.32)


def rare_positive(rows: int, random: np.random.Generator) -> Texts:
    """`keyword` with one positive row in ten."""
    return keyword(rows, random, positive_share=0.1)


def negation(rows: int, random: np.random.Generator) -> Texts:
    """`not` before the deciding word turns it round."""
    texts, labels = [], []
    for _ in range(rows):
        positive, negated = (int(value) for value in random.integers(2, size=2))
        word = str(random.choice(POSITIVE if positive else NEGATIVE))
        piece = ["not", word] if negated else [word]
        texts.append(_insert(_filler(random, 2, 8), piece, random))
        labels.append(LABELS[positive ^ negated])
    return Texts(tuple(texts), tuple(labels))


def topics(rows: int, random: np.random.Generator) -> Texts:
    """Two words of one of four fields decide."""
    names = ("food", "hotel", "street", "film")
    chosen = random.integers(len(TOPICS), size=rows)
    texts = [
        _insert(_filler(random, 4, 12), [str(word) for word in random.choice(TOPICS[index], 2)], random)
        for index in chosen
    ]
    return Texts(tuple(texts), tuple(names[index] for index in chosen))


def opening_word(rows: int, random: np.random.Generator) -> Texts:
    """The second word decides; in six rows of ten a word of the other label comes later.

    Words and their pairs are the same for both labels there, so a bag of words is right in about seven rows of ten.
    """
    texts, labels = [], []
    for _ in range(rows):
        positive = int(random.integers(2))
        words, others = (POSITIVE, NEGATIVE) if positive else (NEGATIVE, POSITIVE)
        opening = [*_filler(random, 1, 2), str(random.choice(words)), *_filler(random, 1, 2)]
        rest = _filler(random, 3, 9)
        contrary = [str(random.choice(others)), *_filler(random, 1, 2)] if random.random() < 0.6 else []
        texts.append(" ".join([*opening, _insert(rest, contrary, random)]))
        labels.append(LABELS[positive])
    return Texts(tuple(texts), tuple(labels))


Maker = Callable[[int, np.random.Generator], Texts]
TASKS: dict[str, Maker] = {
    "keyword": keyword,
    "noisy keyword": noisy_keyword,
    "noisier keyword": noisier_keyword,
    "rare positive": rare_positive,
    "negation": negation,
    "topics": topics,
    "opening word": opening_word,
}
WORDS_DO_NOT_SUFFICE = "opening word"
"""The task of which word counts tell too little: a good model is better than the bag of words."""


def make(task: str, rows: int, *, seed: int) -> Texts:
    """Texts of a task; the same for the same seed."""
    number = list(TASKS).index(task)
    return TASKS[task](rows, np.random.Generator(np.random.PCG64([number, seed])))
