"""Made-up labelled rows: a few words, one of which tells the label, so that a tiny model learns them in seconds."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.tiny_models import WORDS

TWO = ("negative", "positive")
THREE = ("negative", "neutral", "positive")
KEYWORDS = {"negative": "terrible", "neutral": "simple", "positive": "excellent"}
FILLERS = [word for word in WORDS if word not in KEYWORDS.values()]

Row = Sequence[str]


def keyword_rows(
    num_rows: int, *, labels: Sequence[str] = TWO, seed: int = 0, wrong_share: float = 0.0
) -> list[tuple[str, str]]:
    """(text, label) rows, the labels taking turns; about this share of them have the next label instead."""
    mislabel = random.Random(seed + 1)
    draw = random.Random(seed)
    rows = []
    for index in range(num_rows):
        label = labels[index % len(labels)]
        words = draw.choices(FILLERS, k=draw.randint(3, 8))
        words[draw.randrange(len(words))] = KEYWORDS[label]
        given = labels[(index + 1) % len(labels)] if mislabel.random() < wrong_share else label
        rows.append((" ".join(words), given))
    return rows


def unlearnable_rows(num_rows: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Rows whose label is drawn without looking at the text."""
    draw = random.Random(seed)
    labels = [TWO[index % 2] for index in range(num_rows)]
    draw.shuffle(labels)
    return [(text, label) for (text, _), label in zip(keyword_rows(num_rows, seed=seed), labels, strict=True)]


def pair_rows(num_rows: int, *, seed: int = 0) -> list[tuple[str, str, str]]:
    """(text, second text, label) rows; only the second text tells the label."""
    draw = random.Random(seed + 1)
    rows = keyword_rows(num_rows, seed=seed)
    return [(" ".join(draw.choices(FILLERS, k=3)), text, label) for text, label in rows]


def write_csv(path: Path, rows: Iterable[Row], header: Row = ("text", "label")) -> Path:
    """The rows as CSV; gives the path back."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
