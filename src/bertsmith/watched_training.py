"""This file knows how to train while telling what happens: the plan before it, progress, epochs, and the log."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from bertsmith.config import Config
from bertsmith.console import Console, duration
from bertsmith.data.duplicates import duplicate_groups
from bertsmith.evaluation.scoring import point_scores
from bertsmith.evaluation.significance import learning_p_value
from bertsmith.interruption import Interrupted
from bertsmith.live_view import TrainingView, Watched, watching
from bertsmith.preparation import Prepared, label_ids_of, prepare
from bertsmith.printing import quoted
from bertsmith.run_folder import folder_of
from bertsmith.sources import file_name
from bertsmith.training.checkpoint import AttemptCheckpoints
from bertsmith.training.history import Divergence, EpochRecord, History, StepRecord, ValidationScores
from bertsmith.training.log import TrainingLog
from bertsmith.training.loop import GiveUp, Keeper, Observers, Trainee, train
from bertsmith.training.memory import memory_note
from bertsmith.training.plan import Plan
from bertsmith.training.signs import is_input_blind, prior_entropy

STEPS_BEFORE_ESTIMATE = 10
"""After this many steps it is told when the training will end."""


def train_watched(
    prepared: Prepared,
    *,
    checkpoints: AttemptCheckpoints,
    log_path: Path,
    console: Console,
    attempt: int = 0,
    give_up: GiveUp = lambda steps, epochs: None,
) -> History:
    """Train the prepared model in place, from its newest checkpoint if there is one.

    Args:
        prepared: model, rows and recipe.
        checkpoints: keeps the best and the last epoch's weights, and all that is needed to go on.
        log_path: every step and epoch is written here.
        console: where plan, progress and epochs are told.
        attempt: 0 for the first try; each draws its own dropout masks.
        give_up: ends a hopeless attempt; see `training.loop.train`.

    Raises:
        Interrupted: a signal came; all that is needed to go on is on the disk.
        NothingToResume: there are checkpoints, and none is whole.
    """
    plan = replace(plan_of(prepared), attempt=attempt, known_bends=prepared.memory.known_bends())
    console.say(plan_sentence(prepared, plan))
    with (
        checkpoints,
        checkpoints.keeping.interruption.deferred(),
        watching(watched_of(prepared, plan), console) as view,
        _Watch(prepared, plan, checkpoints, log_path, console, view) as watch,
    ):
        history = train(
            prepared.loaded.model,
            prepared.encoded.train,
            plan=plan,
            validate=watch.validate,
            observers=Observers(on_step=watch.on_step, on_epoch=watch.on_epoch),
            give_up=give_up,
            keeper=Keeper(begin=watch.begin, between=checkpoints.between),
        )
        checkpoints.finish(history)
    return history


@dataclass
class _Watch:
    """What follows an attempt from its first step or from its newest checkpoint."""

    prepared: Prepared
    plan: Plan
    checkpoints: AttemptCheckpoints
    log_path: Path
    console: Console
    view: TrainingView
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def begin(self, trainee: Trainee) -> None:
        """Take up what is kept; the log goes on from there."""
        self._trainee = trainee
        self.checkpoints.begin(trainee)
        for bend in trainee.bends:
            if bend.step <= trainee.step:
                self.prepared.memory.learn(bend.micro_batch_size)
        keeping = self.checkpoints.keeping
        self._log = self._stack.enter_context(TrainingLog(self.log_path, num_bytes=keeping.log_bytes))
        keeping.sync_log = self._log.on_disk
        if self.plan.attempt and not trainee.step:
            self._log.attempt(self.plan.attempt)
        best = self.checkpoints.best
        self.view.go_on(num_rows=trainee.num_rows, step=trainee.step, epochs=trainee.epochs, best=best)

    def validate(self) -> ValidationScores:
        """Score the validation rows; a signal ends it at once, with the steps so far on disk."""
        self.view.validating()
        try:
            with self.checkpoints.keeping.interruption.at_once():
                return validation_scores(self.prepared)
        except Interrupted:
            self.checkpoints.between(self._trainee)
            raise

    def on_step(self, record: StepRecord, num_rows: int) -> None:
        """Log and tell a step."""
        self._log.step(record)
        self.view.step(record, num_rows)
        if self.prepared.memory.learn(record.micro_batch_size):
            self.console.say(bend_sentence(record), style="yellow")
        if record.step == STEPS_BEFORE_ESTIMATE < self.plan.num_steps and not self.console.is_screen:
            self.console.say(f"The training steps will end in about {duration(self.view.seconds_left())}.")

    def on_epoch(self, record: EpochRecord, is_best: bool) -> None:  # noqa: FBT001 - the loop's own signature
        """Log, keep and tell an epoch."""
        self._log.epoch(record)
        self.checkpoints.keep_epoch(self.prepared.loaded.model, is_best=is_best)
        self.view.epoch(record, is_best=is_best)
        if not self.console.is_screen:  # there the table says it
            self.console.say(epoch_sentence(record), style="red" if record.collapsed else None)


class _SeenEnough(Exception):
    """Ends a rehearsal from within the loop."""


@dataclass(frozen=True)
class Rehearsal:
    """What a dry run found out."""

    prepared: Prepared
    plan: Plan
    training_seconds: float | None
    """About how long the training steps would take; None where it diverged before that was known."""
    divergence: Divergence | None
    """Where it diverged within the first steps; None where all is well so far."""

    def to_json(self) -> dict[str, Any]:
        """What will happen, as plain JSON values."""
        splits, divergence = self.prepared.data.splits, self.divergence
        return {
            "rows": {name: len(getattr(splits, name)) for name in ("train", "validation", "test")},
            "labels": list(self.prepared.data.label_set.names),
            "steps": self.plan.num_steps,
            "longest_tokens": longest_tokens(self.prepared),
            "max_length": self.prepared.loaded.max_length,
            "model": self.prepared.loaded.name,
            "device": self.prepared.runtime.describe(),
            "training_seconds": self.training_seconds,
            "divergence": None
            if divergence is None
            else {**vars(divergence), "value": str(divergence.value)},
            "findings": [finding.to_json() for finding in self.prepared.findings],
        }


def rehearse(data: object, *, config: Config, console: Console) -> Rehearsal:
    """All of a run's preparation and its first ten steps, then when it would end. Writes nothing.

    Raises:
        BertsmithError: whatever would stop the run itself before its first step.
    """
    folder_of(config.output.output, data_name=file_name(data) or "data").must_be_free(
        overwrite=config.output.overwrite
    )
    prepared = prepare(data, config=config, console=console)
    plan = plan_of(prepared)
    console.answer(plan_sentence(prepared, plan))
    seconds = None
    with console.progress("Trying", total_rows=plan.num_rows) as progress:

        def on_step(record: StepRecord, num_rows: int) -> None:
            nonlocal seconds
            progress.advance(num_rows, note=f"loss {record.loss:.4f}, {memory_note(prepared.runtime.device)}")
            if prepared.memory.learn(record.micro_batch_size):
                console.answer(bend_sentence(record), style="yellow")
            if record.step == min(STEPS_BEFORE_ESTIMATE, plan.num_steps):
                seconds = progress.seconds_left()
                console.answer(f"The training steps would end in about {duration(seconds)}.")
                raise _SeenEnough

        try:
            history = train(
                prepared.loaded.model,
                prepared.encoded.train,
                plan=plan,
                validate=lambda: validation_scores(prepared),
                observers=Observers(on_step=on_step),
            )
        except _SeenEnough:
            console.answer("This was a dry run: nothing was written.")
            return Rehearsal(prepared, plan, training_seconds=seconds, divergence=None)
    divergence = history.divergence
    if divergence is not None:
        console.answer(
            f"It diverges: at step {divergence.step}, learning rate {divergence.learning_rate:g}, "
            f"the {divergence.what} is {divergence.value}. Nothing was written.",
            style="bold red",
        )
    return Rehearsal(prepared, plan, training_seconds=seconds, divergence=divergence)


def plan_of(prepared: Prepared) -> Plan:
    """How many steps the recipe makes of these rows."""
    return Plan.of(
        len(prepared.encoded.train),
        recipe=prepared.config.training,
        layout=prepared.layout,
        runtime=prepared.runtime,
        class_weights=prepared.class_weights,
    )


def watched_of(prepared: Prepared, plan: Plan) -> Watched:
    """What the view of the training is told before the first step."""
    return Watched(
        num_steps=plan.num_steps,
        num_rows=plan.num_rows,
        num_epochs=-(-plan.num_steps // plan.steps_per_epoch),
        attempt=plan.attempt,
        chance_loss=training_entropy(prepared),
        positive_label=prepared.data.positive_label,
        memory=lambda: memory_note(prepared.runtime.device),
    )


def training_entropy(prepared: Prepared) -> float:
    """The training loss, in nats, of knowing only the labels' shares: their entropy, under the loss's own weights."""
    if prepared.class_weights is not None:
        return math.log(len(prepared.data.label_set))
    counts = prepared.data.splits.train.label_counts
    return prior_entropy(count / len(prepared.data.splits.train) for count in counts.values())


def plan_sentence(prepared: Prepared, plan: Plan) -> str:
    """What will happen, in one line: rows, steps, longest text, model, device."""
    splits = prepared.data.splits
    return (
        f"{len(splits.train):,} training, {len(splits.validation):,} validation and {len(splits.test):,} test rows; "
        f"{plan.num_steps:,} steps of {plan.recipe.batch_size} rows; longest training text {longest_tokens(prepared)} of {prepared.loaded.max_length} tokens; "
        f"{prepared.loaded.name} on {prepared.runtime.describe()}, rows {'packed' if prepared.layout.is_packed else 'padded'}."
    )


def bend_sentence(record: StepRecord) -> str:
    """What is done where memory did not suffice for a step."""
    rows = "1 row" if record.micro_batch_size == 1 else f"{record.micro_batch_size} rows"
    return (
        f"Step {record.step:,} did not fit in memory: it was done again in passes of {rows}, and so will be all after it. "
        "No row is left out; the gradient is that of the whole step."
    )


def longest_tokens(prepared: Prepared) -> int:
    """Tokens of the longest training text, special tokens included, as it is cut."""
    return int(prepared.encoded.train.texts.lengths.max())


def epoch_sentence(record: EpochRecord) -> str:
    """An epoch's row of the table, as a line."""
    line = (
        f"Epoch {record.epoch:g}, step {record.step:,}: training loss {record.train_loss:.4f}, validation loss "
        f"{record.validation_loss:.4f}, F1 {record.f1:.4f}, accuracy {record.accuracy:.4f}"
    )
    if not record.collapsed:
        return f"{line}."
    if not record.gives_one_label:
        return f"{line}. Collapsed: the texts make next to no difference to the probabilities."
    label, share = max(record.predicted_share.items(), key=lambda item: item[1])
    return f"{line}. Collapsed: {share:.1%} of the rows are called {quoted(label)}."


def validation_scores(prepared: Prepared) -> ValidationScores:
    """The model as it is now on the validation rows; the loss is NaN where a logit is not finite."""
    logits = prepared.logits(prepared.encoded.validation)
    if not np.isfinite(logits).all():
        return ValidationScores(
            loss=math.nan,
            f1=0,
            accuracy=0,
            precision=0,
            recall=0,
            macro_f1=0,
            predicted_share={},
            true_share={},
        )
    label_ids, label_set = label_ids_of(prepared.encoded.validation), prepared.data.label_set
    scores = point_scores(
        logits.astype(np.float64), label_ids, label_set=label_set, positive_id=prepared.data.positive_id
    )
    p_value = None
    if is_input_blind(scores.information):
        p_value = learning_p_value(
            label_ids,
            logits.argmax(axis=1),
            num_labels=len(label_set),
            groups=duplicate_groups(prepared.data.splits.validation),
        )
    return ValidationScores(**vars(scores), p_value=p_value)
