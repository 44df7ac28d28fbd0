"""Hostile model folders through the three public doors, each in a process of its own with bounded memory and time.

`python -m benchmarks.reliability.hostile_folders` prints one line per folder and door; `measure()` gives the lines.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.flipped_folders import FILES, damage, outcome_of, write_good
from tests.hostile_cases import CASES
from tests.hostile_folders import Case as HostileCase
from tests.hostile_folders import write_case
from tests.story.rows import keyword_rows, write_csv

from benchmarks.reliability.cases import Case

MEMORY_BYTES = 3_000_000_000
"""Address space that a process may take beside what it has when it begins."""
SECONDS = 60
CASE_SEEDS = 150
"""Random changes of each file of a good folder."""
TEXT = "a wonderful film"


def measure(*, num_flips: int = CASE_SEEDS) -> Iterator[Case]:
    """Every hostile folder at every door, then every random change at the door of Python.

    Args:
        num_flips: random changes per file.
    """
    import bertsmith.cli  # noqa: F401 - once, before the processes are forked
    import bertsmith.inference.predictor
    import bertsmith.pipeline  # noqa: F401

    with tempfile.TemporaryDirectory() as root:
        data = write_csv(Path(root) / "rows.csv", keyword_rows(60, seed=1))
        for number, case in enumerate(CASES):
            here = Path(root) / f"case-{number}"
            here.mkdir()
            canary = here / "canary"
            folder = write_case(case, here / "m", canary=canary)
            for name, door in doors(folder, data, out=here / "run").items():
                code, said, seconds = in_a_process(door, here / f"{name}.txt")
                yield judged(case, name, code, said=said, seconds=seconds, is_touched=canary.exists())
        good = write_good(Path(root) / "good")
        for file in FILES:
            yield flipped(good, file, Path(root), num_flips=num_flips)


def doors(folder: Path, data: Path, *, out: Path) -> dict[str, Callable[[], int]]:
    """The public ways in."""
    from bertsmith.cli import run

    def from_python() -> int:
        import bertsmith

        try:
            bertsmith.load(folder, device="cpu", threads=1).predict(TEXT)
        except bertsmith.BertsmithError as error:
            print(f"bertsmith: {error}", file=sys.stderr)
            return 2
        return 0

    quick = ("--epochs", "1", "--device", "cpu", "--threads", "1", "--on-failure", "stop", "--quiet")
    return {
        "train": lambda: run(["train", str(data), "--model", str(folder), "--output", str(out), *quick]),
        "predict": lambda: run(["predict", str(folder), str(data), "--output", str(out) + ".csv"]),
        "load": from_python,
    }


def in_a_process(door: Callable[[], int], log: Path) -> tuple[int, str, float]:
    """(exit code, or minus the signal; all that was said; seconds) of a door in a forked process with bounds."""
    start = time.monotonic()
    process = os.fork()
    if process == 0:
        with log.open("wb", buffering=0) as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_BYTES, size + MEMORY_BYTES))
        signal.alarm(SECONDS)
        code = 99
        try:
            code = door()
        except BaseException as error:
            os.write(2, f"Traceback of {type(error).__name__}: {error}".encode())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), log.read_text("utf-8", "replace"), time.monotonic() - start


def judged(case: HostileCase, door: str, code: int, *, said: str, seconds: float, is_touched: bool) -> Case:
    """Whether the door did what it must."""
    lines = [line for line in said.splitlines() if line.startswith("bertsmith: ")]
    is_clean = "Traceback" not in said and not is_touched
    if case.says is None:
        # A tiny model that learned nothing in one epoch is told with exit 1: it was trained.
        ok = is_clean and code in ((0, 1) if door == "train" else (0,))
    else:
        ok = is_clean and code == 2 and len(lines) == 1 and re.search(case.says, lines[0]) is not None
    what = f"exit {code} in {seconds:.1f} s{', THE CANARY WAS TOUCHED' if is_touched else ''}"
    return Case(f"{case.name} · {door}", what if ok else f"{what}: {said.strip()[-300:]}", ok=ok)


def flipped(good: Path, file: str, root: Path, *, num_flips: int) -> Case:
    """Random changes of one file, all of them."""
    wrong: list[str] = []
    for seed in range(num_flips):
        folder = root / f"flipped-{file}-{seed}"
        damage(good, folder, file=file, seed=seed)
        code, said, _ = in_a_process(lambda at=folder: told(outcome_of(at)), root / "flipped.txt")  # type: ignore[misc]
        if code:
            wrong.append(f"seed {seed}: exit {code} {said.strip()[-200:]}")
    outcome = f"{num_flips - len(wrong)} of {num_flips} answered rightly or refused"
    return Case(f"random changes of {file}", "; ".join([outcome, *wrong[:5]]), ok=not wrong)


def told(outcome: str) -> int:
    """0 for an answer or a refusal, with the outcome said."""
    print(outcome)
    return 0 if outcome in ("answered", "refused") else 1


def main() -> int:
    """Print every line; 1 if one is not as it must be."""
    lines = []
    for case in measure():
        print(f"{'ok ' if case.ok else 'BAD'} {case.name}: {case.outcome}", flush=True)
        lines.append(case)
    bad = sum(not case.ok for case in lines)
    print(f"{len(CASES)} hostile folders, {len(lines)} lines, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
