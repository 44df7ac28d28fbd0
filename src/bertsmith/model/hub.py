"""Model names: a folder, the embedded model or a Hub repository → `FoundModel`, a folder on this disk.

The Hub is asked once for the commit and its files, with no retry and a bounded time; what is not in the cache
yet is fetched at that one commit. Everything after that reads the folder and never the network.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError: httpx's or httpx2's
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from bertsmith.config import ModelConfig
from bertsmith.errors import (
    ConfigError,
    HubUnreachable,
    IncompatibleModel,
    ModelError,
    ModelNotFound,
    nearest,
)
from bertsmith.model import download
from bertsmith.model.embedded import EMBEDDED_NAME, find_embedded

constants.HF_HUB_DISABLE_TELEMETRY = True  # or every question brings one more, about who is asking

ANSWER_SECONDS = 5.0
"""Longest wait for a connection, and for each answer on it."""
ASK_SECONDS = 7.0
"""Longest wait for the whole question, whatever the server or the name service does."""
SILENT_HUB_SECONDS = 9.5
"""Longest wait for the question and the beginning of the first file together: with the time that it takes to import
torch and transformers (up to 5.5 s, measured on two busy cores) a silent Hub is told within 15 s."""
LEAST_BEGIN_SECONDS = 2.5
"""What is left for the first file's beginning, however long the question took."""

ALIASES = {"bert-base-cased": "google-bert/bert-base-cased"}
"""Old names of the Hub that we write ourselves."""

CONVERT = (
    "Convert it once, where you trust the file: "
    'model = transformers.AutoModel.from_pretrained("{name}", use_safetensors=False); '
    'model.save_pretrained("converted"); '
    'transformers.AutoTokenizer.from_pretrained("{name}").save_pretrained("converted") '
    "and give --model ./converted"
)
WHY_NO_PICKLE = "those are Python pickles or other formats, and unpickling can run any code"

MALFORMED = (ValueError, TypeError, KeyError, AttributeError)
"""What the Hub client raises on an answer that is not the Hub's."""
CANNOT_ANSWER = (HTTPError, OSError, *MALFORMED)

Source = Literal["hub", "folder", "embedded"]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class FoundModel:
    """Where a model's files are on this disk, and where they came from."""

    name: str
    """As the user gave it."""
    path: Path
    source: Source
    revision: str | None = None
    """The Hub's commit; None for folders and the embedded model."""


def find_model(
    settings: ModelConfig, *, offline: bool = False, tell: Callable[[str], None] = lambda sentence: None
) -> FoundModel:
    """The model of this name: an existing folder, else the embedded model, else a Hub repository.

    `tell` hears of large files before they are fetched.

    Raises:
        ConfigError: a revision of what is not on the Hub.
        ModelNotFound: no such folder, and no such Hub repository or revision.
        HubUnreachable: the Hub failed or did not answer, or we are offline and the cache does not hold it.
        ModelError: the repository is gated or private.
        IncompatibleModel: a Hub repository without safetensors weights.
        MissingDependency: the embedded model is not installed.
    """
    name = settings.model
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  # Path.expanduser raises for an unknown user
    is_folder = bool(name) and _is_folder(name, folder)
    if settings.revision is not None and (name == EMBEDDED_NAME or is_folder):
        raise ConfigError(
            [
                f"--revision {settings.revision}: only a model on the Hub has revisions, and {name!r} is not one. Leave it out."
            ]
        )
    if is_folder:
        return FoundModel(name, folder.resolve(), source="folder")
    if name == EMBEDDED_NAME:
        return FoundModel(name, find_embedded(), source="embedded")
    if _looks_like_path(name) or folder.is_file():
        raise ModelNotFound(_no_such_folder(name, folder))
    repository = _repository(name)
    if offline or _is_offline():
        return _find_in_cache(name, repository, settings.revision)
    return _find_on_hub(name, repository, settings.revision, tell=tell)


def _is_folder(name: str, folder: Path) -> bool:
    """Whether there is such a folder.

    Raises:
        ModelNotFound: the system does not let us look.
    """
    try:
        return folder.is_dir()
    except OSError as error:
        raise ModelNotFound(
            f"Model {name!r}: the folder cannot be read ({error.strerror}). "
            "Check the path and its permissions, or give another model."
        ) from error


def _looks_like_path(name: str) -> bool:
    """Whether a name can only be a path."""
    return name.startswith((".", "~")) or "\\" in name or name.count("/") > 1 or Path(name).is_absolute()


