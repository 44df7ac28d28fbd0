"""This file knows how to write log.jsonl: one line per step and per epoch, numbers only, never a text of the data."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertsmith.training.history import EpochRecord, StepRecord


class TrainingLog:
    """The open log of a run; a further attempt goes on behind the earlier ones."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

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
        self._file.flush()

    def _write(self, line: dict[str, Any]) -> None:
        """JSON has no NaN: what is not finite is written as its name."""
        finite = {
            key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in line.items()
        }
        self._file.write(json.dumps(finite, ensure_ascii=False) + "\n")
