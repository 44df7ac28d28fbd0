"""The one sentence about a run, by rule: the first step of `judge` that holds decides."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from bertsmith.diagnosis.comparison import MATTERS, Comparison, compare, p_text
from bertsmith.diagnosis.evidence import Evidence, ScoredRows, gain
from bertsmith.diagnosis.learning import MISLEADING_SHARE, last_collapsed, reasons, too_few_steps, top_label
from bertsmith.evaluation.scoring import Evaluation, Score
from bertsmith.evaluation.significance import learning_p_value
from bertsmith.printing import quoted
from bertsmith.training.history import EpochRecord
from bertsmith.training.signs import (
    LEAST_INFORMATION,
    WINDOW,
    has_diverged,
    has_left_prior_for_good,
    is_collapsed,
    is_input_blind,
)

Outcome = Literal[
    "learned",
    "barely_learned",
    "no_better_than_baseline",
    "not_shown_to_learn",
    "collapsed",
    "diverged",
    "cannot_tell",
]

USABLE: tuple[Outcome, ...] = ("learned", "no_better_than_baseline")
"""The outcomes after which the model may be used."""
TEST_LEVEL = 0.005
"""One-sided p-value on the test rows from which on learning is not shown."""
VALIDATION_LEVEL = 0.05
"""The same on the validation rows: a milder level, for a second opinion."""
BARELY = 0.2
"""A gain over chance below a fifth of the way to perfect is barely anything."""
FAR_TOO_MANY = 1000
"""A number of rows needed this many times as large as the rows there are is not worth saying."""

EPOCHS_NAMED = 5
"""Of more epochs it is only counted which label they gave."""


@dataclass(frozen=True)
class Verdict:
    """Whether it worked."""

    outcome: Outcome
    sentence: str
    """The answer in plain English, with its figures."""
    reasons: tuple[str, ...]
    """What else is worth telling, one sentence or two each."""

    @property
    def exit_code(self) -> int:
        """0 where the model may be used, 1 where the answer is no."""
        return 0 if self.outcome in USABLE else 1

    def to_json(self) -> dict[str, Any]:
        """Outcome, sentence and reasons as plain JSON values."""
        return {"outcome": self.outcome, "sentence": self.sentence, "reasons": list(self.reasons)}


def judge(evidence: Evidence) -> Verdict:
    """The first step that holds decides; the last one always does."""
    told = reasons(evidence)
    steps = (_diverged, _collapsed, _given_up, _cannot_tell, _not_shown, _barely, _against_baseline)
    for step in steps:
        verdict = step(evidence, told)
        if verdict is not None:
            return verdict
    raise AssertionError("the last step always decides")


def _diverged(evidence: Evidence, told: tuple[str, ...]) -> Verdict | None:
    """Step 1: something stopped being a number."""
    history = evidence.history
    divergence = history.divergence
    if divergence is not None:
        what, value = divergence.what, divergence.value
        sentence = (
            f"It diverged: at step {divergence.step} the {what} became {value}. The model is not usable."
        )
        return Verdict("diverged", sentence, told)
    for number, epoch in enumerate(history.epochs, start=1):
        # Trap: a training loss that another tool did not report is NaN too.
        if has_diverged([epoch.validation_loss]):
            what = f"the validation loss of epoch {number} is {epoch.validation_loss}"
            return Verdict("diverged", f"It diverged: {what}. The model is not usable.", told)
    losses = [step.loss for step in history.steps]
    if has_left_prior_for_good(losses, evidence.training_entropy):
        last, entropy = median(losses[-WINDOW:]), evidence.training_entropy
        sentence = (
            f"It diverged: the training loss ended at {last:.4f}, far above {entropy:.4f}, "
            "what the label shares alone give. The model is not usable."
        )
        return Verdict("diverged", sentence, told)
    return None


def _given_up(evidence: Evidence, told: tuple[str, ...]) -> Verdict | None:
    """Before 3: the attempt was ended because nothing was learned; the test rows stayed unread."""
    given_up = evidence.history.given_up
    if given_up is None:
        return None
    sentence = f"It is not shown to have learned: at step {given_up.step:,} {given_up.sign}. The test rows were not read."
    return Verdict("not_shown_to_learn", sentence, told)


def _collapsed(evidence: Evidence, told: tuple[str, ...]) -> Verdict | None:
    """Step 2: every epoch, or the chosen one on the test rows, calls every row the same."""
    epochs = evidence.history.epochs
    if evidence.test is not None:
        evaluation = evidence.test.evaluation
        if _reads_nothing(evidence.test, num_labels=len(evidence.label_set)):
            sentence = (
                f"It collapsed: on the {evaluation.rows} test rows the probabilities are the same for every text "
                f"({evidence.test.information:.4f} of what there is to tell, below {LEAST_INFORMATION:g}). It reads nothing."
            )
            return Verdict("collapsed", sentence, told)
        if is_collapsed(evaluation.predicted_share, evaluation.true_share):
            where = f"on the {evaluation.rows} test rows it gave"
            label = top_label(evaluation.predicted_share)
            scores = (evaluation.scores["f1"].value, evaluation.scores["recall"].value)
            return Verdict("collapsed", _collapsed_sentence(where, label, scores=scores), told)
    if epochs and all(epoch.collapsed for epoch in epochs):
        return Verdict("collapsed", _all_collapsed_sentence(epochs), told)
    return None


def _reads_nothing(scored: ScoredRows, *, num_labels: int) -> bool:
    """Whether the probabilities are the same for every text, and the labels are told no better than by chance."""
    if not is_input_blind(scored.information):
        return False
    p_value = learning_p_value(
        scored.label_ids, scored.predicted_ids, num_labels=num_labels, groups=scored.groups
    )
    return is_input_blind(scored.information, p_value=p_value)


def _all_collapsed_sentence(epochs: tuple[EpochRecord, ...]) -> str:
    """Which label every epoch gave, or that it changed from epoch to epoch."""
    if not all(epoch.gives_one_label for epoch in epochs):
        return "It collapsed: after every epoch the texts made next to no difference to what it says. It reads nothing."
    labels = [top_label(epoch.predicted_share) for epoch in epochs]
    last = last_collapsed(epochs)
    if len(set(labels)) == 1:
        where = "every epoch gave" if len(epochs) > 1 else "the only epoch gave"
        return _collapsed_sentence(where, labels[-1], scores=(last.f1, last.recall))
    if len(labels) > EPOCHS_NAMED:
        told = ", ".join(f"{quoted(label)} {count} times" for label, count in Counter(labels).most_common())
    else:
        told = "epoch " + ", ".join(
            f"{number}: {quoted(label)}" for number, label in enumerate(labels, start=1)
        )
    return f"It collapsed: every epoch gave (nearly) every row one label ({told}). It reads nothing."


def _collapsed_sentence(where: str, label: str, *, scores: tuple[float, float]) -> str:
    """The sentence with F1 and recall."""
    f1, recall = scores
    return (
        f"It collapsed: {where} (nearly) every row the label {quoted(label)}; "
        f"F1 {f1:.3f} at recall {recall:.3f} is what saying {quoted(label)} always scores."
    )


def _cannot_tell(evidence: Evidence, told: tuple[str, ...]) -> Verdict | None:
    """Between 2 and 3: without test rows nothing is shown."""
    if evidence.test is not None and evidence.best_epoch is not None:
        return None
    missing = "no epoch was chosen" if evidence.best_epoch is None else "there are no test rows to judge by"
    return Verdict("cannot_tell", f"Whether it learned cannot be told: {missing}.", told)


def _not_shown(evidence: Evidence, told: tuple[str, ...]) -> Verdict | None:
    """Step 3: chance would do as well too often."""
    num_labels = len(evidence.label_set)
    judged = (("test", evidence.test, TEST_LEVEL), ("validation", evidence.validation, VALIDATION_LEVEL))
    for split, scored, level in judged:
        if scored is None:
            continue
        p_value = learning_p_value(
            scored.label_ids, scored.predicted_ids, num_labels=num_labels, groups=scored.groups
        )
        if p_value >= level:
            return Verdict(
                "not_shown_to_learn", _not_shown_sentence(split, scored, p_value=p_value, level=level), told
            )
    return None


def _not_shown_sentence(split: str, scored: ScoredRows, *, p_value: float, level: float) -> str:
    """The balanced accuracy, how easily chance has it, and the rows that would settle it."""
    score = scored.evaluation.scores["balanced_accuracy"]
    rows = scored.evaluation.rows
    needed = rows_to_show(rows, p_value=p_value, level=level)
    remedy = (
        "More rows of the same would not show it."
        if needed is None
        else f"If the score is real, about {needed:,} {split} rows would show it."
    )
    return (
        f"It is not shown to have learned: balanced accuracy {_with_interval(score)} on {rows} {split} rows "
        f"could be chance ({p_text(p_value)}, needed below {level:g}). {remedy}"
    )


def rows_to_show(rows: int, *, p_value: float, level: float) -> int | None:
    """About how many rows would bring this p-value below the level; None where none would.

    The normal score of a test grows with the square root of the rows.

    Args:
        rows: rows that gave the p-value.
        p_value: one-sided, in (0, 1].
        level: one-sided, in (0, ½).
    """
    from scipy.special import ndtri

    found, wanted = -float(ndtri(min(p_value, 1 - 1e-12))), -float(ndtri(level))
    if found <= 0 or (wanted / found) ** 2 > FAR_TOO_MANY:
        return None
    return max(rows + 1, math.ceil(rows * (wanted / found) ** 2))


def _barely(evidence: Evidence, told: tuple[str, ...]) -> Verdict | None:
    """Step 4: above chance, by less than a fifth of the way."""
    assert evidence.test is not None
    share = gain(evidence.test.evaluation)
    if share >= BARELY:
        return None
    sentence = (
        f"It barely learned: {_headline(evidence)}. "
        f"That is {100 * share:.0f} % of the way from chance to perfect."
    )
    return Verdict("barely_learned", sentence, told)


def _against_baseline(evidence: Evidence, told: tuple[str, ...]) -> Verdict:
    """Steps 5 and 6: better than the bag of words, or not shown to be."""
    assert evidence.test is not None
    few = too_few_steps(evidence)
    calm = tuple(reason for reason in told if reason != few)
    if evidence.bag_of_words is None:
        alone = "No bag of words was fitted, so nothing says whether a simpler model would do as well."
        return Verdict("learned", f"It learned: {_headline(evidence)}.", (*calm, alone))
    comparison = compare(evidence.test, evidence.bag_of_words, num_labels=len(evidence.label_set))
    if comparison.significant and comparison.difference.value > 0:
        measured = f"Against the bag of words: {comparison.sentence()}."
        return Verdict("learned", f"It learned: {_headline(evidence)}.", (measured, *calm))
    sentence = f"{_baseline_words(comparison)}: {_headline(evidence)}. Difference: {comparison.sentence()}."
    return Verdict("no_better_than_baseline", sentence + _rows_remedy(comparison), told)


def _baseline_words(comparison: Comparison) -> str:
    """`worse`, `no better`, or only `cannot be told apart`, as far as the rows allow to say."""
    if comparison.significant:
        return "It learned, but it is worse than the bag of words"
    if comparison.difference.high < MATTERS:
        return "It learned, but it is no better than the bag of words"
    return f"It learned, but it cannot be told apart from the bag of words on {comparison.rows} rows"


def _rows_remedy(comparison: Comparison) -> str:
    """How many rows would tell the two apart, where more rows would help."""
    needed = comparison.rows_needed
    settled = comparison.significant or comparison.difference.high < MATTERS
    if settled or needed is None or needed > FAR_TOO_MANY * comparison.rows:
        return ""
    return f" If the difference is real, about {needed:,} test rows would show it."


def _headline(evidence: Evidence) -> str:
    """The score with its interval beside the baselines: accuracy, or macro-F1 where accuracy misleads."""
    assert evidence.test is not None
    evaluation = evidence.test.evaluation
    misleads = max(evaluation.true_share.values()) >= MISLEADING_SHARE
    metric, name = ("macro_f1", "macro-F1") if misleads else ("accuracy", "accuracy")
    told = f"{name} {_with_interval(evaluation.scores[metric])} on {evaluation.rows} test rows"
    rivals = [
        f"{_value(scored.evaluation, metric):.3f} for {what}"
        for scored, what in (
            (evidence.bag_of_words, "the bag of words"),
            (evidence.majority, f"always saying {quoted(_majority_label(evidence))}"),
        )
        if scored is not None
    ]
    return f"{told}, against {' and '.join(rivals)}" if rivals else told


def _majority_label(evidence: Evidence) -> str:
    """What the majority baseline says; the commonest training label where it was not scored."""
    if evidence.majority is not None:
        return top_label(evidence.majority.evaluation.predicted_share)
    return top_label(evidence.train_label_counts)


def _value(evaluation: Evaluation, metric: str) -> float:
    """One score's value."""
    return evaluation.scores[metric].value


def _with_interval(score: Score) -> str:
    """`0.871 (95 % interval 0.840–0.897)`."""
    return f"{score.value:.3f} (95 % interval {score.low:.3f}–{score.high:.3f})"
