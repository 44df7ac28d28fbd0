"""This file knows how findings are worded: counts, shares, and rows with what matters in them made visible."""

from __future__ import annotations

import difflib
import re

from bertsmith.data.example import Example
from bertsmith.printing import cut_name, printable

TEXT_CHARACTERS = 90
"""Of an example text."""


def counted(number: int, one: str, many: str) -> str:
    """`1 row repeats`, `1,200 rows repeat`."""
    return f"{number:,} {one if number == 1 else many}"


def percent(share: float) -> str:
    """`0.4 %`, `12 %`: two digits that say something; `under 0.1 %` for what would be rounded to nothing."""
    value = 100 * share
    if 0 < value < 0.05:
        return "under 0.1 %"
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def quoted(text: str, most: int = TEXT_CHARACTERS) -> str:
    """The text on one line, in quotes, cut."""
    flat = " ".join(text.split())
    return f'"{flat if len(flat) <= most else flat[: most - 1] + "…"}"'


def row_line(example: Example, *, text: str | None = None) -> str:
    """`reviews.csv:12  positive  "Onions fall apart …"`."""
    whole = example.text if example.text_pair is None else f"{example.text} ¦ {example.text_pair}"
    return printable(
        f"{example.origin}  {cut_name(example.label)}  {quoted(whole) if text is None else text}"
    )


def around(text: str, start: int, end: int) -> str:
    """What stands at these characters, with a little before and after it."""
    low, high = max(0, start - 30), min(len(text), end + 30)
    return f'"{"…" if low else ""}{text[low:start]}«{text[start:end]}»{text[end:high]}{"…" if high < len(text) else ""}"'


def word_difference(first: str, second: str) -> str:
    """The second text, with what differs from the first marked: `a [-bad-] {+good+} film`.

    Only the surroundings of the differences are shown.
    """
    old, new = ([cut_name(word) for word in re.findall(r"\S+", text)[:400]] for text in (first, second))
    pieces: list[str] = []
    for kind, low, high, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            words = old[low:high]
            pieces.append(" ".join(words if len(words) <= 8 else [*words[:4], "…", *words[-4:]]))
            continue
        if high > low:
            pieces.append(f"[-{' '.join(old[low:high])}-]")
        if end > start:
            pieces.append(f"{{+{' '.join(new[start:end])}+}}")
    return f'"{" ".join(pieces)}"'
