"""A sealed folder is there whole or not at all, and any damage to it is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bertsmith.sealed_folders import MANIFEST, flaw_of, hash_of, write_sealed

FILES = {"weights": bytes(range(256)) * 8, "state.json": b'{"step": 3}'}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "step-1", FILES)
    return tmp_path / "step-1"


class Killed(BaseException):
    """Stands for the end of the process."""


def points_of(path: Path) -> list[str]:
    names: list[str] = []
    write_sealed(path, FILES, at_point=names.append)
    return names


def test_what_was_sealed_is_whole(sealed: Path) -> None:
    assert flaw_of(sealed) is None
    assert {file.name: file.read_bytes() for file in sealed.iterdir() if file.name != MANIFEST} == FILES


def test_a_kill_at_any_point_leaves_nothing_or_all_of_it(tmp_path: Path) -> None:
    points = points_of(tmp_path / "probe")
    assert len(points) >= 12
    for number, point in enumerate(points):
        folder = tmp_path / f"at-{number}"

        def end_there(name: str, *, point: str = point) -> None:
            if name == point:
                raise Killed

        with pytest.raises(Killed):
            write_sealed(folder, FILES, at_point=end_there)
        assert not folder.exists() or flaw_of(folder) is None
        write_sealed(folder, FILES)
        assert flaw_of(folder) is None
        assert not list(tmp_path.glob(".*.part"))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("damage", [Path.unlink, cut, flip, lambda file: file.write_bytes(b"")])
def test_every_damage_to_every_file_is_found(
    sealed: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(sealed / name)
    assert flaw_of(sealed) is not None


def test_files_of_another_folder_are_found(sealed: Path) -> None:
    other = sealed.with_name("step-2")
    write_sealed(other, FILES | {"weights": b"others"})
    shutil.copy(other / "weights", sealed / "weights")
    assert "weights" in (flaw_of(sealed) or "")
    shutil.copy(other / MANIFEST, sealed / MANIFEST)
    assert "'step-2'" in (flaw_of(sealed) or "")


def test_a_folder_under_another_name_is_found(sealed: Path) -> None:
    assert flaw_of(sealed.rename(sealed.with_name("step-9"))) is not None


def test_a_file_too_many_is_found(sealed: Path) -> None:
    (sealed / "is-incomplete.txt").touch()
    assert "is-incomplete.txt" in (flaw_of(sealed) or "")


def test_a_link_in_place_of_a_file_is_found(sealed: Path, tmp_path: Path) -> None:
    (sealed / "weights").rename(tmp_path / "elsewhere")
    (sealed / "weights").symlink_to(tmp_path / "elsewhere")
    assert "plain file" in (flaw_of(sealed) or "")


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"folder": "step-1", "files": {"weights": 3}}', "null"])
def test_a_manifest_of_another_form_is_found(sealed: Path, manifest: str) -> None:
    (sealed / MANIFEST).write_text(manifest)
    assert flaw_of(sealed) == f"its {MANIFEST} cannot be read"


def test_the_hash_of_a_file_is_that_of_its_manifest(sealed: Path) -> None:
    entries = json.loads((sealed / MANIFEST).read_bytes())["files"]
    assert hash_of(sealed, "weights") == entries["weights"]["sha256"]
