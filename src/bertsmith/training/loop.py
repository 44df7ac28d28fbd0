"""The training loop: `train` → `train_epoch` → `train_step`.

A model and encoded rows → a trained model (in place) and its `History`. The loop receives `validate` as a
function, so training never imports evaluation. It stops at the step at which a loss, gradient norm or weight
is not finite.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from bertsmith.errors import NotEnoughMemory
from bertsmith.model.heads import Classifier
from bertsmith.tokens.batching import EncodedDataset, shuffled_rows, split_rows
from bertsmith.training.gradients import BatchSettings, PackedGradients, PaddedGradients, compute_in_memory
from bertsmith.training.history import (
    Bend,
    Divergence,
    EpochRecord,
    GivenUp,
    History,
    StepRecord,
    ValidationScores,
    rows_per_pass,
)
from bertsmith.training.optimizer import make_optimizer, undecayed_names
from bertsmith.training.plan import Plan
from bertsmith.training.schedule import learning_rate_at
from bertsmith.training.selection import best_epoch_index, should_stop
from bertsmith.training.signs import has_diverged, is_collapsed, is_input_blind

CLIP_EPSILON = 1e-6
"""torch scales by max_norm / (norm + this); below, its factor is 1."""

GiveUp = Callable[[Sequence[StepRecord], Sequence[EpochRecord]], str | None]
"""All steps and epochs so far → what shows that the attempt learns nothing, as a clause, or None."""


@dataclass(frozen=True)
class Observers:
    """Functions that are told what happens; they change nothing."""

    on_step: Callable[[StepRecord, int], None] = lambda record, num_rows: None
    """After every optimizer step, with the number of its rows."""
    on_epoch: Callable[[EpochRecord, bool], None] = lambda record, is_best: None
    """After every validation, and whether this epoch is the best so far; the model holds its weights."""


@dataclass(frozen=True)
class Keeper:
    """Functions that keep what is needed to go on, and put it back."""

    begin: Callable[[Trainee], None] = lambda trainee: None
    """Before the first step; may put a kept state in."""
    between: Callable[[Trainee], None] = lambda trainee: None
    """After every step and every epoch; may keep the state, and may end the run."""


class GaveUp(Exception):  # noqa: N818 - a decision, no error
    """The attempt learns nothing; carries what the history will say. Never leaves this file."""

    def __init__(self, given_up: GivenUp) -> None:
        self.given_up = given_up


class Diverged(Exception):  # noqa: N818 - what happened to the run; no one made an error
    """A number is not finite; carries what the history will say. Never leaves this file."""

    def __init__(self, divergence: Divergence) -> None:
        self.divergence = divergence


@dataclass
class Trainee:
    """What lives and changes during a run: the weights with their gradients, the optimizer and the counters."""

    model: Classifier
    gradients: PackedGradients | PaddedGradients
    optimizer: torch.optim.Optimizer
    step: int = 0
    num_rows: int = 0
    num_tokens: int = 0
    training_seconds: float = 0.0
    validation_seconds: float = 0.0
    epoch_loss: float = 0.0
    """Of the epoch at hand, in nats, summed over its rows so far."""
    epoch_rows: int = 0
    """Rows of the epoch at hand so far; 0 where the last one is closed."""
    epochs: list[EpochRecord] = field(default_factory=list)
    steps: list[StepRecord] = field(default_factory=list)
    bends: list[Bend] = field(default_factory=list)
    """Those of this training, beside the plan's."""

    @property
    def steps_of_epoch(self) -> int:
        """Steps of the epoch at hand so far."""
        return self.step - (self.epochs[-1].step if self.epochs else 0)


