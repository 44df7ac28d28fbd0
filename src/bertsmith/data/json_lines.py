"""JSON lines, or one array of objects, to rows: strings as they are, numbers as written, null as missing."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from bertsmith.data.table import NOTHING_BAD, Row, Table, refuse_too_wide
from bertsmith.errors import UnreadableFile
from bertsmith.printing import quoted

SAMPLE_OBJECTS = 1000
"""The keys of the first objects are the columns."""

WHITE_SPACE = " \t\r\n"


class _NotText:
    """What stands in JSON where a text was expected."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def looks_like_json(head: str) -> bool:
    """Whether the text begins as a JSON object or as an array of objects."""
    start = head.lstrip("\ufeff" + WHITE_SPACE)
    if start.startswith("["):
        return start[1:].lstrip(WHITE_SPACE)[:1] in ("{", "]")
    return start.startswith("{") and start[1:].lstrip(WHITE_SPACE)[:1] in ('"', "}")


def refuse_damaged_json(name: str, first_lines: Sequence[str]) -> None:
    """Stop at a file whose name says JSON and whose lines try to be: read as delimited text it would be read wrongly.

    Raises:
        UnreadableFile: a line begins with a brace or bracket, though the file does not begin as JSON does.
    """
    written = [
        (line, text.strip("\ufeff" + WHITE_SPACE))
        for line, text in enumerate(first_lines, start=1)
        if text.strip()
    ]
    if not any(text.startswith(("{", "[")) for _, text in written):
        return
    line, first = written[0]
    if first.startswith("["):
        problem = "the file is a JSON array, but not one of objects."
    elif first.startswith("{"):
        problem = "the line is not a JSON object: its keys are not in double quotes."
    else:
        problem = f"the file's name says JSON, but it begins with {first[:20]!r}."
    raise UnreadableFile(
        name,
        problem,
        line=line,
        remedy='Expected lines like {"text": "…", "label": "…"}, or one array of such objects; correct or remove this one.',
    )


def open_json(name: str, lines: Iterator[str]) -> Table:
    """The table in JSON lines, or in one array of objects.

    Raises:
        UnreadableFile: one object instead of one per line, or an array that is broken.
    """
    watched = _Pushback(lines)
    offset = sum(1 for _ in itertools.takewhile(lambda line: not line.strip(), watched))
    first = watched.give_back()
    if first.lstrip("\ufeff" + WHITE_SPACE).startswith("["):
        objects = _array_objects(name, "".join(watched), first_line=offset + 1)
    else:
        objects = _line_objects(name, watched, first_line=offset + 1)
    sample = list(itertools.islice(objects, SAMPLE_OBJECTS))
    header = tuple(
        dict.fromkeys(key for _, parsed, _ in sample if isinstance(parsed, dict) for key in parsed)
    )
    if not header:
        line, parsed, _ = sample[0] if sample else (1, "it holds no object", "")
        raise UnreadableFile(
            name,
            f"no line is a JSON object ({parsed}).",
            line=line,
            remedy='Expected lines like {"text": "…", "label": "…"}.',
        )
    refuse_too_wide(name, len(header))
    known = frozenset(header)
    rows = (
        _row(line, parsed, header)._replace(json_text=as_written, more_keys=_more_keys(parsed, known))
        for line, parsed, as_written in itertools.chain(sample, objects)
    )
    return Table(name, header, rows)


