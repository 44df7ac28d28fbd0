"""How long training, evaluation and prediction take on each side."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.speed import bars, hf, ours
from benchmarks.speed.bars import Result
from benchmarks.speed.case import LONG, Case
from benchmarks.speed.models import save_classifier
from benchmarks.speed.sides import Seconds, in_turn, ratio

OURS = "bertsmith"
WARM_STEPS = 2
"""Steps of the round that is thrown away."""


def compare_training(case: Case, *, rounds: int, num_threads: int) -> list[Result]:
    """Rows per second of the steps, ours and the Trainer's two ways of padding."""
    around: Seconds = {}

    def side(
        name: str, train_once: Callable[[ours.Prepared, Case], ours.TrainingTime]
    ) -> Callable[[], float]:
        def once() -> float:
            # The first call is the round that is thrown away.
            measured = case if name in around else replace(case, num_steps=min(WARM_STEPS, case.num_steps))
            prepared = ours.prepare(measured, num_rows=measured.num_rows)
            took = train_once(prepared, measured)
            around.setdefault(name, []).append(took.around)
            return took.steps

        return once

    sides = {OURS: side(OURS, ours.train_once), bars.DYNAMIC: side(bars.DYNAMIC, hf.train_once)}
    if pads(case):
        sides[bars.PADDED] = side(
            bars.PADDED, lambda prepared, case: hf.train_once(prepared, case, pad_to=hf.EXAMPLE_LENGTH)
        )
    seconds = in_turn(sides, rounds=rounds, num_threads=num_threads)
    for name in sides:
        median = statistics.median(around[name][1:])
        print(
            f"  {rate(case.num_rows, seconds[name], name)}; around the steps {median:.2f} s once", flush=True
        )
    return _against_ours(case, seconds)


def pads(case: Case) -> bool:
    """Whether padding to 128 tokens is measured: not where it would cut most rows, nor where it takes minutes a step."""
    return case.data != LONG and (case.model != "bert-base" or case.batch_size == 8)


def compare_evaluation(case: Case, *, rounds: int, num_threads: int) -> list[Result]:
    """Rows per second of scoring encoded rows, ours and `Trainer.evaluate`."""
    prepared = ours.prepare(case, num_rows=case.evaluation_rows)
    sides = {OURS: lambda: ours.evaluate_once(prepared, case), bars.EVALUATE: hf.evaluator(prepared, case)}
    seconds = in_turn(sides, rounds=rounds, num_threads=num_threads)
    for name in sides:
        print(f"  evaluate: {rate(case.evaluation_rows, seconds[name], name)}", flush=True)
    return _against_ours(case, seconds)


def compare_prediction(case: Case, *, rounds: int, num_threads: int) -> list[Result]:
    """Rows per second from texts to labels: ours, a pipeline in batches of 32, a loop over rows sorted by length."""
    prepared = ours.prepare(case, num_rows=case.evaluation_rows)
    with tempfile.TemporaryDirectory() as name:
        folder = save_classifier(prepared.loaded.model, prepared.loaded.tokenizer, Path(name))
        predictor = ours.load_predictor(folder, case)
        sides = {
            OURS: lambda: ours.predict_once(predictor, prepared.dataset),
            bars.PIPELINE: hf.piper(folder, case, prepared.dataset),
            bars.SORTED: hf.sorted_loop(folder, case, prepared.dataset),
        }
        seconds = in_turn(sides, rounds=rounds, num_threads=num_threads)
    for name in sides:
        print(f"  predict: {rate(case.evaluation_rows, seconds[name], name)}", flush=True)
    return _against_ours(case, seconds)


def rate(num_rows: int, seconds: list[float], name: str) -> str:
    """`bertsmith: 55.2 rows/s (54.0–56.1)`."""
    rates = sorted(num_rows / took for took in seconds)
    return f"{name}: {statistics.median(rates):.1f} rows/s ({rates[0]:.1f}–{rates[-1]:.1f})"


def _against_ours(case: Case, seconds: Seconds) -> list[Result]:
    """How many times as long every other side took."""
    results = [
        Result(name, case.data, case.model, case.batch_size, ratio(seconds[name], seconds[OURS]))
        for name in seconds
        if name != OURS
    ]
    for result in results:
        print(f"  {result.figure} × as fast as {result.measure}", flush=True)
    return results
