"""When an attempt has failed, by training loss and validation alone, and what the next one does instead.

Pure functions of numbers and settings: nothing here trains, and nothing here has seen a test row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from bertsmith.config import TrainingConfig
from bertsmith.training.history import EpochRecord, History, StepRecord
from bertsmith.training.recipe import steady_epochs
from bertsmith.training.selection import best_epoch_index
from bertsmith.training.signs import (
    AT_PRIOR,
    WINDOW,
    has_left_prior_for_good,
    has_vanishing_gradients,
    is_above_prior,
    is_at_prior,
    is_starting,
    recent,
)

MAX_RESTARTS = 3
FEWEST_STEPS = 300
"""A shorter attempt is first continued: BERT often stands at chance for a few hundred steps and then learns."""
JUDGED_FROM = 600
"""Before this step an attempt is not ended for standing still: it saves minutes, and slow starters need it. Measured: at
300, 3 of 42 healthy tiny runs were restarted for nothing."""
SAFE_LEARNING_RATE = 2e-5
"""The rate that fails least across tasks and seeds; see `training.recipe`."""
CLEARLY_HIGH = 1e-4
"""Above this, the next rate is half way to the safe one on a logarithmic scale: the base may need a high one."""
WARMUP_RATIO = 0.1


@dataclass(frozen=True)
class Remedy:
    """What the next attempt does."""

    kind: Literal["continue", "restart"]
    """`continue` goes on from the weights as they are; `restart` from the pretrained ones."""
    recipe: TrainingConfig
    sentence: str
    """As a clause: `2e-05 with 10 % warmup`."""
    new_head: bool = False
    """Draw the head's first weights from another seed."""
    to_its_end: bool = False
    """Do not end the attempt for standing still."""
    reinitialised_layers: int = 0
    """Top layers of the encoder that start from random weights."""


@dataclass(frozen=True)
class Budget:
    """The optimizer steps of an attempt."""

    num_steps: int
    num_warmup_steps: int = 0
    """Of these; before their end the learning rate is low and nothing can be expected."""

    def after(self, quarters: int) -> int:
        """The step at which so many quarters of those behind the warmup are done."""
        return self.num_warmup_steps + (self.num_steps - self.num_warmup_steps) * quarters // 4

    @property
    def judged_at(self) -> tuple[int, ...]:
        """The steps after which a loss that stands still is judged; none where they would be the last."""
        marks = {max(JUDGED_FROM, self.after(quarters)) for quarters in (2, 3)}
        return tuple(sorted(mark for mark in marks if mark < self.num_steps))

    @property
    def suspected_at(self) -> int | None:
        """The step after which a loss that stands still is told of; None where it is never judged later."""
        mark = max(2 * WINDOW, self.after(1))
        return mark if mark < min(self.judged_at, default=0) else None


