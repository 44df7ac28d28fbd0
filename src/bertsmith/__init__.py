"""bertsmith: fine-tune BERT on your labelled text, and know whether it worked.

The names below load on first use, so that importing the package imports no torch.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertsmith.config import Config
    from bertsmith.errors import BertsmithError
    from bertsmith.inference.predictor import Prediction, Predictor, load
    from bertsmith.pipeline import finetune
    from bertsmith.run import Run

__all__ = ["finetune", "Run", "load", "Predictor", "Prediction", "Config", "BertsmithError", "__version__"]  # noqa: RUF022 - in the order a user meets them

try:
    __version__ = version("bertsmith")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

_HOME_BY_NAME = {
    "finetune": "bertsmith.pipeline",
    "Run": "bertsmith.run",
    "load": "bertsmith.inference.predictor",
    "Predictor": "bertsmith.inference.predictor",
    "Prediction": "bertsmith.inference.predictor",
    "Config": "bertsmith.config",
    "BertsmithError": "bertsmith.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOME_BY_NAME:
        raise AttributeError(f"module 'bertsmith' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_BY_NAME[name]), name)


def __dir__() -> list[str]:
    return __all__
