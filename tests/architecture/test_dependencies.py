"""What is installed is new enough to be without the flaws that a stranger's model could use."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]

FLOORS = {
    "torch": "2.10",  # CVE-2025-32434 and CVE-2026-24747: loading weights ran code or broke memory
    "transformers": "5.3",  # CVE-2026-4372 and CVE-2026-5241: config.json alone ran code
    "safetensors": "0.6",
    "tokenizers": "0.22",
}
FIRST_FLAWED = {"torch": "2.9.1", "transformers": "5.2.0"}
"""The last releases that have them."""


def requirements() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {found.name: found for found in map(Requirement, project["dependencies"])}


@pytest.mark.parametrize("package", FLOORS)
def test_no_release_below_the_floor_is_accepted(package: str) -> None:
    floors = [Version(part.version) for part in requirements()[package].specifier if part.operator == ">="]
    assert max(floors) >= Version(FLOORS[package])


@pytest.mark.parametrize("package", FIRST_FLAWED)
def test_a_release_with_a_known_flaw_is_not_accepted(package: str) -> None:
    assert FIRST_FLAWED[package] not in requirements()[package].specifier


def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_known_flaw_fails_the_audit_and_names_its_package(capsys: pytest.CaptureFixture[str]) -> None:
    flaw = {"id": "CVE-2099-1", "fix_versions": ["2.0"]}
    packages = [
        {"name": "sound", "version": "1", "vulns": []},
        {"name": "old", "version": "1", "vulns": [flaw]},
    ]
    assert audit().told(packages) == 1
    assert "old 1: CVE-2099-1, mended in 2.0" in capsys.readouterr().out


def test_packages_that_nobody_could_tell_of_are_not_counted_as_audited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    packages = [{"name": "sound", "version": "1", "vulns": []}, {"name": "own", "skip_reason": "not found"}]
    assert audit().told(packages) == 0
    assert "1 of 2 packages audited" in capsys.readouterr().out