class _Pushback:
    """Lines of which the last one taken can be given back once."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self._last = next(self._lines)
        return self._last

    def give_back(self) -> str:
        """Puts the last line back in front, and returns it."""
        self._lines = itertools.chain([self._last], self._lines)
        return self._last


def _line_objects(
    name: str, lines: Iterable[str], *, first_line: int
) -> Iterator[tuple[int, dict[str, Any] | str, str]]:
    """(line, object or problem, as written) of every line that is not blank."""
    parse = _decoder().decode
    for line, text in enumerate(lines, start=first_line):
        if text.isspace():
            continue
        parsed = _parsed(parse, text)
        if line == first_line and isinstance(parsed, str) and text.strip() in ("{", "[{"):
            raise UnreadableFile(
                name,
                "the file is one JSON object over several lines, not one object per line.",
                line=line,
                remedy='Write one object per line ({"text": "…", "label": "…"}), or one array of them.',
            )
        yield line, parsed, text.strip("\ufeff" + WHITE_SPACE)


def _parsed(parse: Callable[[str], Any], text: str) -> dict[str, Any] | str:
    """The object in this text, or why there is none."""
    try:
        parsed = parse(text.strip(WHITE_SPACE))
    except json.JSONDecodeError as error:
        return f"it is not JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "its JSON is nested too deeply"
    if not isinstance(parsed, dict):
        return "it is not a JSON object"
    return parsed


def _array_objects(
    name: str, text: str, *, first_line: int
) -> Iterator[tuple[int, dict[str, Any] | str, str]]:
    """(line, object or problem, as written) of every element of one array."""
    decoder = _decoder()
    position = _skip_space(text, text.index("[") + 1)
    line, counted = first_line, 0
    while text[position : position + 1] != "]":
        line, counted = line + text.count("\n", counted, position), position
        start = position
        try:
            parsed, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            bad_line = first_line + text.count(
                "\n", 0, error.pos if isinstance(error, json.JSONDecodeError) else position
            )
            problem = f"the JSON array is broken here ({reason})."
            raise UnreadableFile(
                name, problem, line=bad_line, remedy="Correct it, or write one object per line."
            ) from error
        yield line, parsed if isinstance(parsed, dict) else "it is not a JSON object", text[start:position]
        position = _skip_space(text, position)
        if text[position : position + 1] == ",":
            position = _skip_space(text, position + 1)
        elif text[position : position + 1] != "]":
            bad_line = first_line + text.count("\n", 0, position)
            problem = "the JSON array does not go on with a comma or end with ']' here."
            raise UnreadableFile(
                name, problem, line=bad_line, remedy="Correct it, or write one object per line."
            )


def _skip_space(text: str, position: int) -> int:
    """The position of the next character that is not white space."""
    while text[position : position + 1] and text[position] in WHITE_SPACE:
        position += 1
    return position


def _decoder() -> json.JSONDecoder:
    """Keeps numbers as they are written, and marks what has no one reading."""
    return json.JSONDecoder(
        parse_float=str,
        parse_int=str,
        parse_constant=lambda constant: _NotText(f"{constant} is not a JSON value"),
        object_pairs_hook=_object,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; a key that is given twice has no one value."""
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    counts = Counter(key for key, _ in pairs)
    for key, count in counts.items():
        if count > 1:
            result[key] = _NotText(f"the key {quoted(key)} is given {count} times")
    return result


def _more_keys(parsed: dict[str, Any] | str, known: frozenset[str]) -> tuple[str, ...]:
    """The keys of the object that are not known, in its order."""
    if isinstance(parsed, str) or parsed.keys() <= known:
        return ()
    return tuple(key for key in parsed if key not in known)


def _row(line: int, parsed: dict[str, Any] | str, header: tuple[str, ...]) -> Row:
    """The row of one object, with a cell for every column."""
    if isinstance(parsed, str):
        return Row((None,) * len(header), line, parsed)
    cells: list[str | None] = []
    bad: dict[int, str] = {}
    for index, key in enumerate(header):
        value = parsed.get(key)
        if value is None or isinstance(value, str):
            cells.append(value)
        elif isinstance(value, bool):
            cells.append("true" if value else "false")
        else:
            bad[index] = (
                value.reason
                if isinstance(value, _NotText)
                else f"the value of {quoted(key)} is nested, not a text"
            )
            cells.append(None)
    return Row(tuple(cells), line, None, bad or NOTHING_BAD)
