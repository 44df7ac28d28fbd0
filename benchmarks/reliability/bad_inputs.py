"""Broken and odd input through check, train and predict: the right result or exit 2, no traceback, every row accounted for.

python -m benchmarks.reliability.bad_inputs [NAME …]   (NAME: only cases whose name has it)

`measure()` runs every table in a child process, whose time and memory are measured. A case is right if every
command ends within 5 s and 3 times the file and a constant of memory, too.
"""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.story.commands import Outcome, bertsmith
from tests.story.rows import keyword_rows, write_csv
from tests.tiny_models import write_tiny_model

from benchmarks.reliability import outputs
from benchmarks.reliability.cases import Case
from benchmarks.reliability.odd_tables import OddTable, cases

MOST_SECONDS = 5.0
MOST_TIMES_THE_FILE = 3
MOST_BYTES_BESIDE = 400 * 2**20
"""What a command may take whatever the file is: torch's and Arrow's buffers, and the tiny model."""
KILLED_AFTER_SECONDS = 20
NOT_USED = ("D001", "D002", "D003", "D005")
Problems = list[str]


@dataclass(frozen=True)
class Workshop:
    """A tiny model and a run of it."""

    folder: Path

    @property
    def model(self) -> Path:
        """A tiny BERT without a head."""
        return self.folder / "tiny"

    @property
    def run(self) -> Path:
        """A run that can predict."""
        return self.folder / "run"


def prepare(folder: Path) -> Workshop:
    """Write the model and train it for a step."""
    workshop = Workshop(folder)
    write_tiny_model(workshop.model)
    data = write_csv(folder / "good.csv", keyword_rows(60))
    short = ("--max-steps", 1, "--no-fail", "--keep-failed-model", "--on-failure", "stop", "--threads", 1)
    outcome = bertsmith(
        "train", data, "--model", workshop.model, *short, "--device", "cpu", "--output", workshop.run
    )
    assert outcome.code == 0, outcome.err
    return workshop


def write_case(case: OddTable, folder: Path) -> Path:
    """The file of a case, or what stands in its place."""
    folder.mkdir()
    path = folder / case.file
    if callable(case.content):
        case.content(path)
    else:
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode("utf-8"))
    return path


def problems_of(case: OddTable, path: Path, workshop: Workshop, command: str) -> Problems:
    """What is wrong with what a command makes of a case."""
    data = str(path)
    if command == "check":
        outcome = bertsmith("check", data, "--json", *case.flags)
        found = _of_check(case, outcome)
    elif command == "train":
        train = ("train", data, "--model", workshop.model, "--dry-run", "--device", "cpu", "--threads", 1)
        outcome = bertsmith(*train, *case.flags)
        found = _of_exit(case, outcome)
    else:
        output = workshop.folder / f"{os.getpid()}.csv"
        flags = [flag for flag in case.flags if flag != "--label-column"]
        outcome = bertsmith("predict", workshop.run, data, "-o", output, "--overwrite", *flags)
        found = _of_predictions(case, outcome, output)
    return found + outputs.in_console(outcome.err) + _of_message(case, path, outcome)


def _of_exit(case: OddTable, outcome: Outcome, *, may_read: bool = False) -> Problems:
    if case.refused is not None and not may_read:
        return (
            [] if outcome.code == 2 else [f"exit {outcome.code} instead of a refusal: {outcome.err[-200:]!r}"]
        )
    return [] if outcome.code in (0, 1, 2) else [f"exit {outcome.code}: {outcome.err[-300:]!r}"]


def _of_check(case: OddTable, outcome: Outcome) -> Problems:
    """Rows in are rows used and rows reported."""
    problems = [] if outcome.code == 1 and "D026" in outcome.err else _of_exit(case, outcome)
    if outcome.code == 2 or not outcome.out:
        return problems + (["refused, though it can be read"] if case.rows is not None else [])
    told = json.loads(outcome.out)
    if "train" not in told["files"]:
        return problems
    train = told["files"]["train"]
    reported = sum(finding["num_rows"] for finding in told["findings"] if finding["code"] in NOT_USED)
    if train["read"] != train["used"] + reported:
        problems.append(f"{train['read']} rows read, {train['used']} used and {reported} reported")
    if case.rows is not None and (train["read"], train["used"]) != (case.rows, case.rows - case.unused):
        problems.append(
            f"{train['read']} rows read and {train['used']} used of {case.rows} with {case.unused} unusable"
        )
    return problems


