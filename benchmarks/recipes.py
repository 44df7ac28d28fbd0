"""The published recipe beside `steady`, on six real data sets and several seeds, with MiniLM.

At most ROWS training rows of each data set; the test rows are the data set's own, at most 1,000. The cure is off, so that what
is compared is the recipes. Data is found through the environment variable BERTSMITH_DATA.

    BERTSMITH_DATA=/path/to/data make bench-recipes
    BERTSMITH_DATA=/path/to/data python -m benchmarks.recipes --rows 300 --seeds 5
    BERTSMITH_DATA=/path/to/data python -m benchmarks.recipes --rows 300 --seeds 2 --first-seed 6
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import bertsmith
from benchmarks.honesty.runs import scratch

RECIPES = ("published", "steady")
TEST_ROWS = 1000
WORKS = ("learned", "no_better_than_baseline")


@dataclass(frozen=True)
class Source:
    """A data set with train, validation and test files."""

    name: str
    labels: int | None = None
    """Only rows of this many commonest labels; None: all."""
    validation: bool = True
    """Whether it has a validation file; else the training rows after the chosen ones serve."""


SOURCES = (
    Source("sst2_sentences"),
    Source("mr_balanced_5500"),
    Source("sms_spam"),
    Source("davidson_hate_24k"),
    Source("snli_dev_as_train"),
    Source("banking77", labels=10, validation=False),
)


@dataclass(frozen=True)
class Job:
    """One run."""

    source: Source
    recipe: str
    seed: int
    rows: int


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Rows as a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_splits(source: Source, rows: int, folder: Path) -> dict[str, str]:
    """Some rows of each split, always the same, as files; their paths as settings."""
    origin = Path(os.environ["BERTSMITH_DATA"]) / source.name
    train, test = rows_of(origin / "train.csv"), rows_of(origin / "test.csv")
    validation = rows_of(origin / "validation.csv") if source.validation else []
    # Trap: some of these files are sorted by label.
    for number, split in enumerate((train, validation, test)):
        random.Random(number).shuffle(split)
    if source.labels is not None:
        common = {label for label, _ in Counter(row["label"] for row in train).most_common(source.labels)}
        train, test = ([row for row in split if row["label"] in common] for split in (train, test))
    validation = validation or train[rows : 2 * rows]
    return {
        "data": str(write_rows(folder / "train.csv", train[:rows])),
        "validation": str(write_rows(folder / "validation.csv", validation[:TEST_ROWS])),
        "test": str(write_rows(folder / "test.csv", test[:TEST_ROWS])),
    }


def run(job: Job) -> tuple[Job, str, float | None, float]:
    """The verdict's outcome, test macro-F1 (None where no model is good) and seconds of one run."""
    with scratch() as folder:
        files = write_splits(job.source, job.rows, folder)
        finished = bertsmith.finetune(
            files["data"],
            validation=files["validation"],
            test=files["test"],
            model="minilm",
            recipe=job.recipe,
            seed=job.seed,
            on_failure="continue",
            threads=1,
            output=str(folder / "run"),
        )
        value = finished.test.scores["macro_f1"].value if finished.test else None
        return job, finished.verdict.outcome, value, finished.speed.seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """One line per run, then the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=300, help="training rows of each data set, at most 2,000")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    jobs = [
        Job(source, recipe, seed, min(options.rows, 2000))
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for source in SOURCES
        for recipe in RECIPES
    ]
    found: dict[tuple[str, str], list[tuple[str, float | None, float]]] = {}
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for job, outcome, value, seconds in pool.map(run, jobs):
            found.setdefault((job.source.name, job.recipe), []).append((outcome, value, seconds))
            print(
                f"seed {job.seed} {job.source.name:18} {job.recipe:9} {outcome:24} {value} {seconds:.0f} s",
                flush=True,
            )
    print(
        f"\n{options.rows} training rows, {options.seeds} seeds; macro-F1 on the test rows of runs that chose an epoch"
    )
    print("data set            recipe     mean    sd     lowest  failed  median seconds")
    for (name, recipe), ended in found.items():
        values = [value for _, value, _ in ended if value is not None]
        failed = sum(outcome not in WORKS for outcome, _, _ in ended)
        told = (
            f"{statistics.mean(values):.3f}  {statistics.stdev(values) if len(values) > 1 else 0:.3f}  {min(values):.3f} "
            if values
            else "-      -      -     "
        )
        seconds = statistics.median(seconds for _, _, seconds in ended)
        print(f"{name:18}  {recipe:9}  {told}  {failed} of {len(ended)}  {seconds:.0f}")


if __name__ == "__main__":
    main()
