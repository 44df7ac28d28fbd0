"""Finished runs side by side: scores, curves, paired tests on the same test rows, and the settings that differ.

Rows are matched by what they say (texts and label), not by where they stand. Where two runs were tested on different
rows no test is made: their scores can be looked at, and that is all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsmith.console import Console
from bertsmith.diagnosis.comparison import SIGNIFICANT, p_text, points
from bertsmith.durable_files import write_whole
from bertsmith.errors import ConfigError, RunFolderError
from bertsmith.evaluation.intervals import macro_f1_difference
from bertsmith.evaluation.significance import macro_f1_permutation, mcnemar
from bertsmith.report.charts import Epochs, Line, smoothed, steps_chart, thinned
from bertsmith.report.figure_svg import Ink
from bertsmith.report.finished_run import FinishedRun, TestRow, read_finished_run
from bertsmith.report.html_pages import render_page
from bertsmith.report.local_paths import last_part
from bertsmith.report.markdown import neutral
from bertsmith.report.page_answer import OUTCOMES
from bertsmith.report.page_text import decimals, shown_score, without_paths
from bertsmith.report.page_training import chosen_attempt

SHOWN = ("accuracy", "macro_f1", "loss")
INKS = (Ink.ACCENT, Ink.SECOND, Ink.FAILURE, Ink.QUIET, Ink.TEXT)
LEFT_OUT = ("output", "train_file", "overwrite", "no_fail")
"""Settings that do not decide what a run learns; the data are compared by their fingerprints."""


@dataclass(frozen=True)
class PairedTest:
    """Two runs on the same test rows."""

    first: str
    second: str
    rows: int
    difference: float
    """Macro-F1 of the first minus that of the second, in [-1, 1]."""
    low: float
    high: float
    p_value: float
    """Of the paired permutation test of macro-F1, two-sided."""
    mcnemar_p_value: float
    adjusted_p_value: float
    """After Holm's correction for the number of pairs."""

    @property
    def is_real(self) -> bool:
        """Whether chance explains the difference in fewer than one case in twenty, all pairs together."""
        return self.adjusted_p_value < SIGNIFICANT

    def sentence(self) -> str:
        """Which is better, and whether that is shown."""
        better, worse = (self.first, self.second) if self.difference >= 0 else (self.second, self.first)
        told = f"{points(abs(self.difference))} points of macro-F1, {p_text(self.adjusted_p_value)}"
        if self.is_real:
            return f"{better} is better than {worse}: {told}."
        return f"{self.first} and {self.second} cannot be told apart: {told}."


