"""Get *Conversations Gone Awry, Reddit CMV version* through ConvoKit and write it as CSV files for bertsmith.

The corpus (6,842 conversations; Chang and Danescu-Niculescu-Mizil, EMNLP 2019) is, by all evidence, the data of the published
run that this project starts from; see docs/published-run.md. It is not part of this project, and downloading it needs a network:

    pip install convokit
    python examples/conversations_gone_awry.py --output data/conversations

It writes train.csv, validation.csv and test.csv, the corpus' own parts, and for the number of rows that the published run had,
published/train.csv (5,474 rows: the first two parts) with the third part in halves as published/validation.csv and
published/test.csv. The published run chose and reported on all 1,368 rows of one part; here the rows that choose are not those
that are reported.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

CORPUS = "conversations-gone-awry-cmv-corpus"
LABELS = {True: "derails", False: "stays civil"}
SEPARATOR = " [SEP] "
"""Between two turns. bertsmith reads it as plain text: a text can never write a control token."""
MOST_WORDS = 512
"""More words than any model with 512 positions reads; what follows is left out of the file."""

Row = tuple[str, str, str]
"""(text, label, pair): the pair is the conversation and its civil or uncivil twin."""


def text_of(turns: Sequence[str]) -> str:
    """The turns as one text: white space folded, joined, at most `MOST_WORDS` words."""
    joined = SEPARATOR.join(" ".join(turn.split()) for turn in turns)
    return " ".join(joined.split()[:MOST_WORDS])


def row_of(conversation: Any) -> Row:
    """A conversation as a row. The last comment is the attack, or stands in its place: it is left out."""
    turns = sorted(conversation.iter_utterances(), key=lambda utterance: int(utterance.timestamp))
    label = LABELS[bool(conversation.meta["has_removed_comment"])]
    pair = min(conversation.id, conversation.meta["pair_id"])
    return text_of([turn.text for turn in turns[:-1]]), label, pair


def parts_of(conversations: Iterable[Any]) -> dict[str, list[Row]]:
    """The rows of each of the corpus' own parts: train, val, test."""
    parts: dict[str, list[Row]] = {"train": [], "val": [], "test": []}
    for conversation in conversations:
        parts[conversation.meta["split"]].append(row_of(conversation))
    return parts


def halves(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows in two halves, a conversation and its twin on the same side."""
    pairs = sorted({pair for _, _, pair in rows})
    first = set(pairs[: len(pairs) // 2])
    return [row for row in rows if row[2] in first], [row for row in rows if row[2] not in first]


def write(path: Path, rows: Sequence[Row]) -> None:
    """Rows as a CSV with the columns text and label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows((text, label) for text, label, _ in rows)
    print(f"{path}: {len(rows):,} conversations")  # noqa: T201 - a script's own output


def write_all(parts: dict[str, list[Row]], output: Path) -> None:
    """Every file."""
    write(output / "train.csv", parts["train"])
    write(output / "validation.csv", parts["val"])
    write(output / "test.csv", parts["test"])
    validation, test = halves(parts["test"])
    write(output / "published" / "train.csv", [*parts["train"], *parts["val"]])
    write(output / "published" / "validation.csv", validation)
    write(output / "published" / "test.csv", test)


def main() -> None:
    """Download, convert, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("data/conversations"))
    options = parser.parse_args()
    try:
        from convokit import Corpus, download
    except ImportError as error:
        raise SystemExit("ConvoKit is needed: pip install convokit") from error
    corpus = Corpus(filename=download(CORPUS))
    write_all(parts_of(corpus.iter_conversations()), options.output)


if __name__ == "__main__":
    main()
