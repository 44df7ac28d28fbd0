from __future__ import annotations

import numpy as np

from bertsmith.data.duplicates import fingerprint
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.diagnosis.mistakes import confident_mistakes, confused_labels, suspected_label_errors
from bertsmith.diagnosis.slices import slices

NAMES = ("no", "yes")


def dataset_of(*labels: str) -> Dataset:
    return Dataset(
        tuple(
            Example(f"text {line}", label, Origin("rows.csv", line)) for line, label in enumerate(labels, 2)
        )
    )


def test_the_surest_mistakes_come_first_and_hold_no_text():
    dataset = dataset_of("no", "yes", "no", "yes")
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9], [0.05, 0.95], [0.7, 0.3]])

    found = confident_mistakes(dataset, probabilities, probabilities.argmax(axis=1), label_names=NAMES)

    assert [(mistake.row, mistake.predicted, mistake.probability) for mistake in found] == [
        ("rows.csv:4", "yes", 0.95),
        ("rows.csv:5", "no", 0.7),
        ("rows.csv:2", "yes", 0.6),
    ]
    assert "text" not in str(found)


def test_the_most_confused_labels_come_first():
    found = confused_labels([[8, 2, 0], [1, 4, 0], [0, 5, 5]], label_names=("a", "b", "c"))

    assert [(pair.label, pair.predicted, pair.rows, pair.share) for pair in found] == [
        ("c", "b", 5, 0.5),
        ("a", "b", 2, 0.2),
        ("b", "a", 1, 0.2),
    ]


def test_a_planted_wrong_label_is_the_first_suspect():
    random = np.random.default_rng(0)
    truth = random.integers(2, size=400)
    given = truth.copy()
    planted = np.array([7, 200, 333])
    given[planted] = 1 - given[planted]
    sure = np.clip(random.normal(0.9, 0.03, 400), 0.5, 0.99)
    probabilities = np.empty((400, 2))
    probabilities[np.arange(400), truth] = sure
    probabilities[np.arange(400), 1 - truth] = 1 - sure

    found = suspected_label_errors(
        dataset_of(*[NAMES[label] for label in given]), probabilities, given, label_names=NAMES
    )

    assert {mistake.row for mistake in found} <= {f"rows.csv:{index + 2}" for index in planted}
    assert len(found) >= 1


def test_clean_rows_have_no_suspects():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]] * 50)
    labels = np.array([0, 1] * 50)

    assert (
        suspected_label_errors(
            dataset_of(*[NAMES[label] for label in labels]), probabilities, labels, label_names=NAMES
        )
        == ()
    )


def test_slices_by_length_cut_and_label_hold_every_row_once():
    lengths = np.arange(40)
    right = lengths < 30
    found = slices(right, lengths=lengths, is_cut=lengths >= 36, labels=["a"] * 10 + ["b"] * 30)

    for kind in ("length", "cut", "label"):
        assert sum(part.rows for part in found if part.kind == kind) == 40
    longest = [part for part in found if part.kind == "length"][-1]
    assert (longest.name, longest.accuracy.value) == ("29 to 39 tokens", 1 / 11)


def test_few_rows_have_no_slices_by_length():
    found = slices(np.ones(5, bool), lengths=np.arange(5), is_cut=np.zeros(5, bool), labels=["a"] * 5)

    assert {part.kind for part in found} == {"label"}


def test_the_fingerprint_is_that_of_the_rows_not_of_their_order():
    one, other = dataset_of("no", "yes"), dataset_of("no", "yes").select([1, 0])

    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(dataset_of("yes", "no"))
