"""Which models are text encoders, told from transformers' own lists and configuration classes."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from bertsmith.errors import IncompatibleModel

NEEDS_MORE_THAN_TEXT = (
    *("layoutlm", "layoutlmv2", "layoutlmv3", "lilt", "markuplm", "tapas"),
    *("modernvbert", "ultravbert", "perceiver", "esm", "esmc"),
)
"""They read page layouts, tables, pictures or proteins beside or instead of text."""
DECODERS = ("modernbert-decoder", "mistral4", "ctrl", "openai-gpt", "xlnet", "reformer")
"""Decoders that the rule below does not find by itself."""
ENCODERS_WITHOUT_MASKED_LM = ("canine",)

ENCODER_REMEDY = "Give an encoder such as bert-base-cased, roberta-base or distilbert-base-uncased."


def config_class(kind: str) -> type[PretrainedConfig]:
    """The configuration class of an accepted `model_type`."""
    found: type[PretrainedConfig] = CONFIG_MAPPING[kind]
    return found


def text_encoders() -> tuple[str, ...]:
    """Every `model_type` that can be fine-tuned here, sorted."""
    return tuple(
        sorted(
            kind for kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES if not why_not_encoder(kind, {})
        )
    )


def check_kind(model: str, config: dict[str, Any]) -> None:
    """Refuse what is not a text encoder that transformers can put a classification head on.

    Raises:
        IncompatibleModel: with what the model is instead.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or not kind:
        problem = "config.json has no model_type, so it does not say what kind of model this is."
        raise IncompatibleModel(model, problem, remedy=ENCODER_REMEDY)
    if reason := why_not_encoder(kind, config):
        raise IncompatibleModel(model, f"its type is {kind[:80]!r}: {reason}.", remedy=ENCODER_REMEDY)


def why_not_encoder(kind: str, config: dict[str, Any]) -> str:
    """What a model of this type is instead of a text encoder; empty for one.

    A text encoder has a sequence classifier and a masked-language model in transformers, its configuration class is
    not one of an encoder with a decoder, and its own configuration does not turn it into a decoder.
    """
    masked = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind in ENCODERS_WITHOUT_MASKED_LM
    if kind not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        return "transformers has no text classifier of this type"
    # The class, not only config.json: BART's says nothing where the key is left out, and is a decoder all the same.
    if config.get("is_encoder_decoder") or (masked and config_class(kind).is_encoder_decoder):
        return "an encoder with a decoder, and only encoders are fine-tuned here"
    if (
        config.get("is_decoder")
        or kind in DECODERS
        or (kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked)
    ):
        return "a decoder, which writes text, and only encoders are fine-tuned here"
    if kind in NEEDS_MORE_THAN_TEXT:
        return "it does not read plain text"
    return "" if masked else "not a text encoder"
