"""A verdict on a run of which only a table is known: the same signs and thresholds, applied to printed figures.

`ForeignRun` → `PublishedVerdict`. What the figures do not tell is not guessed: then the outcome is `cannot_tell`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from bertsmith.diagnosis.averaging import (
    CHANCE_BAND,
    FULL_DECIMALS,
    all_printed_scores,
    averaging_of,
    contradictions,
    number_of_labels,
    printed_scores,
)
from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import (
    Counts,
    ImpliedCounts,
    implied_counts,
    is_one_label,
    learning_p_value,
    rows_that_show,
)
from bertsmith.diagnosis.published_states import EpochState, is_finite, state_of
from bertsmith.diagnosis.verdict import BARELY, TEST_LEVEL, Outcome, Verdict

MANY_LABELS = 10
"""What an unknown number of labels might be as well as two."""
JUDGED_BY = ("accuracy", "balanced_accuracy", "f1", "recall")
"""Figures of which one at least must be there."""


@dataclass(frozen=True)
class PublishedVerdict:
    """The answer, and what it rests on."""

    verdict: Verdict
    states: tuple[EpochState, ...]
    judged: int | None
    """Index of the epoch that the answer is about."""
    trap: int | None
    """Index of a collapsed epoch that the best F1 (or accuracy) would choose."""
    implied: ImpliedCounts | None
    remedies: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "verdict": self.verdict.to_json(),
            "epochs": [
                {name: _json_number(value) for name, value in vars(state.epoch).items()}
                | {"state": state.state, "gain": state.gain}
                for state in self.states
            ],
            "judged_epoch": None if self.judged is None else self.judged + 1,
            "trap_epoch": None if self.trap is None else self.trap + 1,
            "implied": None if self.implied is None else _implied_json(self.implied),
            "remedies": list(self.remedies),
        }


def judge_published(run: ForeignRun) -> PublishedVerdict:
    """The verdict on a table; the epoch judged is the best of those that are not collapsed."""
    num_labels = number_of_labels(run)
    states = tuple(state_of(run, epoch, num_labels=num_labels) for epoch in run.epochs)
    implied = _implied(run)
    usable = [index for index, state in enumerate(states) if state.state not in ("collapsed", "diverged")]
    judged = max(usable, key=lambda index: _merit(states[index]), default=None)
    trap = _trap(states)
    if run.own_verdict is not None and run.own_verdict[0] in get_args(Outcome):
        outcome, sentence, told = run.own_verdict
        verdict = Verdict(cast(Outcome, outcome), sentence, told)
        return PublishedVerdict(verdict, states, judged, trap, implied, _remedies(verdict.outcome, states))
    verdict = _verdict(run, states, judged=judged, trap=trap, implied=implied, num_labels=num_labels)
    return PublishedVerdict(verdict, states, judged, trap, implied, _remedies(verdict.outcome, states))


def _implied(run: ForeignRun) -> ImpliedCounts | None:
    """Rows and matrices, where all four scores are printed with some digits and are of one label."""
    printed, decimals = all_printed_scores(run), run.decimals or FULL_DECIMALS
    if averaging_of(run) != "one label" or decimals < 3 or not printed:
        return None
    if not all(is_one_label(scores, decimals=decimals) for scores in printed):
        return None
    return implied_counts(printed, decimals=decimals)


def _merit(state: EpochState) -> tuple[bool, float, float]:
    """Better epochs are higher: by gain; where no gain is known by accuracy or F1, which is nothing to hold a gain against."""
    epoch = state.epoch
    scores = (state.gain, epoch.accuracy, epoch.f1)
    score = next((value for value in scores if value is not None), -1.0)
    loss = epoch.validation_loss if is_finite(epoch.validation_loss) else None
    return state.gain is not None, score, -(loss or 0.0)


def _trap(states: Sequence[EpochState]) -> int | None:
    """A collapsed epoch with the best F1 of the table, the best accuracy where there is no F1."""
    for name in ("f1", "accuracy"):
        values = [(getattr(state.epoch, name), index) for index, state in enumerate(states)]
        known = [(value, index) for value, index in values if value is not None]
        if known:
            best = max(value for value, _ in known)
            found = [
                index
                for value, index in known
                if value >= best and best > 0 and states[index].state == "collapsed"
            ]
            all_collapsed = all(state.state == "collapsed" for state in states)
            return found[0] if found and not all_collapsed else None
    return None


def _verdict(
    run: ForeignRun,
    states: Sequence[EpochState],
    *,
    judged: int | None,
    trap: int | None,
    implied: ImpliedCounts | None,
    num_labels: int | None,
) -> Verdict:
    """The first rule that holds decides."""
    told = tuple(_reasons(run, states, trap=trap, num_labels=num_labels))
    divergence = _divergence(run, states[-1] if states else None)
    if divergence:
        return Verdict("diverged", f"It diverged: {divergence}. The model is not usable.", told)
    missing = _missing(run)
    if missing:
        return Verdict("cannot_tell", f"Whether it learned cannot be told: {missing}.", told)
    if judged is None:
        return Verdict(
            "collapsed", "It collapsed: every epoch gave every row the same label. It reads nothing.", told
        )
    state = states[judged]
    where = f"epoch {_epoch_name(state.epoch, judged)}"
    if state.gain is None:
        return _without_gain(state, states, where=where, told=told)
    counts = _counts(implied, judged, states)
    balanced = f"balanced accuracy {_balanced(state, num_labels):.3f}"
    scores = _with_interval(counts) if counts else balanced
    p_value = None if counts is None else learning_p_value(counts)
    if num_labels is None and state.gain < BARELY:
        sentence = (
            f"Whether it learned cannot be told: the table does not say how many labels there are, and {balanced} "
            f"({where}) may be chance for two and is {100 * _gain_of(state, MANY_LABELS):.0f} % of the way from chance to perfect for ten."
        )
        return Verdict("cannot_tell", sentence, told)
    if counts is not None and p_value is not None and p_value >= TEST_LEVEL and state.gain >= BARELY:
        enough = rows_that_show(counts, level=TEST_LEVEL)
        if enough is not None:
            sentence = (
                f"Whether it learned cannot be told: in its best epoch ({where}) {scores}, which chance could give; "
                f"measured on {enough:,} rows or more, the same figures would show it."
            )
            return Verdict("cannot_tell", sentence, told)
    if (p_value is not None and p_value >= TEST_LEVEL) or state.gain <= 0.02:
        sentence = (
            f"It is not shown to have learned: in its best epoch ({where}) {scores}, which chance could give."
        )
        return Verdict("not_shown_to_learn", sentence, told)
    least = "at least " if num_labels is None else ""
    way = f"That is {least}{100 * state.gain:.0f} % of the way from chance to perfect"
    if state.gain < BARELY:
        return Verdict(
            "barely_learned", f"It barely learned: in its best epoch ({where}) {scores}. {way}.", told
        )
    alone = "No bag of words stands beside it, so nothing says whether a simpler model would do as well."
    return Verdict(
        "learned",
        f"It learned: in {where} {scores}. {way}, on the rows that chose the epoch.",
        (*told, alone),
    )


def _divergence(run: ForeignRun, last: EpochState | None) -> str:
    """What stopped being a number, or left the prior's loss by far, as a clause; empty where nothing did."""
    if run.loss_became_nan:
        return "a loss or gradient is no finite number"
    if last is None or last.state != "diverged":
        return ""
    losses = [loss for loss in (last.epoch.train_loss, last.epoch.validation_loss) if loss is not None]
    if not all(map(math.isfinite, losses)):
        return "a loss is no finite number"
    return f"the loss ended at {min(losses):.4f}, far above what a guess costs"


