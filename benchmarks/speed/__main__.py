"""Every part in one run: `make bench-speed`. Parts, data and models can be chosen, and the steps made fewer for a look.

    BERTSMITH_DATA=/path/to/data make bench-speed
    python -m benchmarks.speed --parts train limit --data sst2_sentences --model minilm --batch-size 8 --steps 10

Data is found through the environment variable BERTSMITH_DATA; without it the example reviews are read, and most bars are
not measured. Figures are ratios of medians with the lowest and highest ratio of single rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import torch
import transformers

from benchmarks.speed import data, hf
from benchmarks.speed.bars import Result, judged
from benchmarks.speed.case import LONG, Case, default_steps
from benchmarks.speed.growth import compare_growth
from benchmarks.speed.limit import compare_with_limit
from benchmarks.speed.memory import compare_memory
from benchmarks.speed.models import SHAPES, folder_of
from benchmarks.speed.startup import compare_startup
from benchmarks.speed.training import compare_evaluation, compare_prediction, compare_training

PARTS = ("startup", "train", "evaluate", "memory", "limit", "growth")
DEFAULT_MODELS = ("minilm", "bert-base")
BATCH_SIZES = (8, 32)
MEMORY_STEPS = 4
"""More steps hold no more: after the second one everything that training keeps is there."""
FIGURE = data.ROOT / "docs" / "performance" / "growth.svg"
Comparison = Callable[..., list[Result]]


def main(arguments: Sequence[str] | None = None) -> None:
    """The chosen parts, one after the other, then every bar."""
    options = parser().parse_args(arguments)
    hf.be_quiet()
    num_threads = options.threads or torch.get_num_threads()
    print(machine(num_threads, rounds=options.rounds), flush=True)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as scratch:
        for part in options.parts:
            started = time.perf_counter()
            print(f"\n== {part} ==", flush=True)
            results += run(part, options, scratch=Path(scratch), num_threads=num_threads)
            print(f"({(time.perf_counter() - started) / 60:.1f} minutes)", flush=True)
    print("\n== bars ==")
    print("\n".join(judged(results)))


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    flags.add_argument("--data", nargs="+", choices=data.names(), help="by default all that are at hand")
    flags.add_argument("--model", nargs="+", choices=("minilm", *SHAPES), help="by default minilm, bert-base")
    flags.add_argument("--batch-size", nargs="+", type=int, default=list(BATCH_SIZES))
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--steps", type=int, help="steps of one measurement; by default chosen for each case")
    flags.add_argument("--threads", type=int, help="CPU threads of both sides; torch's own choice by default")
    flags.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: bf16 on both sides")
    flags.add_argument("--figure", type=Path, default=FIGURE, help="where growth is drawn")
    return flags


def run(part: str, options: argparse.Namespace, *, scratch: Path, num_threads: int) -> list[Result]:
    """One part with all its cases."""
    measured = {"rounds": options.rounds, "num_threads": num_threads}
    if part == "startup":
        compare_startup(rounds=options.rounds)
        return []
    if part == "growth":
        name = (options.data or data.names())[0]
        tiny, minilm = (folder_of(model, scratch) for model in ("bert-tiny", "minilm"))
        return compare_growth(
            Case(name, "bert-tiny", tiny, 32, 1, device=options.device),
            Case(name, "minilm", minilm, 8, 1, device=options.device),
            figure=options.figure,
            **measured,
        )
    results = []
    for case in cases(part, options, scratch=scratch):
        for compare in COMPARISONS[part]:
            if compare is compare_prediction and case.batch_size != hf.PREDICT_BATCH_SIZE:
                continue
            print(f"{case.name}", flush=True)
            results += compare(case, **measured)
    return results


COMPARISONS: dict[str, tuple[Comparison, ...]] = {
    "train": (compare_training,),
    "evaluate": (compare_evaluation, compare_prediction),
    "memory": (compare_memory,),
    "limit": (compare_with_limit,),
}


def cases(part: str, options: argparse.Namespace, *, scratch: Path) -> Iterator[Case]:
    """The part's cases, in the order in which they are measured."""
    chosen = product(options.model or DEFAULT_MODELS, options.data or data.names(), options.batch_size)
    for model, name, batch_size in chosen:
        if options.data is None and is_left_out(part, model, name, batch_size):
            continue
        steps = options.steps or (
            MEMORY_STEPS if part == "memory" else default_steps(name, model, batch_size)
        )
        folder = folder_of(model, scratch)
        yield Case(name, model, folder, batch_size, steps, device=options.device)


def is_left_out(part: str, model: str, name: str, batch_size: int) -> bool:
    """Whether a run without --data leaves the case out, so that it takes about an hour on 2 cores."""
    is_first = name == data.names()[0]
    if part in ("memory", "limit"):
        return batch_size != BATCH_SIZES[0] or not (is_first or (name == LONG and model == "minilm"))
    if model == "minilm":
        return False
    return name == LONG or (not is_first and (batch_size != BATCH_SIZES[0] or part == "evaluate"))


def machine(num_threads: int, *, rounds: int) -> str:
    """What it ran on; a load above zero before the start says that the figures are shared with other work."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {num_threads} threads on both sides, load {load} before;"
        f" torch {torch.__version__}, transformers {transformers.__version__}; medians of {rounds} rounds"
    )


if __name__ == "__main__":
    main()
