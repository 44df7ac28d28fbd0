"""Our counting is scikit-learn's, on random labels of which some are absent."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as theirs

from bertsmith.evaluation import metrics as ours

CASES = [(seed, num_labels) for seed in range(12) for num_labels in (2, 3, 7)]


def draw(seed, num_labels):
    random = np.random.default_rng(seed)
    # Few rows and uneven shares, so that some labels miss in the truth, in the predictions or in both.
    shares = random.dirichlet(np.full(num_labels, 0.4))
    label_ids = random.choice(num_labels, size=15, p=shares)
    guesses = random.choice(num_labels, size=15, p=random.dirichlet(np.full(num_labels, 0.4)))
    return label_ids, np.where(random.random(15) < 0.5, label_ids, guesses)


@pytest.fixture(params=CASES, ids=lambda case: f"seed{case[0]}-{case[1]}labels")
def rows(request):
    return *draw(*request.param), request.param[1]


def test_the_drawn_cases_have_absent_labels():
    absent = [num_labels - len(set(np.concatenate(draw(seed, num_labels)))) for seed, num_labels in CASES]
    assert sum(missing > 0 for missing in absent) >= 5


def test_confusion_matrix(rows):
    true, predicted, labels = rows
    expected = theirs.confusion_matrix(true, predicted, labels=range(labels))
    assert (ours.confusion_matrix(true, predicted, num_labels=labels) == expected).all()


@pytest.mark.parametrize("average", ["label", "macro"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_precision_recall_and_f1(rows, name, average):
    true, predicted, labels = rows
    confusion = ours.confusion_matrix(true, predicted, num_labels=labels)
    score = getattr(theirs, f"{name}_score")
    if average == "label":
        expected = score(true, predicted, labels=range(labels), average=None, zero_division=0)
    else:
        expected = score(true, predicted, average="macro", zero_division=0)
    assert getattr(ours, f"{average}_{name}")(confusion) == pytest.approx(expected, abs=1e-12)


def test_accuracy_balanced_accuracy_and_matthews_correlation(rows):
    true, predicted, labels = rows
    confusion = ours.confusion_matrix(true, predicted, num_labels=labels)
    with warnings.catch_warnings():
        # It warns of labels that are predicted but never true, and then leaves them out, as we do.
        warnings.simplefilter("ignore", UserWarning)
        expected = theirs.balanced_accuracy_score(true, predicted)
        correlation = theirs.matthews_corrcoef(true, predicted)
    assert ours.accuracy(confusion) == pytest.approx(theirs.accuracy_score(true, predicted))
    assert ours.balanced_accuracy(confusion) == pytest.approx(expected)
    assert ours.matthews_correlation(confusion) == pytest.approx(correlation, abs=1e-12)


def test_mean_loss(rows):
    true, _, labels = rows
    logits = np.random.default_rng(1).normal(scale=5, size=(len(true), labels))
    odds = np.exp(logits)
    expected = theirs.log_loss(true, odds / odds.sum(axis=1, keepdims=True), labels=range(labels))
    assert ours.mean_loss(logits, true) == pytest.approx(expected)
