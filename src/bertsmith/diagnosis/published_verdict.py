"""The verdict on a published table by rule: the first that holds decides, and what the figures do not tell is not guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bertsmith.diagnosis.averaging import Averaging, printed_scores
from bertsmith.diagnosis.foreign_run import ForeignRun
from bertsmith.diagnosis.implied_counts import Counts, ImpliedCounts, learning_p_value, rows_that_show
from bertsmith.diagnosis.published_reasons import epoch_name, reasons, shown
from bertsmith.diagnosis.published_states import EpochState, balanced_accuracy, is_finite
from bertsmith.diagnosis.verdict import BARELY, TEST_LEVEL, Verdict
from bertsmith.evaluation.metrics import gain_over_chance
from bertsmith.training.signs import AT_PRIOR, prior_entropy

NO_GAIN = 0.02
"""A gain over chance that printed figures cannot tell from none."""
MANY_LABELS = 10
"""What an unknown number of labels might be as well as two."""
JUDGED_BY = ("accuracy", "balanced_accuracy", "f1", "recall")
"""Figures of which one at least must be there."""


@dataclass(frozen=True)
class Table:
    """A published table with what its rows show."""

    run: ForeignRun
    states: tuple[EpochState, ...]
    averaging: Averaging
    num_labels: int | None
    judged: int | None
    """Index of the epoch that the answer is about; None where no row is usable."""
    trap: int | None
    """Index of a collapsed epoch that the best F1 (or accuracy) would choose."""
    implied: ImpliedCounts | None

    @property
    def counts(self) -> Counts | None:
        """The first matrix that gives the judged row; None where none is known."""
        if (
            self.implied is None
            or self.judged is None
            or printed_scores(self.states[self.judged].epoch) is None
        ):
            return None
        place = sum(printed_scores(state.epoch) is not None for state in self.states[: self.judged])
        return self.implied.matrices[place][0]


def verdict_on(table: Table) -> Verdict:
    """The first rule that holds decides."""
    told = tuple(reasons(table.run, table.states, trap=table.trap, num_labels=table.num_labels))
    divergence = _divergence(table.run, table.states[-1] if table.states else None)
    if divergence:
        return Verdict("diverged", f"It diverged: {divergence}. The model is not usable.", told)
    missing = _missing(table.run)
    if missing:
        return Verdict("cannot_tell", f"Whether it learned cannot be told: {missing}.", told)
    if table.judged is None:
        sentence = "It collapsed: every epoch gave every row the same label. It reads nothing."
        return Verdict("collapsed", sentence, told)
    state = table.states[table.judged]
    where = f"epoch {epoch_name(state.epoch, table.judged)}"
    if state.gain is None:
        return _without_gain(state, table.states, where=where, told=told)
    undecided = _undecided(table, state, where=where)
    if undecided:
        return Verdict("cannot_tell", f"Whether it learned cannot be told: {undecided}.", told)
    return _with_gain(table, state, where=where, told=told)


def _undecided(table: Table, state: EpochState, *, where: str) -> str:
    """Why a gain does not decide, as a clause: what the scores are of, how many labels or how many rows there are."""
    gain, counts = state.gain or 0.0, table.counts
    if gain >= BARELY and counts is not None and learning_p_value(counts) >= TEST_LEVEL:
        enough = rows_that_show(counts, level=TEST_LEVEL)
        told = f"in its best epoch ({where}) {_with_interval(counts)}, which chance could give"
        return (
            ""
            if enough is None
            else f"{told}; measured on {enough:,} rows or more, the same figures would show it"
        )
    if gain >= BARELY:
        return ""
    one, means = (
        balanced_accuracy(state.epoch, averaging=reading) or 0.0 for reading in ("one label", "macro")
    )
    if table.averaging == "one label or macro" and max(one, means) >= (1 + BARELY) / 2:
        return (
            f"balanced accuracy is {one:.3f} ({where}) if precision and recall are those of one label of two, "
            f"and {means:.3f} if they are means over the labels; the figures fit both"
        )
    if table.num_labels is None:
        return (
            f"the table does not say how many labels there are, and balanced accuracy {_balanced(state, None):.3f} ({where}) "
            f"may be chance for two and is {100 * _gain_of(state, MANY_LABELS):.0f} % of the way from chance to perfect for ten"
        )
    return ""


def _with_gain(table: Table, state: EpochState, *, where: str, told: tuple[str, ...]) -> Verdict:
    """The gain of the judged epoch decides."""
    gain, counts = state.gain or 0.0, table.counts
    scores = (
        f"balanced accuracy {_balanced(state, table.num_labels):.3f}"
        if counts is None
        else _with_interval(counts)
    )
    could_be_chance = counts is not None and learning_p_value(counts) >= TEST_LEVEL
    if could_be_chance or gain <= NO_GAIN:
        sentence = (
            f"It is not shown to have learned: in its best epoch ({where}) {scores}, which chance could give."
        )
        return Verdict("not_shown_to_learn", sentence, told)
    is_least = table.num_labels is None or table.averaging == "one label or macro"
    way = f"That is {'at least ' if is_least else ''}{100 * gain:.0f} % of the way from chance to perfect"
    if gain < BARELY:
        sentence = f"It barely learned: in its best epoch ({where}) {scores}. {way}."
        return Verdict("barely_learned", sentence, told)
    alone = "No bag of words stands beside it, so nothing says whether a simpler model would do as well."
    sentence = f"It learned: in {where} {scores}. {way}, on the rows that chose the epoch."
    return Verdict("learned", sentence, (*told, alone))


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
    accuracies = [each.epoch.accuracy for each in states if each.epoch.accuracy is not None]
    flips = {round(min(accuracy, 1 - accuracy), 4) for accuracy in accuracies}
    if len(accuracies) >= 2 and len(flips) == 1 and not _beats_one_label(states, accuracies[0]):
        values = " or ".join(f"{accuracy:.4f}" for accuracy in sorted(set(accuracies)))
        sentence = (
            f"It is not shown to have learned: accuracy is {values} in every epoch, "
            "as when every row gets the same label."
        )
        return Verdict("not_shown_to_learn", sentence, told)
    what = "precision and recall of one label, or macro averages"
    if epoch.recall is not None and epoch.recall == epoch.accuracy:
        what = "macro averages: where recall equals accuracy, the averages are weighted by the labels' rows"
    sentence = (
        f"Whether it learned cannot be told: accuracy {shown(epoch.accuracy)} in {where} says nothing "
        f"without the label shares, or {what}."
    )
    return Verdict("cannot_tell", sentence, told)


def _beats_one_label(states: Sequence[EpochState], accuracy: float) -> bool:
    """Whether something shows that this accuracy is not that of giving every row one label: another score, or the loss."""
    others = ("f1", "precision", "recall")
    if any(
        getattr(each.epoch, name) is not None
        for each in states
        for name in others
        if each.state != "collapsed"
    ):
        return True
    losses = [each.epoch.validation_loss for each in states if is_finite(each.epoch.validation_loss)]
    least = prior_entropy((accuracy, 1 - accuracy))
    return any(loss is not None and loss < AT_PRIOR * least for loss in losses)


def _missing(run: ForeignRun) -> str:
    """What a judgement would need and the table lacks."""
    if run.is_regression:
        return "these are the figures of a regression, and there are no labels to tell apart"
    if not run.epochs:
        return "the table has no rows"
    if all(getattr(epoch, name) is None for epoch in run.epochs for name in JUDGED_BY):
        return "there is neither accuracy nor F1 nor recall in the table"
    return ""


def _with_interval(counts: Counts) -> str:
    """Accuracy with its interval, where the rows are known."""
    accuracy = counts.scores()["accuracy"]
    return (
        f"accuracy {accuracy.value:.3f} (95 % interval {accuracy.low:.3f}–{accuracy.high:.3f}, "
        f"if it was measured on {counts.rows:,} rows)"
    )


def _balanced(state: EpochState, num_labels: int | None) -> float:
    chance = 1 / (num_labels or 2)
    return chance + (state.gain or 0.0) * (1 - chance)


def _gain_of(state: EpochState, num_labels: int) -> float:
    """The gain if there were so many labels, where they are unknown."""
    return max(0.0, gain_over_chance(_balanced(state, None), num_labels=num_labels))