def _no_such_folder(name: str, folder: Path) -> str:
    """The message for a path that is no folder, with the nearest sibling."""
    if folder.is_file():
        return (
            f"Model {name!r}: this is a file. Give the folder that holds config.json: --model {folder.parent}"
        )
    siblings = (
        [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    )
    return (
        f"Model {name!r}: there is no such folder.{nearest(folder.name, siblings)} "
        "Give a folder that holds config.json, a Hub name such as bert-base-cased, or --model minilm."
    )


def _repository(name: str) -> str:
    """The Hub's repository id for a name."""
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ModelNotFound(
            f"Model {name!r}: there is no such folder, and it cannot be a Hub name. "
            "Give a folder that holds config.json, a Hub name such as bert-base-cased, or --model minilm."
        ) from error
    return ALIASES.get(name, name)


def _is_offline() -> bool:
    """Whether the environment forbids the network, read now and not when the Hub client was imported."""
    value = os.environ.get("HF_HUB_OFFLINE", "")
    return value.upper() in constants.ENV_VARS_TRUE_VALUES


def endpoint() -> str:
    """The Hub's address, read from HF_ENDPOINT now."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def cache_folder() -> Path:
    """The Hugging Face cache that every tool of this machine shares, read from the environment now."""
    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(constants.HF_HUB_CACHE)


def _find_in_cache(name: str, repository: str, revision: str | None) -> FoundModel:
    """The model as an earlier download left it."""
    for cached_as in dict.fromkeys((repository, name)):
        snapshot = download.find_snapshot(cache_folder(), cached_as, revision=revision)
        if snapshot is not None:
            return FoundModel(name, snapshot, source="hub", revision=snapshot.name)
    at = "" if revision is None else f" at revision {revision!r}"
    raise HubUnreachable(
        name, reason=f"--offline or HF_HUB_OFFLINE is set, and the cache does not hold it{at}"
    )


def _find_on_hub(
    name: str, repository: str, revision: str | None, *, tell: Callable[[str], None]
) -> FoundModel:
    """The model at the commit that the Hub names, fetched where the cache lacks it."""
    asked_at = time.monotonic()
    info = _ask(name, repository, revision)
    left = max(LEAST_BEGIN_SECONDS, SILENT_HUB_SECONDS - (time.monotonic() - asked_at))
    files = [
        download.RemoteFile(file.rfilename, size=file.size, sha256=file.lfs.sha256 if file.lfs else None)
        for file in info.siblings or ()
    ]
    wanted = download.choose_files(files)
    _check_files(name, {file.path for file in files}, {file.path for file in wanted})
    if not info.sha:
        raise HubUnreachable(name, reason=f"{endpoint()} names no commit: it is not a Hub")
    target = download.Snapshot(repository, info.sha, cache=cache_folder(), endpoint=endpoint())
    try:
        folder = target.fetch(
            wanted, revision=revision or "main", tell=tell, begin_seconds=min(left, download.BEGIN_SECONDS)
        )
    except download.DownloadError as error:
        raise HubUnreachable(name, reason=str(error)) from error
    return FoundModel(name, folder, source="hub", revision=info.sha)


def _check_files(name: str, present: set[str], wanted: set[str]) -> None:
    """Refuse a repository that we could not load, before anything is fetched."""
    if not present or "config.json" not in present:
        problem = "the repository has no config.json, so it is not a model that transformers can load."
        raise IncompatibleModel(name, problem, remedy="Give another model, such as bert-base-cased.")
    if not any(path.endswith(".safetensors") for path in wanted):
        others = sorted(
            path for path in present if path.endswith((".bin", ".h5", ".msgpack", ".pt", ".ckpt", ".onnx"))
        )
        found = (
            f"it has only {', '.join(others[:5])}; {WHY_NO_PICKLE}" if others else "it has no weights at all"
        )
        raise IncompatibleModel(
            name,
            f"there is no model.safetensors: {found}.",
            remedy=CONVERT.format(name=name) if others else "Give another model.",
        )


def _ask(name: str, repository: str, revision: str | None) -> ModelInfo:
    """The commit and the files of a revision, asked once."""

    def question() -> ModelInfo:
        api = HfApi(endpoint=endpoint())
        return api.model_info(
            repository, revision=revision or "main", timeout=ANSWER_SECONDS, files_metadata=True
        )

    try:
        return within(ASK_SECONDS, question)
    except TimeoutError as error:
        raise HubUnreachable(
            name, reason=f"{endpoint()} did not answer within {ASK_SECONDS:.0f} s"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(
            f"Model {name!r}: the Hub has no revision {revision!r} of it. "
            "Give a commit, tag or branch that its page lists."
        ) from error
    except GatedRepoError as error:
        raise ModelError(_no_access(name, repository)) from error
    except RepositoryNotFoundError as error:
        raise ModelNotFound(_not_on_hub(name)) from error
    except HfHubHTTPError as error:
        raise _refused(name, repository, error.response.status_code) from error
    except (HTTPError, OSError) as error:
        raise HubUnreachable(name, reason=f"{endpoint()}: {_said(error)}") from error
    except MALFORMED as error:
        raise HubUnreachable(name, reason=f"{endpoint()} does not answer as a Hub does") from error


def _refused(name: str, repository: str, status: int) -> ModelError:
    """The error for an HTTP status that the Hub client has no class for."""
    if status == 404:
        return ModelNotFound(_not_on_hub(name))
    if status in (401, 403):
        return ModelError(_no_access(name, repository))
    return HubUnreachable(name, reason=f"{endpoint()} answered with HTTP status {status}")


def _not_on_hub(name: str) -> str:
    return (
        f"Model {name!r}: there is no such folder, and the Hub has no such repository "
        "(or it is private and you are not logged in: hf auth login). Check the spelling, give a local model "
        "folder (--model path/to/folder), or use the one that needs no network (--model minilm)."
    )


def _no_access(name: str, repository: str) -> str:
    return (
        f"Model {name!r}: the Hub does not let you read it: it is gated or private. Accept its terms on "
        f"{endpoint()}/{repository}, log in with: hf auth login (or set HF_TOKEN), and try again; "
        "or give a local model folder (--model path/to/folder) or --model minilm."
    )


def _said(error: Exception) -> str:
    """What a foreign exception says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"no answer ({type(error).__name__})"


def within(seconds: float, question: Callable[[], Answer]) -> Answer:
    """The question's answer, or its exception, if it comes in time.

    A thread: a socket's timeout ends neither a name service that hangs nor headers that drip byte by byte.

    Raises:
        TimeoutError: no answer after `seconds`; the question goes on in its thread, and nobody listens.
    """
    answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(question())
        except CANNOT_ANSWER as error:
            answers.put(error)

    threading.Thread(target=ask, name="hub", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer
