"""Texts that stand more than once: with different labels, within a split, in two splits, and nearly the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

from bertsmith.data.checks.rows import Part, RowsToCheck
from bertsmith.data.checks.wording import counted, percent, row_line, word_difference
from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Example
from bertsmith.findings import MAX_EXAMPLES_SHOWN, Finding, finding_about

MOST_LEAKED = 0.05
"""Share of a given test file; beyond it the score says more about memory than about learning."""


def find_contradictions(rows: RowsToCheck) -> list[Finding]:
    """D011: the same text with different labels."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for _, example, key in rows.every():
        labels[key][example.label] += 1
    torn = {key: counts for key, counts in labels.items() if len(counts) > 1}
    if not torn:
        return []
    found = [(key, example) for _, example, key in rows.every() if key in torn]
    lost = sum(sum(counts.values()) - max(counts.values()) for counts in torn.values())
    by_text: dict[str, dict[str, Example]] = {key: {} for key in islice(torn, MAX_EXAMPLES_SHOWN)}
    for key, example in found:
        if key in by_text:
            by_text[key].setdefault(example.label, example)
    shown = ["\n".join(row_line(example) for example in examples.values()) for examples in by_text.values()]
    return [
        finding_about(
            [str(example.origin) for _, example in found],
            code="D011",
            severity="warning",
            sentence=f"{counted(len(torn), 'text has', 'texts have')} different labels in different rows ({len(found):,} rows).",
            effect=f"No model can be right on all of them: the best possible accuracy over all rows is {1 - lost / rows.num_rows:.4f}.",
            remedy="Decide on one label for each of them, or leave them out: --drop-conflicts.",
            shown=shown,
        )
    ]


def find_repeats(rows: RowsToCheck) -> list[Finding]:
    """D012: rows that repeat a text of their own split."""
    found: list[Example] = []
    shown: list[str] = []
    for part in rows.parts:
        seen: dict[str, Example] = {}
        for example, key in zip(part.dataset.examples, part.keys, strict=True):
            earlier = seen.setdefault(key, example)
            if earlier is example:
                continue
            found.append(example)
            if len(shown) < MAX_EXAMPLES_SHOWN:
                shown.append(_pair_lines(earlier, example))
    if not found:
        return []
    return [
        finding_about(
            [str(example.origin) for example in found],
            code="D012",
            severity="warning",
            sentence=f"{counted(len(found), 'row repeats', 'rows repeat')} a text of their split; rows of one text were kept together.",
            effect="A repeated text counts as often as it stands there, in training and in scores; intervals count it once.",
            remedy="--drop-duplicates keeps the first of each in the training file.",
            shown=shown,
        )
    ]


def find_shared_texts(rows: RowsToCheck) -> list[Finding]:
    """D010: rows of a given split whose text is in an earlier one too."""
    findings = []
    for earlier, later in _ordered_pairs(rows.parts):
        first = dict(zip(reversed(earlier.keys), reversed(earlier.dataset.examples), strict=True))
        found = [
            (first[key], example)
            for example, key in zip(later.dataset.examples, later.keys, strict=True)
            if key in first
        ]
        if found:
            findings.append(_leak(rows, earlier, later, found=found))
    return findings


def find_leaked_test(rows: RowsToCheck) -> list[Finding]:
    """D029: more of a given test file stands in the training rows than a score survives."""
    known = set(rows.train.keys)
    findings = []
    for part in rows.held_out:
        leaked = [
            str(example.origin)
            for example, key in zip(part.dataset.examples, part.keys, strict=True)
            if key in known
        ]
        if part.name == "test" and part.is_given and len(leaked) > MOST_LEAKED * len(part):
            findings.append(
                finding_about(
                    leaked,
                    code="D029",
                    severity="error",
                    sentence=f"{percent(len(leaked) / len(part))} of the given test rows stand in the training rows.",
                    effect=_inflation(rows, len(leaked) / len(part)),
                    remedy="--drop-duplicates takes them out of the training rows; --ignore D029 goes on as it is.",
                )
            )
    return findings


def leaked_rows(rows: RowsToCheck, name: str) -> tuple[int, ...]:
    """The indices of the rows of this split whose text, or nearly it, stands in the training rows."""
    known = set(rows.train.keys)
    firsts = list(rows.first_of.items())
    for pair in rows.near:  # of a pair the earlier text is the one of train, if any is
        if firsts[pair.first][1][0] is rows.train:
            known.add(firsts[pair.second][0])
    part = next((part for part in rows.held_out if part.name == name), None)
    return () if part is None else tuple(index for index, key in enumerate(part.keys) if key in known)


