"""How the pages write numbers, names and texts: what comes from the data stays text, on one line, in its own direction."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from bertsmith.config import Config
from bertsmith.console import duration
from bertsmith.report.local_paths import with_names
from bertsmith.report.markdown import name_of, neutral

FIRST_CHARACTERS = 280
"""Of a text, shown at once; the rest unfolds."""
MOST_CHARACTERS = 4000
"""Of a text, in the page at all."""
SCORE_NAMES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "Matthews correlation",
    "loss": "Loss",
}


@dataclass(frozen=True)
class ShownScore:
    """A score with its interval, as text and as places on a line from 0 to 100."""

    value: str
    low: str
    high: str
    number: float
    place: float
    start: float
    length: float


@dataclass(frozen=True)
class ShownText:
    """A text of the data: its beginning, and all of it where that is longer."""

    first: str
    whole: str | None
    """None where `first` is all; cut to `MOST_CHARACTERS`."""
    num_characters: int


def shown_score(score: dict[str, Any]) -> ShownScore:
    """A score of results.json; an open upper end is ∞."""
    value, low, high = score["value"], score["low"], math.inf if score["high"] is None else score["high"]
    ends = [100 * max(0.0, min(1.0, end)) for end in (value, low, high)]
    return ShownScore(
        decimals(value),
        decimals(low),
        decimals(high),
        value,
        round(ends[0], 1),
        round(ends[1], 1),
        round(max(0.6, ends[2] - ends[1]), 1),
    )


def shown_text(text: str) -> ShownText:
    """The text with marks for what would hide or reorder its characters."""
    if len(text) <= FIRST_CHARACTERS + 40:
        return ShownText(neutral(text), None, len(text))
    whole = neutral(text[:MOST_CHARACTERS]) + ("…" if len(text) > MOST_CHARACTERS else "")
    return ShownText(neutral(text[:FIRST_CHARACTERS]) + "…", whole, len(text))


def decimals(value: float, places: int = 4) -> str:
    """Four decimals; `∞` and `nan` where there is no number."""
    return f"{value:.{places}f}" if math.isfinite(value) else str(value).replace("inf", "∞")


def percent(share: float) -> str:
    """`8.3 %`; `100 %` without decimals."""
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,005 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def seconds_text(seconds: float) -> str:
    """`0.7 s`, `48 s`, `3 min 2 s`, `2 h 5 min`."""
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def score_names(results: dict[str, Any]) -> dict[str, str]:
    """The scores by key; of more than two labels F1 is macro F1, and stands once."""
    if results["positive_label"] is not None:
        return SCORE_NAMES
    macro = {"precision": "Macro precision", "recall": "Macro recall"}
    return {key: macro.get(key, name) for key, name in SCORE_NAMES.items() if key != "f1"}


def averaging(results: dict[str, Any]) -> str:
    """What F1, precision and recall are of."""
    label = results["positive_label"]
    if label is None:
        return "F1, precision and recall are macro averages: every label counts the same."
    return f"F1, precision and recall are those of the label “{name_of(label)}”."


def without_paths(text: str, settings: Config) -> str:
    """The sentence with the user's files and folders by name alone."""
    data, model, output = settings.data, settings.model, settings.output
    paths = [data.train_file, data.validation, data.test, output.output, model.model]
    local = [path for path in paths if path and re.search(r"^[/\\~.]|^[A-Za-z]:|[\\/].*[\\/]", path)]
    return neutral(with_names(text, local))
