"""The form of the code: names, sizes, and that every test can fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "bertsmith").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "base", "core"}
VAGUE |= {"manager", "handler", "processor", "engine"}
FILE_LINES, FUNCTION_LINES = 350, 60
LONG_FILES: dict[str, int] = {}
"""Source file → lines that it may have although they are more. Empty is right."""
LONG_FUNCTIONS: dict[str, int] = {}
"""Function → lines that it may have although they are more."""


def name_of(path: Path) -> str:
    """The path below the repository."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    """The file as a tree."""
    return ast.parse(path.read_text("utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, methods included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def words_of(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=name_of)
def test_no_file_has_a_name_that_says_nothing(path: Path) -> None:
    assert words_of(path.stem).isdisjoint(VAGUE)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_class_has_a_name_that_says_nothing(path: Path) -> None:
    classes = [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if not words_of(name).isdisjoint(VAGUE)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONG_FILES.get(name_of(path), FILE_LINES)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(parsed(path))}
    allowed = {name: LONG_FUNCTIONS.get(f"{name_of(path)}:{name}", FUNCTION_LINES) for name in lengths}
    assert {name: lines for name, lines in lengths.items() if lines > allowed[name]} == {}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parsed(path))


def can_fail(test: ast.FunctionDef | ast.AsyncFunctionDef, checking: set[str]) -> bool:
    """Whether the function asserts, expects an error, or calls a function that does."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in checking or called in ("raises", "fail") or called.startswith("assert_"):
                return True
    return False


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_can_fail(path: Path) -> None:
    every = list(functions(parsed(path)))
    checking = {function.name for function in every if can_fail(function, set())}
    tests = [function for function in every if function.name.startswith("test_")]
    assert tests
    assert [test.name for test in tests if not can_fail(test, checking)] == []
