"""Rows that reading tells of: those that cannot be used, and labels that were trimmed → Findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from bertsmith.errors import EmptySplit, UnreadableFile
from bertsmith.findings import Finding, finding_about

UNREADABLE, EMPTY_TEXT, MISSING_LABEL, TRIMMED_LABEL, EMPTY_PAIR = "D001", "D002", "D003", "D004", "D005"
"""Codes of what is found while reading."""


class TextRow(NamedTuple):
    """The cells that we use of one row, or why the row cannot be used."""

    text: str
    text_pair: str | None
    label: str | None
    """As written, white space included; None without a label column or value."""
    line: int
    code: str | None = None
    """The finding code of a row that cannot be used."""
    problem: str | None = None
    others: tuple[str | None, ...] = ()
    """The cells of the columns that are neither text nor label, in their order; none where no label is asked for."""


@dataclass
class Reported:
    """The rows that are told of, by finding code: those that are not used, and those whose label was trimmed."""

    places: dict[str, list[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    first_problem: tuple[int, str] | None = None
    unused: list[TextRow] = field(default_factory=list)

    def add(self, row: TextRow, name: str, code: str) -> None:
        """Notes the place of a row and why it is reported."""
        self.places.setdefault(code, []).append(f"{name}:{row.line}")
        if row.code is not None:
            self.unused.append(row)
        if code == UNREADABLE:
            problem = row.problem or ""
            self.reasons[problem] += 1
            self.first_problem = self.first_problem or (row.line, problem)

    def num(self, code: str) -> int:
        """How many rows have this code."""
        return len(self.places.get(code, []))


def refuse_hopeless(name: str, reported: Reported, *, num_rows: int, num_used: int) -> None:
    """Mostly unreadable rows are read wrongly; no usable row is nothing to train on."""
    num_bad = reported.num(UNREADABLE)
    if num_bad * 2 > num_rows and reported.first_problem is not None:
        line, reason = reported.first_problem
        raise UnreadableFile(
            name,
            f"{num_bad} of {num_rows} rows cannot be read; the first: {reason}.",
            line=line,
            remedy="Check --delimiter, --encoding and --no-header, or correct the file.",
        )
    if num_used == 0:
        counts = (
            (UNREADABLE, "unreadable"),
            (EMPTY_TEXT, "without text"),
            (MISSING_LABEL, "without label"),
            (EMPTY_PAIR, "without second text"),
        )
        found = ", ".join(f"{reported.num(code)} {what}" for code, what in counts if reported.num(code))
        raise EmptySplit(
            f"{name}: none of the {num_rows} rows can be used ({found}). "
            "Expected rows with a text and a label; check --text-column and --label-column."
        )


def reading_findings(name: str, reported: Reported) -> tuple[Finding, ...]:
    """One warning per kind of row that was not used, or of label that was trimmed."""
    reasons = "; ".join(f"{count} because {reason}" for reason, count in reported.reasons.most_common(3))
    sentences = {
        UNREADABLE: (f"cannot be read and {{are}} not used: {reasons}.", "Correct them in the file."),
        EMPTY_TEXT: ("{have} no text and {are} not used.", "Fill in the text or delete them."),
        EMPTY_PAIR: ("{have} no second text and {are} not used.", "Fill in the second text or delete them."),
        MISSING_LABEL: ("{have} no label and {are} not used.", "Fill in the label or delete them."),
        TRIMMED_LABEL: (
            "{have} white space around the label; it is not part of the label.",
            "Remove it in the file.",
        ),
    }
    found = []
    for code, (sentence, remedy) in sentences.items():
        rows = reported.places.get(code, [])
        if rows:
            words = {"are": "is", "have": "has"} if len(rows) == 1 else {"are": "are", "have": "have"}
            count = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
            filled = sentence.replace("{are}", words["are"]).replace("{have}", words["have"])
            found.append(
                finding_about(
                    rows,
                    code=code,
                    severity="warning",
                    sentence=f"{name}: {count} {filled}",
                    remedy=remedy,
                )
            )
    return tuple(sorted(found, key=lambda finding: finding.code))
