"""What else is worth telling of a published table beside the verdict, and what to try."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertsmith.diagnosis.averaging import CHANCE_BAND, contradictions
from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.published_states import EpochState, is_finite


def reasons(
    run: ForeignRun, states: Sequence[EpochState], *, trap: int | None, num_labels: int | None
) -> list[str]:
    """What else is worth telling."""
    told = []
    collapsed = [
        epoch_name(state.epoch, index) for index, state in enumerate(states) if state.state == "collapsed"
    ]
    if collapsed:
        told.append(f"Collapsed, every row called the same: epoch {', '.join(collapsed)} of {len(states)}.")
    if trap is not None:
        epoch = states[trap].epoch
        name, value = ("F1", epoch.f1) if epoch.f1 is not None else ("accuracy", epoch.accuracy)
        told.append(
            f"A trap: the best {name} of the table, {shown(value)}, belongs to collapsed epoch "
            f"{epoch_name(epoch, trap)}; choosing by {name} would keep a model that reads nothing."
        )
    losses = [state.epoch.validation_loss for state in states if is_finite(state.epoch.validation_loss)]
    known = [loss for loss in losses if loss is not None]
    if num_labels and known and min(known) >= (1 - CHANCE_BAND) * math.log(num_labels):
        chance = math.log(num_labels)
        never = "left" if max(known) <= (1 + CHANCE_BAND) * chance else "came clearly below"
        told.append(
            f"The validation loss never {never} ln {num_labels} = {chance:.4f}, the loss of a guess among "
            f"{num_labels} equally frequent labels: it is {min(known):.4f} at best."
        )
    for index, f1 in contradictions(run):
        epoch = states[index].epoch
        told.append(
            f"Epoch {epoch_name(epoch, index)} contradicts itself: F1 {shown(epoch.f1)} is printed, "
            f"but its precision and recall give {f1:.4f}."
        )
    unknown = [
        epoch_name(state.epoch, index)
        for index, state in enumerate(states)
        if state.gain is None and state.state not in ("collapsed", "diverged")
    ]
    if unknown and any(state.gain is not None for state in states):
        told.append(f"Too few figures to judge: epoch {', '.join(unknown)} of {len(states)}.")
    if run.loss_became_nan:
        told.append("A training loss or gradient norm was NaN; the standard trainer logs such a loss as 0.0.")
    return told


def remedies(outcome: str, states: Sequence[EpochState]) -> tuple[str, ...]:
    """What to try, most likely first."""
    if outcome in ("learned", "cannot_tell"):
        return ()
    steps = max((state.epoch.step or 0 for state in states), default=0)
    told = ["a learning rate of 2e-5 with 10 % warmup (bertsmith train --recipe steady)"]
    if 0 < steps < 1000:
        told.append(f"more optimizer steps: {steps:,} are few, 1,000 and more are usual")
    told.append(
        "another seed: of 20 published BERT runs with one recipe on Financial PhraseBank 9 ended near chance and 11 did not"
    )
    told.append("the labels: whether word counts alone find anything in them (bertsmith train tells)")
    return tuple(told)


def epoch_name(epoch: ForeignEpoch, index: int) -> str:
    """The epoch's number as the table has it; else its place."""
    return f"{epoch.epoch:g}" if epoch.epoch is not None else str(index + 1)


def shown(value: float | None) -> str:
    """A figure with four digits, `unknown` where it is not there."""
    return "unknown" if value is None else f"{value:.4f}"
