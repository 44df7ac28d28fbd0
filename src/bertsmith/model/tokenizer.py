"""A model folder → its tokenizer, and a plain copy of it that no call can change."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging

from bertsmith.config import ModelConfig
from bertsmith.errors import IncompatibleModel
from bertsmith.model.files import AGAIN, MAX_JSON_BYTES, find_file, read_json
from bertsmith.model.folder import ModelFolder, open_folder
from bertsmith.model.hub import find_model
from bertsmith.model.limits import DEFAULT_MAX_LENGTH
from bertsmith.model.tokenizer_trial import try_tokenizer

TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.txt", "vocab.json"),
    *("spm.model", "spiece.model", "sentencepiece.bpe.model"),
)
"""At least one of them, or transformers makes up an empty vocabulary without a word."""

BESIDE_THEM = (
    *("merges.txt", "tokenizer.model", "bpe.codes", "vocab.bpe", "entity_vocab.json", "dict.txt"),
    *("word_shape.json", "word_pronunciation.json"),
)
TOKEN_LISTS = ("special_tokens_map.json", "added_tokens.json")
MAX_TOKENIZER_BYTES = 128_000_000
"""The tokenizer.json of a vocabulary of 250,000 tokens has 17 MB."""
MAX_ADDED_TOKENS = 20_000
"""Named in tokenizer_config.json or added_tokens.json; transformers takes them one by one."""
MIN_LENGTH = 4
"""Tokens: a text, and those around it."""
KIND_KEYS = ("model_type", "tokenizer_class")
"""What of config.json chooses the class of the tokenizer."""
CLASS_NAME = re.compile(r"[A-Za-z0-9_]+(Tokenizer|TokenizerFast|Backend)")
NOT_FROM_A_FOLDER = re.compile(
    r".*(_file|_files|_path)|init_inputs|chat_template|tokenizer_object|backend_tokenizer|processor_class"
    r"|_commit_hash|is_local|local_files_only|use_fast|from_slow|trust_remote_code|__.*"
)
"""Keys of tokenizer_config.json that name files or objects, or say how somebody once called it."""

REMEDY = (
    "Copy the tokenizer's files (tokenizer.json, tokenizer_config.json) into the folder, "
    "from the model that it was trained with."
)


def load_tokenizer(folder: ModelFolder) -> PreTrainedTokenizerFast:
    """The folder's fast tokenizer.

    Raises:
        IncompatibleModel: there is none, it is damaged, or there is only a slow one.
    """
    files = {name: path for name in (*TOKENIZER_FILES, *BESIDE_THEM) if (path := _find(folder, name))}
    if not set(files) & set(TOKENIZER_FILES):
        problem = "there is no tokenizer in the folder (no tokenizer.json), so no text can be read."
        raise IncompatibleModel(folder.name, problem, remedy=REMEDY)
    try:
        with quiet(), tempfile.TemporaryDirectory(prefix="bertsmith-tokenizer-") as copies:
            _copy_checked(folder, files, Path(copies))
            tokenizer = AutoTokenizer.from_pretrained(copies, local_files_only=True, trust_remote_code=False)
    except ImportError as error:
        problem = f"its tokenizer must be converted by a package that is not installed ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy=SLOW_REMEDY) from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        problem = f"its tokenizer cannot be loaded ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy=REMEDY) from error
    except Exception as error:
        if type(error) is not Exception:  # what tokenizers raises, and nothing narrower
            raise
        problem = f"its tokenizer cannot be loaded ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy=REMEDY) from error
    accepted = _accept(folder, tokenizer)
    accepted.name_or_path = str(folder.path)
    if (
        "tokenizer.json" not in files
    ):  # converted from a vocabulary just now, so that there is something to try
        try_tokenizer(folder.name, accepted.backend_tokenizer.to_str().encode(), file="its tokenizer")
    return accepted


def _find(folder: ModelFolder, name: str) -> Path | None:
    return find_file(folder.name, folder.path / name, max_bytes=MAX_TOKENIZER_BYTES)


def _copy_checked(folder: ModelFolder, files: dict[str, Path], copies: Path) -> None:
    """Copy the tokenizer's files to where nothing else is, after each was checked.

    transformers then reads what was checked, and no other file that a key of the folder names.
    """
    for name, path in files.items():
        contents = path.read_bytes()
        if name == "tokenizer.json":
            try_tokenizer(folder.name, contents)
        (copies / name).write_bytes(contents)
    for name in TOKEN_LISTS:
        if find_file(folder.name, folder.path / name, max_bytes=MAX_JSON_BYTES) is not None:
            values = read_json(folder.name, folder.path / name)
            _check_count(folder, values, file=name)
            _write(copies / name, values)
    path = folder.path / "tokenizer_config.json"
    if find_file(folder.name, path) is not None:
        values = read_json(folder.name, path)
        _check_count(folder, values.get("added_tokens_decoder"), file=path.name)
        _check_class(folder, values, file=path.name)
        kept = {key: value for key, value in values.items() if not NOT_FROM_A_FOLDER.fullmatch(key)}
        _write(copies / path.name, kept)
    _check_class(folder, folder.config, file="config.json")
    named: dict[str, Any] = {key: value for key, value in folder.config.items() if key in KIND_KEYS}
    _write(copies / "config.json", named)


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values), "utf-8")


def _check_count(folder: ModelFolder, tokens: object, *, file: str) -> None:
    """No list of added tokens that takes minutes to add."""
    if isinstance(tokens, dict | list) and len(tokens) > MAX_ADDED_TOKENS:
        problem = f"{file} adds {len(tokens):,} tokens to the vocabulary; at most {MAX_ADDED_TOKENS:,} are."
        raise IncompatibleModel(folder.name, problem, remedy=AGAIN)


def _check_class(folder: ModelFolder, values: dict[str, Any], *, file: str) -> None:
    """The class that reads the tokenizer is a tokenizer's: transformers would take any of its names."""
    named = values.get("tokenizer_class")
    if named is not None and not (isinstance(named, str) and CLASS_NAME.fullmatch(named)):
        problem = f"{file} names {str(named)[:80]!r} as the class of its tokenizer, which is none."
        raise IncompatibleModel(folder.name, problem, remedy=REMEDY)


