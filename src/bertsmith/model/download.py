"""A model's files at one commit of the Hub → a snapshot folder in the Hugging Face cache.

The Hub client's own download waits through six silent timeouts and their pauses, more than a minute, before
it says that nothing comes. Here a silence of `SILENT_SECONDS` is the end, and what came so far is kept for
the next try. The snapshot is laid out as the Hub client does where there are no symbolic links, so every
other tool reads it.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]
from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

from bertsmith.errors import BertsmithError

SILENT_SECONDS = 15.0
BEGIN_SECONDS = 4.5
"""The same while no file has begun to flow: a Hub that says nothing more is told soon."""
TOLD_BYTES = 5_000_000
"""Files from this size on are named before they are fetched."""
MIN_BYTES_PER_WINDOW = 4096
"""Fewer bytes in `SILENT_SECONDS` count as silence: one byte a second is not a download."""

WANTED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spm.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""What a model needs beside its weights."""
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
COMMIT = re.compile(r"[0-9a-f]{40}")


class DownloadError(BertsmithError):
    """A file did not come, or not whole. `hub` says it as HubUnreachable with the model's name."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository, as the Hub describes it."""

    path: str
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    """Of large files only."""


@dataclass
class Progress:
    """Bytes that have come, told by the thread that reads to the one that waits."""

    num_bytes: int = 0
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)


