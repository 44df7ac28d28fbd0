"""A file of somebody's model folder: a regular file inside it, of a bounded size, and plain JSON where it is JSON."""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bertsmith.errors import IncompatibleModel

AGAIN = "Download or copy the model again."
MAX_JSON_BYTES = 32_000_000
"""config.json of a classifier with 10,000 labels is 1 MB; the index of the largest sharded models is 5 MB."""
MAX_DEPTH = 24
"""Objects and lists inside one another; the configurations of transformers need 4."""
MAX_DIGITS = 40
"""Of a whole number; tokenizer_config.json says "no limit" with 31."""


def find_file(model: str, path: Path, *, max_bytes: int | None = None) -> Path | None:
    """The same path if there is such a file; None where there is nothing of that name.

    Raises:
        IncompatibleModel: it is no regular file, a link that leads out of the folder, or larger than `max_bytes`.
    """
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            _check_link(model, path)
            status = path.stat()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise IncompatibleModel(model, f"{path.name} is not a regular file.", remedy=AGAIN)
    if max_bytes is not None and status.st_size > max_bytes:
        problem = f"{path.name} has {status.st_size:,} bytes; no model needs more than {max_bytes:,}."
        raise IncompatibleModel(model, problem, remedy=AGAIN)
    return path


def _check_link(model: str, path: Path) -> None:
    """Follow a symbolic link inside the folder, or into the blobs of the Hugging Face cache, and no other.

    The cache lays a snapshot out as `snapshots/COMMIT/config.json → ../../blobs/HASH`.
    """
    folder = path.parent.resolve()
    allowed = [folder]
    if folder.parent.name == "snapshots":
        allowed.append(folder.parent.parent / "blobs")
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a ring of links is RuntimeError until Python 3.13
        raise IncompatibleModel(
            model, f"{path.name} is a symbolic link that leads nowhere.", remedy=AGAIN
        ) from error
    if not any(target.is_relative_to(root) for root in allowed):
        problem = f"{path.name} is a symbolic link out of the model's folder."
        raise IncompatibleModel(
            model, problem, remedy="Copy the file itself into the folder if you trust where it leads."
        )


def read_json(model: str, path: Path) -> dict[str, Any]:
    """The JSON object of a model's file: no name twice, no NaN, no endless numbers or nesting.

    Raises:
        IncompatibleModel: it cannot be read, or is not such an object.
    """
    try:
        if find_file(model, path, max_bytes=MAX_JSON_BYTES) is None:
            raise IncompatibleModel(model, f"there is no {path.name}.", remedy=AGAIN)
        text = path.read_text("utf-8")
    except OSError as error:
        raise IncompatibleModel(
            model, f"{path.name} cannot be read ({error.strerror}).", remedy=AGAIN
        ) from error
    except UnicodeDecodeError as error:
        raise IncompatibleModel(
            model, f"{path.name} is damaged: it is not UTF-8 ({error}).", remedy=AGAIN
        ) from error
    return parse_object(model, text, file=path.name)


def parse_object(model: str, text: str, *, file: str) -> dict[str, Any]:
    """The JSON object that this text of a file is.

    Raises:
        IncompatibleModel: it is none, or one that two readers could read in two ways.
    """
    try:
        values = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_whole_number
        )
        is_deep = any(depth > MAX_DEPTH for _, _, depth in walk(values))
    except RecursionError:
        is_deep = True
    except ValueError as error:
        raise IncompatibleModel(
            model, f"{file} is damaged: it is not plain JSON ({error}).", remedy=AGAIN
        ) from error
    if is_deep:
        raise IncompatibleModel(
            model, f"{file} is nested more than {MAX_DEPTH} levels deep, which no model needs.", remedy=AGAIN
        )
    if not isinstance(values, dict):
        raise IncompatibleModel(model, f"{file} is damaged: it is not a JSON object.", remedy=AGAIN)
    return values


def walk(values: object) -> Iterator[tuple[str, object, int]]:
    """(dotted place, value, depth) of every value inside, however deep, without recursion."""
    waiting: list[tuple[str, object, int]] = [("", values, 0)]
    while waiting:
        at, value, depth = waiting.pop()
        if at:
            yield at, value, depth
        dot = f"{at}." if at else ""
        waiting += [(f"{dot}{key}", inner, depth + 1) for key, inner in _inside(value)]


def _inside(value: object) -> Iterable[tuple[object, object]]:
    """(name or index, value) of what an object or a list holds."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose names stands once: readers differ in which of two they take."""
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the name {twice[:80]!r} stands twice in one object")
    return values


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits):,} digits")
    return int(digits)
