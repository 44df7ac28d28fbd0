"""What is loaded when: asking for help waits for no library that only training needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bertsmith

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "sklearn", "scipy", "pyarrow", "tokenizers")
CALLS = {
    "import bertsmith": "import bertsmith",
    "import bertsmith.cli": "import bertsmith.cli",
    "--version": "from bertsmith.cli import run; assert run(['--version']) == 0",
    "--help": "from bertsmith.cli import run; assert run(['--help']) == 0",
    "train --help": "from bertsmith.cli import run; assert run(['train', '--help']) == 0",
    "check --help": "from bertsmith.cli import run; assert run(['check', '--help']) == 0",
    "predict --help": "from bertsmith.cli import run; assert run(['predict', '--help']) == 0",
    "a bad flag": "from bertsmith.cli import run; assert run(['train', 'x.csv', '--epochs', '0']) == 2",
}


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after this code."""
    ending = "import sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ending}"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("call", CALLS)
def test_nothing_heavy_is_loaded_by(call: str) -> None:
    loaded = loaded_by(CALLS[call])
    assert "bertsmith" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_check_loads_no_library_that_takes_long() -> None:
    reviews = ROOT / "examples" / "reviews.csv"
    loaded = loaded_by(f"from bertsmith.cli import run; assert run(['check', {str(reviews)!r}, '-q']) == 0")
    assert "numpy" in loaded
    assert loaded.isdisjoint({"torch", "transformers", "sklearn", "scipy", "pandas"})


def test_the_public_names_are_these() -> None:
    assert bertsmith.__all__ == [
        "finetune",
        "Run",
        "load",
        "Predictor",
        "Prediction",
        "Config",
        "BertsmithError",
        "__version__",
    ]


@pytest.mark.parametrize("name", bertsmith.__all__)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(bertsmith, name) is not None


def test_dir_shows_the_public_names() -> None:
    assert dir(bertsmith) == sorted(bertsmith.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'fine_tune'"):
        _ = bertsmith.fine_tune  # type: ignore[attr-defined]
