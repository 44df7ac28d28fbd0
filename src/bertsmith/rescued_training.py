"""This file knows how to train until something is learned, or the known remedies are used up.

`Prepared` → `Trained`: the attempt that the run rests on, and those that failed before it. Judged on training loss and
validation alone; the test rows have not been looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bertsmith.config import TrainingConfig
from bertsmith.console import Console, duration
from bertsmith.diagnosis.baselines import fit_bag_of_words
from bertsmith.model.restarting import reset_weights
from bertsmith.preparation import Prepared
from bertsmith.training.checkpoint import EpochWeights
from bertsmith.training.history import EpochRecord, History, Restart, StepRecord
from bertsmith.training.loop import GiveUp
from bertsmith.training.randomness import draw_seed
from bertsmith.training.rescue import Remedy, failed_by, failing_sign, next_remedy
from bertsmith.training.schedule import warmup_steps
from bertsmith.training.signs import prior_entropy
from bertsmith.watched_training import plan_of, train_watched

SECONDS_FOR_WORDS = 60.0
"""The bag of words that chooses the words of a failure may take this long."""
STANDARD_ERRORS = 3.0
"""Balanced accuracy this far above chance is not chance."""
CHANGED = ("learning_rate", "warmup_ratio", "epochs")
"""Settings that a remedy may change: what is told of an attempt."""


@dataclass(frozen=True)
class Trained:
    """What training came to."""

    prepared: Prepared
    """With the settings of the attempt that the run rests on."""
    history: History
    """Of that attempt."""
    restarts: tuple[Restart, ...] = ()
    conclusion: str = ""
    """What is to be said when nothing helped; else empty."""

    @property
    def failed(self) -> bool:
        """Whether there is no epoch to choose from."""
        return self.history.divergence is not None or self.history.given_up is not None


@dataclass
class _Tries:
    """What has been tried so far."""

    restarts: list[Restart] = field(default_factory=list)
    num_restarts: int = 0
    was_continued: bool = False
    ended_first: TrainingConfig | None = None
    """The first attempt's settings, if it was ended for standing still."""
    to_its_end: bool = False
    """Whether the attempt at hand is not to be ended for standing still."""
    words_find_something: bool | None = None
    """None until somebody asked."""


def train_until_learned(
    prepared: Prepared, *, weights: EpochWeights, log_path: Path, console: Console
) -> Trained:
    """Train; where that fails, try again as `--on-failure` allows, telling what each attempt will cost.

    Args:
        prepared: model, rows and recipe; its model is trained in place.
        weights: keeps the epochs of the last attempt.
        log_path: every step and epoch of every attempt is written here.
        console: where everything is told.
    """
    tries = _Tries()
    entropy = training_entropy(prepared)
    while True:
        recipe = prepared.config.training
        history = train_watched(
            prepared,
            weights=weights,
            log_path=log_path,
            console=console,
            attempt=len(tries.restarts),
            give_up=_judge(prepared, tries, entropy=entropy),
        )
        sign = None if recipe.on_failure == "continue" else failed_by(history, recipe=recipe, entropy=entropy)
        if sign is None or recipe.on_failure == "stop":
            return Trained(prepared, history, tuple(tries.restarts))
        remedy = _remedy(prepared, history, tries)
        if remedy is None:
            return Trained(prepared, history, tuple(tries.restarts), conclusion=_conclusion(tries))
        tries.restarts.append(_restart(recipe, history, sign=sign, remedy=remedy))
        _tell(console, history, prepared, sign=sign, remedy=remedy)
        prepared = _begin(prepared, remedy, weights=weights, attempt=len(tries.restarts))


def training_entropy(prepared: Prepared) -> float:
    """The training loss, in nats, of knowing only the labels' shares: their entropy, under the loss's own weights."""
    if prepared.class_weights is not None:
        return math.log(len(prepared.data.label_set))
    counts = prepared.data.splits.train.label_counts
    return prior_entropy(count / len(prepared.data.splits.train) for count in counts.values())


