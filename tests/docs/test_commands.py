from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest
import typer
from tests.docs.commands import PAGES, ROOT, calls, code_blocks, text_of

import bertsmith
from bertsmith.cli import app
from bertsmith.config import Config

CALLS = [(page, call) for page in PAGES for call in calls(text_of(page), "bertsmith")]
MAKE_TARGETS = set(
    re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
)
SNIPPETS = [(page, code) for page in PAGES for code in code_blocks(text_of(page), "python")]


def parse(call: list[str]) -> None:
    """Parse a command line without running it."""
    commands = typer.main.get_command(app).commands
    commands[call[0]].make_context(call[0], list(call[1:]))


def test_the_readme_calls_every_command():
    readme = [call[0] for page, call in CALLS if page == Path("README.md")]

    assert set(readme) == set(typer.main.get_command(app).commands)


@pytest.mark.parametrize(("page", "call"), CALLS, ids=lambda value: str(value))
def test_a_command_line_parses(page: Path, call: list[str]):
    try:
        parse(call)
    except click.exceptions.Exit as exit_:  # --help
        assert exit_.exit_code == 0


def test_a_flag_that_does_not_exist_would_be_seen():
    with pytest.raises(Exception, match="No such option"):
        parse(["train", "reviews.csv", "--epoch-count", "3"])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_flag_named_in_the_running_text_exists(page: Path):
    commands = typer.main.get_command(app).commands.values()
    known = {name for command in commands for parameter in command.params for name in parameter.opts}

    assert flags_of_ours(page) <= known | {"--help", "--version"}


def flags_of_ours(page: Path) -> set[str]:
    """The flags in code spans that are not another program's."""
    spans = re.findall(r"`([^`\n]*)`", text_of(page))
    ours = [span for span in spans if not span.startswith(("pip ", "git ", "python ", "ruff ", "pytest "))]
    return set(re.findall(r"(?<!\S)--[a-z-]+", " ".join(ours)))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_exists(page: Path):
    text = text_of(page)
    spans = re.findall(r"`make ([a-z-]+)", text)
    lines = [call[0] for call in calls(text, "make") if call]

    assert {*spans, *lines} <= MAKE_TARGETS


@pytest.mark.parametrize(("page", "code"), SNIPPETS, ids=lambda value: str(value)[:20])
def test_a_python_snippet_uses_names_and_settings_that_exist(page: Path, code: str):
    settings = {name for section in Config.model_fields.values() for name in section.annotation.model_fields}

    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == "bertsmith":
            assert {alias.name for alias in node.names} <= set(bertsmith.__all__)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "finetune":
            assert {keyword.arg for keyword in node.keywords} <= settings | {"config", "console"}
