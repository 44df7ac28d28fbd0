"""This file knows how to write a folder that is there whole or not at all, and how to tell whether one is whole.

A sealed folder holds files and a manifest with the size and SHA-256 of each. It is written under another name, every file synced, the
manifest last, and takes its own name by a rename. What has no manifest that verifies does not exist.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from bertsmith.durable_files import part_of, remove_part, sync_folder, sync_stream

MANIFEST = "manifest.json"

AtPoint = Callable[[str], None]
"""Told before each thing that reaches the disk, so that a test can end the process there."""


def write_sealed(path: Path, files: Mapping[str, bytes], *, at_point: AtPoint = lambda name: None) -> None:
    """Write a folder of these files, whole or not at all, and read it back.

    Args:
        path: the folder; one that is already there is replaced.
        files: name → content.
        at_point: told of every point at which a kill could fall.

    Raises:
        OSError: the system does not take it, or gives back something else; nothing is left of what was begun.
    """
    part = part_of(path)
    try:
        remove_part(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
        for name, content in files.items():
            at_point(f"before {name}")
            _write(part / name, content, at_point=at_point)
        at_point(f"before {MANIFEST}")
        _write(part / MANIFEST, _manifest(path.name, files), at_point=at_point)
        sync_folder(part)
        at_point("before the old folder goes")
        if path.exists():
            shutil.rmtree(path)
        at_point("before the rename")
        part.rename(path)
        at_point("after the rename")
        sync_folder(path.parent)
        flaw = flaw_of(path)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        # The first file name is inside a folder that is gone: the reader knows the one that was to be written.
        error.filename, error.filename2 = str(path), None
        raise
    if flaw is not None:
        raise OSError(5, f"what was written cannot be read back ({flaw})", str(path))


def flaw_of(path: Path) -> str | None:
    """What is wrong with a sealed folder, as a clause; None where it is whole."""
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        name, entries = manifest["folder"], dict(manifest["files"])
        described = {file: (int(entry["bytes"]), str(entry["sha256"])) for file, entry in entries.items()}
    except FileNotFoundError:
        return f"it has no {MANIFEST}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"its {MANIFEST} cannot be read"
    if name != path.name:
        return f"its {MANIFEST} is that of {str(name)[:60]!r}"
    found = {file.name for file in path.iterdir()}
    missing, strange = described.keys() - found, found - described.keys() - {MANIFEST}
    if missing or strange:
        return (
            f"{min(missing)} is missing"
            if missing
            else f"it holds {min(strange)!r}, which its {MANIFEST} does not name"
        )
    return next(filter(None, (_file_flaw(path / file, *described[file]) for file in sorted(described))), None)


def hash_of(path: Path, name: str) -> str:
    """The SHA-256 that a whole sealed folder's manifest gives for a file."""
    return str(json.loads((path / MANIFEST).read_bytes())["files"][name]["sha256"])


def _file_flaw(path: Path, size: int, sha256: str) -> str | None:
    try:
        if path.is_symlink() or not path.is_file():
            return f"{path.name} is not a plain file"
        if path.stat().st_size != size:
            return f"{path.name} has {path.stat().st_size:,} bytes and not {size:,}"
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return None if found == sha256 else f"{path.name} was changed or damaged"


def _manifest(folder: str, files: Mapping[str, bytes]) -> bytes:
    entries = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    return json.dumps({"folder": folder, "files": entries}, separators=(",", ":")).encode()


def _write(path: Path, content: bytes, *, at_point: AtPoint) -> None:
    with path.open("wb") as stream:
        # Two writes: the point between them is where a kill leaves half a file.
        stream.write(content[: len(content) // 2])
        at_point(f"within {path.name}")
        stream.write(content[len(content) // 2 :])
        at_point(f"before {path.name} is synced")
        sync_stream(stream)
