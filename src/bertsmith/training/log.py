"""This file knows how to write log.jsonl: one line per step and per epoch, numbers only, never a text of the data."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertsmith.durable_files import told_as
from bertsmith.training.history import EpochRecord, StepRecord


class TrainingLog:
    """The open log of a run; a further attempt goes on behind the earlier ones."""

    def __init__(self, path: Path, *, num_bytes: int) -> None:
        """Open the log behind its first bytes: what a kill left behind them is written again."""
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        if path.stat().st_size > num_bytes:
            self._file.truncate(num_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with told_as(self._path):
            self._file.close()

    def on_disk(self) -> int:
        """Have all so far on the disk; gives its bytes."""
        with told_as(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def attempt(self, number: int) -> None:
        """One line where an attempt begins; 0 is the first."""
        self._write({"event": "attempt", "attempt": number})

    def step(self, record: StepRecord) -> None:
        """One line for an optimizer step."""
        values = {name: value for name, value in asdict(record).items() if value is not None}
        self._write({"event": "step"} | values)

    def epoch(self, record: EpochRecord) -> None:
        """One line for a validation; everything so far reaches the disk."""
        self._write({"event": "epoch"} | record.to_json())
        with told_as(self._path):
            self._file.flush()

    def _write(self, line: dict[str, Any]) -> None:
        """JSON has no NaN: what is not finite is written as its name."""
        finite = {
            key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in line.items()
        }
        with told_as(self._path):
            self._file.write(json.dumps(finite, ensure_ascii=False) + "\n")