def find_near_duplicates(rows: RowsToCheck) -> list[Finding]:
    """D027: different texts of one split that are nearly the same."""
    firsts = list(rows.first_of.values())
    pairs = [pair for pair in rows.near if firsts[pair.first][0] is firsts[pair.second][0]]
    if not pairs:
        return []
    later = {pair.second: pair for pair in reversed(pairs)}
    found = [firsts[index][1] for index in sorted(later)]
    torn = sum(firsts[pair.first][1].label != firsts[pair.second][1].label for pair in pairs)
    also = f"; {counted(torn, 'pair has', 'pairs have')} two labels" if torn else ""
    return [
        finding_about(
            [str(example.origin) for example in found],
            code="D027",
            severity="info",
            sentence=f"{counted(len(found), 'text is', 'texts are')} nearly the same as an earlier one of their split (similarity {rows.near_threshold:g} or more){also}.",
            effect="They count nearly like repeats: less is learned from them than their number says.",
            remedy="Look whether they are mistakes; --group-duplicates near never puts them on two sides of a cut.",
            shown=[
                _pair_lines(firsts[pair.first][1], firsts[pair.second][1])
                for pair in pairs[:MAX_EXAMPLES_SHOWN]
            ],
        )
    ]


def find_near_leaks(rows: RowsToCheck) -> list[Finding]:
    """D028: texts of a split that are nearly the same as one of an earlier split."""
    firsts = list(rows.first_of.values())
    findings = []
    for earlier, later in _ordered_pairs(rows.parts):
        pairs = {
            pair.second: pair
            for pair in reversed(rows.near)
            if firsts[pair.first][0] is earlier and firsts[pair.second][0] is later
        }
        if not pairs:
            continue
        found = [(firsts[pair.first][1], firsts[pair.second][1]) for _, pair in sorted(pairs.items())]
        share = len(found) / len(later)
        findings.append(
            finding_about(
                [str(example.origin) for _, example in found],
                code="D028",
                severity="warning" if share >= 0.01 else "info",
                sentence=f"{len(found):,} of {len(later):,} {later.name} rows have nearly the text of a row of {earlier.name} (similarity {rows.near_threshold:g} or more).",
                effect=_inflation(rows, share)
                if earlier.name == "train"
                else "What chooses and what judges are not independent there.",
                remedy="Take them out of one of the files."
                if later.is_given
                else "--group-duplicates near keeps them on one side of the cut.",
                shown=[_pair_lines(first, second) for first, second in found[:MAX_EXAMPLES_SHOWN]],
            )
        )
    return findings


def _ordered_pairs(parts: tuple[Part, ...]) -> list[tuple[Part, Part]]:
    """Every split with every later one."""
    return [(earlier, later) for index, earlier in enumerate(parts) for later in parts[index + 1 :]]


def _leak(rows: RowsToCheck, earlier: Part, later: Part, *, found: list[tuple[Example, Example]]) -> Finding:
    """Texts that two splits share."""
    share = len(found) / len(later)
    place = later.name if earlier.name == "train" else earlier.name
    return finding_about(
        [str(example.origin) for _, example in found],
        code="D010",
        severity="warning",
        sentence=f"{len(found):,} of {len(later):,} {later.name} rows have a text that is in the {earlier.name} rows too.",
        effect=_inflation(rows, share)
        if earlier.name == "train"
        else "What chooses and what judges are not independent there.",
        remedy=f"Scores on them tell memory, not learning: remove them from the {place} file"
        + (", or from the training rows with --drop-duplicates." if earlier.name == "train" else "."),
        shown=[_pair_lines(first, second) for first, second in found[:MAX_EXAMPLES_SHOWN]],
    )


def _inflation(rows: RowsToCheck, share: float) -> str:
    """By how much a model that remembers the leaked rows is overrated, at most.

    Of an accuracy a, the leaked share s adds s × (1 − a); and a is not below the most frequent label's share.
    """
    counts = rows.train.dataset.label_counts
    most = max(counts.values(), default=0) / max(1, len(rows.train))
    return f"A model that remembers them gains up to {100 * share * (1 - most):.1f} points of accuracy that it will not have on new texts."


def _pair_lines(first: Example, second: Example) -> str:
    """Two rows of the same or nearly the same text, the second with its differences marked."""
    before = first.text if first.text_pair is None else f"{first.text} ¦ {first.text_pair}"
    after = second.text if second.text_pair is None else f"{second.text} ¦ {second.text_pair}"
    if before == after:
        return f"{row_line(first)}\n{row_line(second, text='(the same)')}"
    if fold_example(first) == fold_example(second):
        return f"{row_line(first)}\n{row_line(second)} (the same but for case, spaces or Unicode form)"
    return f"{row_line(first)}\n{row_line(second, text=word_difference(before, after))}"
