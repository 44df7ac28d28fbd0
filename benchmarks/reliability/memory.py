"""Memory that runs out at every phase, under a real limit: `python -m benchmarks.reliability.memory`.

Each case is a fresh process that first does the work in small passes, then limits its own address space
(RLIMIT_AS) and does it in passes that do not fit. It must bend, and come to the same result.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tests.learning.small_run import CPU, encoded, layout_of, plan_for, scores, weights
from tests.tiny_models import tiny_model, write_tiny_model
from transformers import PreTrainedModel

from benchmarks.reliability.cases import Case, show
from benchmarks.speed.data import ROOT
from bertsmith.config import Config
from bertsmith.inference.predictor import Predictor
from bertsmith.model.prediction import TokenBudget, predict_logits
from bertsmith.pipeline import finetune
from bertsmith.run import Run
from bertsmith.tokens.batching import EncodedDataset
from bertsmith.training.history import History
from bertsmith.training.loop import train

Outcome = tuple[bool, str]
"""Whether it came to the same result in smaller passes, and what happened."""
MEGABYTE = 1 << 20
WIDE = {
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}
FEW, BATCH_SIZE, MANY = 4, 64, 256
"""Rows: of a pass that fits, of a step, and of a pass without gradients."""
SHORT, LONG = 6, 100
"""Tokens: 64 long rows take about 500 MB in training, 256 take 200 MB without gradients."""
SAME_LOSS, SAME_LOGITS = 1e-5, 1e-4
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""As in malloc.h."""


def measure() -> Iterator[Case]:
    """Each phase with several limits."""
    for name, (_, limits) in CASES.items():
        for allowed in limits:
            is_well, detail = in_fresh_process(name, allowed)
            yield Case(f"{name}, {allowed} MB", detail, ok=is_well)


def give_back_at_once() -> None:
    """Let the C library keep no freed block of 128 KB or more, and reserve nothing more for further threads.

    Trap: it keeps blocks of up to 32 MB in its heap, where no file can be mapped, and reserves 64 MB for each thread
    that allocates beside another. How far a limit on the address space reaches is then a matter of timing.
    Not for a limit that training meets: in a heap without freed blocks oneDNN finds no bytes for a descriptor, and crashes.
    """
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(M_MMAP_THRESHOLD, 1 << 17)
    libc.mallopt(M_ARENA_MAX, 1)


@contextmanager
def at_most(allowed_megabytes: int) -> Iterator[None]:
    """Let the address space grow by no more than this."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is freed, but kept by the C library, would be room as well
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + allowed_megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def first_step(allowed: int, family: str = "bert") -> Outcome:
    """The first of two steps does not fit."""
    return _training(_rows([LONG] * (2 * BATCH_SIZE)), allowed=allowed, family=family, bends_at=1)


def first_step_padded(allowed: int) -> Outcome:
    """The same on padded rows."""
    return first_step(allowed, family="mpnet")


def later_step(allowed: int) -> Outcome:
    """The third step does not fit: its rows are long."""
    lengths = [SHORT] * (2 * BATCH_SIZE) + [LONG] * BATCH_SIZE + [SHORT] * BATCH_SIZE
    return _training(_rows(lengths), allowed=allowed, bends_at=3)


def validation(allowed: int) -> Outcome:
    """Training fits, scoring the long validation rows does not."""
    dataset, watched = _rows([SHORT] * (2 * BATCH_SIZE)), _rows([LONG] * MANY)
    budget, seen = TokenBudget(), []

    def validate(model: PreTrainedModel, budget: TokenBudget, batch_size: int) -> NDArray[np.float32]:
        return predict_logits(
            model, watched, layout=layout_of("bert"), batch_size=batch_size, runtime=CPU, budget=budget
        )

    def run(model: PreTrainedModel, batch_size: int, budget: TokenBudget) -> History:
        def score() -> object:
            seen.append(validate(model, budget, batch_size))
            return scores()

        return _train(model, dataset, validate=score)

    run(_model(), FEW, TokenBudget())
    limited = _model()
    with at_most(allowed):
        run(limited, MANY, budget)
    difference = float(np.abs(seen[0] - seen[1]).max())
    return budget.most is not None and difference <= SAME_LOGITS, _told(budget.most, difference)


def prediction(allowed: int) -> Outcome:
    """A model folder is asked about long texts."""
    with tempfile.TemporaryDirectory() as folder:
        write_tiny_model(Path(folder), num_labels=2, id2label={0: "no", 1: "yes"}, **WIDE)
        draws = np.random.Generator(np.random.PCG64(1))
        texts = [" ".join(draws.choice(["good", "bad", "plot", "time"], LONG - 2)) for _ in range(MANY)]
        predictor = Predictor.load(folder, device="cpu", threads=1)
        alone = predictor.score(texts, batch_size=FEW).probabilities
        with at_most(allowed):
            limited = predictor.score(texts, batch_size=MANY).probabilities
    difference = float(np.abs(alone - limited).max())
    most = predictor.budget.most
    return most is not None and difference <= SAME_LOGITS, _told(most, difference)


def test_scoring(allowed: int) -> Outcome:
    """A whole run, of which only the test rows are long; at its end the model's file is mapped."""
    give_back_at_once()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_tiny_model(root / "model", dropout=0.0, **WIDE)
        for name, length in (("train", 3), ("validation", 3), ("test", 90)):
            num_rows = (8 if name == "test" else 4) * BATCH_SIZE
            _write_rows(root / f"{name}.csv", num_words=length, num_rows=num_rows)
        alone = _finetune(root, "alone", eval_batch_size=FEW)
        with at_most(allowed):
            limited = _finetune(root, "limited", eval_batch_size=8 * BATCH_SIZE)
    assert alone.test is not None and limited.test is not None and limited.memory is not None
    difference = abs(alone.test.scores["loss"].value - limited.test.scores["loss"].value)
    most = limited.memory.scoring_tokens
    return most is not None and difference <= SAME_LOGITS, _told(most, difference)


