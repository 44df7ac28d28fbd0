"""What card and page say of a path of this machine: the name, and not where it lies."""

from __future__ import annotations

import re
from collections.abc import Iterable


def last_part(path: str) -> str:
    """The name of a file or folder without where it lies."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] or path


def with_names(sentence: str, paths: Iterable[str]) -> str:
    """The sentence with each of these paths by its name alone; the longest first, as one may begin with another."""
    for path in sorted(set(paths), key=len, reverse=True):
        sentence = sentence.replace(path, last_part(path))
    return sentence
