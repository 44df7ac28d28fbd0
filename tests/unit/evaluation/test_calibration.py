from __future__ import annotations

import numpy as np
import pytest

from bertsmith.errors import ConfigError
from bertsmith.evaluation.calibration import (
    calibration_error,
    choose_threshold,
    fit_temperature,
    parse_cost,
    reliability,
    threshold_curve,
)
from bertsmith.evaluation.metrics import log_probabilities


def planted(temperature: float, *, rows: int = 20_000, labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right once they are divided by the temperature."""
    random = np.random.default_rng(0)
    true_logits = random.normal(scale=2, size=(rows, labels))
    chances = np.exp(log_probabilities(true_logits))
    label_ids = (random.random((rows, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    return true_logits * temperature, np.minimum(label_ids, labels - 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_planted_temperature_is_found(temperature: float):
    logits, label_ids = planted(temperature)

    assert fit_temperature(logits, label_ids) == pytest.approx(temperature, rel=0.05)


def test_the_temperature_stays_within_its_bounds():
    sure_and_wrong = np.array([[50.0, 0.0], [0.0, 50.0]] * 100)
    label_ids = np.array([1, 0] * 100)

    assert fit_temperature(sure_and_wrong, label_ids) == pytest.approx(10, rel=1e-3)
    assert fit_temperature(np.array([[0.1, 0.0], [0.0, 0.1]] * 100), 1 - label_ids) == pytest.approx(
        0.25, rel=1e-3
    )


def test_calibration_mends_every_measure_of_overconfidence():
    logits, label_ids = planted(4.0)
    before, after = reliability(logits, label_ids), reliability(logits / 4, label_ids)

    assert after.calibration_error < 0.02 < before.calibration_error
    assert after.brier < before.brier and after.log_loss < before.log_loss


def test_the_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    label_ids = np.array([0] * 8 + [1] * 2 + [0] * 5 + [1] * 5)

    assert calibration_error(probabilities, label_ids, bins=2) == pytest.approx(0.1)


def test_the_brier_score_by_hand():
    # Squared errors 0.04 + 0.04 and 0.36 + 0.36, their mean over the two rows.
    found = reliability(np.log([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 0]))

    assert found.brier == pytest.approx(0.4)


PROBABILITIES = np.array([0.9, 0.8, 0.4, 0.3, 0.1])
TRULY = np.array([True, False, True, False, False])


def test_thresholds_by_hand():
    assert choose_threshold(PROBABILITIES, TRULY, rule="f1") == pytest.approx(0.35)
    assert choose_threshold(PROBABILITIES, TRULY, rule="youden") == pytest.approx(0.35)
    # A missed positive is cheap: only the surest row is called.
    assert choose_threshold(PROBABILITIES, TRULY, rule="cost=1:5") == pytest.approx(0.85)
    assert choose_threshold(PROBABILITIES, TRULY, rule="cost=5:1") == pytest.approx(0.35)


def test_youden_counts_the_negatives_that_are_called_and_f1_the_positives_that_are_missed():
    probabilities, truly = np.array([0.9, 0.6, 0.3]), np.array([True, False, True])

    assert choose_threshold(probabilities, truly, rule="youden") == pytest.approx(0.75)
    assert choose_threshold(probabilities, truly, rule="f1") == pytest.approx(0.15)


def test_the_threshold_curve_by_hand():
    curve = threshold_curve(PROBABILITIES, TRULY)
    half, last = curve[49], curve[-1]

    assert (half.threshold, half.precision, half.recall, half.f1) == (0.5, 0.5, 0.5, 0.5)
    # No row is called at all.
    assert (last.precision, last.recall) == (1.0, 0.0)


def test_no_cut_goes_between_equal_probabilities():
    probabilities = np.array([0.7, 0.7, 0.2])

    threshold = choose_threshold(probabilities, np.array([True, False, False]), rule="f1")

    assert 0.2 < threshold < 0.7


@pytest.mark.parametrize("rule", ["f2", "cost=5", "cost=0:1", "cost=a:b", "cost=nan:1", ""])
def test_another_rule_is_refused(rule: str):
    with pytest.raises(ConfigError, match="expected f1, youden, or cost"):
        parse_cost(rule)
