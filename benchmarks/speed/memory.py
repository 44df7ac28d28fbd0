"""How much memory training takes above what the process held when all was ready: each side in a fresh process.

The mark is set before our `train` is called at all, but before the Trainer's first step: what we set up counts, what it sets up
does not.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import threading
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.speed import bars, hf, ours
from benchmarks.speed.bars import Result
from benchmarks.speed.case import Case
from benchmarks.speed.data import ROOT
from benchmarks.speed.sides import ratio

SAMPLE_SECONDS = 0.005
CLEAR_PEAK = "5"
"""Written to clear_refs, it sets the peak to what is held now. Source: man 5 proc_pid_clear_refs, Linux 4.0."""
SIDES = ("ours", "theirs")


class PeakMeter:
    """The most memory held since `start`: the kernel's own mark where it can be reset, else samples every 5 ms."""

    def __init__(self) -> None:
        self.before = 0
        """Bytes held at the start."""
        self._sampled = 0
        self._sampler: threading.Thread | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Set the mark."""
        gc.collect()
        _give_back_freed_memory()
        try:
            Path("/proc/self/clear_refs").write_text(CLEAR_PEAK, "ascii")
        except OSError:
            self._sampler = threading.Thread(target=self._sample, daemon=True)
            self._sampler.start()
        self.before = psutil.Process().memory_info().rss

    def bytes_above(self) -> int:
        """The peak since the start, above what was held then."""
        if self._sampler is None:
            return _kernel_peak() - self.before
        self._ended.set()
        self._sampler.join()
        return self._sampled - self.before

    def _sample(self) -> None:
        process = psutil.Process()
        while not self._ended.wait(SAMPLE_SECONDS):
            self._sampled = max(self._sampled, process.memory_info().rss)


def _give_back_freed_memory() -> None:
    """Trap: memory freed after loading stays with malloc, and what training takes of it would not be seen."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            return


def _kernel_peak() -> int:
    """VmHWM in bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")


def compare_memory(case: Case, *, rounds: int, num_threads: int) -> list[Result]:
    """Our peak as a share of the Trainer's."""
    above: dict[str, list[float]] = {side: [] for side in SIDES}
    for round_number in range(rounds):
        for side in SIDES if round_number % 2 else reversed(SIDES):
            above[side].append(_in_fresh_process(case, side, num_threads=num_threads))
    for side in SIDES:
        megabytes = sorted(value / 1e6 for value in above[side])
        print(
            f"  {side}: {statistics.median(megabytes):.0f} MB ({megabytes[0]:.0f}–{megabytes[-1]:.0f})"
            " above the process before the first step",
            flush=True,
        )
    figure = ratio(above["ours"], above["theirs"])
    print(f"  {figure} of the Trainer's", flush=True)
    return [Result(bars.MEMORY, case.data, case.model, case.batch_size, figure)]


def _in_fresh_process(case: Case, side: str, *, num_threads: int) -> float:
    """Bytes that the child measured."""
    command = [sys.executable, "-m", "benchmarks.speed.memory", side, case.to_json()]
    environment = os.environ | {"OMP_NUM_THREADS": str(num_threads)}
    child = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(child.stdout.splitlines()[-1])["bytes_above"])


def main() -> None:
    """The child: one side trains, and its figure is printed as JSON."""
    side, case = sys.argv[1], Case.from_json(sys.argv[2])
    hf.be_quiet()
    meter = PeakMeter()
    prepared = ours.prepare(case, num_rows=case.num_rows)
    train_once = ours.train_once if side == "ours" else hf.train_once
    train_once(prepared, case, before=meter.start)
    print(json.dumps({"bytes_above": meter.bytes_above(), "bytes_before": meter.before}))


if __name__ == "__main__":
    main()
