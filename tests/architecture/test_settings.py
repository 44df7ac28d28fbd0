"""Flags, TOML keys and keyword arguments are the same fields."""

from __future__ import annotations

import contextlib
import io
import tomllib

import pytest

from bertsmith.cli import run
from bertsmith.config import Config, fields, flag

SETTINGS = [(section, name) for section, name, _ in fields()]
ARGUMENTS = {"train_file"}
"""Settings that are given without a flag."""


@pytest.fixture(scope="module")
def train_help() -> list[str]:
    """The words of `train --help`."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["train", "--help"]) == 0
    return out.getvalue().replace(",", " ").split()


@pytest.mark.parametrize(("section", "name"), SETTINGS, ids=[name for _, name in SETTINGS])
def test_a_setting_has_a_flag(train_help: list[str], section: str, name: str) -> None:
    assert name in ARGUMENTS or flag(name) in train_help


def test_a_name_means_one_setting() -> None:
    names = [name for _, name in SETTINGS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("section", "name"), SETTINGS, ids=[name for _, name in SETTINGS])
def test_a_setting_is_described(section: str, name: str) -> None:
    (field,) = [field for owner, field_name, field in fields() if (owner, field_name) == (section, name)]
    assert field.description and field.description.endswith((".", ")"))


def test_settings_survive_toml() -> None:
    config = Config.from_flat({"train_file": "a.csv", "adam_epsilon": 1e-7, "limit": 3, "no_header": True})
    tables = tomllib.loads(config.to_toml())
    assert Config.model_validate(tables) == config
