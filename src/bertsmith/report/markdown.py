"""This file knows how to put foreign text into Markdown: what is not Markdown by type is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bertsmith.printing import HIDING_JOINER, cut_name, is_hidden

_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_SPECIAL = re.compile(
    r"^\d+[.)](?!\S)|^[-+](?![^\s-])|^[=:#]|#$|[`*\[\]|~$\\&<>]|(?<=:)//|(?i:www)(?=\.)|@|(?<![^\W_])_|_(?![^\W_])"
)
"""What means something in Markdown, at a line's ends or anywhere; an underscore inside a word does not."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "&#92;", "//": "&#47;/", "@": "&#64;"}
"""`//` after a colon and `@`: no link that is not ours. A backslash: some readers' tables miscount two of them."""


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def neutral(text: str) -> str:
    """The text on one line; a mark stands where a character would hide or reorder others."""
    return "".join(map(_visible, HIDING_JOINER.sub("\N{REPLACEMENT CHARACTER}", text)))


def name_of(text: str) -> str:
    """A label, column or file name on one line, cut."""
    return cut_name(neutral(text))


def escape(value: object) -> Markdown:
    """Markdown that shows this text as it is; `Markdown` is given back unchanged."""
    if isinstance(value, Markdown):
        return value
    return Markdown(_SPECIAL.sub(_escaped, neutral(str(value)).strip()))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Markdown:
    """A table with padded columns, laid out as the Trainer's model cards are."""
    lines = [[escape(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    cells = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    padded = [f"| {' | '.join(line)} |" for line in cells]
    rule = "|" + "|".join(f":{'-' * width}:" for width in widths) + "|"
    return Markdown("\n".join([padded[0], rule, *padded[1:]]))


def render(template: str, values: dict[str, Any]) -> str:
    """The template of this package, filled; every value that is not `Markdown` is escaped."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    """Cached: compiling the template takes most of the time that a card takes."""
    return Environment(
        loader=PackageLoader("bertsmith.report"),
        autoescape=False,  # HTML's rules do not hold here; `finalize` applies Markdown's
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _visible(character: str) -> str:
    if character in _LINE_BREAKS:
        return "⏎"
    if character == "\t":
        return " "
    return "\N{REPLACEMENT CHARACTER}" if is_hidden(character) else character


def _escaped(match: re.Match[str]) -> str:
    found = match.group()
    if found[0] in "wW":
        return f"&#{ord(found[0])};{found[1:]}"
    return _ENTITIES.get(found, f"{found[:-1]}\\{found[-1]}")
