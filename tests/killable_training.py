"""Trainings in processes of their own that can be killed, each forked from one that has imported everything."""

from __future__ import annotations

import os
import sys
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

# A server of the standard library forks each child from a process in which nothing has run yet: a fork of this
# process would inherit locks of threads that it does not have.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        *("bertsmith.pipeline", "tests.killable_training", "transformers.models.bert.modeling_bert"),
        *("sklearn.linear_model", "sklearn.feature_extraction.text", "scipy.stats", "scipy.optimize"),
    ]
)


def start_training(data: object, **settings: Any) -> BaseProcess:
    """Begin `bertsmith.finetune` in a child; it says nothing and exits 0 when it is done, else 1."""
    child = _CONTEXT.Process(target=_train, args=(data, settings), daemon=True)
    child.start()
    return child


def _train(data: object, settings: dict[str, Any]) -> None:
    import bertsmith
    from bertsmith.errors import BertsmithError

    # What transformers draws on the way is nobody's concern.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        bertsmith.finetune(data, **settings)
    except BertsmithError:
        sys.exit(1)
