from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bertsmith.training import memory
from bertsmith.training.history import Bend, rows_per_pass
from bertsmith.training.memory import RunMemory, free_bytes, oom_kills

CPU = torch.device("cpu")


def test_the_rows_per_pass_of_a_step_follow_from_the_bends_before_it() -> None:
    bends = (Bend(3, 4), Bend(9, 2))

    assert [rows_per_pass(step, bends=bends) for step in (1, 2, 3, 8, 9, 10)] == [None, None, 4, 4, 2, 2]
    assert rows_per_pass(9, bends=reversed(bends)) == 2


def test_a_later_attempt_begins_with_what_an_earlier_one_learned() -> None:
    run = RunMemory()
    told = [run.learn(size) for size in (None, 4, 4, None, 2, 4)]

    assert told == [False, True, False, False, True, False]
    assert run.known_bends() == (Bend(1, 2),)


def test_what_is_free_is_less_under_a_limit_on_the_address_space() -> None:
    """In a fresh process, as a limit of this one would stay with its tests."""
    code = (
        "import resource, torch\n"
        "from bertsmith.training.memory import free_bytes\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "limit = pages * resource.getpagesize() + 100_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, -1))\n"
        "print(free_bytes(torch.device('cpu')))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert 80_000_000 < int(child.stdout) <= 100_000_000


def cgroup(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    """A cgroup of version 2 in place of the machine's; names are written with _ for their dot."""
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(content, "ascii")
    monkeypatch.setattr(memory, "_cgroups", lambda: iter([folder]))


def test_what_is_free_is_the_least_that_a_cgroup_leaves(tmp_path, monkeypatch) -> None:
    cgroup(
        tmp_path,
        monkeypatch,
        memory_max="700000000\n",
        memory_current="650000000\n",
        memory_stat="anon 1\ninactive_file 20000000\n",
    )

    assert free_bytes(CPU) == 70_000_000


def test_a_cgroup_without_a_limit_leaves_what_the_system_has(tmp_path, monkeypatch) -> None:
    before = memory._available()
    cgroup(tmp_path, monkeypatch, memory_max="max\n", memory_current="650000000\n")
    free = free_bytes(CPU)

    assert before is not None and free is not None
    assert free > before / 2


def test_the_killed_processes_of_a_cgroup_are_counted(tmp_path, monkeypatch) -> None:
    cgroup(tmp_path, monkeypatch, memory_events="low 0\noom 4\noom_kill 3\n")

    assert oom_kills() == 3


def test_without_a_cgroup_those_of_the_machine_are_counted(tmp_path, monkeypatch) -> None:
    cgroup(tmp_path, monkeypatch)
    lines = Path("/proc/vmstat").read_text("ascii").splitlines()
    [count] = [int(line.split()[1]) for line in lines if line.startswith("oom_kill ")]

    assert oom_kills() == count


def test_the_progress_line_says_what_is_held_and_the_peak() -> None:
    now = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
    words = memory.memory_note(CPU).replace(",", "").split()

    assert words[0] == "memory" and words[3] == "peak"
    assert float(words[1]) == pytest.approx(now, rel=0.05)
    assert float(words[4]) == pytest.approx(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, rel=0.05
    )
