"""Epochs, steps, the best epoch and patience, as the loop counts them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.learning.small_run import CPU, layout_of, make_rows, plan_for, run, scores
from tests.tiny_models import tiny_model

from bertsmith.config import TrainingConfig
from bertsmith.training.history import ValidationScores
from bertsmith.training.plan import Plan


class Validation:
    """Gives these scores, one after the other, and counts."""

    def __init__(self, given: Sequence[ValidationScores]) -> None:
        self.given = list(given)
        self.num_calls = 0

    def __call__(self) -> ValidationScores:
        self.num_calls += 1
        return self.given[self.num_calls - 1]


def best_flags(given: Sequence[ValidationScores], **recipe: object) -> list[bool]:
    """What `on_epoch` is told of each epoch of a run with these scores."""
    flags: list[bool] = []
    run(
        tiny_model(num_labels=2),
        make_rows(8),
        validate=Validation(given),
        on_epoch=lambda record, is_best: flags.append(is_best),
        epochs=len(given),
        **recipe,
    )
    return flags


def test_epochs_of_5474_rows_end_at_the_steps_of_the_published_table() -> None:
    """⌈5474 / 8⌉ = 685."""
    plan = Plan.of(5474, recipe=TrainingConfig(), layout=layout_of("bert"), runtime=CPU)

    assert [plan.steps_per_epoch * epoch for epoch in range(1, 6)] == [685, 1370, 2055, 2740, 3425]
    assert plan.num_steps == 3425


def test_every_epoch_ends_with_a_validation() -> None:
    validation = Validation([scores()] * 3)
    history, steps = run(tiny_model(num_labels=2), make_rows(20), validate=validation, epochs=3)

    # 20 rows are 8 + 8 + 4
    assert [(epoch.epoch, epoch.step) for epoch in history.epochs] == [(1.0, 3), (2.0, 6), (3.0, 9)]
    assert validation.num_calls == 3
    assert [step.step for step in steps] == list(range(1, 10))


@pytest.mark.parametrize(
    ("max_steps", "ends"),
    [
        (2, [(0.67, 2)]),
        (3, [(1.0, 3)]),
        (4, [(1.0, 3), (1.33, 4)]),
        (7, [(1.0, 3), (2.0, 6), (2.33, 7)]),
    ],
)
def test_max_steps_ends_the_run_wherever_it_falls(max_steps: int, ends: list[tuple[float, int]]) -> None:
    """Three steps in an epoch; `epochs` has no say."""
    history, steps = run(tiny_model(num_labels=2), make_rows(20), max_steps=max_steps, epochs=1)

    assert [(epoch.epoch, epoch.step) for epoch in history.epochs] == ends
    assert len(steps) == history.num_steps == max_steps


def test_the_training_loss_of_an_epoch_is_the_mean_over_its_rows() -> None:
    """12 rows are a step of 8 and one of 4; the mean of the two losses would count the 4 twice."""
    history, steps = run(tiny_model(num_labels=2), make_rows(12), epochs=1)

    assert history.epochs[0].train_loss == pytest.approx((8 * steps[0].loss + 4 * steps[1].loss) / 12)
    assert steps[0].loss != pytest.approx(steps[1].loss)


@pytest.mark.parametrize("max_steps", [1, 2, 3, 4, 7, None])
def test_the_plan_tells_how_many_rows_the_run_will_see(max_steps: int | None) -> None:
    dataset = make_rows(20)
    history, _ = run(tiny_model(num_labels=2), dataset, max_steps=max_steps, epochs=2)

    assert plan_for(dataset, max_steps=max_steps, epochs=2).num_rows == history.num_rows


def test_rows_and_real_tokens_are_counted() -> None:
    dataset = make_rows(20)
    history, _ = run(tiny_model(num_labels=2), dataset, epochs=2, micro_batch_size=3)

    assert history.num_rows == 40
    assert history.num_tokens == 2 * len(dataset.texts.input_ids)


def test_on_epoch_is_told_which_epoch_is_the_best_so_far() -> None:
    given = [scores(f1=0.5), scores(f1=0.7), scores(f1=0.6), scores(f1=0.8)]

    assert best_flags(given) == [True, True, False, True]


def test_a_collapsed_epoch_is_never_the_best_so_far() -> None:
    given = [scores(f1=0.6667, predicted=(1.0, 0.0)), scores(f1=0.5), scores(f1=0.6667, predicted=(0.0, 1.0))]

    assert best_flags(given) == [False, True, False]


def test_the_best_epoch_can_be_chosen_by_the_validation_loss() -> None:
    given = [scores(f1=0.9, loss=0.6), scores(f1=0.5, loss=0.5), scores(f1=0.95, loss=0.7)]

    assert best_flags(given, select_by="loss") == [True, True, False]


def test_patience_ends_the_run() -> None:
    given = [scores(f1=0.5), scores(f1=0.7), scores(f1=0.6), scores(f1=0.6), scores(f1=0.9)]

    assert len(best_flags(given, patience=2)) == 4


def test_without_patience_all_epochs_are_run() -> None:
    assert len(best_flags([scores(f1=0.7), scores(f1=0.6), scores(f1=0.6)])) == 3


def test_while_every_epoch_is_collapsed_patience_waits() -> None:
    """There is no best epoch to stop at: the published run's best came after two collapsed ones."""
    assert len(best_flags([scores(predicted=(1.0, 0.0))] * 4, patience=1)) == 4
