from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checked_rows import found_in

from bertsmith.data.duplicates import fold_example, fold_text
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.data.splitting import Splits, held_out_sizes, split_dataset
from bertsmith.errors import ConfigError, EmptySplit, UnknownLabel


def dataset_of(rows: list[tuple[str, str]], file: str = "train.csv") -> Dataset:
    return Dataset(
        tuple(Example(text, label, Origin(file, line)) for line, (text, label) in enumerate(rows, start=2))
    )


def balanced(num_rows: int, num_labels: int = 2) -> Dataset:
    return dataset_of([(f"text {n}", f"label {n % num_labels}") for n in range(num_rows)])


def split(
    dataset: Dataset, *, seed: int = 42, validation: Dataset | None = None, test: Dataset | None = None
) -> Splits:
    return split_dataset(
        dataset, validation_share=0.1, test_share=0.1, split_seed=seed, validation=validation, test=test
    )


def sizes(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.validation), len(splits.test)


@pytest.mark.parametrize(
    ("num_rows", "expected"), [(10_000, (8000, 1000, 1000)), (1000, (600, 200, 200)), (300, (180, 60, 60))]
)
def test_held_out_splits_get_200_rows_while_train_keeps_60_percent(
    num_rows: int, expected: tuple[int, int, int]
) -> None:
    assert sizes(split(balanced(num_rows))) == expected


def test_each_split_has_the_label_shares_of_the_whole() -> None:
    rows = dataset_of([(f"text {n}", "rare" if n % 5 == 0 else "common") for n in range(1000)])
    assert split(rows).test.label_counts == {"common": 160, "rare": 40}


def test_the_same_text_but_for_case_space_and_form_is_never_on_two_sides() -> None:
    rows = dataset_of(
        [(form, "ab"[n % 2]) for n in range(300) for form in (f"Text {n}", f" text\t{n}", f"ＴＥＸＴ {n}")]
    )
    splits = split(rows)
    seen = [
        {fold_example(e) for e in part.examples} for part in (splits.train, splits.validation, splits.test)
    ]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    assert sum(a.reason == "kept with its duplicate" for a in splits.assignments) == 600


def test_the_order_of_the_file_does_not_matter() -> None:
    rows = list(balanced(500).examples)
    first = split(Dataset(tuple(rows)))
    random.Random(1).shuffle(rows)
    assert set(split(Dataset(tuple(rows))).test.texts) == set(first.test.texts)


def test_the_split_is_the_same_on_every_machine() -> None:
    def rank(text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=16, key=b"42").digest()

    even, odd = (sorted((f"text {n}" for n in range(first, 20, 2)), key=rank) for first in (0, 1))
    assert set(split(balanced(20)).test.texts) == {*even[:2], *odd[:2]}


def test_another_seed_is_another_split() -> None:
    assert set(split(balanced(500)).test.texts) != set(split(balanced(500), seed=43).test.texts)


def test_a_label_too_rare_to_share_stays_in_train_and_is_told() -> None:
    rows = Dataset(
        (*balanced(500).examples, *dataset_of([("one", "odd"), ("two", "odd")], "more.csv").examples)
    )
    splits = split(rows)
    assert splits.train.label_counts["odd"] == 2
    told = [finding for finding in found_in(splits) if finding.code == "D013"]
    assert [finding.rows for finding in told] == [("more.csv:2", "more.csv:3")] * 2


def test_five_texts_of_a_label_are_enough_for_every_split() -> None:
    rows = dataset_of([(f"text {n}", "few" if n < 5 else "many") for n in range(1000)])
    splits = split(rows)
    assert all(part.label_counts["few"] >= 1 for part in (splits.train, splits.validation, splits.test))


def test_a_text_with_two_labels_stays_in_train_and_is_told() -> None:
    rows = Dataset(
        (
            *balanced(500).examples,
            *dataset_of([("same", "label 0"), ("Same", "label 1")], "more.csv").examples,
        )
    )
    splits = split(rows)
    assert {"same", "Same"} <= set(splits.train.texts)
    assert [f.rows for f in found_in(splits) if f.code == "D011"] == [("more.csv:2", "more.csv:3")]


def test_repeated_texts_are_told() -> None:
    rows = Dataset((*balanced(500).examples, *dataset_of([("text 0", "label 0")], "more.csv").examples))
    told = [finding for finding in found_in(split(rows)) if finding.code == "D012"]
    assert [(finding.severity, finding.rows) for finding in told] == [("warning", ("more.csv:2",))]


def test_given_splits_are_used_as_they_are() -> None:
    given = dataset_of([("a", "label 0"), ("b", "label 1")], "given.csv")
    splits = split(balanced(500), validation=given, test=given)
    assert (splits.validation, splits.test, len(splits.train)) == (given, given, 500)
    assert [a.reason for a in splits.assignments] == ["given"] * 504


def test_a_missing_split_is_cut_from_train() -> None:
    given = dataset_of([("a", "label 0"), ("b", "label 1")], "given.csv")
    splits = split(balanced(1000), test=given)
    assert sizes(splits) == (800, 200, 2)


def test_rows_of_a_given_split_that_train_has_are_told() -> None:
    given = dataset_of([("TEXT 1", "label 1"), ("b", "label 0")], "given.csv")
    told = [f for f in found_in(split(balanced(500), validation=balanced(1), test=given)) if f.code == "D010"]
    assert ("given.csv:2",) in [finding.rows for finding in told]


def test_a_label_that_train_lacks_is_an_error_with_its_line() -> None:
    given = dataset_of([("a", "label 0"), ("b", "label 00")], "given.csv")
    with pytest.raises(UnknownLabel, match="given.csv:3: the label 'label 00'.*Did you mean 'label 0'"):
        split(balanced(500), test=given)


def test_one_label_only_is_an_error() -> None:
    with pytest.raises(EmptySplit, match="only the label 'label 0'"):
        split(balanced(100, num_labels=1))


def test_too_few_rows_to_cut_from_are_an_error() -> None:
    with pytest.raises(EmptySplit, match="2 training rows are too few.*--validation"):
        split(balanced(2))


def test_an_empty_given_split_is_an_error() -> None:
    with pytest.raises(EmptySplit, match="test split has no rows"):
        split(balanced(100), test=Dataset(()))


def test_shares_that_leave_nothing_are_an_error() -> None:
    with pytest.raises(ConfigError, match="--test-share 0.5"):
        held_out_sizes(100, {"validation": 0.5, "test": 0.5})


def test_a_larger_share_is_honoured_beyond_40_percent() -> None:
    assert held_out_sizes(1000, {"validation": 0.3, "test": 0.3}) == {"test": 300, "validation": 300}


def test_both_texts_of_a_pair_decide_whether_it_repeats() -> None:
    assert fold_text("A", "B") == fold_text("a ", "b") != fold_text("a", "c")
    assert fold_text("a b") != fold_text("a", "b")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghijklmnop"), st.sampled_from("xyz")), min_size=20, max_size=120
    )
)
def test_no_row_is_lost_and_every_label_is_in_train(rows: list[tuple[str, str]]) -> None:
    dataset = dataset_of(rows)
    try:
        splits = split(dataset)
    except EmptySplit:
        return
    parts = (splits.train, splits.validation, splits.test)
    assert sorted(e.origin.line for part in parts for e in part.examples) == [
        e.origin.line for e in dataset.examples
    ]
    assert set(splits.train.labels) == set(dataset.labels)
    assert len(splits.train) * 10 >= len(dataset) * 5
