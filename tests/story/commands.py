"""The command line as a function: arguments → exit code, standard output, standard error."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from bertsmith.cli import run


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


def bertsmith(*arguments: object, stdin: str = "") -> Outcome:
    """Run one command in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    with mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err):
        code = run([str(argument) for argument in arguments])
        out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return Outcome(code, out.buffer.getvalue().decode("utf-8"), err.getvalue())


def results(folder: Path) -> dict[str, Any]:
    """The results.json of a run folder."""
    values = json.loads((folder / "results.json").read_text("utf-8"))
    assert isinstance(values, dict)
    return values


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    """Everything in results.json but what the clock and the system's memory say."""
    return {name: value for name, value in values.items() if name not in ("speed", "memory")}


def weights(folder: Path) -> bytes:
    """The bits of the model."""
    return (folder / "model.safetensors").read_bytes()
