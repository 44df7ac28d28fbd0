"""This file knows how foreign text is shown to a person: nothing in it drives the terminal, hides, or begins a line.

Labels, cells, column and file names come from data that anybody may have written. `printable` shows a character that would
act, be invisible or reorder others as its escape; `quoted` shows a name, in quotes and cut.
"""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_CHARACTERS = 80
"""Names are cut here: a column taken for the label by mistake may hold whole texts."""

JOINERS = "\u200c\u200d"
"""Invisible, but Persian, Indic scripts and emoji are misspelt without them; between ASCII letters they only hide."""
HIDING_JOINER = re.compile(r"(?:^|(?<=[\0-\x7f]))[\u200c\u200d]")
_ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\ufe00-\ufe0d\U000e0000-\U000e0fff]"
)
"""No format characters by category, and yet nothing is seen of them. Source: Unicode's Default_Ignorable_Code_Point."""


def printable(text: str) -> str:
    """The text on one line, with characters that act, reorder others or cannot be seen as their escapes."""
    if text.isascii() and text.isprintable():
        return text
    text = HIDING_JOINER.sub(lambda match: _escape_of(match.group()), text)
    return "".join(_escape_of(character) if is_hidden(character) else character for character in text)


def is_hidden(character: str) -> bool:
    """Whether a character acts, reorders others or cannot be seen; joiners do not count: see `JOINERS`."""
    if character in JOINERS:
        return False
    return unicodedata.category(character) in _ACTING or _INVISIBLE.match(character) is not None


def cut_name(text: str) -> str:
    """A name of at most `MAX_NAME_CHARACTERS`, with an ellipsis where it is longer."""
    return text if len(text) <= MAX_NAME_CHARACTERS else text[: MAX_NAME_CHARACTERS - 1] + "…"


def quoted(name: str) -> str:
    """A label, column or other name in quotes, cut, with nothing in it that acts or hides."""
    return printable(repr(cut_name(name)))


def as_argument(name: str) -> str:
    """A name as it is typed on a command line: plain where nothing in it needs quotes."""
    return name if re.fullmatch(r"[\w.-]+", name) and len(name) <= MAX_NAME_CHARACTERS else quoted(name)


def _escape_of(character: str) -> str:
    r"""`\x1b`, `\u202e`, `\U000e0041`."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
