"""What needs no BERT: always saying the commonest label, and the strongest honest bag of words."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import Dataset, LabelSet
from bertsmith.diagnosis.bag_features import BagFeatures, SparseMatrix, fit_features
from bertsmith.evaluation.metrics import FloatArray, balanced_accuracy, confusion_matrix, macro_f1, mean_loss
from bertsmith.evaluation.resampling import generator

LabelIds = NDArray[np.int64]

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of C (inverse regularisation) that are tried: for TF-IDF rows of length 1 the best lies inside."""
UNCHOSEN_STRENGTH = 10.0
"""C where there is nothing to choose it by, and in the pilot."""
INDISTINCT = 0.005
"""Values of C whose macro-F1 differs by less are told apart by their loss, which is less noisy."""
FOLDS = 5
FEWEST_ROWS = 500
"""A sample is never smaller: a weaker rival would flatter the model."""
PILOT_ROWS = 300
SAFETY = 2.0
"""The pilot's seconds per row are multiplied by this: solvers need more passes on more rows."""
LAST_FIT_SHARE = 0.4
"""Where the time is short, at most this share of it goes into the last fit, the rest into the choice of C."""


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """One logistic regression per label; their probabilities are scaled to sum to 1."""

    weights: FloatArray
    """Shape (features, labels)."""
    biases: FloatArray
    """Shape (labels,)."""

    def probabilities(self, features: SparseMatrix) -> FloatArray:
        """Shape (rows, labels); each row sums to 1, each entry is above 0."""
        scores = np.asarray(features @ self.weights) + self.biases
        # Trap: beyond ±30 a sigmoid rounds to 0 or 1, and a loss to infinity.
        odds = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class BagOfWords:
    """TF-IDF of word 1–2-grams and character 2–5-grams, then logistic regression, fitted on training rows."""

    strength: float
    """C, the inverse regularisation strength: chosen by cross-validation."""
    cross_validated_macro_f1: float
    """Of the out-of-fold predictions of the training rows, in [0, 1]."""
    cross_validated_balanced_accuracy: float
    """Of the same predictions, in [0, 1]."""
    rows: int
    """Training rows that it was fitted on."""
    cross_validated_rows: int
    """Training rows that chose C."""
    sampled: bool
    """Whether the time allowed only a sample of the training rows, for the fit or for the choice of C."""
    features: BagFeatures
    classifier: LinearClassifier

    def predict_probabilities(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> FloatArray:
        """The probability of every label of the label set, shape (rows, labels); each row sums to 1.

        Args:
            texts: the (first) texts.
            pairs: the second texts, exactly where the training rows had them.

        Raises:
            ValueError: second texts are there but were not in training, or the other way round.
        """
        return self.classifier.probabilities(self.features.transform(texts, pairs))


def majority_predictions(train_label_ids: LabelIds, rows: int) -> LabelIds:
    """The commonest training label (the first of equals) for every row, shape (rows,)."""
    return np.full(rows, np.bincount(train_label_ids).argmax(), dtype=np.int64)


def majority_probabilities(train_label_ids: LabelIds, rows: int, *, num_labels: int) -> FloatArray:
    """The label shares of the training rows for every row, shape (rows, labels).

    Half a row is added to each label, so that a label without training rows has no infinite loss.
    """
    counts = np.bincount(train_label_ids, minlength=num_labels) + 0.5
    return np.tile(counts / counts.sum(), (rows, 1))


def fit_bag_of_words(
    train: Dataset, label_set: LabelSet, *, seconds_allowed: float, seed: int = 0
) -> BagOfWords:
    """The strongest bag of words that these training rows and seconds allow.

    C is chosen by the macro-F1 of out-of-fold predictions, because macro-F1 is what the model is compared
    by; of those within `INDISTINCT` of the best, the one with the least loss. The document frequencies
    are those of all training rows, the held-out fold's texts (never its labels) included.

    Args:
        train: the rows that the model was trained on.
        label_set: every label gets a probability, also one without a row here.
        seconds_allowed: about how long it may take, found out by a pilot on a few rows. Where all rows would
            take longer a stratified sample is used, of `FEWEST_ROWS` at least.
        seed: of the sample and of the folds. Where nothing is sampled, the same seed gives the same result.
    """
    ids = np.asarray(label_set.ids_of(train.labels), dtype=np.int64)
    order = _stratified_order(ids, seed=seed)
    fit_rows, choice_rows = _rows_affordable(train, ids, order=order, seconds_allowed=seconds_allowed)
    # The rows that choose C come first.
    sample = np.concatenate([np.sort(order[:choice_rows]), np.sort(order[choice_rows:fit_rows])])
    chosen = train.select(sample.tolist())
    features, rows = fit_features(chosen.texts, chosen.text_pairs)
    num_labels = len(label_set)
    strength, predicted = _choose_strength(
        rows[:choice_rows], ids[sample[:choice_rows]], num_labels=num_labels, seed=seed
    )
    confusion = confusion_matrix(ids[sample[:choice_rows]], predicted, num_labels=num_labels)
    return BagOfWords(
        strength=strength,
        cross_validated_macro_f1=float(macro_f1(confusion)),
        cross_validated_balanced_accuracy=float(balanced_accuracy(confusion)),
        rows=len(sample),
        cross_validated_rows=choice_rows,
        sampled=choice_rows < len(train),
        features=features,
        classifier=_fit(rows, ids[sample], num_labels=num_labels, strength=strength),
    )


def _stratified_order(ids: LabelIds, *, seed: int) -> LabelIds:
    """The rows in an order whose every beginning has about the label shares of the whole."""
    random = generator(seed)
    shuffled = random.permutation(len(ids))
    by_label = shuffled[np.argsort(ids[shuffled], kind="stable")]
    counts = np.bincount(ids)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    place = (np.arange(len(ids)) - starts + random.random(len(ids))) / np.repeat(counts, counts)
    return np.asarray(by_label[np.argsort(place, kind="stable")], dtype=np.int64)


def _rows_affordable(
    train: Dataset, ids: LabelIds, *, order: LabelIds, seconds_allowed: float
) -> tuple[int, int]:
    """How many rows may be fitted, and how many of them may choose C."""
    total = len(train)
    if total <= FEWEST_ROWS:
        return total, total
    sample = order[:PILOT_ROWS]
    pilot = train.select(sample.tolist())
    _load_libraries()
    start = time.perf_counter()
    _, rows = fit_features(pilot.texts, pilot.text_pairs)
    featured = time.perf_counter()
    _fit(rows, ids[sample], num_labels=int(ids.max()) + 1, strength=UNCHOSEN_STRENGTH)
    done = time.perf_counter()
    seconds_per_row = (featured - start) / PILOT_ROWS
    fit_seconds_per_row = SAFETY * (done - featured) / PILOT_ROWS
    choice_seconds_per_row = fit_seconds_per_row * len(STRENGTHS) * (FOLDS - 1)
    left = max(0.0, seconds_allowed - (done - start))
    once = seconds_per_row + fit_seconds_per_row
    if total * (once + choice_seconds_per_row) <= left:
        return total, total
    fit_rows = int(np.clip(LAST_FIT_SHARE * left / once, FEWEST_ROWS, total))
    choice_rows = int(np.clip((left - fit_rows * once) / choice_seconds_per_row, FEWEST_ROWS, fit_rows))
    return fit_rows, choice_rows


def _load_libraries() -> None:
    """Import what the fit needs: two seconds that say nothing about the rows."""
    _, rows = fit_features(["one", "two"], None)
    _fit_label(rows, np.array([True, False]), strength=UNCHOSEN_STRENGTH)


def _choose_strength(
    rows: SparseMatrix, ids: LabelIds, *, num_labels: int, seed: int
) -> tuple[float, LabelIds]:
    """The C that cross-validation chooses, and its out-of-fold predictions, shape (rows,)."""
    folds = _folds(ids, seed=seed)
    if folds.max() == 0:
        return UNCHOSEN_STRENGTH, majority_predictions(ids, len(ids))
    tried = []
    for strength in STRENGTHS:
        probabilities = np.empty((len(ids), num_labels))
        for fold in range(int(folds.max()) + 1):
            held_out = folds == fold
            classifier = _fit(rows[~held_out], ids[~held_out], num_labels=num_labels, strength=strength)
            probabilities[held_out] = classifier.probabilities(rows[held_out])
        predicted = probabilities.argmax(axis=1).astype(np.int64)
        score = float(macro_f1(confusion_matrix(ids, predicted, num_labels=num_labels)))
        tried.append((score, mean_loss(np.log(probabilities), ids), strength, predicted))
    best = max(score for score, *_ in tried)
    _, _, strength, predicted = min(
        (trial for trial in tried if trial[0] >= best - INDISTINCT), key=lambda trial: trial[1]
    )
    return strength, predicted


def _folds(ids: LabelIds, *, seed: int) -> LabelIds:
    """The fold of each row, every label spread evenly, shape (rows,); all 0 where only one label occurs.

    Five folds, or as many as the rarest label has rows, but three at least: with two, only half the rows
    would stand behind the choice.
    """
    counts = np.bincount(ids)
    present = counts[counts > 0]
    if len(present) < 2:
        return np.zeros(len(ids), dtype=np.int64)
    num_folds = min(len(ids), max(3, min(FOLDS, int(present.min()))))
    shuffled = generator(seed + 1).permutation(len(ids))
    by_label = shuffled[np.argsort(ids[shuffled], kind="stable")]
    folds = np.empty(len(ids), dtype=np.int64)
    folds[by_label] = np.arange(len(ids)) % num_folds
    return folds


def _fit(rows: SparseMatrix, ids: LabelIds, *, num_labels: int, strength: float) -> LinearClassifier:
    """One logistic regression per label against the rest; else, with nothing to learn from, the shares.

    The dual solver takes 0.1 s for 4,000 rows of 53,000 columns where L-BFGS takes 0.3–2 s, and for 77
    labels 4 s where the multinomial one takes 14 s at the same accuracy.
    """
    counts = np.bincount(ids, minlength=num_labels)
    shares = (counts + 0.5) / (len(ids) + 0.5 * num_labels)
    weights = np.zeros((rows.shape[1], num_labels))
    biases = np.log(shares / (1 - shares))
    present = np.flatnonzero(counts)
    if len(present) < 2 or rows.shape[1] == 0:
        return LinearClassifier(weights, biases)
    # With two labels the second one's regression is the first one's, mirrored.
    fitted = present[1:] if len(present) == 2 else present
    for label in fitted:
        weights[:, label], biases[label] = _fit_label(rows, ids == label, strength=strength)
    if len(present) == 2:
        weights[:, present[0]], biases[present[0]] = -weights[:, present[1]], -biases[present[1]]
    return LinearClassifier(weights, biases)


def _fit_label(rows: SparseMatrix, truly: NDArray[np.bool_], *, strength: float) -> tuple[FloatArray, float]:
    """Weights, shape (features,), and bias of one label against the rest."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(
        C=strength, solver="liblinear", dual=True, tol=0.01, max_iter=300, random_state=0
    )
    with warnings.catch_warnings():
        # After 300 passes the predictions no longer move; the solver's own tolerance may still be missed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(rows, truly)
    return regression.coef_[0], float(regression.intercept_[0])