def _without_gain(
    state: EpochState, states: Sequence[EpochState], *, where: str, told: tuple[str, ...]
) -> Verdict:
    """Only some figures: what can be said of them."""
    if all(each.state in ("at chance", "collapsed") for each in states):
        return Verdict(
            "not_shown_to_learn", "It is not shown to have learned: the loss never left chance.", told
        )
    epoch = state.epoch
    if epoch.f1 is not None and epoch.f1 < 0.1:
        sentence = f"It is not shown to have learned: F1 is {epoch.f1:.4f} in its best epoch ({where})."
        return Verdict("not_shown_to_learn", sentence, told)
    accuracies = {each.epoch.accuracy for each in states if each.epoch.accuracy is not None}
    flips = {round(min(accuracy, 1 - accuracy), 4) for accuracy in accuracies}
    if len(states) >= 2 and len(flips) == 1:
        values = " or ".join(f"{accuracy:.4f}" for accuracy in sorted(accuracies))
        sentence = (
            f"It is not shown to have learned: accuracy is {values} in every epoch, "
            "as when every row gets the same label."
        )
        return Verdict("not_shown_to_learn", sentence, told)
    what = "precision and recall of one label, or macro averages"
    if epoch.recall is not None and epoch.recall == epoch.accuracy:
        what = "macro averages: where recall equals accuracy, the averages are weighted by the labels' rows"
    sentence = (
        f"Whether it learned cannot be told: accuracy {_shown(epoch.accuracy)} in {where} says nothing "
        f"without the label shares, or {what}."
    )
    return Verdict("cannot_tell", sentence, told)


