"""This file knows how a value shows itself in a notebook: a small piece of HTML, with its styles on its own elements alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

GOOD, BAD = "#1a7f37", "#b3261e"
"""Both have a contrast of more than 4.5 on white and stand beside words."""

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Header and rows, as text."""


def notebook_html(
    sentence: str, *, is_good: bool | None = None, details: Sequence[str] = (), table: Table | None = None
) -> str:
    """The sentence, what else is to be told, and a table; every text is escaped.

    Args:
        sentence: what comes first, in bold.
        is_good: gives the colour of its margin; None: neither.
        details: one line each.
        table: shown between them.
    """
    colour = "#767676" if is_good is None else GOOD if is_good else BAD
    parts = [f"<div style='font-weight:bold'>{escape(sentence)}</div>"]
    if table is not None:
        parts.append(_table(*table))
    parts += [f"<div>{escape(detail)}</div>" for detail in details]
    return f"<div style='border-left:4px solid {colour};padding:2px 0 2px 10px;max-width:60em'>{''.join(parts)}</div>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    style = "text-align:left;padding:2px 12px 2px 0"
    head = "".join(f"<th scope='col' style='{style}'>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td style='{style}'>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        "<table style='border-collapse:collapse;margin:6px 0'>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