CASES: dict[str, tuple[Callable[[int], Outcome], tuple[int, ...]]] = {
    "first step": (first_step, (120, 80, 100)),
    "first step, padded": (first_step_padded, (120, 80, 200)),
    "later step": (later_step, (120, 80, 160)),
    "validation": (validation, (80, 60, 100)),
    "prediction": (prediction, (80, 60, 100)),
    "test scoring": (test_scoring, (200, 100, 300)),
}
"""What is done, and how many megabytes are allowed for it."""


def _training(dataset: EncodedDataset, *, allowed: int, bends_at: int, family: str = "bert") -> Outcome:
    """The same steps twice: in small passes, and in passes that do not fit."""
    alone, limited = _model(family), _model(family)
    expected = _train(alone, dataset, family=family, micro_batch_size=FEW)
    with at_most(allowed):
        history = _train(limited, dataset, family=family)
    losses = [abs(one.loss - other.loss) for one, other in zip(expected.steps, history.steps, strict=True)]
    moved = max((weights(alone)[name] - value).abs().max().item() for name, value in weights(limited).items())
    bends = [(bend.step, bend.micro_batch_size) for bend in history.bends]
    is_well = bool(bends) and bends[0][0] == bends_at and max(losses) <= SAME_LOSS and moved <= SAME_LOGITS
    return (
        is_well,
        f"(step, rows per pass) {bends}, loss within {max(losses):.1e}, weights within {moved:.1e}",
    )


def _train(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    *,
    family: str = "bert",
    validate: Callable[[], object] = scores,
    micro_batch_size: int | None = None,
) -> History:
    """One epoch, rows in their order."""
    recipe = {"batch_size": BATCH_SIZE, "epochs": 1, "micro_batch_size": micro_batch_size}
    plan = plan_for(dataset, family, **recipe)
    order = np.arange(len(dataset))
    plan = replace(plan, row_order=lambda epoch: order)
    return train(model, dataset, plan=plan, validate=validate)


def _model(family: str = "bert") -> PreTrainedModel:
    return tiny_model(family, dropout=0.0, num_labels=2, **WIDE)


def _rows(lengths: list[int]) -> EncodedDataset:
    """Labelled rows of random words."""
    draws = np.random.Generator(np.random.PCG64(0))
    rows = [[2, *draws.integers(110, 300, length - 2).tolist(), 3] for length in lengths]
    return replace(EncodedDataset(encoded(rows)), label_ids=draws.integers(2, size=len(rows)))


def _write_rows(path: Path, *, num_words: int, num_rows: int) -> None:
    draws = np.random.Generator(np.random.PCG64(num_words))
    lines = ["text,label"]
    for row in range(num_rows):
        words = draws.choice(["film", "plot", "time", "music", "story", "people"], num_words)
        lines.append(f"{'good' if row % 2 else 'bad'} {' '.join(words)},{'ab'[row % 2]}")
    path.write_text("\n".join(lines), "utf-8")


def _finetune(root: Path, name: str, *, eval_batch_size: int) -> Run:
    files = {split: str(root / f"{split}.csv") for split in ("validation", "test")}
    settings = {
        "eval_batch_size": eval_batch_size,
        "max_length": LONG,
        "max_steps": 40,
        "learning_rate": 1e-3,
    }
    fixed = {"model": str(root / "model"), "device": "cpu", "threads": 1, "on_failure": "continue"}
    config = Config.from_flat({**files, **settings, **fixed, "output": str(root / name)})
    return finetune(str(root / "train.csv"), config=config)


def _told(most: int | None, difference: float) -> str:
    return f"at most {most} tokens per pass, within {difference:.1e}"


def in_fresh_process(name: str, allowed: int) -> Outcome:
    """What the child found; one that dies is not well."""
    command = [sys.executable, "-m", "benchmarks.reliability.memory", name, str(allowed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        return False, f"exit {child.returncode}: {child.stderr.strip()[-300:]}"
    is_well, detail = json.loads(child.stdout.splitlines()[-1])
    return is_well, detail


def main() -> None:
    """All cases; or the child."""
    torch.set_num_threads(1)
    if len(sys.argv) == 3:
        case, _ = CASES[sys.argv[1]]
        print(json.dumps(case(int(sys.argv[2]))))
        return
    show("memory", measure())


if __name__ == "__main__":
    main()