def _judge(prepared: Prepared, tries: _Tries, *, entropy: float) -> GiveUp:
    """The function that ends a hopeless attempt early."""
    num_steps = plan_of(prepared).num_steps
    num_warmup_steps = warmup_steps(num_steps, recipe=prepared.config.training)

    def give_up(steps: Sequence[StepRecord], epochs: Sequence[EpochRecord]) -> str | None:
        if prepared.config.training.on_failure == "continue" or tries.to_its_end:
            return None
        return failing_sign(
            steps, epochs, num_steps=num_steps, entropy=entropy, num_warmup_steps=num_warmup_steps
        )

    return give_up


def _remedy(prepared: Prepared, history: History, tries: _Tries) -> Remedy | None:
    """What to try next. Where word counts find nothing either, one restart is enough."""
    if tries.words_find_something is None and history.divergence is None:
        tries.words_find_something = words_find_something(prepared)
    if tries.words_find_something is False and tries.num_restarts >= 1:
        return None
    if not tries.restarts and history.given_up is not None:
        tries.ended_first = prepared.config.training
    remedy = next_remedy(
        history,
        recipe=prepared.config.training,
        num_rows=len(prepared.encoded.train),
        entropy=training_entropy(prepared),
        num_restarts=tries.num_restarts,
        was_continued=tries.was_continued,
        ended_first=tries.ended_first,
    )
    if remedy is not None:
        tries.num_restarts += remedy.kind == "restart"
        tries.was_continued |= remedy.kind == "continue"
        tries.to_its_end = remedy.to_its_end
    return remedy


def words_find_something(prepared: Prepared) -> bool:
    """Whether a bag of words, cross-validated on the training rows, is above chance."""
    train, label_set = prepared.data.splits.train, prepared.data.label_set
    bag = fit_bag_of_words(train, label_set, seconds_allowed=SECONDS_FOR_WORDS)
    counts = [count for count in train.label_counts.values() if count]
    # At chance each label's recall varies by at most half a share over the root of its rows.
    error = math.sqrt(sum(0.25 / count for count in counts)) / len(counts)
    chance = 1 / len(counts)
    return bag.cross_validated_balanced_accuracy > chance + STANDARD_ERRORS * error


def _restart(recipe: TrainingConfig, history: History, *, sign: str, remedy: Remedy) -> Restart:
    settings = {name: getattr(recipe, name) for name in CHANGED}
    return Restart(
        settings, sign=sign, remedy=remedy.sentence, steps=history.num_steps, epochs=history.epochs
    )


def _tell(console: Console, history: History, prepared: Prepared, *, sign: str, remedy: Remedy) -> None:
    """What failed, what is tried now, and about how long that takes."""
    changed = replace(prepared, config=prepared.config.model_copy(update={"training": remedy.recipe}))
    seconds = history.training_seconds / max(1, history.num_rows) * plan_of(changed).num_rows
    begins = "going on with" if remedy.kind == "continue" else "starting again with"
    console.say(
        f"It failed: {sign}. Now {begins} {remedy.sentence}, about {duration(seconds)}.", style="yellow"
    )


def _begin(prepared: Prepared, remedy: Remedy, *, weights: EpochWeights, attempt: int) -> Prepared:
    """The weights and settings that the next attempt starts from."""
    weights.forget()
    if remedy.kind == "restart":
        seed = prepared.config.training.seed
        reset_weights(
            prepared.loaded,
            seed=draw_seed("head", seed, attempt) if remedy.new_head else seed,
            reinitialised_layers=remedy.reinitialised_layers,
        )
    return replace(prepared, config=prepared.config.model_copy(update={"training": remedy.recipe}))


def _conclusion(tries: _Tries) -> str:
    """What is to be said when nothing helped."""
    if tries.words_find_something is False:
        return "Neither word counts nor BERT find anything here: look at the labels."
    if tries.words_find_something:
        return (
            "Word counts alone find something in these texts, so it is the optimisation that failed: "
            "try another base model, or --recipe steady."
        )
    return "The known remedies are used up: look at the data, and try another base model."
