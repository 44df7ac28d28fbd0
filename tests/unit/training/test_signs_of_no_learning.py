from __future__ import annotations

import math

import numpy as np

from bertsmith.evaluation.metrics import information
from bertsmith.evaluation.significance import learning_p_value
from bertsmith.training.signs import (
    has_left_prior_for_good,
    has_vanishing_gradients,
    is_at_prior,
    is_input_blind,
    is_starting,
    is_wrongly_wired,
    prior_entropy,
)

LN2 = math.log(2)


def test_the_entropy_of_the_label_shares():
    assert prior_entropy([0.5, 0.5]) == LN2
    assert round(prior_entropy([0.9, 0.1]), 3) == 0.325
    assert prior_entropy([1.0, 0.0]) == 0


def test_the_same_probabilities_for_every_text_are_input_blind_at_any_balance():
    labels = np.array([0] * 95 + [1] * 5)
    blind = np.tile(np.log([0.95, 0.05]), (100, 1))
    reading = blind.copy()
    reading[95:] = np.log([0.3, 0.7])

    assert is_input_blind(information(blind, labels))
    assert not is_input_blind(information(reading, labels))


def test_input_blindness_has_its_threshold():
    assert is_input_blind(0.0019)
    assert not is_input_blind(0.002)
    assert not is_input_blind(None)


def test_a_model_that_is_unsure_but_right_more_often_than_chance_is_not_blind():
    # 75 of 100 right with probabilities of 0.49 and 0.51: next to no information, and no chance.
    labels = np.array([0] * 50 + [1] * 50)
    right = np.array([True] * 75 + [False] * 25)
    said = np.where(right, labels, 1 - labels)
    unsure = np.log(np.where(np.eye(2)[said] == 1, 0.51, 0.49))

    found = information(unsure, labels)

    assert found < 0.002
    assert not is_input_blind(found, p_value=learning_p_value(labels, said, num_labels=2))
    assert is_input_blind(found, p_value=0.005)


def test_a_loss_at_the_prior():
    assert is_at_prior([0.99 * LN2] * 200, LN2)
    assert not is_at_prior([LN2] * 150 + [0.97 * LN2] * 50, LN2)
    assert not is_at_prior([], LN2)


def test_a_falling_loss_is_starting_and_a_noisy_one_is_not():
    noise = [LN2 + 0.05 * (-1) ** number for number in range(200)]
    assert not is_starting(noise)
    assert is_starting(noise[:150] + [loss - 0.04 for loss in noise[150:]])
    assert not is_starting([1.0] * 49 + [0.5] * 50)


def test_a_fall_by_one_standard_error_is_noise():
    noise = [LN2 + 0.05 * (-1) ** number for number in range(200)]
    # A quarter is 50 steps, so its mean has a standard error of 0.05 / √50, and the difference of two of them 0.01.
    assert not is_starting(noise[:150] + [loss - 0.01 for loss in noise[150:]])


def test_two_best_validation_losses_in_a_row_are_a_start():
    assert is_starting([], [0.693, 0.691, 0.690])
    assert not is_starting([], [0.693, 0.695, 0.690])
    assert not is_starting([], [0.690, 0.691, 0.692])
    assert not is_starting([], [0.690, 0.690, 0.689])
    assert not is_starting([], [0.693, 0.690])


def test_a_loss_that_left_the_prior_comes_back_or_not():
    assert has_left_prior_for_good([10.0] * 50, LN2)
    assert not has_left_prior_for_good([10.0] * 49, LN2)
    assert not has_left_prior_for_good([10.0] * 50 + [0.6] * 50, LN2)
    assert not has_left_prior_for_good([1.3] * 50, LN2)


def test_gradients_vanish_only_where_the_loss_stays_at_the_prior():
    norms = [1.0] * 50 + [0.005] * 50
    assert has_vanishing_gradients(norms, [LN2] * 100, LN2)
    assert not has_vanishing_gradients(norms, [0.1] * 100, LN2)
    assert not has_vanishing_gradients([1.0] * 50 + [0.02] * 50, [LN2] * 100, LN2)


def test_gradients_are_compared_with_the_first_ones_not_with_all():
    # The median of all 200 is as small as the last ones.
    assert has_vanishing_gradients([1.0] * 60 + [0.005] * 140, [LN2] * 200, LN2)


def test_a_first_loss_far_from_ln_k_is_wrongly_wired():
    assert is_wrongly_wired(LN2 + 1.6, 2)
    assert not is_wrongly_wired(LN2 + 1.4, 2)
    assert not is_wrongly_wired(math.nan, 2)


def test_a_first_loss_far_below_ln_k_is_wrongly_wired_too():
    assert is_wrongly_wired(0.1, 20)  # ln 20 = 3.0
