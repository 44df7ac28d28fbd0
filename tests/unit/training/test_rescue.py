"""When an attempt has failed, and what is tried next: rules on both sides of their thresholds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bertsmith.config import TrainingConfig
from bertsmith.training.history import Divergence, EpochRecord, GivenUp, History, StepRecord
from bertsmith.training.rescue import failed_by, failing_sign, lower_learning_rate, next_remedy

LN2 = math.log(2)
PUBLISHED = TrainingConfig()


def steps(*losses: float, norm: float = 1.0) -> list[StepRecord]:
    return [StepRecord(number, loss, norm, 5e-5) for number, loss in enumerate(losses, start=1)]


def epoch(*, collapsed: bool = False, train_loss: float = 0.5) -> EpochRecord:
    share = {"a": 1.0, "b": 0.0} if collapsed else {"a": 0.5, "b": 0.5}
    return EpochRecord(1, 10, train_loss, 0.69, 0.5, 0.5, 0.5, 0.5, 0.5, share, collapsed)


def failing_sign_of(done: list[StepRecord], *, num_steps: int) -> str | None:
    return failing_sign(done, [], num_steps=num_steps, entropy=LN2)


def history(
    *losses: float,
    epochs: tuple[EpochRecord, ...] = (),
    divergence: Divergence | None = None,
    given_up: GivenUp | None = None,
) -> History:
    return History(
        epochs,
        divergence,
        len(losses),
        8 * len(losses),
        0,
        1.0,
        1.0,
        steps=tuple(steps(*losses)),
        given_up=given_up,
    )


def test_a_loss_at_the_prior_is_judged_at_half_of_the_steps():
    assert failing_sign_of(steps(*[LN2] * 1000), num_steps=2000)
    assert failing_sign_of(steps(*[LN2] * 999), num_steps=2000) is None


def test_a_loss_below_the_prior_is_none_of_its_business():
    assert failing_sign_of(steps(*[0.97 * LN2] * 1000), num_steps=2000) is None


def test_no_attempt_is_ended_for_standing_still_before_600_steps():
    assert failing_sign_of(steps(*[LN2] * 400), num_steps=800) is None
    assert failing_sign_of(steps(*[LN2] * 600), num_steps=800)


def test_a_slow_starter_whose_loss_begins_to_fall_lives():
    falling = [LN2] * 750 + [LN2 - 0.0001 * number for number in range(250)]
    assert sum(falling[-250:]) / 250 > 0.98 * LN2
    assert failing_sign_of(steps(*falling), num_steps=2000) is None


def test_a_falling_validation_loss_keeps_it_alive_too():
    stuck = [epoch(), epoch(), epoch()]
    falling = [replace(epoch(), validation_loss=loss) for loss in (0.693, 0.691, 0.688)]

    assert failing_sign(steps(*[LN2] * 1000), stuck, num_steps=2000, entropy=LN2)
    assert failing_sign(steps(*[LN2] * 1000), falling, num_steps=2000, entropy=LN2) is None


def test_a_slow_start_is_continued_not_restarted():
    slow = history(*[LN2] * 600, *[LN2 - 0.00005 * number for number in range(200)], epochs=(epoch(),))

    remedy = next_remedy(
        slow, recipe=PUBLISHED, num_rows=800, entropy=LN2, num_restarts=0, was_continued=False
    )

    assert remedy is not None and (remedy.kind, remedy.recipe.epochs) == ("continue", 8)


def test_a_loss_far_above_the_prior_ends_the_attempt_early():
    assert failing_sign_of(steps(*[9.0] * 150), num_steps=1000)
    assert failing_sign_of(steps(*[9.0] * 100), num_steps=1000) is None
    assert failing_sign_of(steps(*[1.5] * 150), num_steps=1000) is None


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (history(LN2, divergence=Divergence(7, 1.0, "loss", math.nan)), "the loss became nan at step 7"),
        (history(LN2, given_up=GivenUp(500, "the loss stays")), "the loss stays (step 500)"),
        (history(*[0.3] * 400, epochs=(epoch(collapsed=True),)), "every epoch collapsed"),
        (history(*[LN2] * 400, epochs=(epoch(),)), "the training loss stays at 0.6931"),
    ],
)
def test_a_failed_attempt_says_by_what(ended: History, words: str):
    found = failed_by(ended, recipe=PUBLISHED, entropy=LN2)

    assert found is not None and words in found


def test_an_attempt_that_learned_has_not_failed():
    assert failed_by(history(*[0.3] * 400, epochs=(epoch(),)), recipe=PUBLISHED, entropy=LN2) is None


def test_a_short_attempt_is_first_continued_then_restarted():
    short = history(*[LN2] * 40, epochs=(epoch(),))

    first = next_remedy(
        short, recipe=PUBLISHED, num_rows=64, entropy=LN2, num_restarts=0, was_continued=False
    )
    then = next_remedy(short, recipe=PUBLISHED, num_rows=64, entropy=LN2, num_restarts=0, was_continued=True)

    assert first is not None and then is not None
    assert (first.kind, first.recipe.epochs) == ("continue", 75)
    assert then.kind == "restart"


def test_the_remedies_come_in_their_order_and_end():
    failed = history(*[LN2] * 400, epochs=(epoch(),))
    recipe, told = PUBLISHED, []
    for number in range(4):
        remedy = next_remedy(
            failed, recipe=recipe, num_rows=400, entropy=LN2, num_restarts=number, was_continued=False
        )
        if remedy is None:
            break
        recipe = remedy.recipe
        told.append(remedy.sentence)

    assert told == [
        "learning rate 2e-05 with 10 % warmup",
        "20 epochs, 1,000 steps",
        "another seed for the head, and a new top layer of the encoder",
    ]


def test_a_diverged_short_attempt_is_restarted_at_once():
    ended = history(LN2, divergence=Divergence(1, 1.0, "loss", math.inf))

    remedy = next_remedy(
        ended,
        recipe=TrainingConfig(learning_rate=1.0),
        num_rows=64,
        entropy=LN2,
        num_restarts=0,
        was_continued=False,
    )

    assert remedy is not None
    assert (remedy.kind, remedy.recipe.learning_rate, remedy.recipe.warmup_ratio) == ("restart", 0.004, 0.1)


@pytest.mark.parametrize(
    ("rate", "lower"), [(5e-5, 2e-5), (1e-4, 2e-5), (1e-2, 4e-4), (0.05, 1e-3), (1.0, 4e-3)]
)
def test_the_next_learning_rate(rate: float, lower: float):
    assert lower_learning_rate(rate) == pytest.approx(lower)


def test_a_first_attempt_that_was_ended_gets_its_end_with_the_last_restart():
    failed = history(*[LN2] * 1000, given_up=GivenUp(1000, "the loss stays"))

    remedy = next_remedy(
        failed,
        recipe=PUBLISHED,
        num_rows=4000,
        entropy=LN2,
        num_restarts=2,
        was_continued=True,
        ended_first=PUBLISHED,
    )

    assert remedy is not None and remedy.to_its_end
    assert remedy.recipe == PUBLISHED


def test_a_short_attempt_that_does_worse_than_knowing_nothing_is_restarted_not_continued():
    hot = history(*[1.1 * LN2] * 90, epochs=(epoch(collapsed=True),))

    remedy = next_remedy(
        hot,
        recipe=TrainingConfig(learning_rate=1e-2),
        num_rows=180,
        entropy=LN2,
        num_restarts=0,
        was_continued=False,
    )

    assert remedy is not None and remedy.kind == "restart"