SLOW_REMEDY = (
    "Make a tokenizer.json once, where those packages are: "
    'transformers.AutoTokenizer.from_pretrained("…").save_pretrained("folder").'
)


def open_tokenizer(
    model: ModelConfig, *, offline: bool, tell: Callable[[str], None]
) -> tuple[Tokenizer, int]:
    """The tokenizer of a model, and the most tokens of a row that the model would read. No weights are loaded.

    Raises:
        ModelError: not found, not reachable, or without a fast tokenizer.
    """
    folder = open_folder(find_model(model, offline=offline, tell=tell))
    tokenizer = load_tokenizer(folder)
    positions = folder.config.get("max_position_embeddings")
    limits = [DEFAULT_MAX_LENGTH, tokenizer.model_max_length]
    limits += [positions] if isinstance(positions, int) and positions > 0 else []
    return plain_copy(tokenizer), model.max_length or int(min(limits))


def plain_copy(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """A copy of the tokenizer inside: it cuts and pads nothing, and `[SEP]` in a user's text stays text.

    Its post-processor still adds the special tokens by their ids.
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    return backend


@contextmanager
def quiet() -> Iterator[None]:
    """No messages and no progress bars of transformers inside; afterwards as before."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _accept(folder: ModelFolder, tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerFast:
    """The tokenizer, if it is a fast one with a vocabulary and a padding token."""
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        problem = f"it has only a slow tokenizer ({type(tokenizer).__name__}), written in Python."
        raise IncompatibleModel(folder.name, problem, remedy=SLOW_REMEDY)
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise IncompatibleModel(folder.name, "its tokenizer has an empty vocabulary.", remedy=REMEDY)
    if tokenizer.pad_token_id is None:
        raise IncompatibleModel(folder.name, "its tokenizer has no padding token.", remedy=REMEDY)
    length = tokenizer.model_max_length
    if isinstance(length, bool) or not isinstance(length, int | float) or not length >= MIN_LENGTH:
        problem = f"tokenizer_config.json says that a text has at most {str(length)[:40]!r} tokens (model_max_length)."
        raise IncompatibleModel(folder.name, problem, remedy=AGAIN)
    return tokenizer


def first_line(error: Exception) -> str:
    """What a foreign exception says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0][:500] if lines else type(error).__name__
