"""This file knows the machine's memory: how much is free, how much we hold, who was killed for it, and what a run learned of it.

Everything is read anew at each call. What this system does not tell is None.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bertsmith.model.prediction import TokenBudget
from bertsmith.training.history import Bend

if sys.platform != "win32":
    import resource

CGROUPS = Path("/sys/fs/cgroup")
KIBIBYTE = 1024
UNLIMITED = 1 << 60
"""A limit of so many bytes and more is none: version 1 of cgroups says 2⁶³ rounded down to a page."""


@dataclass
class RunMemory:
    """What a run has learned of its memory; shared by its attempts, seeds and folds."""

    budget: TokenBudget = field(default_factory=TokenBudget)
    """Of scoring."""
    micro_batch_size: int | None = None
    """Rows per pass that training is known to fit with; None: as many as the recipe asks for."""

    def known_bends(self) -> tuple[Bend, ...]:
        """What the next training starts with."""
        return () if self.micro_batch_size is None else (Bend(1, self.micro_batch_size),)

    def learn(self, micro_batch_size: int | None) -> bool:
        """Remember the rows per pass of a step; gives whether they are fewer than was known."""
        if micro_batch_size is None or micro_batch_size >= (self.micro_batch_size or sys.maxsize):
            return False
        self.micro_batch_size = micro_batch_size
        return True


def free_bytes(device: torch.device) -> int | None:
    """How much more this process can take now: of the GPU's memory, else of the smallest limit on ours."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch keeps for itself without using it is free for us as well.
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type != "cpu":
        return None
    known = [
        value for value in (_available(), _free_in_cgroups(), *_free_under_limits()) if value is not None
    ]
    return max(0, min(known)) if known else None


def peak_bytes(device: torch.device) -> int | None:
    """The most that was held so far: by tensors on the GPU, else by this process in memory."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return None
    unit = 1 if sys.platform == "darwin" else KIBIBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def held_bytes(device: torch.device) -> int:
    """What is held now: by tensors on the GPU, else by this process in memory; 0 where the system does not tell."""
    return int(torch.cuda.memory_allocated(device)) if device.type == "cuda" else _resident() or 0


def memory_note(device: torch.device) -> str:
    """For the progress line: `memory 512 MB, peak 800 MB`, on a GPU with its total; empty where nobody tells."""
    peak = peak_bytes(device) or 0
    if device.type == "cuda":
        _, total = torch.cuda.mem_get_info(device)
        allocated = torch.cuda.memory_allocated(device)
        return f"memory {allocated / 1e9:.1f} GB, peak {peak / 1e9:.1f} of {total / 1e9:.1f} GB"
    now = _resident()
    return "" if now is None else f"memory {now / 1e6:,.0f} MB, peak {peak / 1e6:,.0f} MB"


def oom_kills() -> int | None:
    """How many processes the system has killed for memory so far, as far as this one can see.

    Those of our own cgroup, or of the nearest one above it that counts them; else those of the whole machine since it
    started. Two readings tell whether somebody was killed between them; a smaller second one means another cgroup.
    """
    for folder in _cgroups():
        for name in ("memory.events", "memory.oom_control"):
            count = _named_number(folder / name, "oom_kill")
            if count is not None:
                return count
    return _named_number(Path("/proc/vmstat"), "oom_kill")


def _cgroups() -> Iterator[Path]:
    """Our cgroup's folder and those above it, nearest first; version 2, and version 1's of memory."""
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUPS / "memory" if controllers else CGROUPS
        inside = Path(path.lstrip("/"))
        for part in (inside, *inside.parents):
            # In a container the path is often the host's: then only the root is there.
            if (root / part).is_dir():
                yield root / part


def _free_in_cgroups() -> int | None:
    """The least that a cgroup above us leaves: its limit without what is used and could not be dropped."""
    left = []
    for folder in _cgroups():
        for limit_name, used_name, dropped in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            if limit is not None and used is not None and limit < UNLIMITED:
                left.append(limit - used + (_named_number(folder / "memory.stat", dropped) or 0))
    return min(left, default=None)


def _free_under_limits() -> Iterator[int]:
    """What RLIMIT_AS and RLIMIT_DATA leave of address space."""
    if sys.platform == "win32":
        return
    status = Path("/proc/self/status")
    for kind, used_name in ((resource.RLIMIT_AS, "VmSize:"), (resource.RLIMIT_DATA, "VmData:")):
        limit, _ = resource.getrlimit(kind)
        used = _named_number(status, used_name)
        if limit != resource.RLIM_INFINITY and used is not None:
            yield limit - used * KIBIBYTE


def _available() -> int | None:
    """What the system could give without swapping."""
    value = _named_number(Path("/proc/meminfo"), "MemAvailable:")
    return None if value is None else value * KIBIBYTE


def _resident() -> int | None:
    """What this process holds in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * mmap.PAGESIZE


def _number(path: Path) -> int | None:
    """The number that a file holds; None where there is no such file, or it says `max`."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _named_number(path: Path, name: str) -> int | None:
    """The number behind a name, in a file of names and numbers."""
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return None
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None
