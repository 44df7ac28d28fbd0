"""The whole help texts, at a fixed width."""

from __future__ import annotations

import pytest
from tests.golden.committed import committed
from tests.story.commands import bertsmith

from bertsmith import __version__

PAGES = {
    "help.txt": ("--help",),
    "help_train.txt": ("train", "--help"),
    "help_check.txt": ("check", "--help"),
    "help_predict.txt": ("predict", "--help"),
    "help_evaluate.txt": ("evaluate", "--help"),
}


@pytest.mark.parametrize(("file_name", "arguments"), PAGES.items(), ids=PAGES)
def test_the_help_is_the_committed_text(file_name: str, arguments: tuple[str, ...]) -> None:
    outcome = bertsmith(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == committed(file_name, outcome.out)


def test_no_arguments_show_the_help() -> None:
    outcome = bertsmith()
    assert "Fine-tune a model on labelled rows" in outcome.out + outcome.err


def test_the_version_is_one_line() -> None:
    assert bertsmith("--version").out == f"bertsmith {__version__}\n"
