"""This file knows how to try work that may need more memory than there is, and to leave nothing of it behind."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from bertsmith.allocation import NO_PRIMITIVE, is_failed_allocation
from bertsmith.model.linear import do_without_onednn

Result = TypeVar("Result")


def attempt(work: Callable[[], Result]) -> Result | None:
    """What the work gives, which is never None; None where an allocation failed. Then all that it held is free again.

    Any other error goes through.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - torch has no class for it on a CPU
        if not is_failed_allocation(error):
            raise
        is_of_onednn = NO_PRIMITIVE in str(error)
    # Only here is the error gone, and with it the frames that hold the activations.
    if is_of_onednn:
        do_without_onednn()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
