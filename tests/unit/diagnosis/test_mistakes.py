from __future__ import annotations

import numpy as np

from bertsmith.data.duplicates import fingerprint
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.diagnosis.mistakes import Mistake, confident_mistakes, confused_labels, suspected_label_errors
from bertsmith.diagnosis.slices import slices

NAMES = ("no", "yes")


def dataset_of(*labels: str) -> Dataset:
    return Dataset(
        tuple(
            Example(f"text {line}", label, Origin("rows.csv", line)) for line, label in enumerate(labels, 2)
        )
    )


def suspects(probabilities: list[list[float]], labels: list[int]) -> tuple[Mistake, ...]:
    dataset = dataset_of(*[NAMES[label] for label in labels])
    return suspected_label_errors(dataset, np.array(probabilities), np.array(labels), label_names=NAMES)


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


def test_twenty_confident_mistakes_are_told_at_most():
    found = confident_mistakes(
        dataset_of(*["no"] * 25), np.array([[0.2, 0.8]] * 25), np.ones(25, int), label_names=NAMES
    )

    assert len(found) == 20


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

    found = suspects(probabilities.tolist(), given.tolist())

    assert {mistake.row for mistake in found} <= {f"rows.csv:{index + 2}" for index in planted}
    assert len(found) >= 1


def test_clean_rows_have_no_suspects():
    assert suspects([[0.9, 0.1], [0.2, 0.8]] * 50, [0, 1] * 50) == ()


def test_a_row_that_is_as_likely_its_label_as_is_usual_is_no_suspect():
    # 0.43 is usual for 'no': 0.46 is above it, though 'yes' has more.
    found = suspects([[0.46, 0.54], [0.40, 0.60]] * 10 + [[0.5, 0.5]] * 20, [0] * 20 + [1] * 20)

    assert {mistake.probability for mistake in found} == {0.60}


def test_a_label_of_a_single_row_says_nothing_of_what_is_usual_for_it():
    # By its only row 0.1 would be usual for 'yes', which every row of 'no' reaches.
    found = suspects([[0.9, 0.1]] * 10 + [[0.3, 0.7], [0.9, 0.1]], [0] * 11 + [1])

    assert [mistake.row for mistake in found] == ["rows.csv:13"]


def test_the_most_suspicious_row_comes_first():
    doubtful = [[0.05, 0.95], [0.02, 0.98]]

    found = suspects([[0.9, 0.1]] * 18 + doubtful + [[0.1, 0.9]] * 20, [0] * 20 + [1] * 20)

    assert [mistake.probability for mistake in found] == [0.98, 0.95]


def test_slices_by_length_cut_and_label_hold_every_row_once():
    lengths = np.arange(40)
    right = lengths < 30
    found = slices(right, lengths=lengths, is_cut=lengths >= 36, labels=["a"] * 10 + ["b"] * 30)

    for kind in ("length", "cut", "label"):
        assert sum(part.rows for part in found if part.kind == kind) == 40
    longest = [part for part in found if part.kind == "length"][-1]
    assert (longest.name, longest.accuracy.value) == ("29 to 39 tokens", 1 / 11)


def test_copies_widen_the_intervals_of_slices():
    right, lengths = np.arange(40) % 3 > 0, np.arange(40)
    rows = {"lengths": lengths, "is_cut": lengths >= 36, "labels": ["a", "b"] * 20}

    once, copies = slices(right, **rows), slices(right, groups=lengths // 4, **rows)

    for one, other in zip(once, copies, strict=True):
        assert other.accuracy.high - other.accuracy.low > one.accuracy.high - one.accuracy.low


def test_few_rows_have_no_slices_by_length():
    found = slices(np.ones(5, bool), lengths=np.arange(5), is_cut=np.zeros(5, bool), labels=["a"] * 5)

    assert {part.kind for part in found} == {"label"}


def test_the_fingerprint_is_that_of_the_rows_not_of_their_order():
    one, other = dataset_of("no", "yes"), dataset_of("no", "yes").select([1, 0])

    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(dataset_of("yes", "no"))
