"""What a user gets: the wheel is built from the checkout and looked into."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    result = subprocess.run(
        [*command, "--no-index", "--wheel-dir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.glob("bertsmith-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    source = ROOT / "src"
    files = (path for path in (source / "bertsmith").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert {path.relative_to(source).as_posix() for path in files} <= set(wheel.namelist())


@pytest.mark.parametrize("name", ["py.typed", "report/templates/model_card.md.jinja"])
def test_the_wheel_holds(wheel: zipfile.ZipFile, name: str) -> None:
    assert f"bertsmith/{name}" in wheel.namelist()


def test_the_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert {root.partition("-")[0] for root in roots} == {"bertsmith"}


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "bertsmith = bertsmith.__main__:main" in wheel.read(name).decode()
