"""How long the whole command takes, and how much memory, from 10,000 to 1,000,000 rows of 20 words."""

from __future__ import annotations

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000)
NUM_WORDS = 20
VOCABULARY = 20_000


def write_rows(path: Path, num_rows: int) -> None:
    """Rows of words by Zipf's law; one in a hundred repeats the row before, one is that row with a word more."""
    draw = random.Random(0)
    words = [
        "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 8))) for _ in range(VOCABULARY)
    ]
    weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    text = ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for number in range(num_rows):
            kind = number % 100
            if kind == 7:
                text += " more"
            elif kind != 9:
                text = " ".join(draw.choices(words, cum_weights=weights, k=NUM_WORDS))
            writer.writerow((text, draw.choice(("negative", "positive"))))


def measure(sizes: tuple[int, ...] = SIZES) -> None:
    """One row of the table for each size; memory is the largest of all processes so far, so sizes rise."""
    print("| rows | seconds | rows/s | peak memory, MB |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / "rows.csv"
            write_rows(path, size)
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "bertsmith", "check", str(path), "--quiet"],
                check=True,
                capture_output=True,
            )
            seconds = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"| {size:,} | {seconds:.1f} | {size / seconds:,.0f} | {peak:,.0f} |", flush=True)
