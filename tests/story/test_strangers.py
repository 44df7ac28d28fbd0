"""A whole story under watch: no connection, no pickle, no code of a model, and bounds of memory and time."""

from __future__ import annotations

import ast
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hostile_cases import CASES
from tests.hostile_folders import write_case

ROOT = Path(__file__).parents[2]
WATCHED = """
import pathlib, sys
def watch(event, args):
    name = str(args[0]) if args else ""
    is_network = event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
    is_pickle = event == "pickle.find_class"
    is_opened = event == "open" and name.endswith((".bin", ".pt", ".pth", ".pkl", ".7z", "evil.py"))
    if is_network or is_pickle or is_opened:
        print("WATCHED", event, args[:2], file=sys.__stderr__, flush=True)
        raise BaseException(event)
sys.addaudithook(watch)
from bertsmith.__main__ import main
sys.argv[0] = "bertsmith"
sys.exit(main())
"""
EXTRA_BYTES = 12_000_000_000
"""Address space of a process with torch: what is mapped is more than what is used."""
QUICK = ("--epochs", "1", "--device", "cpu", "--threads", "1", "--on-failure", "stop")


def watched(*arguments: object, limit: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """A command in a process that dies at the first connection, pickle or opened pickle file."""
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
        preexec_fn=limit,
    )


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (EXTRA_BYTES, EXTRA_BYTES))


@pytest.fixture(scope="module")
def beside_pickles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good folder with a pickle of every name beside its weights."""
    (case,) = [case for case in CASES if case.name == "pickles beside good weights"]
    root = tmp_path_factory.mktemp("stranger")
    return write_case(case, root / "m", canary=root / "canary")


def test_training_and_predicting_from_a_folder_touch_no_network_and_no_pickle(
    beside_pickles: Path, few_reviews: Path, tmp_path: Path
) -> None:
    trained = watched("train", few_reviews, "--model", beside_pickles, "--output", tmp_path / "run", *QUICK)
    assert trained.returncode in (0, 1), trained.stderr  # one epoch may teach nothing, which is told with 1
    predicted = watched("predict", beside_pickles, few_reviews, "--output", tmp_path / "out.csv")
    assert predicted.returncode == 0, predicted.stderr
    assert "WATCHED" not in trained.stderr + predicted.stderr
    assert not (beside_pickles.parent / "canary").exists()


def test_the_watch_sees_a_connection_and_a_pickle(tmp_path: Path) -> None:
    start, _, _ = WATCHED.partition("from bertsmith")
    for act in (
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import pickle; pickle.loads(b'cos\\nsystem\\n.')",
    ):
        done = subprocess.run(
            [sys.executable, "-c", f"{start}\n{act}"], capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert "WATCHED" in done.stderr


@pytest.mark.parametrize(
    "name",
    ["a billion layers", "a terabyte without substance", "a zip of pickles only", "auto_map in config.json"],
)
def test_a_hostile_folder_ends_a_command_with_one_line(name: str, few_reviews: Path, tmp_path: Path) -> None:
    (case,) = [case for case in CASES if case.name == name]
    canary = tmp_path / "canary"
    folder = write_case(case, tmp_path / "m", canary=canary)
    done = watched("predict", folder, few_reviews, "--output", tmp_path / "out.csv", limit=limit_memory)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("bertsmith: Model ")
    assert not canary.exists()
    assert not (tmp_path / "out.csv").exists()


def calls_in(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]


SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_no_call_lets_code_of_a_model_run() -> None:
    keywords = [word for path in SOURCES for call in calls_in(path) for word in call.keywords]
    given = [word.value for word in keywords if word.arg == "trust_remote_code"]
    assert given
    assert all(isinstance(value, ast.Constant) and value.value is False for value in given)


def test_nothing_here_can_read_a_pickle() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                {alias.name.split(".")[0] for alias in node.names} if isinstance(node, ast.Import) else set()
            )
            names |= {str(node.module).split(".")[0]} if isinstance(node, ast.ImportFrom) else set()
            assert not names & {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}, path
        called = {ast.unparse(call.func) for call in calls_in(path)}
        assert not called & {"torch.load", "eval", "exec", "torch.jit.load", "numpy.load", "np.load"}, path
