"""Kills `predict` at random instants and continues it: the file must end in the bytes of an unbroken run."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.tiny_models import write_tiny_model

from benchmarks.reliability.cases import Case, show
from bertsmith.inference.prediction_file import PredictionOptions, write_predictions
from bertsmith.inference.predictor import Predictor

FORMATS = ("csv", "tsv", "jsonl")
KILLS_PER_FORMAT = 40
NUM_ROWS = 1_000
OFTEN = PredictionOptions(chunk_rows=16, batch_size=8, seconds_between_records=0.0)
RESUMING = replace(OFTEN, resume=True)
TEXTS = ("an excellent day", "awful", 'so "good"', "line\nbreak", "", "=1+1", "a, b")


def measure(*, kills_per_format: int = KILLS_PER_FORMAT, num_rows: int = NUM_ROWS) -> Iterator[Case]:
    """One case per format, and one per kill that went wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = {0: "negative", 1: "positive"}
        model = write_tiny_model(
            folder / "model",
            num_labels=2,
            id2label=labels,
            label2id={name: id_ for id_, name in labels.items()},
        )
        predictor = Predictor.load(model, device="cpu", threads=1)
        rows = _write_rows(folder / "rows.csv", num_rows=num_rows)
        for output_format in FORMATS:
            yield from _kill_often(predictor, rows, folder / f"out.{output_format}", kills=kills_per_format)


def _write_rows(path: Path, *, num_rows: int) -> Path:
    """Rows whose ends are hard to find."""
    cells = (f'"{TEXTS[number % 7].replace(chr(34), chr(34) * 2)}",{number}\n' for number in range(num_rows))
    path.write_text("text,number\n" + "".join(cells))
    return path


def _kill_often(predictor: Predictor, rows: Path, output: Path, *, kills: int) -> Iterator[Case]:
    """So many kills, of fresh and of continued processes; after every second one it is continued to the end."""
    whole = output.with_name(f"whole{output.suffix}")
    started = time.perf_counter()
    write_predictions(predictor, rows, whole, options=OFTEN)
    seconds = time.perf_counter() - started
    expected, draw, done, equal, rounds, kept = whole.read_bytes(), random.Random(output.name), 0, 0, 0, 0
    while done < kills:
        output.unlink(missing_ok=True)
        output.with_name(f"{output.name}.partial.json").unlink(missing_ok=True)
        for options in (OFTEN, RESUMING):
            if not output.exists():
                work = _work(predictor, rows, output, options=options)
                done += _killed(work, after_seconds=draw.uniform(0, seconds))
        partial = output.with_name(f"{output.name}.partial")
        left = partial.read_bytes() if partial.exists() else b""
        kept += bool(left)
        if not output.exists():
            write_predictions(predictor, rows, output, options=RESUMING)
        rounds += 1
        right = expected.startswith(left) and output.read_bytes() == expected
        equal += right
        if not right:
            yield Case(
                f"predict {output.suffix}, kill {done}", "the file is not that of an unbroken run", ok=False
            )
    case = f"predict {output.suffix}: {done} kills at random instants"
    outcome = f"{equal} of {rounds} files byte-equal ({kept} continued behind rows of the killed one)"
    yield Case(case, outcome, ok=equal == rounds)


def _work(
    predictor: Predictor, rows: Path, output: Path, *, options: PredictionOptions
) -> Callable[[], object]:
    return lambda: write_predictions(predictor, rows, output, options=options)


def _killed(work: Callable[[], object], *, after_seconds: float) -> bool:
    """Do it in a forked process and kill that; whether it had not ended before."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    time.sleep(after_seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


if __name__ == "__main__":
    show("predicting", measure())