def choose_files(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """The files that we need: one set of safetensors weights, and the small ones, all of the root folder."""
    by_path = {file.path: file for file in files}
    names = [name for name in WANTED if name in by_path]
    if WEIGHTS in by_path:
        names.append(WEIGHTS)
    elif INDEX in by_path:
        names += [INDEX, *sorted(path for path in by_path if SHARD.fullmatch(path))]
    return [by_path[name] for name in names]


def repository_folder(cache: Path, repository: str) -> Path:
    """Where the cache keeps a model repository."""
    return cache / f"models--{repository.replace('/', '--')}"


def find_snapshot(cache: Path, repository: str, *, revision: str | None) -> Path | None:
    """The snapshot folder of an earlier download, if there is one with a config.json."""
    folder = repository_folder(cache, repository)
    commit = revision or "main"
    if not COMMIT.fullmatch(commit):
        reference = folder / "refs" / commit
        if ".." in Path(commit).parts or not reference.is_file():
            return None
        commit = reference.read_text("utf-8").strip()
    snapshot = folder / "snapshots" / commit
    return snapshot if COMMIT.fullmatch(commit) and (snapshot / "config.json").is_file() else None


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository, and where it goes."""

    repository: str
    commit: str
    cache: Path
    endpoint: str

    @property
    def folder(self) -> Path:
        """The snapshot's folder in the cache."""
        return repository_folder(self.cache, self.repository) / "snapshots" / self.commit

    def fetch(
        self,
        files: Iterable[RemoteFile],
        *,
        revision: str,
        tell: Callable[[str], None],
        begin_seconds: float = BEGIN_SECONDS,
    ) -> Path:
        """The snapshot folder, complete.

        Args:
            files: what the snapshot is to hold.
            revision: remembered as a name of this commit.
            tell: hears of large files before they are fetched.
            begin_seconds: longest silence before the first file flows; afterwards it is `SILENT_SECONDS`.

        Raises:
            DownloadError: a file did not come, or not whole; the cache cannot be written.
        """
        try:
            if not COMMIT.fullmatch(self.commit):
                raise DownloadError(f"{self.endpoint} names no commit: it is not a Hub")
            # The weights come before config.json: a folder with a config.json is a complete one.
            for file in sorted(files, key=lambda file: file.path == "config.json"):
                if (self.folder / file.path).is_file():
                    continue
                if (file.size or 0) >= TOLD_BYTES:
                    tell(f"Fetching {file.path} ({(file.size or 0) / 1e6:,.0f} MB) from {self.endpoint} …")
                self._fetch_file(file, begin_seconds=begin_seconds)
                begin_seconds = SILENT_SECONDS
            self._remember(revision)
        except OSError as error:
            raise DownloadError(
                f"the cache {self.cache} cannot be written: {error.strerror or error}"
            ) from error
        return self.folder

    def _remember(self, revision: str) -> None:
        """Write down which commit a branch or tag stood for, so that it can be found without the network."""
        if COMMIT.fullmatch(revision) or ".." in Path(revision).parts:
            return
        reference = repository_folder(self.cache, self.repository) / "refs" / revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(self.commit, "utf-8")

    def _fetch_file(self, file: RemoteFile, *, begin_seconds: float) -> None:
        """Read one file into the snapshot, checked; nothing stands at its place before it is whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{file.path}.incomplete"
        progress = Progress()
        arguments = (self._url(file), part, progress)
        threading.Thread(target=_receive, args=arguments, name="download", daemon=True).start()
        _wait_while_bytes_come(progress, url=self._url(file), begin_seconds=begin_seconds)
        if progress.error is not None:
            raise DownloadError(str(progress.error)) from progress.error
        _check_whole(part, file)
        part.replace(self.folder / file.path)

    def _url(self, file: RemoteFile) -> str:
        return f"{self.endpoint}/{quote(self.repository)}/resolve/{self.commit}/{quote(file.path)}"


def _wait_while_bytes_come(progress: Progress, *, url: str, begin_seconds: float) -> None:
    """Return when the thread is done.

    Raises:
        DownloadError: next to nothing came for `begin_seconds` at first, or for `SILENT_SECONDS` later.
    """
    seen, since = 0, time.monotonic()
    while not progress.done.wait(0.05):
        now = time.monotonic()
        allowed = SILENT_SECONDS if seen else begin_seconds
        if progress.num_bytes - seen >= MIN_BYTES_PER_WINDOW:
            seen, since = progress.num_bytes, now
        elif now - since > allowed:
            progress.abandoned.set()
            raise DownloadError(f"{url}: nothing came for {allowed:.1f} s after {progress.num_bytes} bytes")


def _receive(url: str, part: Path, progress: Progress) -> None:
    """Read a file, going on behind the bytes that an earlier try left; the outcome goes into `progress`."""
    try:
        _stream(url, part, progress)
    except (HTTPError, OSError, ValueError) as error:
        progress.error = DownloadError(f"{url}: {str(error) or type(error).__name__}")
    except DownloadError as error:
        progress.error = error
    finally:
        progress.done.set()


def _stream(url: str, part: Path, progress: Progress) -> None:
    """Append what the server sends to the file."""
    start = part.stat().st_size if part.exists() else 0
    # A compressed body could not be continued, nor its length be compared.
    headers: dict[str, Any] = build_hf_headers() | {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream(
        "GET", url, headers=headers, timeout=SILENT_SECONDS, follow_redirects=True
    ) as answer:
        if start and answer.status_code == 416:
            return  # it was whole already
        if answer.status_code not in (200, 206):
            raise DownloadError(f"{url} answered with HTTP status {answer.status_code}")
        with part.open("ab" if answer.status_code == 206 else "wb") as file:
            for chunk in answer.iter_raw():
                if progress.abandoned.is_set():
                    return
                file.write(chunk)
                progress.num_bytes += len(chunk)


def _check_whole(part: Path, file: RemoteFile) -> None:
    """Compare a received file with what the Hub says of it; a wrong one is removed.

    Raises:
        DownloadError: the size or the SHA-256 is another.
    """
    size = part.stat().st_size
    problem = ""
    if file.size is not None and size != file.size:
        problem = f"{file.path} came with {size} bytes instead of {file.size}"
    elif file.sha256 is not None:
        with part.open("rb") as received:
            if hashlib.file_digest(received, "sha256").hexdigest() != file.sha256:
                problem = f"{file.path} came with other contents than the Hub names (SHA-256)"
    if problem:
        part.unlink()
        raise DownloadError(problem)
