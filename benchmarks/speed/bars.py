"""What was promised, and whether it is reached."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.speed.case import LONG
from benchmarks.speed.sides import Spread

DYNAMIC = "Trainer, dynamic padding"
PADDED = "Trainer, padded to 128"
EVALUATE = "Trainer.evaluate"
PIPELINE = "pipeline, batch 32"
SORTED = "length-sorted loop"
MEMORY = "peak memory, share of the Trainer's"
LIMIT = "useful operations, share of the measured rate"
GROWTH_ROWS = "exponent of training time in rows"
GROWTH_PREDICT = "exponent of prediction time in rows"
GROWTH_LENGTH = "exponent of step time in operations"
PAIRS = "snli_dev_as_train"
LINE = 1.05
"""An exponent up to this is called a line: over a factor of ten it adds an eighth."""


@dataclass(frozen=True)
class Result:
    """One figure of the run."""

    measure: str
    data: str
    model: str
    batch_size: int
    figure: Spread


@dataclass(frozen=True)
class Bar:
    """What a figure must be, and what it should be."""

    measure: str
    data: str
    model: str
    batch_sizes: tuple[int, ...]
    must: float
    aim: float | None = None
    at_most: bool = False
    """Whether less is better."""

    def covers(self, result: Result) -> bool:
        """Whether the bar is about this figure."""
        names = (self.measure, self.data, self.model) == (result.measure, result.data, result.model)
        return names and result.batch_size in self.batch_sizes

    def judge(self, value: float) -> str:
        """`must 2.0 reached, aim 2.5 not reached`."""
        sign = "≤" if self.at_most else "≥"
        parts = [("must", self.must)] + ([] if self.aim is None else [("aim", self.aim)])
        return ", ".join(
            f"{name} {sign} {bar:g} {'reached' if self._is_reached(value, bar) else 'NOT REACHED'}"
            for name, bar in parts
        )

    def _is_reached(self, value: float, bar: float) -> bool:
        return value <= bar if self.at_most else value >= bar


SST2 = "sst2_sentences"
BARS = (
    Bar(DYNAMIC, SST2, "minilm", (8,), must=2.0, aim=2.5),
    Bar(PADDED, SST2, "minilm", (8,), must=5.0, aim=7.0),
    Bar(LIMIT, SST2, "minilm", (8,), must=0.45, aim=0.60),
    Bar(EVALUATE, SST2, "minilm", (8,), must=3.0),
    Bar(PIPELINE, SST2, "minilm", (32,), must=3.0),
    Bar(MEMORY, SST2, "minilm", (8,), must=0.7, at_most=True),
    Bar(DYNAMIC, LONG, "minilm", (8, 32), must=1.0, aim=1.3),
    Bar(DYNAMIC, PAIRS, "minilm", (8, 32), must=1.0, aim=1.3),
    Bar(DYNAMIC, SST2, "bert-base", (8,), must=1.6),
    Bar(GROWTH_ROWS, SST2, "bert-tiny", (32,), must=LINE, at_most=True),
    Bar(GROWTH_PREDICT, SST2, "bert-tiny", (32,), must=LINE, at_most=True),
    Bar(GROWTH_LENGTH, SST2, "minilm", (8,), must=LINE, at_most=True),
)


def judged(results: list[Result]) -> list[str]:
    """Every bar as a line: its figure and whether it is reached, or that it was not measured in this run."""
    lines = []
    for bar in BARS:
        for batch_size in bar.batch_sizes:
            found = [result for result in results if bar.covers(result) and result.batch_size == batch_size]
            told = f"{found[-1].figure}  {bar.judge(found[-1].figure.value)}" if found else "not measured"
            lines.append(f"{bar.measure} · {bar.model}, {bar.data}, batch {batch_size}: {told}")
    return lines
