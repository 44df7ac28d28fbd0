"""This file knows what a failed allocation looks like, whoever made it: Python, numpy, torch, oneDNN, CUDA."""

from __future__ import annotations

NO_PRIMITIVE = "could not create a primitive"
"""oneDNN found no memory for its code. Trap: from then on it makes no new code in this process, however much is free."""
WORDS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "Cannot allocate memory",
    "could not create a memory",
    "could not execute a primitive",
    "STATUS_ALLOC_FAILED",
    NO_PRIMITIVE,
)
"""How it is said where there is no error class of its own. Seen under RLIMIT_AS: torch's `DefaultCPUAllocator: can't
allocate memory`, oneDNN's primitive, and numpy's MemoryError. `STATUS_ALLOC_FAILED` is cuBLAS's and cuDNN's."""


def is_failed_allocation(error: BaseException) -> bool:
    """Whether this says that memory was refused."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)
