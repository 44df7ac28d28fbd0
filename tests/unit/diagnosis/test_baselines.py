import numpy as np
import pytest

from bertsmith.data.example import Dataset, Example, LabelSet, Origin
from bertsmith.diagnosis.baselines import fit_bag_of_words, majority_predictions, majority_probabilities

LABELS = LabelSet(("bad", "good"))
FILLER = [f"word{index}" for index in range(60)]
PLENTY = 600.0
"""Seconds: no row is ever left out."""


def dataset(texts, labels, pairs=None):
    pairs = pairs or [None] * len(texts)
    rows = zip(texts, labels, pairs, strict=True)
    return Dataset(tuple(Example(text, label, Origin("<memory>", 1), pair) for text, label, pair in rows))


def told_by_a_word(rows, seed=0):
    """Random words, and one that tells the label."""
    random = np.random.default_rng(seed)
    labels = [LABELS.names[index % 2] for index in range(rows)]
    words = {"bad": "dreadful", "good": "lovely"}
    return dataset([" ".join([*random.choice(FILLER, 8), words[label]]) for label in labels], labels)


def accuracy_on(bag, rows):
    predicted = bag.predict_probabilities(rows.texts, rows.text_pairs).argmax(axis=1)
    return np.mean(predicted == np.array(LABELS.ids_of(rows.labels)))


def test_the_majority_is_the_commonest_training_label():
    assert majority_predictions(np.array([0, 1, 1, 2]), 3).tolist() == [1, 1, 1]


def test_majority_probabilities_are_the_label_shares():
    # Three and one rows, and half a row each: 3.5 / 5 and 1.5 / 5.
    assert majority_probabilities(np.array([0, 0, 0, 1]), 1, num_labels=2).tolist() == [[0.7, 0.3]]


def test_it_learns_a_word_that_tells_the_label():
    bag = fit_bag_of_words(told_by_a_word(200), LABELS, seconds_allowed=PLENTY)
    assert accuracy_on(bag, told_by_a_word(100, seed=1)) > 0.95
    assert bag.cross_validated_macro_f1 > 0.95
    assert (bag.rows, bag.sampled) == (200, False)


def test_random_labels_are_cross_validated_at_chance():
    rows = told_by_a_word(300)
    shuffled = np.random.default_rng(3).permutation(rows.labels).tolist()
    bag = fit_bag_of_words(dataset(rows.texts, shuffled), LABELS, seconds_allowed=PLENTY)
    # Standard error of 300 rows 0.029; the best of five values of C reaches a little higher.
    assert bag.cross_validated_balanced_accuracy < 0.62


def test_the_same_seed_gives_the_same_probabilities():
    rows = told_by_a_word(120)
    first, second = (fit_bag_of_words(rows, LABELS, seconds_allowed=PLENTY, seed=4) for _ in range(2))
    assert np.array_equal(first.predict_probabilities(rows.texts), second.predict_probabilities(rows.texts))


def test_without_time_it_takes_the_smallest_sample_and_says_so():
    bag = fit_bag_of_words(told_by_a_word(800), LABELS, seconds_allowed=0.0)
    assert (bag.rows, bag.cross_validated_rows, bag.sampled) == (500, 500, True)
    assert accuracy_on(bag, told_by_a_word(100, seed=1)) > 0.95


def test_pairs_are_told_apart_by_what_they_share():
    # Good: the second text repeats the first. No word alone tells the label.
    random = np.random.default_rng(0)

    def draw(rows):
        texts = [" ".join(random.choice(FILLER, 5)) for _ in range(rows)]
        labels = [LABELS.names[index % 2] for index in range(rows)]
        other = [" ".join(random.choice(FILLER, 5)) for _ in range(rows)]
        pairs = [
            text if label == "good" else alien
            for text, label, alien in zip(texts, labels, other, strict=True)
        ]
        return dataset(texts, labels, pairs)

    bag = fit_bag_of_words(draw(300), LABELS, seconds_allowed=PLENTY)
    assert accuracy_on(bag, draw(100)) > 0.95


def test_single_texts_are_refused_by_a_bag_of_pairs():
    rows = told_by_a_word(40)
    bag = fit_bag_of_words(dataset(rows.texts, rows.labels, rows.texts), LABELS, seconds_allowed=PLENTY)
    with pytest.raises(ValueError, match="pairs exactly where"):
        bag.predict_probabilities(rows.texts)


@pytest.mark.parametrize("num_missing", [1, 2])
def test_a_label_without_rows_has_a_small_probability(num_missing):
    rows = told_by_a_word(60)
    labels = LabelSet(("bad", "good", "rare", "rarer")[: 2 + num_missing])
    probabilities = fit_bag_of_words(rows, labels, seconds_allowed=PLENTY).predict_probabilities(rows.texts)
    assert probabilities.shape == (60, 2 + num_missing)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities[:, 2:] > 0).all()
    assert (probabilities[:, 2:] < 0.02).all()


def test_a_label_of_a_single_row_does_not_stop_the_folds():
    rows = told_by_a_word(60)
    labels = LabelSet(("bad", "good", "rare"))
    rare = dataset([*rows.texts, "quite another thing"], [*rows.labels, "rare"])
    bag = fit_bag_of_words(rare, labels, seconds_allowed=PLENTY)
    assert bag.predict_probabilities(["quite another thing"]).argmax() == 2


def test_rows_of_one_label_give_its_share():
    bag = fit_bag_of_words(dataset(["a b", "c d"], ["good", "good"]), LABELS, seconds_allowed=PLENTY)
    # Two and a half rows of three.
    assert bag.predict_probabilities(["e"])[0] == pytest.approx([0.5 / 3, 2.5 / 3])


def test_texts_without_any_word_give_the_label_shares():
    bag = fit_bag_of_words(dataset(["", " ", ""], ["good", "bad", "good"]), LABELS, seconds_allowed=PLENTY)
    assert bag.predict_probabilities(["anything"])[0] == pytest.approx([1.5 / 4, 2.5 / 4])