def train(
    model: Classifier,
    dataset: EncodedDataset,
    *,
    plan: Plan,
    validate: Callable[[], ValidationScores],
    observers: Observers | None = None,
    give_up: GiveUp = lambda steps, epochs: None,
    keeper: Keeper | None = None,
) -> History:
    """Train the model in place; gives what happened.

    Args:
        model: on the plan's device, in float32 (or float64 in tests).
        dataset: the encoded training rows with their labels.
        plan: recipe, layout, runtime and number of steps.
        validate: scores the model as it is on the validation rows.
        observers: told of every step and epoch.
        give_up: asked after every step with all steps and epochs so far; a clause ends the attempt, None lets it go on.
        keeper: keeps what is needed to go on after a kill, and puts it back.
    """
    observers, keeper = observers or Observers(), keeper or Keeper()
    order = plan.row_order or (lambda epoch: shuffled_rows(len(dataset), seed=plan.recipe.seed, epoch=epoch))
    gradients = _gradients(model, dataset, plan=plan)
    trainee = Trainee(
        model=model,
        gradients=gradients,
        optimizer=make_optimizer(gradients.parameters, undecayed=undecayed_names(model), recipe=plan.recipe),
    )

    def on_step(record: StepRecord, num_rows: int) -> None:
        trainee.steps.append(record)
        observers.on_step(record, num_rows)
        sign = give_up(trainee.steps, trainee.epochs)
        if sign is not None:
            raise GaveUp(GivenUp(step=trainee.step, sign=sign))
        keeper.between(trainee)

    divergence = given_up = None
    try:
        keeper.begin(trainee)
        while trainee.epoch_rows or (
            trainee.step < plan.num_steps and not should_stop(trainee.epochs, recipe=plan.recipe)
        ):
            rows = order(len(trainee.epochs))
            train_epoch(trainee, dataset, rows=rows, plan=plan, on_step=on_step)
            record = close_epoch(trainee, plan=plan, validate=validate)
            best = best_epoch_index(trainee.epochs, select_by=plan.recipe.select_by)
            observers.on_epoch(record, best == len(trainee.epochs) - 1)
            keeper.between(trainee)
    except Diverged as diverged:
        divergence = diverged.divergence
    except GaveUp as gave_up:
        given_up = gave_up.given_up
    finally:
        gradients.put_back()
    history = _history(trainee, divergence=divergence, given_up=given_up)
    return replace(history, bends=(*plan.known_bends, *trainee.bends))


def train_epoch(
    trainee: Trainee,
    dataset: EncodedDataset,
    *,
    rows: NDArray[np.int64],
    plan: Plan,
    on_step: Callable[[StepRecord, int], None],
) -> None:
    """One pass over these rows, or what is left of it, or of the steps."""
    for batch_rows in islice(split_rows(rows, size=plan.recipe.batch_size), trainee.steps_of_epoch, None):
        if trainee.step == plan.num_steps:
            break
        start = time.perf_counter()
        record = train_step(trainee, dataset, rows=batch_rows, plan=plan)
        trainee.training_seconds += time.perf_counter() - start
        trainee.num_rows += len(batch_rows)
        trainee.epoch_loss += record.loss * len(batch_rows)
        trainee.epoch_rows += len(batch_rows)
        on_step(record, len(batch_rows))


def train_step(
    trainee: Trainee, dataset: EncodedDataset, *, rows: NDArray[np.int64], plan: Plan
) -> StepRecord:
    """One optimizer step on these rows.

    Raises:
        Diverged: the loss, the gradient norm or a weight is not finite.
        NotEnoughMemory: not even one row fits.
    """
    recipe = plan.recipe
    learning_rate = learning_rate_at(trainee.step, num_steps=plan.num_steps, recipe=recipe)
    trainee.step += 1
    gradients = trainee.gradients
    known = rows_per_pass(trainee.step, bends=(*plan.known_bends, *trainee.bends))
    key = ("dropout", recipe.seed, plan.attempt, trainee.step)
    try:
        loss, most = compute_in_memory(gradients, rows, dropout_key=key, most=known)
    except NotEnoughMemory as error:
        raise NotEnoughMemory(f"Step {trainee.step}: {error}") from None
    if most is not None and most != known:
        trainee.bends.append(Bend(trainee.step, most))
    trainee.num_tokens += int(dataset.texts.lengths[rows].sum())
    _must_be_finite("loss", loss, trainee=trainee, learning_rate=learning_rate)
    gradient_norm = _clip_gradients(gradients.parameters.values(), max_norm=recipe.max_grad_norm)
    _must_be_finite("gradient norm", gradient_norm, trainee=trainee, learning_rate=learning_rate)
    for group in trainee.optimizer.param_groups:
        group["lr"] = learning_rate
    trainee.optimizer.step()
    gradients.shrink(1 - learning_rate * recipe.weight_decay)
    gradients.forget()
    if trainee.step == 1:
        _weights_must_be_finite(trainee, learning_rate=learning_rate)
    return StepRecord(
        step=trainee.step,
        loss=loss,
        gradient_norm=gradient_norm,
        learning_rate=learning_rate,
        micro_batch_size=most,
    )


