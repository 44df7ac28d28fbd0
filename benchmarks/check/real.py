"""What is known of real data, beside what check finds there; and errors that it must not find."""

from __future__ import annotations

import re

from benchmarks.check.data import NAMES, read_splits, root, to_check, without_known_flaws
from bertsmith.data.checks.all_checks import run_checks
from bertsmith.data.checks.repeats import find_contradictions, find_repeats, find_shared_texts
from bertsmith.data.example import Dataset, Example, LabelSet
from bertsmith.data.reading import read_examples
from bertsmith.data.splitting import split_dataset
from bertsmith.data.table import ReadOptions


def plain(row: Example) -> tuple[str, str]:
    """The texts in lower case with single spaces: counted without anything of ours."""
    return " ".join(row.text.lower().split()), " ".join((row.text_pair or "").lower().split())


def known_truths() -> None:
    """Repeats and shared texts that the data's own description lists, beside those that are found."""
    print("| data | split | repeats listed | counted | found | of a text in train listed | counted | found |")
    print("|---|---|---|---|---|---|---|---|")
    described = (root() / "SOURCES.md").read_text("utf-8")
    for name in NAMES:
        splits = read_splits(name)
        section = described.partition(f"## {name}\n")[2].partition("\n## ")[0]
        for split, rows in splits.items():
            cells = re.search(rf"^\| {split} \|(.*)\|$", section, flags=re.MULTILINE)
            assert cells, (name, split)
            listed = [cell.strip() for cell in cells.group(1).split("|")]
            repeated = sum(finding.num_rows for finding in find_repeats(to_check({"train": rows})))
            shared: object = "–"
            texts, in_train = [plain(row) for row in rows], {plain(row) for row in splits["train"]}
            counted = "–" if split == "train" else sum(text in in_train for text in texts)
            if split != "train":
                both = to_check({"train": splits["train"], split: rows})
                shared = sum(finding.num_rows for finding in find_shared_texts(both))
            print(
                f"| {name} | {split} | {listed[6]} | {len(texts) - len(set(texts))} | {repeated} | {listed[8]} | {counted} | {shared} |",
                flush=True,
            )


def shared_sentences() -> None:
    """Mr and sst2 share sentences, as their description says: one as the other's test."""
    train, test = read_splits("sst2_sentences")["train"], read_splits("mr_balanced_5500")["train"]
    findings = find_shared_texts(to_check({"train": train, "test": test}))
    errors = [
        finding.code
        for finding in run_checks(to_check({"train": train, "test": test}))
        if finding.severity == "error"
    ]
    print(
        f"mr as the test of sst2: {sum(finding.num_rows for finding in findings):,} of {len(test):,} rows shared, errors {errors}"
    )
    print(
        f"conflicts between them: {sum(finding.num_rows for finding in find_contradictions(to_check({'train': train, 'test': test}))):,} rows"
    )


def false_errors() -> None:
    """Findings of severity error in data whose known flaws were taken out: there should be none."""
    total = 0
    for name in NAMES:
        splits = without_known_flaws(name, read_splits(name))
        LabelSet.from_labels(row.label for row in splits["train"])
        total += _tell_errors(name, run_checks(to_check(splits)))
    alone = read_examples(root() / "cga_cmv_valid" / "all.csv", ReadOptions(), name="all.csv").examples
    rows = without_known_flaws("cga_cmv_valid", {"train": alone})["train"]
    cut = split_dataset(Dataset(rows), validation_share=0.1, test_share=0.1, split_seed=42)
    parts = {"train": cut.train.examples, "validation": cut.validation.examples, "test": cut.test.examples}
    total += _tell_errors("cga_cmv_valid", run_checks(to_check(parts)))
    print(f"false errors in {len(NAMES) + 1} data sets: {total}", flush=True)


def _tell_errors(name: str, findings: object) -> int:
    """The codes found, and how many are errors."""
    assert isinstance(findings, tuple)
    errors = [finding for finding in findings if finding.severity == "error"]
    told = ", ".join(sorted({finding.code for finding in findings if finding.severity == "warning"}))
    print(
        f"{name}: {len(errors)} errors {[finding.code for finding in errors]}; warnings {told or 'none'}",
        flush=True,
    )
    return len(errors)
