"""A file is on the disk whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bertsmith.durable_files import (
    bytes_free,
    must_take_files,
    open_whole,
    part_of,
    remove_part,
    take_over,
    write_whole,
)


def test_a_written_file_holds_its_text_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "card.md", "käse\n")
    assert (tmp_path / "card.md").read_bytes() == "käse\n".encode()
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_an_error_while_writing_leaves_the_earlier_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "card.md", "before")
    with pytest.raises(KeyError), open_whole(tmp_path / "card.md") as stream:
        stream.write(b"half of it")
        raise KeyError
    assert (tmp_path / "card.md").read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_an_error_of_the_system_names_the_file_and_not_its_part(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as told:
        write_whole(tmp_path / "nowhere" / "card.md", "text")
    assert told.value.filename == str(tmp_path / "nowhere" / "card.md")


def test_a_full_disk_names_the_file_and_leaves_the_earlier_one(tmp_path: Path) -> None:
    write_whole(tmp_path / "card.md", "before")
    code = (
        "import resource, signal, sys; from pathlib import Path; from bertsmith.durable_files import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_whole(Path(sys.argv[1]), 'x' * 5000)\n"
        "except OSError as error: print(error.filename)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "card.md")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_a_kill_while_writing_leaves_the_earlier_file_and_a_part(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    write_whole(path, "before")
    child = os.fork()
    if child == 0:
        with open_whole(path) as stream:
            stream.write(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.read_text() == "before"
    assert part_of(path).exists()
    remove_part(path)
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_a_folder_written_beside_is_taken_over_file_by_file(tmp_path: Path) -> None:
    part = part_of(tmp_path / "model")
    part.mkdir()
    (part / "config.json").write_text("{}")
    (part / "model.safetensors").write_text("weights")
    (tmp_path / "config.json").write_text("earlier")
    take_over(part, tmp_path, last=["config.json"])
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "config.json": "{}",
        "model.safetensors": "weights",
    }


def test_what_a_kill_left_of_a_folder_is_removed(tmp_path: Path) -> None:
    part = part_of(tmp_path / "model")
    part.mkdir()
    (part / "config.json").write_text("{}")
    remove_part(tmp_path / "model")
    assert not part.exists()


def test_what_a_kill_left_of_a_file_is_no_obstacle(tmp_path: Path) -> None:
    part_of(tmp_path / "card.md").write_text("half of it")
    must_take_files(tmp_path / "card.md")
    part_of(tmp_path / "card.md").write_text("half of it")
    write_whole(tmp_path / "card.md", "whole")
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_a_link_that_lies_where_the_part_goes_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("not ours")
    part_of(tmp_path / "card.md").symlink_to(tmp_path / "other")
    write_whole(tmp_path / "card.md", "ours")
    assert (tmp_path / "other").read_text() == "not ours"
    assert (tmp_path / "card.md").read_text() == "ours"


@pytest.mark.parametrize("name", ["nowhere/card.md", "x" * 300])
def test_a_place_that_takes_no_file_is_found_out_and_left_as_it_was(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError) as told:
        must_take_files(tmp_path / name)
    assert told.value.filename == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_free_bytes_of_a_folder_that_is_not_there_are_those_of_the_one_above(tmp_path: Path) -> None:
    assert bytes_free(tmp_path / "a" / "b") == pytest.approx(bytes_free(tmp_path), rel=0.1)
