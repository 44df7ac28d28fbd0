"""What a config.json may say: no code, no switch that fetches code, and no size that no model has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from transformers import GenerationConfig, PretrainedConfig

from bertsmith.errors import IncompatibleModel
from bertsmith.model.files import walk
from bertsmith.model.kinds import ENCODER_REMEDY

IMPLEMENTATIONS = ("attn_implementation", "_attn_implementation", "experts_implementation")
"""Keys that choose how a layer is computed; any other value than these of torch may be a Hub name to run code of."""
TORCH_IMPLEMENTATIONS = ("eager", "sdpa", None)

READ_BESIDE_FIELDS = frozenset(
    {
        *("num_labels", "torch_dtype", "output_attentions", "decision_threshold", "per_layer_config"),
        *("rope_theta", "rope_scaling", "partial_rotary_factor", "global_rope_theta", "local_rope_theta"),
        *("global_attn_every_n_layers", "attention_windows", "head_dim", "attention_head_size"),
        *("talking_head", "embedding_size", "position_biased_input", "cls_dropout", "pooler_hidden_size"),
        *("share_att_key", "position_buckets", "conv_kernel_size", "conv_groups", "conv_act", "norm_rel_ebd"),
        *("relative_attention", "max_relative_positions", "layerdrop", "pre_norm"),
        *("summary_type", "summary_activation", "attn_implementation", "experts_implementation"),
    }
)
"""Keys that the encoders of transformers read although their configuration classes have no field of the name; a test
finds them in the installed source."""
HARMLESS = frozenset(
    {
        *("model_type", "architectures", "transformers_version", "_name_or_path", "name_or_path"),
        *("_commit_hash", "gradient_checkpointing", "torch_dtype", "_num_labels", "output_past"),
        *("finetuning_task", "directionality", "position_embedding_type", "pruned_heads", "onnx_export"),
        *("pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "use_return_dict"),
        *("pooler_size_per_head", "pooler_type", "_attn_implementation_autoset", "tokenizer_class"),
        *("reference_compile", "repad_logits_with_grad", "sparse_prediction", "sparse_pred_ignore_index"),
        "true_hidden_size",  # MobileBERT works it out
    }
)
"""Keys of older or other tools that say nothing of the numbers; they are left out without a word."""

MAX_VOCABULARY = 10_000_000
MAX_COUNT = 1000
"""Layers, groups, blocks and the like: each is built one by one."""
MAX_SIZE = 1_048_576
"""Of any other whole number: widths, positions, windows."""
MAX_MODULES = 4096
"""The product of all counts, however they are nested."""
LOWEST = -100
"""Of any whole number: -1 says "none" in several families, -100 is a label that no loss counts."""
MAX_NUMBER = 1e12
MAX_LABELS = 100_000

ESSENTIAL = (
    *("vocab_size", "hidden_size", "dim", "d_model", "emb_dim", "embedding_size", "intermediate_size"),
    *("hidden_dim", "num_hidden_layers", "n_layers", "num_attention_heads", "n_heads"),
    "max_position_embeddings",
)
"""Sizes that are at least 1 in every model that has them."""
_TOKEN = re.compile(r"vocab_size|_token_id|_token_index|_index$|^(pad|bos|eos|unk|mask)")
_COUNT = re.compile(r"layers|_groups?_|groups$|group_num|blocks|block_(sizes|repeats)|networks|experts|loras")
_SHARE = re.compile(r"dropout|_prob$|_eps$|_epsilon$")
_FREE = re.compile(r"theta|base|seed|id2label|label2id|task_|decision_threshold|scaling|rope")
_MAKES_MODULES = re.compile(r"layers$|num_feedforward_networks|num_experts$|num_loras|group_num|n_layers")


def check_keys(model: str, values: Mapping[str, Any], *, file: str) -> None:
    """A model's own code is never run, and private switches of transformers are not a model's to set.

    Raises:
        IncompatibleModel: with the key and where it stands.
    """
    for place, value, _ in walk(values):
        key = place.rpartition(".")[2]
        if key == "auto_map":
            problem = (
                f"{file} asks for code that comes with the model (auto_map), and such code can do anything."
            )
            remedy = f"Code of models is never run here. If transformers knows the type itself, remove auto_map. {ENCODER_REMEDY}"
            raise IncompatibleModel(model, problem, remedy=remedy)
        if key == "trust_remote_code" and value is not False:
            problem = f"{file} sets {place[:80]!r}, which would let code that comes with the model run."
            raise IncompatibleModel(model, problem, remedy=f"Remove that key from {file}.")
        if key.endswith("_internal"):
            # An attention implementation given here may be a Hub name whose kernel is downloaded and run.
            problem = (
                f"{file} sets {place[:80]!r}, a private switch of transformers that can fetch and run code."
            )
            raise IncompatibleModel(model, problem, remedy=f"Remove that key from {file}.")
        if key in IMPLEMENTATIONS and value not in TORCH_IMPLEMENTATIONS:
            problem = f"{file} sets {place[:80]!r} to {str(value)[:80]!r}, which can fetch and run code."
            raise IncompatibleModel(model, problem, remedy=f"Remove that key from {file}.")
    if values.get("quantization_config"):
        problem = f"{file} says that the weights are quantized; training needs them in full."
        raise IncompatibleModel(model, problem, remedy="Give the model that it was quantized from.")


def known_values(
    config: Mapping[str, Any], kind: type[PretrainedConfig]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values that this configuration class reads, and the names of those that nothing reads.

    transformers would make an attribute of every unknown key, whatever it hides: `to_dict` is a key like any other.
    """
    fields = {field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")}
    read = fields | set(kind.attribute_map) | READ_BESIDE_FIELDS
    known = {key: value for key, value in config.items() if key in read}
    silent = HARMLESS | set(GenerationConfig._get_default_generation_params()) | set(IMPLEMENTATIONS)
    ignored = [key for key in config if key not in read and key not in silent]
    if (
        config.get("position_embedding_type", "absolute") != "absolute"
        and "position_embedding_type" not in read
    ):
        ignored.append("position_embedding_type")
    return known, tuple(ignored)


def check_numbers(model: str, values: Mapping[str, Any]) -> None:
    """Every number is one that a model could have, before anything of that size is made.

    Raises:
        IncompatibleModel: with the key, its value and what is expected.
    """
    for place, value, _ in walk({key: value for key, value in values.items() if not _FREE.search(key)}):
        key = place.partition(".")[0]
        if isinstance(value, bool) and key in ESSENTIAL:
            raise _wrong(model, place, value, expected="a whole number")
        if isinstance(value, int | float) and not isinstance(value, bool):
            _check_number(model, place, value, key=key)
    for key in ESSENTIAL:
        value = values.get(key)
        if isinstance(value, int) and value < 1:
            raise _wrong(model, key, value, expected="1 or more")
    _check_labels(model, values)
    _check_modules(model, values)


def _check_number(model: str, place: str, value: float, *, key: str) -> None:
    """One number against the bounds of its key."""
    if isinstance(value, float):
        high = 1.0 if _SHARE.search(key) else MAX_NUMBER
        if not (0.0 if _SHARE.search(key) else -MAX_NUMBER) <= value <= high:
            raise _wrong(model, place, value, expected=f"a number up to {high:,.0f}")
        return
    highest = MAX_VOCABULARY if _TOKEN.search(key) else MAX_COUNT if _COUNT.search(key) else MAX_SIZE
    if not LOWEST <= value <= highest:
        raise _wrong(model, place, value, expected=f"a whole number up to {highest:,}")


def _check_labels(model: str, values: Mapping[str, Any]) -> None:
    """No head for more labels than anybody has."""
    named = values.get("id2label")
    number = values.get("num_labels", len(named) if isinstance(named, dict) else 2)
    if isinstance(named, dict) and len(named) > MAX_LABELS:
        raise _wrong(model, "id2label", len(named), expected=f"up to {MAX_LABELS:,} labels")
    if isinstance(number, int) and not 0 <= number <= MAX_LABELS:
        raise _wrong(model, "num_labels", number, expected=f"a whole number up to {MAX_LABELS:,}")


def _check_modules(model: str, values: Mapping[str, Any]) -> None:
    """Counts that multiply stay small together."""
    product = 1
    for key, value in values.items():
        if _MAKES_MODULES.search(key) and isinstance(value, int) and value > 1:
            product *= value
    if product > MAX_MODULES:
        problem = f"config.json describes {product:,} layers; at most {MAX_MODULES:,} are built."
        raise IncompatibleModel(model, problem, remedy=ENCODER_REMEDY)


def _wrong(model: str, place: str, value: object, *, expected: str) -> IncompatibleModel:
    problem = f"config.json says {place[:80]!r} is {str(value)[:40]}, where {expected} is expected."
    return IncompatibleModel(model, problem, remedy="Download or copy config.json again.")
