"""This file knows which cells a spreadsheet would run as a formula, and how to make them plain text.

A text that begins with `=`, `+`, `-` or `@` is run when a CSV file is opened in Excel, LibreOffice or Google
Sheets. A leading apostrophe makes it text. Exactly the cells of `is_formula` get one, so it
can be taken off again.

Source: OWASP, "CSV Injection"; full-width signs are formulas in East Asian versions of Excel.
"""

from __future__ import annotations

import re

APOSTROPHE = "'"

_SKIPPED = re.compile(r"[\s\"'\u200b-\u200f\u2060\ufeff]*")
"""What may be stripped before the first character is looked at: white space, quotes, invisible characters."""

_CONTROLS = re.compile(r"[\t\r\n]")
_SIGNS = tuple("=+-@＝＋－＠−")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]*)?|[0-9]+,[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?\s*"
)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may run this cell: a sign, tab or line break stands first, and it is no number.

    White space, quotes and invisible characters before the sign do not hide it. `-0.5`, `+44`, `1e-5` and
    `-3%` are numbers; `-` alone, `--5` and `-1+1` are not.
    """
    skipped = _SKIPPED.match(cell)
    assert skipped is not None
    if _CONTROLS.search(skipped.group()):
        return True
    rest = cell[skipped.end() :]
    return rest.startswith(_SIGNS) and _NUMBER.fullmatch(rest) is None


def neutralise_formula(cell: str) -> str:
    """The cell, with an apostrophe before it if a spreadsheet would run it."""
    return APOSTROPHE + cell if is_formula(cell) else cell


def restore_formula(cell: str) -> str:
    """The cell before `neutralise_formula`."""
    return cell[1:] if cell.startswith(APOSTROPHE) and is_formula(cell[1:]) else cell
