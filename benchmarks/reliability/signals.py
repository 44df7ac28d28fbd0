"""SIGTERM, SIGINT and SIGHUP in every phase of a run, and a second one: exit code, time to the end, and what goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.reliability.cases import Case
from benchmarks.reliability.trained import end_in_the_same_bits, how_to_go_on, run_whole, write_inputs

SECONDS_ALLOWED = 2.0
SECONDS_TO_THE_SECOND = 0.01
PHASES: dict[str, Callable[[Path], bool]] = {
    "while it prepares": lambda folder: True,
    "at its first steps": lambda folder: (folder / "log.jsonl").exists(),
    "behind a checkpoint": lambda folder: any(folder.glob("checkpoints/attempt-1/step-*")),
    "within a save": lambda folder: any(folder.glob("checkpoints/attempt-1/.step-*")),
    "at an epoch's end": lambda folder: (folder / "checkpoints/attempt-1/epoch-2").exists(),
    "while it judges": lambda folder: (folder / "checkpoints/attempt-1/finished").exists(),
    "while it writes": lambda folder: (folder / "config.json").exists(),
}


def measure() -> list[Case]:
    """One case per phase and signal, and one for a second signal in each phase."""
    root = Path(tempfile.mkdtemp(prefix="signals-"))
    settings = write_inputs(root)
    run_whole(settings, root / "unbroken")
    cases = [
        _case(root, settings, phase, number)
        for phase in PHASES
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    ]
    cases += [_case(root, settings, phase, signal.SIGTERM, twice=True) for phase in PHASES]
    shutil.rmtree(root)
    return cases


def _command(settings: dict[str, object], *more: str) -> list[str]:
    flags = [
        word
        for name, value in settings.items()
        if name != "data"
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    return [sys.executable, "-m", "bertsmith", "train", str(settings["data"]), *flags, *more]


def _case(
    root: Path, settings: dict[str, object], phase: str, number: signal.Signals, *, twice: bool = False
) -> Case:
    folder, name = root / "run", f"{number.name} {'twice ' if twice else ''}{phase}"
    shutil.rmtree(folder, ignore_errors=True)
    child = subprocess.Popen(
        _command(settings, "--output", str(folder)), stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert child.stderr is not None
    child.stderr.readline()  # it has begun to listen
    while not PHASES[phase](folder) and child.poll() is None:
        time.sleep(0.0005)
    child.send_signal(number)
    sent = time.perf_counter()
    if twice:
        time.sleep(SECONDS_TO_THE_SECOND)
        child.send_signal(number)
    err = child.stderr.read()
    code, seconds = child.wait(), time.perf_counter() - sent
    if code == 0 and (folder / "results.json").exists():
        return Case(
            name, "was done before the signal came", ok=end_in_the_same_bits(folder, root / "unbroken")
        )
    told = err.splitlines()[-1] if err else ""
    if twice:
        # At once: without a word, or by the system itself where the second came behind our last line.
        as_asked, can_resume = code in (128 + number, -number), how_to_go_on(folder).get("resume", False)
    else:
        as_asked, can_resume = code == 128 + number, "--resume" in told
        as_asked &= told.startswith("bertsmith: interrupted by")
    if not as_asked or "Traceback" in err:
        return Case(name, f"exit {code}: {told}", ok=False)
    more = ("--resume",) if can_resume else ("--overwrite",)
    subprocess.run(
        _command(settings, "--output", str(folder), *more),
        stderr=subprocess.DEVNULL,
        check=True,
        env=os.environ,
    )
    same = end_in_the_same_bits(folder, root / "unbroken")
    in_time = seconds <= SECONDS_ALLOWED
    outcome = (
        f"exit {code}{' of two signals' if twice else ''}, {'the same' if same else 'OTHER'} bits afterwards"
    )
    return Case(name, outcome if in_time else f"{outcome}, but {seconds:.1f} s", ok=same and in_time)