@dataclass(frozen=True)
class Compared:
    """Runs beside each other."""

    names: tuple[str, ...]
    """The folders' names; longer paths where two are called the same."""
    runs: tuple[FinishedRun, ...]
    tests: tuple[PairedTest, ...]
    untested: tuple[str, ...]
    """Why pairs could not be tested, one sentence each."""
    settings: dict[str, tuple[str, ...]]
    """The settings that differ, each with the value of every run."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "runs": [
                {
                    "name": name,
                    "verdict": run.results["verdict"],
                    "test": run.results["test"]
                    and {key: run.results["test"][key] for key in ("rows", *SHOWN)},
                    "epochs": run.results["epochs"],
                }
                for name, run in zip(self.names, self.runs, strict=True)
            ],
            "tests": [asdict(test) | {"is_real": test.is_real} for test in self.tests],
            "not_tested": list(self.untested),
            "settings": {name: list(values) for name, values in self.settings.items()},
        }


def compare_folders(paths: list[Path], *, console: Console, output: Path | None) -> Compared:
    """Read run folders, compare them, show it, and write the page where one is asked for.

    Raises:
        BertsmithError: fewer than two folders, one that is no finished run, or a page that cannot be written.
    """
    compared = compare_runs([read_finished_run(path) for path in paths])
    show_comparison(compared, console)
    if output is not None:
        write_comparison(compared, output)
        console.say(f"{output}  the comparison in one file")
    return compared


def compare_runs(runs: list[FinishedRun]) -> Compared:
    """Every pair of runs that was tested on the same rows, with Holm's correction over all pairs.

    Raises:
        ConfigError: fewer than two runs.
    """
    if len(runs) < 2:
        raise ConfigError(["compare needs two run folders or more, as in: bertsmith compare runs/a runs/b"])
    names = _names(runs)
    tests, untested = [], []
    for (name, run), (other_name, other) in combinations(zip(names, runs, strict=True), 2):
        if (reason := _why_not(run, other)) is not None:
            untested.append(f"{name} and {other_name}: {reason}")
        else:
            tests.append(paired_test(run, other, names=(name, other_name)))
    return Compared(names, tuple(runs), _with_holm(tests), tuple(untested), _differing(runs))


def paired_test(run: FinishedRun, other: FinishedRun, *, names: tuple[str, str]) -> PairedTest:
    """Two runs on the same rows; the p-value is not yet corrected."""
    labels = sorted({*run.labels, *other.labels})
    ids = {label: index for index, label in enumerate(labels)}
    rows, others = (sorted(each.test_rows, key=_content) for each in (run, other))
    true = np.array([ids[row.label] for row in rows])
    said = [np.array([ids[row.predicted] for row in each]) for each in (rows, others)]
    groups = _groups(rows)
    difference = macro_f1_difference(true, *said, num_labels=len(labels), groups=groups)
    p_value = macro_f1_permutation(true, *said, num_labels=len(labels), groups=groups)
    return PairedTest(
        first=names[0],
        second=names[1],
        rows=len(rows),
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        p_value=p_value,
        mcnemar_p_value=mcnemar(said[0] == true, said[1] == true),
        adjusted_p_value=p_value,
    )


def holm(p_values: list[float]) -> list[float]:
    """The p-values after Holm's correction, in the order given.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def show_comparison(compared: Compared, console: Console) -> None:
    """Verdicts and scores, the tests, and what was set differently."""
    rows: list[tuple[tuple[str, ...], str | None]] = []
    for name, run in zip(compared.names, compared.runs, strict=True):
        outcome, tone = _outcome(run)
        # The verdict is last, where it may take more than one line of a narrow screen.
        cells = (
            name,
            _cell(run, "accuracy"),
            _cell(run, "macro_f1"),
            _cell(run, "loss", with_interval=False),
            outcome,
        )
        rows.append((cells, "red" if tone == "bad" else None))
    console.table(
        ("Run", "Accuracy", "Macro-F1", "Loss", "Verdict"),
        rows,
        caption="On the test rows of each, with 95 % intervals.",
    )
    for test in compared.tests:
        console.answer(test.sentence(), style="bold" if test.is_real else None)
        interval = f"95 % interval {points(test.low)} to {points(test.high)}"
        console.say(
            f"  · {test.rows:,} same rows; {points(test.difference)} points, {interval}; {p_text(test.p_value)} before the correction; McNemar {p_text(test.mcnemar_p_value)}."
        )
    for sentence in compared.untested:
        console.answer(sentence, style="yellow")
    if compared.settings:
        settings = [((name, *values), None) for name, values in compared.settings.items()]
        console.table(("Setting", *compared.names), settings, caption="Settings that differ.")


