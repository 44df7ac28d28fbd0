"""When an attempt has failed, and what is tried next: rules on both sides of their thresholds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bertsmith.config import TrainingConfig
from bertsmith.training.history import Divergence, EpochRecord, GivenUp, History, StepRecord
from bertsmith.training.rescue import (
    Budget,
    Remedy,
    best_attempt,
    failed_by,
    left_prior_sign,
    lower_learning_rate,
    next_remedy,
    standing_sign,
    stood_still,
)

LN2 = math.log(2)
PUBLISHED = TrainingConfig()


def steps(*losses: float, norm: float = 1.0) -> list[StepRecord]:
    return [StepRecord(number, loss, norm, 5e-5) for number, loss in enumerate(losses, start=1)]


def epoch(*, collapsed: bool = False, train_loss: float = 0.5) -> EpochRecord:
    share = {"a": 1.0, "b": 0.0} if collapsed else {"a": 0.5, "b": 0.5}
    return EpochRecord(1, 10, train_loss, 0.69, 0.5, 0.5, 0.5, 0.5, 0.5, share, collapsed)


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


@pytest.mark.parametrize(
    ("budget", "suspected", "judged"),
    [
        # Half and three quarters of 2,000; suspected at a quarter.
        (Budget(2000), 500, (1000, 1500)),
        # Behind 400 steps of warmup 1,600 are left: 400 + 400, 400 + 800, 400 + 1,200.
        (Budget(2000, 400), 800, (1200, 1600)),
        # Never before step 600, and once where both marks are 600.
        (Budget(800), 200, (600,)),
        # Half of 1,000 is before step 600: 600 and three quarters.
        (Budget(1000), 250, (600, 750)),
        # A run that ends at 600 is judged when it has ended.
        (Budget(600), None, ()),
        (Budget(40), None, ()),
    ],
)
def test_when_an_attempt_is_suspected_and_judged(
    budget: Budget, suspected: int | None, judged: tuple[int, ...]
):
    assert budget.suspected_at == suspected
    assert budget.judged_at == judged


def test_a_warmup_that_takes_nearly_all_steps_leaves_no_time_to_suspect():
    # 1,000 steps, 960 of warmup: suspected at 970, judged at 980 and 990.
    assert Budget(1000, 960).suspected_at == 970
    assert Budget(1000, 960).judged_at == (980, 990)
    # 603 steps, 602 of warmup: every mark is step 602, so there is nothing to say before it.
    assert Budget(603, 602).suspected_at is None


def test_a_loss_at_the_prior_is_a_sign_and_a_loss_below_it_is_none():
    assert standing_sign(steps(*[LN2] * 1000), [], entropy=LN2)
    assert standing_sign(steps(*[0.97 * LN2] * 1000), [], entropy=LN2) is None


def test_gradients_that_went_are_told_with_the_standing_loss():
    first, last = steps(*[LN2] * 500), steps(*[LN2] * 500, norm=0.001)

    sign = standing_sign([*first, *last], [], entropy=LN2)

    assert sign is not None and sign.endswith("and the gradients have vanished")
    assert "vanished" not in (standing_sign([*first, *first], [], entropy=LN2) or "")


def test_a_slow_starter_whose_loss_begins_to_fall_lives():
    falling = [LN2] * 750 + [LN2 - 0.0001 * number for number in range(250)]
    assert sum(falling[-250:]) / 250 > 0.98 * LN2
    assert standing_sign(steps(*falling), [], entropy=LN2) is None


def test_a_falling_validation_loss_keeps_it_alive_too():
    stuck = [epoch(), epoch(), epoch()]
    falling = [replace(epoch(), validation_loss=loss) for loss in (0.693, 0.691, 0.688)]

    assert standing_sign(steps(*[LN2] * 1000), stuck, entropy=LN2)
    assert standing_sign(steps(*[LN2] * 1000), falling, entropy=LN2) is None


def test_a_validation_loss_that_was_below_the_prior_once_keeps_it_alive():
    overfitted = [replace(epoch(), validation_loss=loss) for loss in (0.5, 0.72)]

    assert standing_sign(steps(*[LN2] * 1000), overfitted, entropy=LN2) is None


def test_a_slow_start_is_continued_not_restarted():
    slow = history(*[LN2] * 600, *[LN2 - 0.00005 * number for number in range(200)], epochs=(epoch(),))

    remedy = next_remedy(
        slow, recipe=PUBLISHED, num_rows=800, entropy=LN2, num_restarts=0, was_continued=False
    )

    assert remedy is not None and (remedy.kind, remedy.recipe.epochs) == ("continue", 8)


def test_a_loss_far_above_the_prior_is_a_sign_from_an_eighth_of_the_steps_on():
    budget = Budget(1000)  # an eighth is 125; whole windows of 50 end at 100 and 150

    assert left_prior_sign(steps(*[9.0] * 150), budget=budget, entropy=LN2)
    assert left_prior_sign(steps(*[9.0] * 149), budget=budget, entropy=LN2) is None
    assert left_prior_sign(steps(*[9.0] * 100), budget=budget, entropy=LN2) is None
    assert left_prior_sign(steps(*[1.5] * 150), budget=budget, entropy=LN2) is None


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


def remedy_at_the_prior(recipe: TrainingConfig, *, num_steps: int, num_rows: int = 400) -> Remedy:
    """What comes after a first attempt that stood at the prior's loss for so many steps."""
    remedy = next_remedy(
        history(*[LN2] * num_steps, epochs=(epoch(),)),
        recipe=recipe,
        num_rows=num_rows,
        entropy=LN2,
        num_restarts=0,
        was_continued=False,
    )
    assert remedy is not None
    return remedy