def close_epoch(trainee: Trainee, *, plan: Plan, validate: Callable[[], ValidationScores]) -> EpochRecord:
    """Score the validation rows; adds and gives the epoch's row of the results table.

    Raises:
        Diverged: a weight or the validation loss is not finite.
    """
    learning_rate = learning_rate_at(trainee.step - 1, num_steps=plan.num_steps, recipe=plan.recipe)
    _weights_must_be_finite(trainee, learning_rate=learning_rate)
    start = time.perf_counter()
    scores = validate()
    trainee.validation_seconds += time.perf_counter() - start
    _must_be_finite("validation loss", scores.loss, trainee=trainee, learning_rate=learning_rate)
    whole, rest = divmod(trainee.step, plan.steps_per_epoch)
    record = EpochRecord(
        epoch=round(whole + rest / plan.steps_per_epoch, 2),
        step=trainee.step,
        train_loss=trainee.epoch_loss / trainee.epoch_rows,
        validation_loss=scores.loss,
        f1=scores.f1,
        accuracy=scores.accuracy,
        precision=scores.precision,
        recall=scores.recall,
        macro_f1=scores.macro_f1,
        predicted_share=scores.predicted_share,
        collapsed=is_collapsed(scores.predicted_share, scores.true_share)
        or is_input_blind(scores.information, p_value=scores.p_value),
        information=scores.information,
    )
    trainee.epochs.append(record)
    trainee.epoch_loss, trainee.epoch_rows = 0.0, 0
    return record


def _history(trainee: Trainee, *, divergence: Divergence | None, given_up: GivenUp | None) -> History:
    """What happened, as plain values."""
    return History(
        epochs=tuple(trainee.epochs),
        divergence=divergence,
        num_steps=trainee.step,
        num_rows=trainee.num_rows,
        num_tokens=trainee.num_tokens,
        training_seconds=trainee.training_seconds,
        validation_seconds=trainee.validation_seconds,
        steps=tuple(trainee.steps),
        given_up=given_up,
    )


def _gradients(
    model: Classifier, dataset: EncodedDataset, *, plan: Plan
) -> PackedGradients | PaddedGradients:
    """The packed path where the model takes it."""
    settings = BatchSettings(
        layout=plan.layout,
        runtime=plan.runtime,
        micro_batch_size=plan.recipe.micro_batch_size,
        class_weights=plan.class_weights,
    )
    kind = PackedGradients if plan.layout.is_packed else PaddedGradients
    return kind(model, dataset, settings=settings)


def _clip_gradients(parameters: Collection[torch.nn.Parameter], *, max_norm: float) -> float:
    """Scale the gradients down to the norm (0: leave them); gives their 2-norm before."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    value = norm.item()
    if max_norm > 0 and value >= max_norm - CLIP_EPSILON:
        torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return value


def _weights_must_be_finite(trainee: Trainee, *, learning_rate: float) -> None:
    """Stop the run where a weight is not finite, also one that no row reads; the model holds them all afterwards.

    Asked after the first step and at each epoch's end: between, a weight that is read shows in the next step's loss,
    and looking at all of them after every step took 2 % of its time.
    """
    trainee.gradients.put_back()
    weight_norm = torch.nn.utils.get_total_norm(trainee.model.parameters()).item()
    _must_be_finite("weight norm", weight_norm, trainee=trainee, learning_rate=learning_rate)


def _must_be_finite(what: str, value: float, *, trainee: Trainee, learning_rate: float) -> None:
    """Stop the run where a number is not finite."""
    if has_diverged([value]):
        raise Diverged(Divergence(step=trainee.step, learning_rate=learning_rate, what=what, value=value))
