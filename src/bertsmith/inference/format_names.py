"""The formats of a prediction file by name, without what writes them: a wrong name is told before torch is there."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

OutputFormat = Literal["csv", "tsv", "jsonl", "parquet"]

FORMAT_OF_SUFFIX: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""Ending of a file's name → what is written into it."""


def format_of(name: str) -> OutputFormat | None:
    """What a file of this name holds; None where its ending says nothing."""
    return FORMAT_OF_SUFFIX.get(PurePath(name).suffix.lower())
