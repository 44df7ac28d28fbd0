"""What a model can read: how many tokens, which ids, how many token types."""

from __future__ import annotations

import inspect
from typing import Any, cast

from tokenizers import Tokenizer
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from bertsmith.errors import ConfigError, IncompatibleModel
from bertsmith.model.files import read_json
from bertsmith.model.folder import ModelFolder

DEFAULT_MAX_LENGTH = 512
"""Tokens. A row is not longer by default, even where the model could read more."""
SAME_PLACE = "Take tokenizer and model from the same place."


def positions(model: PreTrainedModel) -> int | None:
    """Most tokens that the model has positions for; None where nothing limits them."""
    for name, module in model.named_modules():
        if (
            name.endswith("position_embeddings")
            and isinstance(module, nn.Embedding)
            and module.padding_idx is not None
        ):
            # RoBERTa and kin count from padding_idx + 1: 514 rows are 512 positions.
            return module.num_embeddings - module.padding_idx - 1
    limit = getattr(model.config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None


def max_length(given: int | None, *, tokenizer: PreTrainedTokenizerFast, positions: int | None) -> int:
    """The user's length if the model can read it, else the smallest of 512 and both limits."""
    if given is None:
        limits = [DEFAULT_MAX_LENGTH, int(min(tokenizer.model_max_length, DEFAULT_MAX_LENGTH))]
        return min([*limits, positions] if positions is not None else limits)
    if positions is not None and given > positions:
        raise ConfigError(
            [
                f"--max-length {given}: this model has positions for {positions} tokens. "
                f"Give at most {positions}, or leave it out."
            ]
        )
    return given


def run_length(folder: ModelFolder, tokenizer: PreTrainedTokenizerFast, *, positions: int | None) -> int:
    """The trained length, as sentence_bert_config.json says, else the default."""
    path = folder.path / "sentence_bert_config.json"
    trained = read_json(folder.name, path).get("max_seq_length") if path.is_file() else None
    if isinstance(trained, int) and trained >= 4 and (positions is None or trained <= positions):
        return trained
    return max_length(None, tokenizer=tokenizer, positions=positions)


def pad_id(folder: ModelFolder, tokenizer: PreTrainedTokenizerFast, *, model: PreTrainedModel) -> int:
    """The padding token's id, after the whole vocabulary was found to have embeddings."""
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    largest = max(tokenizer.get_vocab().values())
    if largest >= rows:
        problem = (
            f"its tokenizer has ids up to {largest}, but the model has embeddings only for {rows} tokens."
        )
        raise IncompatibleModel(folder.name, problem, remedy=SAME_PLACE)
    return int(cast(Any, tokenizer.pad_token_id))


def check_template(
    folder: ModelFolder, backend: Tokenizer, *, model: PreTrainedModel, uses_token_types: bool
) -> None:
    """Refuse a tokenizer that puts tokens or token types around a text for which the model has no embeddings."""
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    types = getattr(model.config, "type_vocab_size", 0) if uses_token_types else None
    for encoding in (backend.encode("a"), backend.encode("a", "a")):
        if (largest := max(encoding.ids, default=0)) >= rows:
            problem = f"its tokenizer puts the token {largest} around a text, but the model has embeddings only for {rows} tokens."
            raise IncompatibleModel(folder.name, problem, remedy=SAME_PLACE)
        if types is not None and (largest := max(encoding.type_ids, default=0)) >= types:
            problem = f"its tokenizer gives the token type {largest}, but the model has embeddings only for {types} types."
            raise IncompatibleModel(folder.name, problem, remedy=SAME_PLACE)


def uses_token_types(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether tokenizer and model agree on two token types."""
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    return (
        takes
        and "token_type_ids" in tokenizer.model_input_names
        and getattr(model.config, "type_vocab_size", 0) > 1
    )
