"""Repairs that were asked for: rows as read → rows as used, with a note for every row that was changed or dropped."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bertsmith.config import DataConfig
from bertsmith.data.broken_text import mend_encoding
from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Example
from bertsmith.data.label_twins import spelling_by_label
from bertsmith.data.reading import LabelledRows
from bertsmith.findings import Finding, finding_about
from bertsmith.printing import quoted

Sources = Mapping[str, LabelledRows]


@dataclass(frozen=True)
class Repairs:
    """What may be repaired; nothing is by default."""

    fix_encoding: bool = False
    merge_labels: bool = False
    drop_empty: bool = False
    drop_conflicts: bool = False
    drop_duplicates: bool = False

    @classmethod
    def from_config(cls, config: DataConfig) -> Repairs:
        """The settings of the same names."""
        return cls(
            fix_encoding=config.fix_encoding,
            merge_labels=config.merge_labels,
            drop_empty=config.drop_empty,
            drop_conflicts=config.drop_conflicts,
            drop_duplicates=config.drop_duplicates,
        )


@dataclass(frozen=True)
class Change:
    """What was done to one row."""

    row: str
    """`file:line`."""
    action: str
    """`changed`, `dropped`, or `left out` for a row that could not be used in the first place."""
    reason: str


@dataclass(frozen=True)
class Repaired:
    """The files' rows after the repairs."""

    sources: dict[str, LabelledRows]
    findings: tuple[Finding, ...]
    """One for every kind of repair that changed or dropped something."""
    changes: tuple[Change, ...]


def repair(sources: Sources, repairs: Repairs) -> Repaired:
    """The rows with these repairs made, in the order in which each helps the next.

    Texts and labels are mended in every file; rows are dropped from the training file alone, so that scores on given
    files stay comparable. A training row whose text stands in a given file counts as a duplicate of it.
    """
    steps: list[tuple[bool, str, Callable[[dict[str, LabelledRows]], list[Change]]]] = [
        (repairs.fix_encoding, "--fix-encoding", _fix_encoding),
        (repairs.merge_labels, "--merge-labels", _merge_labels),
        (repairs.drop_empty, "--drop-empty", _drop_empty),
        (repairs.drop_conflicts, "--drop-conflicts", _drop_conflicts),
        (repairs.drop_duplicates, "--drop-duplicates", _drop_duplicates),
    ]
    current = dict(sources)
    changes: list[Change] = []
    findings = []
    for is_wanted, flag, step in steps:
        made = step(current) if is_wanted else []
        changes += made
        if made:
            findings.append(_finding(flag, made))
    return Repaired(current, tuple(findings), tuple(changes))


def _finding(flag: str, made: Sequence[Change]) -> Finding:
    """D039: what a repair did."""
    done = "dropped" if made[0].action == "dropped" else "changed"
    number = f"{len(made):,} row{'' if len(made) == 1 else 's'}"
    reasons = "; ".join(
        f"{count:,} × {reason}" for reason, count in Counter(each.reason for each in made).most_common(3)
    )
    return finding_about(
        [change.row for change in made],
        code="D039",
        severity="info",
        sentence=f"{flag} {done} {number}: {reasons}.",
    )


def _fix_encoding(sources: dict[str, LabelledRows]) -> list[Change]:
    """Texts as they were before they were decoded wrongly, without invisible characters."""

    def mended(row: Example) -> Example:
        text = mend_encoding(row.text)
        pair = None if row.text_pair is None else mend_encoding(row.text_pair)
        return row if (text, pair) == (row.text, row.text_pair) else replace(row, text=text, text_pair=pair)

    return _replace(sources, mended, reason=lambda before, after: "broken or invisible characters mended")


def _merge_labels(sources: dict[str, LabelledRows]) -> list[Change]:
    """One spelling for labels that are twins."""
    counts = Counter(row.label for source in sources.values() for row in source.examples)
    spelling = spelling_by_label(counts)

    def merged(row: Example) -> Example:
        return replace(row, label=spelling[row.label]) if row.label in spelling else row

    return _replace(
        sources,
        merged,
        reason=lambda before, after: f"label {quoted(before.label)} is now {quoted(after.label)}",
    )


def _drop_empty(sources: dict[str, LabelledRows]) -> list[Change]:
    """No training rows whose text is nothing but white space and characters that nobody sees."""

    def is_empty(row: Example) -> bool:
        texts = (row.text,) if row.text_pair is None else (row.text, row.text_pair)
        return any(not mend_encoding(text).strip() for text in texts)

    reasons = {
        index: "nothing to read" for index, row in enumerate(sources["train"].examples) if is_empty(row)
    }
    return _drop(sources, reasons)


def _drop_conflicts(sources: dict[str, LabelledRows]) -> list[Change]:
    """No training row of a text that has several labels."""
    labels: dict[str, set[str]] = defaultdict(set)
    for source in sources.values():
        for row in source.examples:
            labels[fold_example(row)].add(row.label)
    return _drop(
        sources,
        {
            index: "its text has several labels"
            for index, row in enumerate(sources["train"].examples)
            if len(labels[fold_example(row)]) > 1
        },
    )


def _drop_duplicates(sources: dict[str, LabelledRows]) -> list[Change]:
    """The first training row of each text, and none of a text that a given file has."""
    held_out = {
        fold_example(row): str(row.origin)
        for name, source in sources.items()
        if name != "train"
        for row in reversed(source.examples)
    }
    seen: set[str] = set()
    reasons: dict[int, str] = {}
    for index, row in enumerate(sources["train"].examples):
        key = fold_example(row)
        if key in held_out:
            reasons[index] = "its text stands in a given file"
        elif key in seen:
            reasons[index] = "it repeats an earlier text"
        seen.add(key)
    return _drop(sources, reasons)


def _replace(
    sources: dict[str, LabelledRows],
    change: Callable[[Example], Example],
    *,
    reason: Callable[[Example, Example], str],
) -> list[Change]:
    """Every row as `change` gives it; a row that it gives back itself is unchanged."""
    changes = []
    for name, source in sources.items():
        after = tuple(map(change, source.examples))
        pairs = [pair for pair in zip(source.examples, after, strict=True) if pair[0] is not pair[1]]
        changes += [Change(str(old.origin), "changed", reason(old, new)) for old, new in pairs]
        sources[name] = replace(source, examples=after)
    return changes


def _drop(sources: dict[str, LabelledRows], reasons: Mapping[int, str]) -> list[Change]:
    """The training rows without those at these indices."""
    source = sources["train"]
    kept = [index for index in range(len(source.examples)) if index not in reasons]
    sources["train"] = replace(
        source,
        examples=tuple(source.examples[index] for index in kept),
        others=tuple(source.others[index] for index in kept) if source.others else (),
        num_reported=source.num_reported + len(reasons),
    )
    return [
        Change(str(source.examples[index].origin), "dropped", reason) for index, reason in reasons.items()
    ]
