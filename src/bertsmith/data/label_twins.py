"""Which labels are one label written in two ways: other case, spaces or Unicode form, or a typing error."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from bertsmith.data.unicode_forms import compatible

MOST_LABELS = 1000
"""With more labels only spelling is compared: typing errors need every pair."""
RARE_SHARE = 0.1
"""A typing error is at most so frequent as the label that it stands for, in rows."""
TWO_ERRORS_FROM = 8
"""Letters from which on two errors are forgiven; from 4 on one is."""
LONG_WORD = 6
"""Letters from which on the first one may be wrong too: `late` and `rate` are two words."""
OPPOSITES = ("a", "an", "un", "in", "im", "il", "ir", "de", "re", "no", "non", "bi", "e")
"""Prefixes that make another label: `typical` and `atypical`, `relevant` and `irrelevant`."""


@dataclass(frozen=True)
class Twins:
    """Spellings of one label."""

    kept: str
    """The most frequent one."""
    others: tuple[str, ...]
    reason: str
    """`case, spaces or Unicode form`, or `a typing error`."""


def fold_label(label: str) -> str:
    """The label without what makes no difference: compatibility forms, case, spaces, hyphens, underscores."""
    return re.sub(r"[\s_-]+", " ", compatible(label).casefold()).strip()


def find_twins(counts: Mapping[str, int]) -> list[Twins]:
    """The labels that are spelled in more than one way, by their counts of rows."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        spellings[_key(label)].append(label)
    twins = [
        Twins(labels[0], tuple(labels[1:]), "case, spaces or Unicode form")
        for labels in spellings.values()
        if len(labels) > 1
    ]
    rows = Counter({key: sum(counts[label] for label in labels) for key, labels in spellings.items()})
    for rare, kept in _typing_errors(rows).items():
        twins.append(Twins(spellings[kept][0], tuple(spellings[rare]), "a typing error"))
    return sorted(twins, key=lambda twin: (twin.kept, twin.others))


def spelling_by_label(counts: Mapping[str, int]) -> dict[str, str]:
    """What each twin is to be replaced by."""
    replaced = {other: twin.kept for twin in find_twins(counts) for other in twin.others}
    return {label: replaced.get(kept, kept) for label, kept in replaced.items()}


def _key(label: str) -> str:
    """The folded label; a label of signs alone (`+`, `-`) is itself."""
    return fold_label(label) or label


def _typing_errors(rows: Mapping[str, int]) -> dict[str, str]:
    """Rare folded label → the frequent one that it is probably meant to be."""
    if len(rows) > MOST_LABELS:
        return {}
    found: dict[str, tuple[int, str]] = {}
    for first, second in combinations(sorted(rows), 2):
        rare, kept = sorted((first, second), key=lambda label: rows[label])
        if rows[rare] > RARE_SHARE * rows[kept] or not _could_be_error(rare, kept):
            continue
        allowed = 2 if len(kept) >= TWO_ERRORS_FROM else 1
        distance = edit_distance(rare, kept, most=allowed)
        if distance <= allowed:
            found[rare] = min(found.get(rare, (9, "")), (distance, kept))
    return {rare: kept for rare, (_, kept) in found.items() if kept not in found}


def _could_be_error(rare: str, kept: str) -> bool:
    """Whether a slip of the fingers can lie between them: no number, no prefix that turns the meaning round."""
    if min(len(rare), len(kept)) < 4 or abs(len(rare) - len(kept)) > 2:
        return False
    shorter, longer = sorted((rare, kept), key=len)
    if longer.endswith(shorter) and longer.removesuffix(shorter) in OPPOSITES:
        return False
    if rare[0] != kept[0] and len(kept) < LONG_WORD:
        return False
    return re.sub(r"\D", "", rare) == re.sub(r"\D", "", kept) and not _is_counted(rare, kept)


def _is_counted(first: str, second: str) -> bool:
    """Whether they differ only in a last part of one letter, as in `class a` and `class b`."""
    before, after = first.split(), second.split()
    return before[:-1] == after[:-1] and len(before) > 1 and len(before[-1]) == len(after[-1]) == 1


def edit_distance(first: str, second: str, *, most: int) -> int:
    """Letters to insert, drop, change or swap with their neighbour; `most` + 1 for more than `most`.

    Source: the restricted Damerau-Levenshtein distance (optimal string alignment).
    """
    before: list[int] = []
    row = list(range(len(second) + 1))
    for index, letter in enumerate(first, start=1):
        older, before, row = before, row, [index]
        for place, other in enumerate(second, start=1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != other))
            if older and place > 1 and first[index - 2] == other and letter == second[place - 2]:
                cost = min(cost, older[place - 2] + 1)
            row.append(cost)
        if min(row) > most and (not before or min(before) > most):
            return most + 1
    return min(row[-1], most + 1)
