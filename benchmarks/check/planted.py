"""Flaws planted in clean real rows at known rates: how many rows of them are found, and how many that are none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.check.data import numbered, read_splits, to_check, without_known_flaws
from bertsmith.data.checks import drift, giveaways, labels, repeats, unusable
from bertsmith.data.checks.rows import Check, RowsToCheck
from bertsmith.data.duplicates import fold_text
from bertsmith.data.example import Dataset, Example
from bertsmith.data.label_twins import spelling_by_label
from bertsmith.data.near_duplicates import gram_set, near_pairs
from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions

RATES = (0.002, 0.01, 0.05)
PLANTED_IN = ("sst2_sentences", "mr_balanced_5500", "banking77", "davidson_hate_24k", "sms_spam")
Rows = list[tuple[str, str]]
Plant = Callable[[Rows, int, random.Random], set[int]]


class Found(NamedTuple):
    """Rows planted, found among them, and found that were not planted."""

    planted: int
    hits: int
    false: int

    def line(self, name: str) -> str:
        """One row of the table."""
        recall = self.hits / max(1, self.planted)
        precision = self.hits / max(1, self.hits + self.false)
        return f"| {name} | {self.planted:,} | {100 * recall:.2f} % | {100 * precision:.2f} % |"

    def plus(self, other: Found) -> Found:
        """Both together."""
        return Found(self.planted + other.planted, self.hits + other.hits, self.false + other.false)


@dataclass(frozen=True)
class Flaw:
    """A flaw, the check that should find its rows, and how it is planted."""

    name: str
    check: Check
    plant: Plant
    """Changes or adds so many rows in place; gives the indices of the rows that should be named."""


def add_repeats(rows: Rows, number: int, draw: random.Random) -> set[int]:
    """Copies at the end: as they are, in capitals, with other spaces."""
    for text, label in draw.sample(rows, number):
        form = draw.choice((str, str.upper, str.title, lambda value: value.replace(" ", "  ")))
        rows.append((form(text) if fold_text(form(text)) == fold_text(text) else text, label))
    return set(range(len(rows) - number, len(rows)))


def add_conflicts(rows: Rows, number: int, draw: random.Random) -> set[int]:
    """Copies at the end with another label; both rows of a text should be named."""
    names = sorted({label for _, label in rows})
    chosen = draw.sample(range(len(rows)), number)
    for index in chosen:
        text, label = rows[index]
        rows.append((text, draw.choice([name for name in names if name != label])))
    return {*chosen, *range(len(rows) - number, len(rows))}


def _changed(change: Callable[[str, random.Random], str]) -> Plant:
    """Plants by changing texts in place."""

    def plant(rows: Rows, number: int, draw: random.Random) -> set[int]:
        chosen = draw.sample(range(len(rows)), number)
        for index in chosen:
            rows[index] = (change(rows[index][0], draw), rows[index][1])
        return set(chosen)

    return plant


def misread(text: str, draw: random.Random) -> str:
    """A word with an accent, a quote, an emoji or a dash put in, and all of it decoded wrongly."""
    put_in = draw.choice(("café", "it’s", "“good”", "😀", "naïve", "…", "£5", "Zoë"))
    written = f"{text} {put_in}".encode()
    return "".join(
        chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode("cp1252")
        for byte in written
    )


def hidden(text: str, draw: random.Random) -> str:
    """An invisible or lost character in some place."""
    place = draw.randrange(len(text) + 1)
    return text[:place] + draw.choice(("\u200b", "\ufeff", "\x07", "\ufffd", "\u202e")) + text[place:]


def marked_up(text: str, draw: random.Random) -> str:
    """As a paragraph, with an entity, or as Python writes bytes."""
    return draw.choice((f"<p>{text}</p>", f"{text}<br/>", f"{text} &amp; more", f"b'{text}'"))


def bare(text: str, draw: random.Random) -> str:
    """An address or an id instead of the text."""
    number = draw.randrange(10**6, 10**7)
    return draw.choice(
        (f"https://example.org/{number}", f"www.example.org/{number}", str(number), f"ID-{number}")
    )


FLAWS = (
    Flaw("exact repeats (D012)", repeats.find_repeats, add_repeats),
    Flaw("conflicting labels (D011)", repeats.find_contradictions, add_conflicts),
    Flaw("wrongly decoded (D014)", unusable.find_broken_encoding, _changed(misread)),
    Flaw("invisible characters (D014)", unusable.find_broken_encoding, _changed(hidden)),
    Flaw("markup (D015)", unusable.find_debris, _changed(marked_up)),
    Flaw("bare addresses and ids (D016)", unusable.find_bare_addresses, _changed(bare)),
)


def clean_rows(name: str) -> Rows:
    """A data set's training rows without known flaws, and without what the text checks find in them as they are."""
    kept = without_known_flaws(name, read_splits(name))["train"]
    checks = (unusable.find_broken_encoding, unusable.find_debris, unusable.find_bare_addresses)
    while True:  # a finding names 1,000 rows at most: the rest is looked at again
        rows = to_check({"train": kept})
        flawed = {row for check in checks for finding in check(rows) for row in finding.rows}
        if not flawed:
            return [(row.text, row.label) for row in kept]
        kept = tuple(row for row in kept if str(row.origin) not in flawed)


