"""What the steps of a training show is in the answer: a loss that left, an end before its time, a wrong head, no gradients."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from tests.unit.diagnosis.test_verdict import epoch, evidence, history, wrong_each

from bertsmith.diagnosis.evidence import Evidence
from bertsmith.diagnosis.verdict import judge
from bertsmith.training.history import GivenUp, History, StepRecord


def steps(*parts: tuple[int, float, float]) -> tuple[StepRecord, ...]:
    """Steps from (how many, loss, gradient norm)."""
    values = [(loss, norm) for count, loss, norm in parts for _ in range(count)]
    return tuple(StepRecord(number, loss, norm, 5e-5) for number, (loss, norm) in enumerate(values, start=1))


def case(**changed: object) -> Evidence:
    """A good run of which the history is another."""
    good: History = history([epoch(1), epoch(2)])
    return replace(evidence(wrong_each(20)), history=replace(good, **changed))


def reasons(told: Evidence) -> str:
    return " ".join(judge(told).reasons)


def test_a_loss_that_left_the_priors_by_far_and_stays_there_diverged():
    verdict = judge(case(steps=steps((300, 0.4, 1.0), (60, 3.8, 5.0))))

    assert verdict.outcome == "diverged"
    assert verdict.sentence == (
        "It diverged: the training loss ended at 3.8000, far above 0.6931, what the label shares alone give. "
        "The model is not usable."
    )


def test_a_loss_that_came_back_has_not_diverged():
    assert judge(case(steps=steps((60, 3.8, 5.0), (300, 0.4, 1.0)))).outcome != "diverged"


def test_an_attempt_that_was_given_up_did_not_read_the_test_rows():
    given_up = GivenUp(600, "the training loss stays at 0.6931")
    unread = replace(evidence(None, best_epoch=None), history=replace(history([]), given_up=given_up))

    verdict = judge(unread)

    assert (verdict.outcome, verdict.exit_code) == ("not_shown_to_learn", 1)
    assert "at step 600 the training loss stays at 0.6931. The test rows were not read." in verdict.sentence


@pytest.mark.parametrize(
    ("first", "is_fresh", "told"), [(3.0, True, True), (0.7, True, False), (3.0, False, False)]
)
def test_a_first_loss_far_from_that_of_a_new_head_is_told(first: float, is_fresh: bool, told: bool):
    wired = replace(case(steps=steps((1, first, 1.0), (200, 0.4, 1.0))), has_fresh_head=is_fresh)

    assert (f"a new head on 2 labels gives about {math.log(2):.4f}" in reasons(wired)) == told


@pytest.mark.parametrize(("norm", "told"), [(1e-4, True), (0.5, False)])
def test_gradients_that_vanish_while_the_loss_stays_are_told(norm: float, told: bool):
    stands = case(steps=steps((100, 0.693, 1.0), (100, 0.693, norm)))

    assert ("The gradients vanished" in reasons(stands)) == told


def test_a_training_loss_that_is_no_number_in_one_epoch_is_no_divergence():
    unreported = evidence(wrong_each(10), epochs=[epoch(1, train_loss=math.nan), epoch(2)])

    assert judge(unreported).outcome == "learned"


def test_the_validation_loss_held_against_the_priors_is_the_chosen_epochs():
    told = reasons(evidence(wrong_each(10), epochs=[epoch(1, loss=0.71), epoch(2, loss=0.6)], best_epoch=1))

    assert "0.7100, is not below" in told


def test_a_model_that_learned_is_not_said_to_have_memorised():
    assert "It memorised" not in reasons(evidence(wrong_each(10), epochs=[epoch(1, train_loss=0.01)]))


def test_where_accuracy_misleads_balanced_accuracy_is_in_the_answer():
    import numpy as np
    from tests.unit.diagnosis.test_verdict import scored

    true = np.repeat([0, 1], [900, 100])
    predicted = np.concatenate([np.zeros(900, int), np.tile([0, 1], 50)])

    assert "Balanced accuracy is 0.750 (95 % interval" in reasons(evidence(scored(true, predicted)))
