from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from tests.docs.commands import PAGES, ROOT, code_blocks, text_of

from bertsmith.diagnosis.verdict import Outcome, Verdict
from bertsmith.run_folder import RunFolder

README, ARCHITECTURE = Path("README.md"), Path("ARCHITECTURE.md")


def tree(page: Path, first_line: str) -> set[str]:
    """The names in a drawn tree whose first line is given."""
    block = next(block for block in code_blocks(text_of(page), "text") if block.startswith(first_line))
    entries = [re.split(r"\s{2,}", re.sub(r"^[├└]── ", "", line))[0] for line in block.splitlines()[1:]]
    return {name for entry in entries for name in entry.split(", ")}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_points_to_something(page: Path):
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text_of(page))

    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_file_named_in_a_code_span_exists(page: Path):
    spans = re.findall(r"`((?:src|tests|benchmarks|examples|docs|constraints)/[\w./-]+)`", text_of(page))

    assert [span for span in spans if not (ROOT / span).exists()] == []


def test_the_tree_of_the_source_names_every_part_of_it():
    source = ROOT / "src" / "bertsmith"
    parts = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in source.iterdir()
        if path.is_dir() and (path / "__init__.py").is_file() or path.suffix == ".py"
    }

    assert tree(README, "src/bertsmith/") == parts - {"__init__.py"}


def test_the_tree_of_a_run_names_every_file_of_it():
    folder = RunFolder(Path("run"))
    named = [getattr(folder, name) for name, value in vars(RunFolder).items() if isinstance(value, property)]
    files = {path.name for part in named for path in (part if isinstance(part, tuple) else (part,))}

    folders = {"checkpoints", "images"}
    pictures = {path.name for path in folder.pictures}

    assert tree(README, "runs/") == (files - folders - pictures) | {f"{name}/" for name in folders}


def test_every_outcome_of_a_training_is_told_with_its_exit_code():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d) \|$", text_of(README), flags=re.MULTILINE)
    outcomes = [outcome for outcome in get_args(Outcome) if outcome != "cannot_tell"]

    assert sorted(rows) == sorted((outcome, str(Verdict(outcome, "", ()).exit_code)) for outcome in outcomes)


def test_the_readme_shows_what_check_says_of_the_example_reviews():
    page = (ROOT / "tests" / "golden" / "check_reviews.txt").read_text("utf-8")
    shown = next(block for block in code_blocks(text_of(README), "text") if block.startswith("Conflicts"))

    assert shown in page


def test_the_layers_are_those_that_are_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")

    drawn = code_blocks(text_of(ARCHITECTURE), "layers")[0].splitlines()

    assert [line.strip() for line in drawn] == layers


def test_the_architecture_is_a_short_page():
    assert len(text_of(ARCHITECTURE).splitlines()) <= 150


def test_every_decision_says_what_it_costs_and_what_would_change_it():
    headings = ["## Context", "## Choice", "## Cost", "## What would change our mind"]

    for page in (page for page in PAGES if page.parent == Path("docs/decisions")):
        text = text_of(page)
        assert re.findall(r"^## .*$", text, flags=re.MULTILINE) == headings, page
        assert len(text.splitlines()) <= 40, page
