"""Texts that nothing can be learned from as they stand: broken encoding, markup, bare addresses; unreadable rows."""

from __future__ import annotations

import re
from collections.abc import Callable

from bertsmith.data.broken_text import (
    find_invisible,
    find_markup,
    find_mojibake,
    is_bare_address,
    mend_encoding,
)
from bertsmith.data.checks.rows import RowsToCheck
from bertsmith.data.checks.wording import around, counted, percent, row_line
from bertsmith.data.example import Example
from bertsmith.data.reported_rows import UNREADABLE
from bertsmith.findings import MAX_EXAMPLES_SHOWN, Finding, finding_about

MOST_UNREADABLE = 0.01
"""Share of the rows of a file; beyond it the file is probably read wrongly."""


def find_broken_encoding(rows: RowsToCheck) -> list[Finding]:
    """D014: texts decoded wrongly, or with characters that nobody sees."""
    found, shown = _texts_where(rows, lambda text: find_mojibake(text) or find_invisible(text), mended=True)
    if not found:
        return []
    return [
        finding_about(
            found,
            code="D014",
            severity="warning",
            sentence=f"{counted(len(found), 'row has', 'rows have')} broken or invisible characters in the text.",
            effect="The tokenizer cuts such words into pieces that it has rarely or never seen.",
            remedy="--fix-encoding mends what can be; a character that is lost (U+FFFD) must be corrected by hand.",
            shown=shown,
        )
    ]


def find_debris(rows: RowsToCheck) -> list[Finding]:
    """D015: HTML tags and entities, and texts that are Python's way of writing bytes."""
    found, shown = _texts_where(rows, find_markup)
    if not found:
        return []
    return [
        finding_about(
            found,
            code="D015",
            severity="warning",
            sentence=f"{counted(len(found), 'row has', 'rows have')} HTML or a Python b'…' in the text.",
            effect="The model reads the markup as words, and rows that it will be used on may not have it.",
            remedy="Remove the markup where the file is made, or make sure that new texts have it too.",
            shown=shown,
        )
    ]


def find_bare_addresses(rows: RowsToCheck) -> list[Finding]:
    """D016: texts that are one URL or one identifier."""
    found = [example for _, example, _ in rows.every() if is_bare_address(example.text)]
    if not found:
        return []
    return [
        finding_about(
            [str(example.origin) for example in found],
            code="D016",
            severity="warning",
            sentence=f"{counted(len(found), 'text is', 'texts are')} nothing but a URL or an id.",
            effect="There is nothing in them to learn the label from: they are learned by heart or missed.",
            remedy="Put the text in their place, or delete the rows.",
            shown=[row_line(example) for example in found[:MAX_EXAMPLES_SHOWN]],
        )
    ]


def find_unreadable_share(rows: RowsToCheck) -> list[Finding]:
    """D017: so many rows of a file cannot be read that it is probably read wrongly."""
    findings = []
    for source in rows.sources.values():
        bad = sum(finding.num_rows for finding in source.findings if finding.code == UNREADABLE)
        if bad > MOST_UNREADABLE * source.num_rows:
            findings.append(
                finding_about(
                    next(finding.rows for finding in source.findings if finding.code == UNREADABLE),
                    code="D017",
                    severity="error",
                    sentence=f"{source.name}: {bad:,} of {source.num_rows:,} rows ({percent(bad / source.num_rows)}) cannot be read.",
                    effect="What is left may not be what the file says: such files are usually read with the wrong delimiter or quotes.",
                    remedy="Check --delimiter and --encoding, correct the rows, or go on without them: --ignore D017.",
                )
            )
    return findings


def _texts_where(
    rows: RowsToCheck, find: Callable[[str], re.Match[str] | None], *, mended: bool = False
) -> tuple[list[str], list[str]]:
    """The origins of the rows whose text has such a place, and the first few of them shown."""
    found: list[str] = []
    shown: list[str] = []
    for _, example, _ in rows.every():
        match = find(example.text) or (find(example.text_pair) if example.text_pair else None)
        if match is None:
            continue
        found.append(str(example.origin))
        if len(shown) < MAX_EXAMPLES_SHOWN:
            shown.append(_shown(example, match, mended=mended))
    return found, shown


def _shown(example: Example, match: re.Match[str], *, mended: bool) -> str:
    """The place in its surroundings, and what it would be when mended."""
    line = row_line(example, text=around(match.string, *match.span()))
    after = mend_encoding(match.group())
    return f"{line} → «{after}»" if mended and after not in ("", match.group()) else line
