"""How long a person waits for a command that only talks."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.speed.data import ROOT

COMMANDS = {
    "python, doing nothing": ["-c", "pass"],
    "bertsmith --version": ["-m", "bertsmith", "--version"],
    "bertsmith --help": ["-m", "bertsmith", "--help"],
    "bertsmith train --help": ["-m", "bertsmith", "train", "--help"],
    "import transformers' Trainer": ["-c", "from transformers import Trainer"],
}


def compare_startup(*, rounds: int) -> None:
    """Seconds of every command, in turn; the first round, which fills the file cache, is thrown away."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_number in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
            if round_number:
                seconds[name].append(time.perf_counter() - started)
    for name, took in seconds.items():
        print(f"  {name}: {statistics.median(took):.2f} s ({min(took):.2f}–{max(took):.2f})", flush=True)