def find_flaw(flaw: Flaw, clean: Rows, *, rate: float, seed: int) -> Found:
    """One planting; a finding names 1,000 rows at most, so more are not planted."""
    rows = list(clean)
    planted = flaw.plant(rows, min(450, max(1, round(rate * len(rows)))), random.Random(seed))
    found = {
        int(row.rpartition(":")[2]) - 2
        for finding in flaw.check(to_check({"train": numbered(rows)}))
        for row in finding.rows
    }
    return Found(len(planted), len(found & planted), len(found - planted))


def rows_found() -> None:
    """Recall and precision of every flaw of rows, over data sets and rates."""
    clean = {name: clean_rows(name) for name in PLANTED_IN}
    for flaw in FLAWS:
        total = Found(0, 0, 0)
        for seed, (name, rate) in enumerate((name, rate) for name in PLANTED_IN for rate in RATES):
            total = total.plus(find_flaw(flaw, clean[name], rate=rate, seed=seed))
        print(total.line(flaw.name), flush=True)
    total = Found(0, 0, 0)
    for seed, name in enumerate(PLANTED_IN):
        total = total.plus(_leaks(clean[name], random.Random(seed)))
    print(total.line("rows of a given test in train (D010)"), flush=True)


def _leaks(clean: Rows, draw: random.Random) -> Found:
    """Half of the rows are the test; a hundredth of it is put into train."""
    test, train = numbered(clean[::2], "test.csv"), clean[1::2]
    chosen = draw.sample(test, max(1, len(test) // 100))
    rows = to_check(
        {"train": numbered([*train, *((row.text.upper(), row.label) for row in chosen)]), "test": test}
    )
    found = {row for finding in repeats.find_shared_texts(rows) for row in finding.rows}
    planted = {str(row.origin) for row in chosen}
    return Found(len(planted), len(found & planted), len(found - planted))


EDITS: dict[str, Callable[[str, random.Random], str]] = {
    "case and punctuation": lambda text, draw: text.replace(",", "").rstrip(" .").capitalize() + draw.choice("!.?"),
    "one word changed": lambda text, draw: _word_edit(text, draw, lambda words, place: [*words[:place], "something", *words[place + 1 :]]),
    "one word dropped": lambda text, draw: _word_edit(text, draw, lambda words, place: [*words[:place], *words[place + 1 :]]),
    "two words swapped": lambda text, draw: _word_edit(text, draw, lambda words, place: [*words[:place], *reversed(words[place : place + 2]), *words[place + 2 :]]),
}  # fmt: skip


def _word_edit(text: str, draw: random.Random, edit: Callable[[list[str], int], list[str]]) -> str:
    words = text.split()
    return " ".join(edit(words, draw.randrange(max(1, len(words) - 1))))


def near_found() -> None:
    """Near-duplicates of 5,000 rows, a fifth of them edited copies; the truth is every pair, compared."""
    for name in ("sst2_sentences", "davidson_hate_24k", "banking77"):
        draw = random.Random(0)
        texts = [text for text, _ in clean_rows(name)[:4000]]
        for kind, edit in EDITS.items():
            sources = draw.sample(texts, 1000)
            every = list(
                dict.fromkeys(fold_text(text) for text in (*texts, *(edit(text, draw) for text in sources)))
            )
            truth = brute_force(every)
            found = {(pair.first, pair.second) for pair in near_pairs(every)}
            result = Found(len(truth), len(found & truth), len(found - truth))
            print(result.line(f"near-duplicates (D027), {kind}, {name}"), flush=True)


def brute_force(texts: list[str], threshold: float = 0.8) -> set[tuple[int, int]]:
    """Every pair (earlier, later) of at least this Jaccard similarity, by comparing all with all."""
    grams = [sorted(gram_set(text)) for text in texts]
    column = {gram: number for number, gram in enumerate(sorted({gram for row in grams for gram in row}))}
    indices = np.array([column[gram] for row in grams for gram in row])
    starts = np.concatenate([[0], np.cumsum([len(row) for row in grams])])
    matrix = csr_matrix((np.ones(len(indices), np.int32), indices, starts), shape=(len(texts), len(column)))
    sizes = np.diff(starts)
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(texts), 500):
        shared = (matrix[start : start + 500] @ matrix.T).toarray()
        union = sizes[start : start + 500, None] + sizes[None, :] - shared
        for row, other in np.argwhere(shared >= threshold * union).tolist():
            if start + row < other:
                pairs.add((start + row, other))
    return pairs


def spoil(label: str, draw: random.Random) -> str:
    """Another spelling: case, spaces, Unicode form, or a slip of the fingers."""
    place = draw.randrange(len(label) - 1)
    return draw.choice(
        (
            *(
                label.upper(),
                label.title(),
                label.replace("_", " ") if "_" in label else f"{label[:1].upper()}{label[1:]}",
            ),
            "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in label),
            label[:place] + label[place + 1 :],
            label[:place] + label[place] + label[place:],
            label[:place] + "x" + label[place + 1 :],
            label[:place] + label[place + 1 : place + 2] + label[place] + label[place + 2 :],
        )
    )


def twins_found(trials: int = 200) -> None:
    """Labels of four letters or more, of five data sets, a twentieth of their rows in another spelling."""
    draw = random.Random(0)
    total = Found(0, 0, 0)
    for name in ("sst2_sentences", "banking77", "davidson_hate_24k", "goemotions", "snli_dev_as_train"):
        examples = without_known_flaws(name, read_splits(name))["train"]
        counts = Dataset(examples).label_counts
        long = [label for label in counts if len(label) >= 4]
        before = spelling_by_label(counts)
        for _ in range(trials // 5):
            chosen = draw.sample(long, min(3, len(long)))
            planted = {}
            for label in chosen:
                spoiled = spoil(label, draw)
                if spoiled not in counts:
                    planted[spoiled] = label
            found = spelling_by_label(
                counts | {other: max(1, counts[label] // 20) for other, label in planted.items()}
            )
            right = sum(found.get(other) == label for other, label in planted.items())
            wrong = sum(planted.get(other) != label and other not in before for other, label in found.items())
            total = total.plus(Found(len(planted), right, wrong + len(before)))
    print(total.line("label twins (D018)"), flush=True)


def giveaways_found() -> None:
    """Each giveaway at full strength in five data sets: found or not; and in the same rows without it."""
    totals: dict[str, Found] = {}
    for name in PLANTED_IN:
        clean = clean_rows(name)
        random.Random(0).shuffle(clean)
        names = sorted({label for _, label in clean})
        marked = {label: f"qz{number}" for number, label in enumerate(names)}
        kinds: dict[str, tuple[Check, Rows, dict[str, list[str]]]] = {
            "one word (D030)": (giveaways.find_telling_words, [(f"{text} {marked[label]}", label) for text, label in clean], {}),
            "length (D031)": (giveaways.find_telling_length, [(f"{text[:30]:30}{'.' * 40 * names.index(label)}", label) for text, label in clean], {}),
            "a source (D032)": (giveaways.find_telling_columns, clean, {"source": [f"{marked[label]}.example.org" for _, label in clean]}),
            "a date (D032)": (giveaways.find_telling_columns, clean, {"date": [f"{1950 + names.index(label)}-0{n % 9 + 1}-01" for n, (_, label) in enumerate(clean)]}),
            "an id (D032)": (giveaways.find_telling_columns, clean, {"id": [f"{1000 + names.index(label)}{n:06d}" for n, (_, label) in enumerate(clean)]}),
            "row order (D033)": (giveaways.find_telling_order, sorted(clean, key=lambda row: row[1]), {}),
        }  # fmt: skip
        for kind, (check, rows, columns) in kinds.items():
            is_order = check is giveaways.find_telling_order
            if kind in ("a date (D032)", "an id (D032)", "length (D031)") and len(names) > 20:
                continue  # 20 ranges cannot hold 77 labels: not full strength
            noise = {"noise": [str(n * 7919 % 1000) for n in range(len(clean))]}
            found = bool(check(_with_columns(rows, columns or noise)))
            false = bool(check(_with_columns(clean, noise))) and not is_order
            totals[kind] = totals.get(kind, Found(0, 0, 0)).plus(Found(1, int(found), int(false)))
    for kind, total in totals.items():
        print(total.line(f"giveaway: {kind}"), flush=True)


def _with_columns(rows: Rows, columns: dict[str, list[str]]) -> RowsToCheck:
    """The rows as a file that has more columns."""
    table = {"text": [text for text, _ in rows], "label": [label for _, label in rows], **columns}
    source = read_examples(table, ReadOptions(text_column="text", label_column="label"))
    return replace(to_check({"train": source.examples}), sources={"train": source})


def labels_found() -> None:
    """Flaws of the whole label column, in five data sets: found with the flaw, and not without it."""
    cases: dict[str, tuple[Check, Callable[[int, Example], str]]] = {
        "one label (D021)": (labels.find_single_label, lambda number, row: "same"),
        "a scale (D022)": (labels.find_scale, lambda number, row: str(number % 10 + 1)),
        "lists (D023)": (
            labels.find_label_lists,
            lambda number, row: ("a", "b", "c", "a|b", "b|c")[number % 5],
        ),
        "ids as labels (D025)": (labels.find_misread_column, lambda number, row: f"id {number}"),
        "nearly all one label (D020)": (
            labels.find_imbalance,
            lambda number, row: "rest" if number % 10 else "rare",
        ),
    }
    for kind, (check, label_of) in cases.items():
        total = Found(0, 0, 0)
        for name in ("sst2_sentences", "mr_balanced_5500", "davidson_hate_24k", "snli_dev_as_train"):
            rows = without_known_flaws(name, read_splits(name))["train"]
            spoiled = tuple(replace(row, label=label_of(number, row)) for number, row in enumerate(rows))
            found, false = (bool(check(to_check({"train": each}))) for each in (spoiled, rows))
            total = total.plus(Found(1, int(found), int(false)))
        print(total.line(kind), flush=True)


def drift_found() -> None:
    """A test from another data set, with other labels' shares, or cut short; and the set's own test beside it."""
    names = ("sst2_sentences", "banking77", "sms_spam", "davidson_hate_24k")
    totals: dict[str, Found] = {}
    for name, other in zip(names, (*names[1:], names[0]), strict=True):
        splits = without_known_flaws(name, read_splits(name))
        train, own = splits["train"], splits["test"]
        foreign = without_known_flaws(other, read_splits(other))["test"]
        labels_of = [row.label for row in own]
        rarest = min(set(labels_of), key=labels_of.count)
        cases: dict[str, tuple[Check, tuple[Example, ...]]] = {
            "other words (D036)": (drift.find_word_drift, foreign),
            "another source (D037)": (drift.find_separable_file, foreign),
            "texts cut in half (D034)": (drift.find_length_drift, tuple(replace(row, text=row.text[: len(row.text) // 2]) for row in own)),
            "half of the rows of the rarest label (D035)": (drift.find_label_drift, tuple(replace(row, label=rarest) if n % 2 else row for n, row in enumerate(own))),
        }  # fmt: skip
        for kind, (check, test) in cases.items():
            found, false = (bool(check(to_check({"train": train, "test": rows}))) for rows in (test, own))
            totals[kind] = totals.get(kind, Found(0, 0, 0)).plus(Found(1, int(found), int(false)))
            if false:
                print(f"(found in {name} as it is: {kind})", flush=True)
    for kind, total in totals.items():
        print(total.line(f"drift: {kind}"), flush=True)