def _missing(run: ForeignRun) -> str:
    """What a judgement would need and the table lacks."""
    if run.is_regression:
        return "these are the figures of a regression, and there are no labels to tell apart"
    if not run.epochs:
        return "the table has no rows"
    if all(getattr(epoch, name) is None for epoch in run.epochs for name in JUDGED_BY):
        return "there is neither accuracy nor F1 nor recall in the table"
    return ""


def _reasons(
    run: ForeignRun, states: Sequence[EpochState], *, trap: int | None, num_labels: int | None
) -> list[str]:
    """What else is worth telling."""
    told = []
    collapsed = [
        _epoch_name(state.epoch, index) for index, state in enumerate(states) if state.state == "collapsed"
    ]
    if collapsed:
        told.append(f"Collapsed, every row called the same: epoch {', '.join(collapsed)} of {len(states)}.")
    if trap is not None:
        epoch = states[trap].epoch
        name, value = ("F1", epoch.f1) if epoch.f1 is not None else ("accuracy", epoch.accuracy)
        told.append(
            f"A trap: the best {name} of the table, {_shown(value)}, belongs to collapsed epoch "
            f"{_epoch_name(epoch, trap)}; choosing by {name} would keep a model that reads nothing."
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
            f"Epoch {_epoch_name(epoch, index)} contradicts itself: F1 {_shown(epoch.f1)} is printed, "
            f"but its precision and recall give {f1:.4f}."
        )
    unknown = [
        _epoch_name(state.epoch, index)
        for index, state in enumerate(states)
        if state.gain is None and state.state not in ("collapsed", "diverged")
    ]
    if unknown and any(state.gain is not None for state in states):
        told.append(f"Too few figures to judge: epoch {', '.join(unknown)} of {len(states)}.")
    if run.loss_became_nan:
        told.append("A training loss or gradient norm was NaN; the standard trainer logs such a loss as 0.0.")
    return told


def _with_interval(counts: Counts) -> str:
    """Accuracy with its interval, where the rows are known."""
    accuracy = counts.scores()["accuracy"]
    return (
        f"accuracy {accuracy.value:.3f} (95 % interval {accuracy.low:.3f}–{accuracy.high:.3f}, "
        f"if it was measured on {counts.rows:,} rows)"
    )


def _counts(implied: ImpliedCounts | None, judged: int, states: Sequence[EpochState]) -> Counts | None:
    """The first matrix that gives the judged row."""
    if implied is None or printed_scores(states[judged].epoch) is None:
        return None
    place = sum(printed_scores(state.epoch) is not None for state in states[:judged])
    return implied.matrices[place][0]


def _balanced(state: EpochState, num_labels: int | None) -> float:
    chance = 1 / (num_labels or 2)
    return chance + (state.gain or 0.0) * (1 - chance)


def _gain_of(state: EpochState, num_labels: int) -> float:
    """The gain if there were so many labels, where they are unknown."""
    return max(0.0, (_balanced(state, None) - 1 / num_labels) / (1 - 1 / num_labels))


def _remedies(outcome: str, states: Sequence[EpochState]) -> tuple[str, ...]:
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


def _implied_json(implied: ImpliedCounts) -> dict[str, Any]:
    return {
        "rows": implied.rows,
        "positives": list(implied.positives),
        "matrices": [
            [
                vars(counts) | {"scores": {name: score.to_json() for name, score in counts.scores().items()}}
                for counts in row
            ]
            for row in implied.matrices
        ],
        "note": "the smallest set that fits; its multiples fit too",
    }


def _json_number(value: float | None) -> float | str | None:
    """JSON has no NaN: what is not finite is written as its name."""
    return str(value) if value is not None and not math.isfinite(value) else value


def _epoch_name(epoch: ForeignEpoch, index: int) -> str:
    return f"{epoch.epoch:g}" if epoch.epoch is not None else str(index + 1)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
