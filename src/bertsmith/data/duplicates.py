"""When two texts are the same text."""

from __future__ import annotations

import unicodedata

from bertsmith.data.example import Example


def fold_text(text: str, text_pair: str | None = None) -> str:
    """The text without what makes no difference: compatibility forms (NFKC), case, and the amount of white space.

    A pair is folded as both of its texts, in their order.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    folded = " ".join(text.casefold().split())
    return folded if text_pair is None else f"{folded}\n{fold_text(text_pair)}"


def fold_example(example: Example) -> str:
    """The folded text, or pair, of a row: rows with the same one never stand on two sides of a split."""
    return fold_text(example.text, example.text_pair)
