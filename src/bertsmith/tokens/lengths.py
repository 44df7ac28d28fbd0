"""How many tokens the rows have, what is cut of them, and whether the vocabulary knows their words → Findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bertsmith.data.checks.wording import counted, percent, row_line
from bertsmith.data.example import Dataset, Example
from bertsmith.findings import MAX_EXAMPLES_SHOWN, Finding, finding_about
from bertsmith.printing import quoted
from bertsmith.tokens.encoding import TextEncoder

MOST_SURVEYED = 5_000
"""Rows that are tokenized whole for a survey; of more, every n-th."""
LONGEST = 8_192
"""Tokens that are counted of a row; what is beyond is told as this many."""
LENGTHS_COMPARED = (128, 256, 512)
UNKNOWN_NAMES = ("[UNK]", "<unk>")
MOST_UNKNOWN = 0.02
"""Share of the tokens that the vocabulary does not know; measured on seven English sets: 0 to 0.0013."""
MOST_PIECES = 2.5
"""Tokens per word; measured under an English vocabulary: English 1.2 to 1.5, English tweets 2.0, Turkish 3.0."""
HIDDEN = 768
"""Width of BERT-base, for what a length costs."""


@dataclass(frozen=True)
class TokenRows:
    """Rows as the tokenizer sees them, before anything is cut."""

    examples: tuple[Example, ...]
    lengths: NDArray[np.int64]
    """(rows,) tokens with the special ones."""
    num_special: int
    """Special tokens of a row."""
    unknown: NDArray[np.int64]
    """(rows,) tokens that stand for what the vocabulary does not know."""
    max_length: int
    """Tokens of a row that the model reads."""
    is_pairs: bool

    @property
    def is_cut(self) -> NDArray[np.bool_]:
        """(rows,) whether the row is longer than the model reads."""
        return self.lengths > self.max_length

    @property
    def num_tokens(self) -> int:
        """Of all rows, without special ones."""
        return int(self.lengths.sum()) - self.num_special * len(self.lengths)


def survey_tokens(dataset: Dataset, tokenizer: Tokenizer, *, max_length: int) -> TokenRows:
    """Up to 5,000 rows, tokenized whole."""
    step = max(1, -(-len(dataset) // MOST_SURVEYED))
    sample = dataset.select(range(0, len(dataset), step))
    encoded = TextEncoder(tokenizer, LONGEST).encode(sample.texts, sample.text_pairs)
    ids = [number for name in UNKNOWN_NAMES if (number := tokenizer.token_to_id(name)) is not None]
    is_unknown = np.concatenate([[0], np.cumsum(np.isin(encoded.input_ids, ids))])
    is_pairs = sample.text_pairs is not None
    return TokenRows(
        sample.examples,
        encoded.lengths,
        tokenizer.num_special_tokens_to_add(is_pair=is_pairs),
        is_unknown[encoded.offsets[1:]] - is_unknown[encoded.offsets[:-1]],
        max_length,
        is_pairs,
    )


def find_cut_rows(rows: TokenRows) -> list[Finding]:
    """T001: rows that are longer than the model reads."""
    cut = [str(rows.examples[index].origin) for index in np.flatnonzero(rows.is_cut)]
    return cut_finding(cut, share=float(rows.is_cut.mean()), rows=rows) if cut else []


def cut_finding(cut: list[str], *, share: float, rows: TokenRows) -> list[Finding]:
    """T001 of these rows, which are this share of the training rows."""
    lost = np.maximum(0, rows.lengths - rows.max_length).sum() / max(1, rows.num_tokens)
    by_label: dict[str, list[bool]] = defaultdict(list)
    for example, is_cut in zip(rows.examples, rows.is_cut.tolist(), strict=True):
        by_label[example.label].append(is_cut)
    shares = {label: sum(cuts) / len(cuts) for label, cuts in by_label.items()}
    most, least = max(shares, key=lambda label: shares[label]), min(shares, key=lambda label: shares[label])
    return [
        finding_about(
            cut,
            code="T001",
            severity="warning" if share >= 0.1 else "info",
            sentence=f"{share:.1%} of the training rows are longer than {rows.max_length} tokens and are cut.",
            effect=f"{percent(lost)} of all tokens are never read; cut are {percent(shares[most])} of the rows of {quoted(most)} and {percent(shares[least])} of {quoted(least)}.",
            remedy=f"{'' if rows.is_pairs else '--truncate head-tail keeps the end as well; '}--max-length sets the length.",
        )
    ]


def find_length_choices(rows: TokenRows) -> list[Finding]:
    """T002: how long the rows are, and what 128, 256 and 512 tokens would keep and cost."""
    if not len(rows.lengths):
        return []
    middle, high = (int(value) for value in np.quantile(rows.lengths, (0.5, 0.95)))
    full = _work(rows.lengths, max(LENGTHS_COMPARED))
    shown = [
        f"{length:4d} tokens: {percent(float((rows.lengths > length).mean()))} of the rows cut, "
        f"{percent(float(np.minimum(rows.lengths, length).sum() / rows.lengths.sum()))} of the tokens kept, "
        f"{_work(rows.lengths, length) / full:.2f} of the work of {max(LENGTHS_COMPARED)}"
        for length in _worth_comparing(rows.lengths)
    ]
    return [
        Finding(
            code="T002",
            severity="info",
            sentence=f"Half of the rows have up to {middle:,} tokens, 95 % up to {high:,}, the longest {int(rows.lengths.max()):,}: {_histogram(rows.lengths)}.",
            shown=tuple(shown),
        )
    ]


def find_tokenless_rows(rows: TokenRows) -> list[Finding]:
    """T003: rows of which nothing is left after tokenizing."""
    empty = [rows.examples[index] for index in np.flatnonzero(rows.lengths <= rows.num_special)]
    if not empty:
        return []
    return [
        finding_about(
            [str(example.origin) for example in empty],
            code="T003",
            severity="warning",
            sentence=f"{counted(len(empty), 'row has', 'rows have')} no token left for this tokenizer.",
            effect="The model sees the same nothing whatever their label is.",
            remedy="--drop-empty drops rows of invisible characters; correct or delete the others.",
            shown=[row_line(example) for example in empty[:MAX_EXAMPLES_SHOWN]],
        )
    ]


def find_foreign_words(rows: TokenRows) -> list[Finding]:
    """T004: text that the vocabulary does not know: another language, another script, another casing."""
    num_words = sum(
        len(example.text.split()) + len((example.text_pair or "").split()) for example in rows.examples
    )
    unknown = float(rows.unknown.sum()) / max(1, rows.num_tokens)
    pieces = rows.num_tokens / max(1, num_words)
    if unknown < MOST_UNKNOWN and (pieces < MOST_PIECES or rows.num_tokens < 200):
        return []
    worst = np.argsort(-rows.unknown, kind="stable")[: 1000 if unknown >= MOST_UNKNOWN else 0]
    found = [rows.examples[index] for index in worst if rows.unknown[index]]
    return [
        finding_about(
            [str(example.origin) for example in found],
            code="T004",
            severity="warning",
            sentence=f"The vocabulary does not fit the texts: {percent(unknown)} of the tokens are unknown, a word takes {pieces:.1f} tokens{_why(rows)}.",
            effect="Unknown words are all the same to the model, and words in many pieces are nearly new to it.",
            remedy="Take a model of the texts' language and casing with --model, or change the texts' case.",
            shown=[row_line(example) for example in found[:MAX_EXAMPLES_SHOWN]],
        )
    ]


TOKEN_CHECKS: tuple[Callable[[TokenRows], list[Finding]], ...] = (
    find_cut_rows,
    find_length_choices,
    find_tokenless_rows,
    find_foreign_words,
)


def check_tokens(rows: TokenRows) -> tuple[Finding, ...]:
    """What every check of the tokens finds."""
    return tuple(finding for check in TOKEN_CHECKS for finding in check(rows)) if rows.examples else ()


def _worth_comparing(lengths: NDArray[np.int64]) -> tuple[int, ...]:
    """The lengths that cut something, and the first that cuts nothing."""
    cutting = sum(int(length < lengths.max()) for length in LENGTHS_COMPARED)
    return LENGTHS_COMPARED[: cutting + 1]


def _work(lengths: NDArray[np.int64], most: int) -> float:
    """What the rows cost without padding when cut at so many tokens, up to a factor.

    Source: multiplications of a transformer layer per row of n tokens: 12 × n × h² + 2 × n² × h.
    """
    cut = np.minimum(lengths, most).astype(float)
    return float((12 * cut * HIDDEN**2 + 2 * cut**2 * HIDDEN).sum())


def _histogram(lengths: NDArray[np.int64]) -> str:
    """`12 % to 32 tokens, 60 % to 128, …`: the rows by doubling length."""
    edges = [0, 32, 64, 128, 256, 512, int(max(513, lengths.max()))]
    shares = np.histogram(lengths, bins=np.array(edges) + 0.5)[0] / len(lengths)
    return ", ".join(
        f"{percent(share)} to {edge:,}" for share, edge in zip(shares, edges[1:], strict=True) if share
    )


def _why(rows: TokenRows) -> str:
    """What the letters of the texts say about the reason."""
    letters = Counter(
        "upper" if character.isupper() else "other" if not character.isascii() else "lower"
        for example in rows.examples[:500]
        for character in example.text
        if character.isalpha()
    )
    total = max(1, letters.total())
    if letters["upper"] > 0.6 * total:
        return "; most letters are capitals"
    if letters["other"] > 0.05 * total:
        return f"; {percent(letters['other'] / total)} of the letters are not English ones"
    return ""