def test_a_short_attempt_whose_steps_were_fixed_is_not_continued():
    assert remedy_at_the_prior(TrainingConfig(max_steps=40), num_steps=40, num_rows=64).kind == "restart"


def test_a_warmup_longer_than_the_remedys_stays():
    remedy = remedy_at_the_prior(TrainingConfig(warmup_ratio=0.3), num_steps=400)

    assert remedy.recipe.warmup_ratio == 0.3


@pytest.mark.parametrize(
    ("more", "num_steps"),
    [({"max_steps": 400}, 400), ({"epochs": 20}, 1000)],
    ids=["its steps were fixed", "it had as many epochs as the remedy gives"],
)
def test_at_the_safe_rate_with_no_epochs_to_add_the_head_is_drawn_anew(more: dict[str, int], num_steps: int):
    remedy = remedy_at_the_prior(TrainingConfig(learning_rate=2e-5, **more), num_steps=num_steps)

    assert (remedy.sentence, remedy.new_head) == ("another seed for the head", True)


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


def test_a_first_attempt_that_was_ended_gets_its_end_no_sooner():
    remedy = next_remedy(
        history(*[LN2] * 400, epochs=(epoch(),)),
        recipe=PUBLISHED,
        num_rows=400,
        entropy=LN2,
        num_restarts=0,
        was_continued=False,
        ended_first=PUBLISHED,
    )

    assert remedy is not None and not remedy.to_its_end


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


def test_only_an_attempt_that_was_ended_at_the_prior_stood_still():
    ended = GivenUp(1000, "the loss stays")

    assert stood_still(history(*[LN2] * 1000, given_up=ended), entropy=LN2)
    assert not stood_still(history(*[LN2] * 1000), entropy=LN2)
    assert not stood_still(history(*[9.0] * 1000, given_up=ended), entropy=LN2)


def scored(macro_f1: float, *, validation_loss: float = 0.69, collapsed: bool = False) -> EpochRecord:
    return replace(epoch(collapsed=collapsed), macro_f1=macro_f1, validation_loss=validation_loss)


def best_of(*histories: History, select_by: str = "macro_f1") -> int | None:
    return best_attempt(histories, select_by=select_by)


def test_the_best_failed_attempt_is_the_one_whose_best_epoch_is_best():
    assert best_of(
        history(epochs=(scored(0.52),)),
        history(epochs=(scored(0.60), scored(0.51))),
        history(epochs=(scored(0.58),)),
    ) == 1  # fmt: skip


def test_the_best_failed_attempt_is_chosen_by_what_chooses_the_epoch():
    first = history(epochs=(scored(0.60, validation_loss=0.71),))
    second = history(epochs=(scored(0.52, validation_loss=0.68),))

    assert best_of(first, second) == 0
    assert best_of(first, second, select_by="loss") == 1


def test_of_equal_attempts_the_first_is_kept():
    assert best_of(history(epochs=(scored(0.5),)), history(epochs=(scored(0.5),))) == 0


def test_an_attempt_without_an_end_or_a_usable_epoch_is_never_the_best():
    high = (scored(0.9),)
    diverged = history(epochs=high, divergence=Divergence(7, 1.0, "loss", math.nan))
    ended = history(epochs=high, given_up=GivenUp(600, "the loss stays"))
    collapsed = history(epochs=(scored(0.9, collapsed=True),))

    assert best_of(diverged, ended, collapsed) is None
    assert best_of(diverged, ended, collapsed, history(epochs=(scored(0.5),))) == 3
