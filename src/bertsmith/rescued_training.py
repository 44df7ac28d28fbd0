"""This file knows how to train until something is learned, or the known remedies are used up.

`Prepared` → `Trained`: the attempt that the run rests on, and the others, which failed. Judged on training loss and
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
from bertsmith.training.attempts import Attempts
from bertsmith.training.history import EpochRecord, History, Restart, StepRecord
from bertsmith.training.loop import GiveUp
from bertsmith.training.randomness import draw_seed
from bertsmith.training.rescue import (
    Budget,
    Remedy,
    best_attempt,
    failed_by,
    left_prior_sign,
    next_remedy,
    standing_sign,
    stood_still,
)
from bertsmith.training.schedule import warmup_steps
from bertsmith.watched_training import plan_of, train_watched, training_entropy

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
    """The other attempts, all of which failed."""
    conclusion: str = ""
    """What is to be said when nothing helped; else empty."""

    @property
    def failed(self) -> bool:
        """Whether there is no epoch to choose from."""
        return self.history.divergence is not None or self.history.given_up is not None


@dataclass(frozen=True)
class _Attempt:
    """An attempt that failed."""

    prepared: Prepared
    """With the settings that it ran with."""
    history: History
    sign: str
    """What it failed by, as a clause."""


@dataclass
class _Tries:
    """What has failed so far, and what was tried next."""

    failed: list[_Attempt] = field(default_factory=list)
    remedies: list[Remedy] = field(default_factory=list)
    """What followed each failed attempt; none behind the last where nothing is left to try."""
    words_find_something: bool | None = None
    """None until somebody asked."""

    @property
    def num_restarts(self) -> int:
        """How often it began again from the pretrained weights."""
        return sum(remedy.kind == "restart" for remedy in self.remedies)

    @property
    def was_continued(self) -> bool:
        """Whether a short attempt was already continued."""
        return any(remedy.kind == "continue" for remedy in self.remedies)

    @property
    def to_its_end(self) -> bool:
        """Whether the attempt at hand is not to be ended for standing still."""
        return bool(self.remedies) and self.remedies[-1].to_its_end

    def best(self) -> int | None:
        """Index of the failed attempt to keep, if none is better; None where none ran to its end."""
        histories = [attempt.history for attempt in self.failed]
        return best_attempt(histories, select_by=self.failed[0].prepared.config.training.select_by)

    def restarts(self, *, but: int | None = None) -> tuple[Restart, ...]:
        """The failed attempts but the one that the run rests on, given by its index."""
        remedies = [remedy.sentence for remedy in self.remedies]
        if but is not None:
            remedies.append(f"back to attempt {but + 1}, the best of them on the validation rows")
        return tuple(
            _restart(attempt, number=index + 1, remedy=remedies[index])
            for index, attempt in enumerate(self.failed)
            if index != but
        )


def train_until_learned(
    prepared: Prepared, *, attempts: Attempts, log_path: Path, console: Console
) -> Trained:
    """Train; where that fails, try again as `--on-failure` allows, telling what each attempt will cost.

    Args:
        prepared: model, rows and recipe; its model is trained in place.
        attempts: keeps what each attempt came to, so that none is made twice, and the weights of the one that the run
            rests on; the model may be left with another one's.
        log_path: every step and epoch of every attempt is written here.
        console: where everything is told.
    """
    tries = _Tries()
    entropy = training_entropy(prepared)
    while True:
        recipe, number = prepared.config.training, len(tries.failed)
        checkpoints = attempts.attempt(number)
        history = checkpoints.finished()
        if history is None:
            _put_first_weights(prepared, tries, attempts=attempts)
            history = train_watched(
                prepared,
                checkpoints=checkpoints,
                log_path=log_path,
                console=console,
                attempt=number,
                give_up=_judge(prepared, entropy=entropy, to_its_end=tries.to_its_end, console=console),
            )
        for bend in history.bends:
            prepared.memory.learn(bend.micro_batch_size)
        sign = None if recipe.on_failure == "continue" else failed_by(history, recipe=recipe, entropy=entropy)
        if sign is None or recipe.on_failure == "stop":
            attempts.rest_on(number)
            return Trained(prepared, history, tries.restarts())
        tries.failed.append(_Attempt(prepared, history, sign))
        remedy = _remedy(tries, entropy=entropy, attempts=attempts)
        if remedy is None:
            return _rest_on_best(tries, attempts=attempts, console=console)
        _tell(console, tries.failed[-1], remedy)
        tries.remedies.append(remedy)
        prepared = _with_recipe(prepared, remedy.recipe)


def _judge(prepared: Prepared, *, entropy: float, to_its_end: bool, console: Console) -> GiveUp:
    """The function that ends a hopeless attempt early, and says before that it looks like one."""
    recipe, num_steps = prepared.config.training, plan_of(prepared).num_steps
    budget = Budget(num_steps, warmup_steps(num_steps, recipe=recipe))

    def give_up(steps: Sequence[StepRecord], epochs: Sequence[EpochRecord]) -> str | None:
        if recipe.on_failure == "continue":
            return None
        lost = left_prior_sign(steps, budget=budget, entropy=entropy)
        if lost is not None or to_its_end:
            return lost
        if len(steps) == budget.suspected_at:
            suspicion = standing_sign(steps, epochs, entropy=entropy)
            if suspicion is not None:
                console.say(
                    f"Step {len(steps):,}: suspected to learn nothing, as {suspicion}. "
                    f"It is judged at step {budget.judged_at[0]:,}.",
                    style="yellow",
                )
        return standing_sign(steps, epochs, entropy=entropy) if len(steps) in budget.judged_at else None

    return give_up


def _put_first_weights(prepared: Prepared, tries: _Tries, *, attempts: Attempts) -> None:
    """The weights that the next attempt starts from: the pretrained ones, or those that the last one ended with."""
    number = len(tries.failed)
    if not number:
        return
    remedy = tries.remedies[-1]
    if remedy.kind == "continue":
        before = attempts.attempt(number - 1)
        assert before.last is not None, "what is continued has ended, with an epoch"
        before.restore(prepared.loaded.model, before.last)
        return
    seed = prepared.config.training.seed
    reset_weights(
        prepared.loaded,
        seed=draw_seed("head", seed, number) if remedy.new_head else seed,
        reinitialised_layers=remedy.reinitialised_layers,
    )


def _remedy(tries: _Tries, *, entropy: float, attempts: Attempts) -> Remedy | None:
    """What to try after the last failed attempt. Where word counts find nothing either, one restart is enough."""
    first, last = tries.failed[0], tries.failed[-1]
    if tries.words_find_something is None and last.history.divergence is None:
        tries.words_find_something = attempts.remember(
            "words_find_something", lambda: words_find_something(last.prepared)
        )
    if tries.words_find_something is False and tries.num_restarts >= 1:
        return None
    return next_remedy(
        last.history,
        recipe=last.prepared.config.training,
        num_rows=len(last.prepared.encoded.train),
        entropy=entropy,
        num_restarts=tries.num_restarts,
        was_continued=tries.was_continued,
        ended_first=first.prepared.config.training if stood_still(first.history, entropy=entropy) else None,
    )


def words_find_something(prepared: Prepared) -> bool:
    """Whether a bag of words, cross-validated on the training rows, is above chance."""
    train, label_set = prepared.data.splits.train, prepared.data.label_set
    bag = fit_bag_of_words(train, label_set, seconds_allowed=SECONDS_FOR_WORDS)
    counts = [count for count in train.label_counts.values() if count]
    # At chance each label's recall varies by at most half a share over the root of its rows.
    error = math.sqrt(sum(0.25 / count for count in counts)) / len(counts)
    chance = 1 / len(counts)
    return bag.cross_validated_balanced_accuracy > chance + STANDARD_ERRORS * error


def _restart(attempt: _Attempt, *, number: int, remedy: str) -> Restart:
    """The attempt as it is told and kept."""
    recipe, history = attempt.prepared.config.training, attempt.history
    return Restart(
        attempt=number,
        recipe={name: getattr(recipe, name) for name in CHANGED},
        sign=attempt.sign,
        remedy=remedy,
        steps=history.num_steps,
        epochs=history.epochs,
    )


def _tell(console: Console, failed: _Attempt, remedy: Remedy) -> None:
    """What failed, what is tried now, and about how long that takes."""
    history, changed = failed.history, _with_recipe(failed.prepared, remedy.recipe)
    seconds = history.training_seconds / max(1, history.num_rows) * plan_of(changed).num_rows
    begins = "going on with" if remedy.kind == "continue" else "starting again with"
    console.say(
        f"It failed: {failed.sign}. Now {begins} {remedy.sentence}, about {duration(seconds)}.",
        style="yellow",
    )


def _with_recipe(prepared: Prepared, recipe: TrainingConfig) -> Prepared:
    """The same run by other settings."""
    return replace(prepared, config=prepared.config.model_copy(update={"training": recipe}))


def _rest_on_best(tries: _Tries, *, attempts: Attempts, console: Console) -> Trained:
    """Nothing helped: the run rests on the failed attempt that is best on the validation rows, else on the last."""
    last = len(tries.failed) - 1
    best = tries.best()
    kept = last if best is None else best
    attempt = tries.failed[kept]
    attempts.rest_on(kept)
    if kept != last:
        console.say(
            f"It failed: {tries.failed[last].sign}. Nothing is left to try: back to attempt {kept + 1}, "
            "the best of them on the validation rows.",
            style="yellow",
        )
    return Trained(attempt.prepared, attempt.history, tries.restarts(but=kept), conclusion=_conclusion(tries))


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
