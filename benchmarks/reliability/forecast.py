"""The estimate of the peak memory beside the measured peak: `python -m benchmarks.reliability.forecast`, each case in a fresh process.

What is compared is what comes on top of what the process held when the estimate was made: the rest is no estimate.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.speed.data import ROOT
from benchmarks.speed.memory import PeakMeter

NUM_STEPS = 12
CASES = tuple(
    {"model": model, "batch_size": batch_size, "longest": longest, "eval_batch_size": eval_batch_size}
    for model, batch_size, longest, eval_batch_size in (
        *(("minilm", 8, longest, 8) for longest in (32, 128, 256, 512)),
        *(("minilm", batch_size, 128, 8) for batch_size in (1, 2, 32)),
        ("minilm", 8, 64, 128),
        *(
            ("tiny", batch_size, longest, 8)
            for batch_size, longest in ((8, 32), (8, 64), (64, 64), (256, 64))
        ),
        *(("padded", batch_size, longest, 8) for batch_size, longest in ((8, 64), (64, 64), (256, 64))),
        *(
            ("wide", batch_size, longest, 8)
            for batch_size, longest in ((8, 128), (8, 512), (2, 512), (32, 128))
        ),
        ("wide padded", 8, 256, 8),
    )
)
"""`tiny`, `padded` and `wide` are random BERTs, of 2 layers of 32, and of 4 layers of 512."""


def measure() -> Iterator[tuple[dict[str, object], float, float]]:
    """(case, bytes expected, bytes measured) of every case."""
    for case in CASES:
        yield case, *_in_fresh_process(case)


def _in_fresh_process(case: dict[str, object]) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.reliability.forecast", json.dumps(case)]
    child = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    values = json.loads(child.stdout.splitlines()[-1])
    return values["expected"], values["measured"]


def _child(case: dict[str, object]) -> None:
    """Prepare, then train some steps with a checkpoint among them and validate once, between the estimate and the peak."""
    from bertsmith.config import Config
    from bertsmith.console import Console
    from bertsmith.interruption import Interruption
    from bertsmith.preparation import prepare
    from bertsmith.training.checkpoint import AttemptCheckpoints, Every, Keeping
    from bertsmith.watched_training import train_watched

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_rows(root / "rows.csv", longest=int(str(case["longest"])))
        config = Config.from_flat(
            {
                "model": _model(str(case["model"]), root),
                "batch_size": case["batch_size"],
                "eval_batch_size": case["eval_batch_size"],
                "max_length": case["longest"],
                "max_steps": NUM_STEPS,
                "threads": 1,
                "device": "cpu",
            }
        )
        prepared = prepare(str(root / "rows.csv"), config=config, console=Console.nowhere())
        assert prepared.forecast is not None
        meter = PeakMeter()
        meter.start()
        keeping = Keeping(Every(steps=NUM_STEPS // 2), Interruption(), tell=lambda text: None)
        train_watched(
            prepared,
            checkpoints=AttemptCheckpoints(root / "attempt-1", keeping),
            log_path=root / "log.jsonl",
            console=Console.nowhere(),
        )
        print(json.dumps({"expected": prepared.forecast.needed_bytes, "measured": meter.bytes_above()}))


def _model(name: str, root: Path) -> str:
    """A name, or the folder of a random BERT."""
    if name == "minilm":
        return name
    from tests.tiny_models import write_tiny_model

    settings = {"max_position_embeddings": 512}
    if "wide" in name:
        settings |= {
            "hidden_size": 512,
            "num_hidden_layers": 4,
            "intermediate_size": 2048,
            "num_attention_heads": 8,
        }
    family = "mpnet" if "padded" in name else "bert"
    return str(write_tiny_model(root / "model", family, **settings))


def _write_rows(path: Path, *, longest: int) -> None:
    """Rows of random words, from a few tokens to more than is read."""
    draws = np.random.Generator(np.random.PCG64(7))
    words = ("good", "bad", "movie", "plot", "great", "awful", "time", "people", "story", "music")
    lines = ["text,label"]
    for row in range(1200):
        length = int(draws.integers(3, longest + 10))
        lines.append(f"{' '.join(draws.choice(words, length))},{'ab'[row % 2]}")
    path.write_text("\n".join(lines), "utf-8")


def main() -> None:
    """One line per case."""
    if len(sys.argv) > 1:
        _child(json.loads(sys.argv[1]))
        return
    for case, expected, measured in measure():
        print(
            f"{case}: expected {expected / 1e6:.0f} MB, measured {measured / 1e6:.0f} MB, {expected / measured:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