def write_comparison(compared: Compared, path: Path) -> None:
    """The comparison as one HTML file.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        write_whole(path, comparison_page(compared).encode("utf-8", "replace"))
    except OSError as error:
        raise RunFolderError(
            f"{path}: the page cannot be written ({error.strerror}). Choose another --output."
        ) from error


def comparison_page(compared: Compared) -> str:
    """The HTML of a comparison."""
    rows = []
    for name, run in zip(compared.names, compared.runs, strict=True):
        test = run.results["test"]
        scores = None if test is None else [shown_score(test[key]) for key in SHOWN]
        rows.append(
            (
                neutral(name),
                *_outcome(run),
                without_paths(run.results["verdict"]["sentence"], run.settings),
                scores,
            )
        )
    curves = {key: _curves(compared, key) for key in ("loss", "macro_f1")}
    return render_page(
        "comparison.html.jinja",
        {"compared": compared, "rows": rows, "curves": curves, "points": points, "p_text": p_text},
    )


def _outcome(run: FinishedRun) -> tuple[str, str]:
    outcome = run.results["verdict"]["outcome"]
    return OUTCOMES.get(outcome, (outcome, "doubtful"))


def _curves(compared: Compared, key: str) -> Any:
    """One line per run: the loss of the steps, or the validation macro-F1 of the epochs."""
    lines = []
    for index, (name, run) in enumerate(zip(compared.names, compared.runs, strict=True)):
        attempt = chosen_attempt(run)
        if key == "loss":
            drawn = smoothed(thinned(attempt.steps)) if attempt else ()
        else:
            drawn = tuple((epoch["step"], epoch["macro_f1"]) for epoch in run.results["epochs"])
        lines.append(
            Line(
                neutral(name),
                drawn,
                INKS[index % len(INKS)],
                has_marks=key != "loss",
                is_dashed=index >= len(INKS),
            )
        )
    label = "training loss (nats per row)" if key == "loss" else "macro F1 on the validation rows"
    return steps_chart(
        f"compare-{key}", lines, (), epochs=Epochs((), None), y_label=label, is_share=key != "loss"
    )


def _cell(run: FinishedRun, key: str, *, with_interval: bool = True) -> str:
    test = run.results["test"]
    if test is None:
        return "not read"
    score = shown_score(test[key])
    return f"{score.value} ({score.low}–{score.high})" if with_interval else score.value


def _names(runs: list[FinishedRun]) -> tuple[str, ...]:
    """The folders' names; the paths as given where two have the same."""
    names = [run.name for run in runs]
    return tuple(names if len(set(names)) == len(names) else [str(run.folder.path) for run in runs])


def _content(row: TestRow) -> tuple[str, str, str]:
    return row.text, row.text_pair or "", row.label


def _why_not(run: FinishedRun, other: FinishedRun) -> str | None:
    """Why no paired test can be made; None where it can."""
    if not run.test_rows or not other.test_rows:
        return "not tested against each other, because a failed run did not read its test rows."
    mine, theirs = (Counter(map(_content, each.test_rows)) for each in (run, other))
    if mine == theirs:
        return None
    shared = (mine & theirs).total()
    return (
        f"not tested against each other, because their test rows differ ({shared:,} of {mine.total():,} and {theirs.total():,} are "
        "the same). Train both with the same data, --split-seed and --test."
    )


def _groups(rows: list[TestRow]) -> NDArray[np.int64]:
    """Rows of one text get one number: they are no independent evidence."""
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault((row.text, row.text_pair or ""), len(numbers)) for row in rows])


def _with_holm(tests: list[PairedTest]) -> tuple[PairedTest, ...]:
    adjusted = holm([test.p_value for test in tests])
    return tuple(
        PairedTest(**(asdict(test) | {"adjusted_p_value": value}))
        for test, value in zip(tests, adjusted, strict=True)
    )


def _differing(runs: list[FinishedRun]) -> dict[str, tuple[str, ...]]:
    """Settings, data and versions that are not the same in all runs; files by name alone."""
    values = [_flat(run) for run in runs]
    names = dict.fromkeys(name for each in values for name in each)
    rows = {name: tuple(each.get(name, "–") for each in values) for name in names}
    return {name: row for name, row in rows.items() if len(set(row)) > 1}


def _flat(run: FinishedRun) -> dict[str, str]:
    settings = {
        name: value
        for section in run.settings.model_dump().values()
        for name, value in section.items()
        if name not in LEFT_OUT
    }
    shown = {
        name.replace("_", " "): last_part(value)
        if name in ("validation", "test", "model") and value and value[:1] in "/.~\\"
        else str(value)
        for name, value in settings.items()
    }
    data = run.results["data"]
    read = {
        "training file": str(data["files"]["train"]),
        "training rows": f"{data['splits']['train']['rows']:,}",
    }
    prints = {
        name: (data.get(f"{key}_fingerprint") or "–")[:12]
        for name, key in (("SHA-256 of the training rows", "train"), ("SHA-256 of the test rows", "test"))
    }
    steps = {
        "parameters": f"{run.results['model']['num_parameters']:,}",
        "training seconds": decimals(run.results["speed"]["training_seconds"], 1),
    }
    return shown | read | prints | steps
