"""config.json → the configuration of transformers, from the values that were checked and from no other file."""

from __future__ import annotations

import copy
from typing import Any, cast

from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig

from bertsmith.errors import IncompatibleModel, list_names
from bertsmith.findings import Finding
from bertsmith.model.config_rules import check_numbers, known_values
from bertsmith.model.files import AGAIN
from bertsmith.model.folder import ModelFolder
from bertsmith.model.kinds import config_class
from bertsmith.model.tokenizer import quiet

REFUSALS = (
    *(
        StrictDataclassError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        ImportError,
    ),
    *(ArithmeticError, RuntimeError, RecursionError, AssertionError),
)
"""What transformers and torch raise on values that make no model."""


def read_configuration(folder: ModelFolder) -> tuple[PretrainedConfig, tuple[Finding, ...]]:
    """The folder's configuration as transformers understands it, and M008 where something was ignored.

    transformers never reads the folder's config.json itself: the file could have changed since it was checked, and
    its key `configuration_files` could name another one.

    Raises:
        IncompatibleModel: a number that no model has, or values that make no configuration.
    """
    kind = config_class(folder.config["model_type"])
    values, ignored = known_values(folder.config, kind)
    check_numbers(folder.name, values)
    try:
        with quiet():
            config: Any = kind.from_dict(copy.deepcopy(values))
    except REFUSALS as error:
        problem = f"config.json cannot be used ({' '.join(str(error).split())[:500]})."
        raise IncompatibleModel(folder.name, problem, remedy=AGAIN) from error
    return cast(PretrainedConfig, config), _ignored_keys(folder, kind, ignored)


def _ignored_keys(
    folder: ModelFolder, kind: type[PretrainedConfig], ignored: tuple[str, ...]
) -> tuple[Finding, ...]:
    """M008: keys of config.json that nothing here reads."""
    if not ignored:
        return ()
    number = f"{len(ignored)} keys" if len(ignored) > 1 else "1 key"
    sentence = (
        f"{folder.name}: config.json has {number} that {kind.__name__} does not know, ignored: "
        f"{list_names(key[:80] for key in ignored)}."
    )
    return (Finding("M008", "info", sentence),)
