from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertsmith.errors import ConfigError, NotARunFolder
from bertsmith.run_folder import RunFolder, folder_of, write_json


@pytest.mark.parametrize(
    ("data_name", "folder"),
    [
        ("reviews.csv", "runs/reviews"),
        ("..csv", "runs/data"),
        ("...csv", "runs/data"),
        ("a\nb.csv", "runs/a_b"),
        ("a\u202eb.csv", "runs/a_b"),
        (".csv", "runs/.csv"),
    ],
)
def test_a_run_folder_lies_below_runs_whatever_its_file_is_called(data_name: str, folder: str) -> None:
    assert folder_of(None, data_name=data_name).path == Path(folder)


def test_a_name_that_no_toml_file_can_hold_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(ConfigError, match="train_file.*not UTF-8. Rename it"):
        folder.create('[data]\ntrain_file = "a\udcff.csv"\n')
    assert not folder.path.exists()


@pytest.mark.parametrize("name", [".lock", ".run.toml.part", ".model.safetensors.part"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_a_kill_before_the_first_whole_file_leaves_is_in_nobodys_way(
    name: str, overwrite: bool, tmp_path: Path
) -> None:
    (tmp_path / name).touch()
    folder = RunFolder(tmp_path)
    folder.must_be_free(overwrite=overwrite)
    folder.create("")
    assert folder.is_ours()


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.part").touch()
    with pytest.raises(NotARunFolder):
        RunFolder(tmp_path).must_be_free(overwrite=True)


def test_half_of_a_surrogate_pair_is_written_as_its_escape(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"column": "a\ud800é"})
    assert (tmp_path / "x.json").read_bytes() == b'{\n  "column": "a\\ud800\xc3\xa9"\n}\n'
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == {"column": "a\ud800é"}