def left_prior_sign(steps: Sequence[StepRecord], *, budget: Budget, entropy: float) -> str | None:
    """What shows, while an attempt runs, that its loss is lost far above the prior's; None where it is not.

    Judged as soon as a window of steps shows it, from an eighth of the budget on.
    """
    done = len(steps)
    if done % WINDOW or done < max(2 * WINDOW, budget.num_steps // 8):
        return None
    if not has_left_prior_for_good([step.loss for step in steps[-WINDOW:]], entropy):
        return None
    return f"the loss left {entropy:.4f}, what the label shares alone give, by far and stays there"


def standing_sign(
    steps: Sequence[StepRecord], epochs: Sequence[EpochRecord], *, entropy: float
) -> str | None:
    """What shows that an attempt has learned nothing yet and is not about to; None where it may go on.

    Asked after the steps of `Budget.judged_at`, and once before for a warning. A loss that falls is let be.

    Args:
        steps: all steps so far.
        epochs: all epochs so far.
        entropy: of the training labels' shares, in nats, under the loss's own weights.
    """
    losses = [step.loss for step in steps]
    if not stands_at_prior(losses, epochs, entropy) or is_falling(losses, epochs):
        return None
    gone = has_vanishing_gradients([step.gradient_norm for step in steps], losses, entropy)
    return _at_prior_clause(losses, entropy) + (", and the gradients have vanished" if gone else "")


def stands_at_prior(losses: Sequence[float], epochs: Sequence[EpochRecord], entropy: float) -> bool:
    """Whether neither the training loss nor any validation loss is clearly below the labels' entropy."""
    validated = [epoch.validation_loss for epoch in epochs if math.isfinite(epoch.validation_loss)]
    return is_at_prior(losses, entropy) and min(validated, default=math.inf) > AT_PRIOR * entropy


def is_falling(losses: Sequence[float], epochs: Sequence[EpochRecord]) -> bool:
    """Whether a loss is falling: a slow start, which needs more steps and no other recipe."""
    return is_starting(losses, [epoch.validation_loss for epoch in epochs])


def stood_still(history: History, *, entropy: float) -> bool:
    """Whether the attempt was ended early for standing still, not for doing worse than knowing nothing."""
    return history.given_up is not None and not is_above_prior([step.loss for step in history.steps], entropy)


def failed_by(history: History, *, recipe: TrainingConfig, entropy: float) -> str | None:
    """What an ended attempt failed by, as a clause; None where it has something to show.

    Args:
        history: of the attempt.
        recipe: how its best epoch is chosen.
        entropy: of the training labels' shares, in nats, under the loss's own weights.
    """
    divergence = history.divergence
    if divergence is not None:
        return f"the {divergence.what} became {divergence.value} at step {divergence.step}"
    if history.given_up is not None:
        return f"{history.given_up.sign} (step {history.given_up.step})"
    if best_epoch_index(history.epochs, select_by=recipe.select_by) is None:
        return "every epoch collapsed"
    losses = [step.loss for step in history.steps]
    return _at_prior_clause(losses, entropy) if stands_at_prior(losses, history.epochs, entropy) else None


def next_remedy(
    history: History,
    *,
    recipe: TrainingConfig,
    num_rows: int,
    entropy: float,
    num_restarts: int,
    was_continued: bool,
    ended_first: TrainingConfig | None = None,
) -> Remedy | None:
    """What to try after this failed attempt; None when the remedies are used up.

    Args:
        history: of the attempt that failed.
        recipe: the settings that it ran with.
        num_rows: training rows.
        entropy: of the training labels' shares, in nats, under the loss's own weights.
        num_restarts: restarts so far.
        was_continued: whether a short attempt was already continued.
        ended_first: the first attempt's settings, if it was ended for standing still: the last restart gives it its end.
    """
    steps_per_epoch = -(-num_rows // recipe.batch_size)
    ended = history.divergence is None and history.given_up is None
    losses = [step.loss for step in history.steps]
    is_slow = is_falling(losses, history.epochs) or history.num_steps < FEWEST_STEPS
    may_continue = ended and not was_continued and recipe.max_steps is None
    if is_slow and may_continue and not is_above_prior(losses, entropy):
        epochs = -(-max(2 * FEWEST_STEPS, history.num_steps) // steps_per_epoch)
        longer = recipe.model_copy(update={"epochs": epochs})
        return Remedy("continue", longer, f"{epochs} more epochs, as {history.num_steps} steps were too few")
    if num_restarts >= MAX_RESTARTS:
        return None
    if ended_first is not None and num_restarts == MAX_RESTARTS - 1:
        return Remedy("restart", ended_first, "the first settings again, to their end", to_its_end=True)
    if recipe.learning_rate > SAFE_LEARNING_RATE:
        rate = lower_learning_rate(recipe.learning_rate)
        warmup = max(WARMUP_RATIO, recipe.warmup_ratio)
        gentler = recipe.model_copy(update={"learning_rate": rate, "warmup_ratio": warmup})
        return Remedy("restart", gentler, f"learning rate {rate:g} with {100 * warmup:g} % warmup")
    epochs = steady_epochs(num_rows, batch_size=recipe.batch_size)
    if epochs > recipe.epochs and recipe.max_steps is None:
        longer = recipe.model_copy(update={"epochs": epochs})
        return Remedy("restart", longer, f"{epochs} epochs, {epochs * steps_per_epoch:,} steps")
    if num_restarts < MAX_RESTARTS - 1:
        return Remedy("restart", recipe, "another seed for the head", new_head=True)
    sentence = "another seed for the head, and a new top layer of the encoder"
    return Remedy("restart", recipe, sentence, new_head=True, reinitialised_layers=1)


def best_attempt(histories: Sequence[History], *, select_by: str) -> int | None:
    """Index of the failed attempt whose best epoch is best on the validation rows; None where none ran to its end.

    Where no remedy helps, the last attempt is not the one to keep: a hard task's loss may stand near the label
    shares' entropy though something was learned.
    """
    best: dict[int, EpochRecord] = {}
    for number, history in enumerate(histories):
        chosen = best_epoch_index(history.epochs, select_by=select_by)
        if chosen is not None and history.divergence is None and history.given_up is None:
            best[number] = history.epochs[chosen]
    index = best_epoch_index(tuple(best.values()), select_by=select_by)
    return None if index is None else list(best)[index]


def lower_learning_rate(rate: float) -> float:
    """The next rate to try: the safe one, or half way to it on a logarithmic scale from a clearly high one."""
    if rate <= CLEARLY_HIGH:
        return SAFE_LEARNING_RATE
    return float(f"{math.sqrt(rate * SAFE_LEARNING_RATE):.1g}")


def _at_prior_clause(losses: Sequence[float], entropy: float) -> str:
    mean = fmean(recent(losses))
    return f"the training loss stays at {mean:.4f}, where the label shares alone give {entropy:.4f}"
