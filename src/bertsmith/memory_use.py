"""This file knows how much memory this process holds now."""

from __future__ import annotations

import os
import sys

MEGABYTE = 1_000_000


def resident_megabytes() -> float:
    """Memory of this process: what is resident now, or where the system does not say, the most that ever was."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - read four times a second
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
    except OSError:
        import resource  # not there on Windows

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / MEGABYTE if sys.platform == "darwin" else most * 1024 / MEGABYTE


def memory_sentence(*, on_gpu: bool = False) -> str:
    """`812 MB`, and with a GPU what torch holds of its memory."""
    told = f"{resident_megabytes():,.0f} MB"
    if not on_gpu:
        return told
    import torch

    return f"{told}, GPU {torch.cuda.memory_reserved() / MEGABYTE:,.0f} MB"