def _of_predictions(case: OddTable, outcome: Outcome, output: Path) -> Problems:
    """Every row comes out, with a label or an error."""
    problems = _of_exit(case, outcome, may_read=case.predicts)
    if outcome.code != 0:
        return problems
    csv.field_size_limit(2**30)
    with output.open(encoding="utf-8", newline="") as file:
        rows = sum(1 for _ in csv.reader(file)) - 1
    output.unlink()
    told = re.search(r"([\d,]+) of ([\d,]+) rows predicted; ([\d,]+) have an error", outcome.err)
    predicted, total, failed = (
        (int(number.replace(",", "")) for number in told.groups()) if told else (0, -1, 0)
    )
    if not predicted + failed == total == rows:
        problems.append(f"{predicted} predicted and {failed} failed of {total}, {rows} written")
    if case.rows is not None and rows != case.rows:
        problems.append(f"{rows} rows came out of {case.rows}")
    return problems


def _of_message(case: OddTable, path: Path, outcome: Outcome) -> Problems:
    """A refusal names the file, and what the case says; it is short."""
    if outcome.code != 2:
        return []
    problems = []
    told = outcome.err.rsplit("bertsmith: ", 1)[-1]
    stem = path.name.split("\n")[0][:20].encode("utf-8", "replace").decode()
    if case.made and stem not in told and "caf" not in stem:
        problems.append(f"the file is not named: {told[:200]!r}")
    if case.refused and not case.predicts:
        problems += [f"{word!r} is not said: {told[:300]!r}" for word in case.refused if word not in told]
    if len(told) > 6000:
        problems.append(f"a message of {len(told)} characters")
    return problems


def in_a_child(case: OddTable, workshop: Workshop, command: str) -> tuple[Problems, float, int]:
    """(problems, seconds, bytes more than before) of one command in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, "w") as pipe:
            signal.alarm(KILLED_AFTER_SECONDS)
            json.dump(_measured(case, workshop, command), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    if not told:
        return [f"killed after {KILLED_AFTER_SECONDS} s, or by the system"], float(KILLED_AFTER_SECONDS), 0
    problems, seconds, num_bytes = json.loads(told)
    return problems, seconds, num_bytes


def _measured(case: OddTable, workshop: Workshop, command: str) -> tuple[Problems, float, int]:
    """The same in this process; the file is written first, and not counted."""
    folder = workshop.folder / f"case-{os.getpid()}"
    try:
        path = write_case(case, folder)
        size = path.stat().st_size if os.path.isfile(path) else 0  # noqa: PTH113 - a name may be too long to look at
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        problems = problems_of(case, path, workshop, command)
        seconds = time.perf_counter() - start
        num_bytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    except BaseException:  # noqa: BLE001 - whatever it is, it is the case's outcome
        return [traceback.format_exc()[-600:]], 0.0, 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if seconds > MOST_SECONDS:
        problems.append(f"{seconds:.1f} s")
    if num_bytes > MOST_TIMES_THE_FILE * size + MOST_BYTES_BESIDE:
        problems.append(f"{num_bytes / 2**20:.0f} MB of memory for {size / 2**20:.1f} MB")
    return problems, seconds, num_bytes


def measure(only: Sequence[str] = ()) -> Iterator[Case]:
    """Every table with every command."""
    with tempfile.TemporaryDirectory() as folder:
        workshop = prepare(Path(folder))
        for case in cases():
            if only and not any(word in case.name for word in only):
                continue
            for command in ("check", "train", "predict"):
                problems, seconds, num_bytes = in_a_child(case, workshop, command)
                figures = f"{seconds:.2f} s, {num_bytes / 2**20:.0f} MB"
                outcome = "; ".join([*problems[:3], figures])
                yield Case(f"{command}: {case.name}", outcome, ok=not problems)


def main() -> None:
    """Print what failed, and the counts."""
    right = total = 0
    slowest: list[tuple[float, str]] = []
    for case in measure(sys.argv[1:]):
        total, right = total + 1, right + case.ok
        found = re.search(r"([\d.]+) s, \d+ MB$", case.outcome)
        slowest.append((float(found.group(1)) if found else 0.0, case.name))
        if not case.ok:
            print(f"FAILED {ascii(case.name)}: {ascii(case.outcome)[:420]}", flush=True)
    told = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(slowest, reverse=True)[:5])
    print(f"{right} of {total} right; {len(cases())} cases; the slowest: {told}")


if __name__ == "__main__":
    main()
