"""A verdict on a run of which only a table is known: the same signs and thresholds, applied to printed figures.

`ForeignRun` → `PublishedVerdict`. What the figures do not tell is not guessed: then the outcome is `cannot_tell`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from bertsmith.diagnosis.averaging import (
    FULL_DECIMALS,
    all_printed_scores,
    averaging_of,
    number_of_labels,
)
from bertsmith.diagnosis.foreign_run import ForeignRun
from bertsmith.diagnosis.implied_counts import ImpliedCounts, implied_counts, is_one_label
from bertsmith.diagnosis.published_reasons import remedies
from bertsmith.diagnosis.published_states import EpochState, is_finite, state_of
from bertsmith.diagnosis.published_verdict import Table, verdict_on
from bertsmith.diagnosis.verdict import Outcome, Verdict


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
    averaging, num_labels = averaging_of(run), number_of_labels(run)
    states = tuple(state_of(run, epoch, averaging=averaging, num_labels=num_labels) for epoch in run.epochs)
    implied = _implied(run) if averaging == "one label" else None
    usable = [index for index, state in enumerate(states) if state.state not in ("collapsed", "diverged")]
    judged = max(usable, key=lambda index: _merit(states[index]), default=None)
    trap = _trap(states)
    if run.own_verdict is not None and run.own_verdict[0] in get_args(Outcome):
        outcome, sentence, told = run.own_verdict
        verdict = Verdict(cast(Outcome, outcome), sentence, told)
    else:
        verdict = verdict_on(Table(run, states, averaging, num_labels, judged, trap, implied))
    return PublishedVerdict(verdict, states, judged, trap, implied, remedies(verdict.outcome, states))


def _implied(run: ForeignRun) -> ImpliedCounts | None:
    """Rows and matrices of scores of one label, where all four are printed with some digits."""
    printed, decimals = all_printed_scores(run), run.decimals or FULL_DECIMALS
    if decimals < 3 or not printed:
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
