"""A model folder → its tokenizer, and a plain copy of it that no call can change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging

from bertsmith.config import ModelConfig
from bertsmith.errors import IncompatibleModel
from bertsmith.model.folder import ModelFolder, open_folder
from bertsmith.model.hub import find_model
from bertsmith.model.limits import DEFAULT_MAX_LENGTH

TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.txt", "vocab.json"),
    *("spm.model", "spiece.model", "sentencepiece.bpe.model"),
)
"""At least one of them, or transformers makes up an empty vocabulary without a word."""

REMEDY = (
    "Copy the tokenizer's files (tokenizer.json, tokenizer_config.json) into the folder, "
    "from the model that it was trained with."
)


def load_tokenizer(folder: ModelFolder) -> PreTrainedTokenizerFast:
    """The folder's fast tokenizer.

    Raises:
        IncompatibleModel: there is none, it is damaged, or there is only a slow one.
    """
    if not any((folder.path / name).is_file() for name in TOKENIZER_FILES):
        problem = "there is no tokenizer in the folder (no tokenizer.json), so no text can be read."
        raise IncompatibleModel(folder.name, problem, remedy=REMEDY)
    _check_tokenizer_file(folder)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                folder.path, local_files_only=True, trust_remote_code=False
            )
    except ImportError as error:
        problem = f"its tokenizer must be converted by a package that is not installed ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy=SLOW_REMEDY) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        problem = f"its tokenizer cannot be loaded ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy=REMEDY) from error
    return _accept(folder, tokenizer)


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


def _check_tokenizer_file(folder: ModelFolder) -> None:
    """A damaged tokenizer.json is told as that, not as what transformers makes of it."""
    path = folder.path / "tokenizer.json"
    if not path.is_file():
        return
    try:
        Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception and nothing narrower
        if type(error) is not Exception:
            raise
        problem = f"tokenizer.json is damaged ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy="Download or copy the model again.") from error


def _accept(folder: ModelFolder, tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerFast:
    """The tokenizer, if it is a fast one with a vocabulary and a padding token."""
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        problem = f"it has only a slow tokenizer ({type(tokenizer).__name__}), written in Python."
        raise IncompatibleModel(folder.name, problem, remedy=SLOW_REMEDY)
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise IncompatibleModel(folder.name, "its tokenizer has an empty vocabulary.", remedy=REMEDY)
    if tokenizer.pad_token_id is None:
        raise IncompatibleModel(folder.name, "its tokenizer has no padding token.", remedy=REMEDY)
    return tokenizer


def first_line(error: Exception) -> str:
    """What a foreign exception says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
