"""The first thing that a reader sees: the verdict, the headline score beside the baselines, every score with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bertsmith.diagnosis.learning import MISLEADING_SHARE
from bertsmith.report.charts import Dot, answer_chart
from bertsmith.report.finished_run import FinishedRun
from bertsmith.report.markdown import name_of
from bertsmith.report.page_text import (
    ShownScore,
    averaging,
    counted,
    decimals,
    score_names,
    shown_score,
    without_paths,
)

OUTCOMES = {
    "learned": ("Learned", "good"),
    "barely_learned": ("Barely learned", "bad"),
    "no_better_than_baseline": ("No better than the bag of words", "doubtful"),
    "not_shown_to_learn": ("Not shown to have learned", "bad"),
    "collapsed": ("Collapsed", "bad"),
    "diverged": ("Diverged", "bad"),
    "cannot_tell": ("Cannot be told", "doubtful"),
}
"""Title and tone of each outcome."""


@dataclass(frozen=True)
class ScoreRow:
    """One score of the model beside the baselines'."""

    name: str
    ours: ShownScore
    rivals: tuple[ShownScore, ...]


def answer(run: FinishedRun) -> dict[str, Any]:
    """The verdict in words and as a picture."""
    results = run.results
    verdict = results["verdict"]
    title, tone = OUTCOMES.get(verdict["outcome"], (verdict["outcome"], "doubtful"))
    reasons = [without_paths(reason, run.settings) for reason in verdict["reasons"]]
    return {
        "outcome": title,
        "tone": tone,
        "sentence": without_paths(verdict["sentence"], run.settings),
        "reasons": reasons,
        "chart": _chart(results),
        "scores": _scores(results),
        "averaging": averaging(results),
        "test_rows": 0 if results["test"] is None else results["test"]["rows"],
        "bag_rows": _bag_sentence(results),
        "leaks": _leaks(results),
        "seeds": _seeds(results),
        "folds": results["folds"],
    }


def headline_score(results: dict[str, Any]) -> str:
    """The score that the verdict speaks of: accuracy, or macro-F1 where accuracy misleads."""
    shares = results["test"]["true_share"].values()
    return "macro_f1" if max(shares) >= MISLEADING_SHARE else "accuracy"


def always_says(results: dict[str, Any]) -> str:
    """What the majority baseline predicts."""
    share = results["baselines"]["majority"]["predicted_share"]
    return name_of(max(share, key=lambda label: share[label]))


def _chart(results: dict[str, Any]) -> Markup | None:
    """None where the test rows were not read."""
    if results["test"] is None:
        return None
    key = headline_score(results)
    rows = [("this model", results["test"], True)]
    if results["baselines"] is not None:
        rows.append(("bag of words", results["baselines"]["tfidf_logistic_regression"], False))
        rows.append(("always one label", results["baselines"]["majority"], False))
    dots = [
        Dot(name, part[key]["value"], part[key]["low"], part[key]["high"], is_ours)
        for name, part, is_ours in rows
    ]
    return answer_chart(dots, score_name=score_names(results)[key].lower())


def _scores(results: dict[str, Any]) -> list[ScoreRow]:
    """Every score; empty where the test rows were not read."""
    test, baselines = results["test"], results["baselines"]
    if test is None:
        return []
    rivals = [] if baselines is None else [baselines["tfidf_logistic_regression"], baselines["majority"]]
    return [
        ScoreRow(name, shown_score(test[key]), tuple(shown_score(rival[key]) for rival in rivals))
        for key, name in score_names(results).items()
    ]


def _bag_sentence(results: dict[str, Any]) -> str | None:
    """What the baselines are."""
    if results["baselines"] is None:
        return None
    bag = results["baselines"]["tfidf_logistic_regression"]
    sample = ", a sample of them" if bag["sampled"] else ""
    return (
        f"The bag of words is TF-IDF with logistic regression on {counted(bag['fitted_rows'], 'training row')}{sample}; "
        f"the other baseline always says “{always_says(results)}”. Both are scored on the same rows."
    )


def _leaks(results: dict[str, Any]) -> str | None:
    """The scores without the test rows that stand in train."""
    without, test = results["test_without_leaked_rows"], results["test"]
    if without is None or test is None:
        return None
    told = ", ".join(
        f"{name} {decimals(without[key]['value'], 3)} ({decimals(without[key]['low'], 3)} to {decimals(without[key]['high'], 3)})"
        for key, name in (("accuracy", "accuracy"), ("macro_f1", "macro F1"))
    )
    number = test["rows"] - without["rows"]
    return f"{counted(number, 'test row')} also stand, exactly or nearly, in the training rows. Without them: {told}."


def _seeds(results: dict[str, Any]) -> list[list[str]]:
    """One line per seed; empty where there was one."""
    keys = ("validation_macro_f1", "test_macro_f1", "test_accuracy")
    return [
        [
            str(seed["seed"]),
            str(seed["restarts"]),
            *("–" if seed[key] is None else decimals(seed[key]) for key in keys),
            "failed" if seed.get("failed", seed["test_macro_f1"] is None) else "no",
        ]
        for seed in results["seeds"]
    ]
