"""This file knows how to bring a text into its compatibility form in a time that grows with its length alone."""

from __future__ import annotations

import unicodedata

PIECE_CHARACTERS = 500
"""Also the most marks on one letter that are put in order together."""


def compatible(text: str) -> str:
    """The text in Unicode's form NFKC.

    Trap: marks on one letter are sorted in a time that grows with the square of their number, 20 s for 100,000. A text with
    hundreds of marks is therefore brought into its form piece by piece: equal texts still become equal ones.
    """
    if text.isascii():
        return text
    if len(text) <= PIECE_CHARACTERS or sum(map(bool, map(unicodedata.combining, text))) <= PIECE_CHARACTERS:
        return unicodedata.normalize("NFKC", text)
    pieces = (text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)
