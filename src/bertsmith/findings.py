"""What a finding is: we can go on, but you should know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]

MAX_ROWS_KEPT = 1000
"""A finding keeps at most this many row origins; `num_rows` always has the whole count."""

MAX_EXAMPLES_SHOWN = 3
"""Example rows that a page shows of a finding."""


@dataclass(frozen=True)
class Finding:
    """One thing that the user should know about the data, the model or the run."""

    code: str
    """Stable name, a letter and three digits: D data, T tokens, M model, L learning."""
    severity: Severity
    sentence: str
    """What is so, in one sentence, with its figures."""
    remedy: str = ""
    """The flag or edit that mends it."""
    rows: tuple[str, ...] = ()
    """Where: `file:line` of the rows that show it, at most `MAX_ROWS_KEPT`."""
    num_rows: int = 0
    """How many rows show it in all."""
    effect: str = ""
    """What it likely does to the score."""
    shown: tuple[str, ...] = ()
    """Up to three example rows with their texts, for the console only: no text of a row is written into a run."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values, without the example texts."""
        values = asdict(self) | {"rows": list(self.rows)}
        del values["shown"]
        return values


def finding_about(
    rows: Sequence[str],
    *,
    code: str,
    severity: Severity,
    sentence: str,
    remedy: str = "",
    effect: str = "",
    shown: Sequence[str] = (),
) -> Finding:
    """A finding whose evidence is these row origins, cut to what is kept."""
    return Finding(
        code=code,
        severity=severity,
        sentence=sentence,
        remedy=remedy,
        rows=tuple(rows[:MAX_ROWS_KEPT]),
        num_rows=len(rows),
        effect=effect,
        shown=tuple(shown[:MAX_EXAMPLES_SHOWN]),
    )
