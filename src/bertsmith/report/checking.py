"""What the console shows of checked data: worst first, grouped by what it is about, with examples, effect and remedy."""

from __future__ import annotations

from collections import Counter

from bertsmith.checking import Checked
from bertsmith.console import Console
from bertsmith.errors import list_names
from bertsmith.findings import Finding, Severity

FAMILIES: dict[str, tuple[str, ...]] = {
    "Rows that cannot be used as they are": (
        *("D001", "D002", "D003", "D004", "D005"),
        *("D014", "D015", "D016", "D017", "D026"),
    ),
    "Labels": ("D018", "D019", "D020", "D021", "D022", "D023", "D024", "D025"),
    "Conflicts and repeats": ("D011", "D012", "D027"),
    "Rows that splits share": ("D010", "D028", "D029"),
    "Giveaways": ("D030", "D031", "D032", "D033"),
    "Drift": ("D034", "D035", "D036", "D037"),
    "Length and vocabulary": ("T001", "T002", "T003", "T004"),
    "Enough rows?": ("D013", "D038"),
    "Repairs": ("D039",),
}
"""What findings are about, by code."""
WORST_FIRST: tuple[Severity, ...] = ("error", "warning", "info")
NAMES: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def show_check(checked: Checked, console: Console) -> None:
    """The page; a quiet console tells its last line alone."""
    _show_rows(checked, console)
    for title, findings in grouped(checked.findings):
        console.say("")
        console.say(title, style="bold")
        for finding in findings:
            _show_finding(finding, console)
    console.say("")
    errors = checked.errors
    style = "bold red" if errors else "bold yellow" if _number(checked, "warning") else "bold green"
    console.answer(last_line(checked), style=style)


def grouped(findings: tuple[Finding, ...]) -> list[tuple[str, list[Finding]]]:
    """The families that have findings, worst first, and in each the findings, worst first."""
    groups = []
    for title, codes in FAMILIES.items():
        own = [finding for finding in findings if finding.code in codes]
        if own:
            groups.append((title, sorted(own, key=_severity)))
    return sorted(groups, key=lambda group: _severity(group[1][0]))


def last_line(checked: Checked) -> str:
    """`1 error, 2 warnings, 1 note: train would not start. …`."""
    counts = Counter(finding.severity for finding in checked.findings)
    told = ", ".join(
        f"{counts[severity]} {NAMES[severity]}{'' if counts[severity] == 1 else 's'}"
        for severity in WORST_FIRST
        if counts[severity]
    )
    if not told:
        return "Nothing was found."
    codes = sorted({finding.code for finding in checked.errors})
    if codes:
        return f"{told}: train would not start because of {', '.join(codes)}."
    first = min(checked.findings, key=lambda finding: (_severity(finding), finding.code))
    return f"{told}. More about each: bertsmith explain {first.code}"


def _severity(finding: Finding) -> int:
    return WORST_FIRST.index(finding.severity)


def _number(checked: Checked, severity: str) -> int:
    return sum(finding.severity == severity for finding in checked.findings)


def _show_rows(checked: Checked, console: Console) -> None:
    """How many rows there are, where, and of which labels."""
    for note in dict.fromkeys(note for rows in checked.sources.values() for note in rows.notes):
        console.say(note, style="dim")
    for rows in checked.sources.values():
        console.say(f"{rows.name}: {rows.num_rows:,} rows, {len(rows.examples):,} used.")
    if not checked.parts:
        return
    sizes = ", ".join(
        f"{len(part):,} {part.name}{'' if part.is_given else ' (cut)'}" for part in checked.parts
    )
    names = checked.train.label_counts
    console.say(f"Rows: {sizes}. {len(names)} labels: {list_names(names)}.")


def _show_finding(finding: Finding, console: Console) -> None:
    """One finding over a few indented lines."""
    console.say(f"  {finding.severity} {finding.code}  {finding.sentence}", style=STYLES[finding.severity])
    for example in finding.shown:
        for line in example.split("\n"):
            console.say(f"      {line}")
    if finding.rows and (console.verbose or not finding.shown):
        named = ", ".join(finding.rows[: console.rows_shown])
        more = finding.num_rows - min(len(finding.rows), console.rows_shown)
        console.say(f"      {named}{f' and {more:,} more' if more > 0 else ''}")
    if finding.effect:
        console.say(f"    Effect: {finding.effect}", style="dim")
    if finding.remedy:
        console.say(f"    Remedy: {finding.remedy}")
