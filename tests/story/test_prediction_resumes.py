"""A prediction that was killed leaves whole rows, and is continued to the bytes of an unbroken one."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.story.commands import bertsmith
from tests.story.conftest import Finished
from tests.story.test_interruption import ROOT, environment_with_source

from bertsmith.data.table import ReadOptions
from bertsmith.errors import ConfigError, DataError, OutputInUse
from bertsmith.inference.prediction_file import PredictionOptions, write_predictions
from bertsmith.inference.predictor import Predictor

NUM_ROWS = 600
OFTEN = PredictionOptions(chunk_rows=16, batch_size=8, seconds_between_records=0.0)
"""A record behind every 16 rows."""
NUM_KILLS = 36
KILL_OFTEN = """
import json, sys
from benchmarks.reliability.predicting import measure
cases = measure(kills_per_format=int(sys.argv[1]), num_rows=250)
json.dump([vars(case) for case in cases], sys.stdout)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with all that makes the end of a row hard to find: line breaks, quotes, rows that cannot be used."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    words = ("excellent", "awful", 'so "good"', "line\nbreak", "", "=1+1", "a, b")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "number"))
        writer.writerows(
            (words[number % 7] and f"{words[number % 7]} day", number) for number in range(NUM_ROWS)
        )
    return path


@pytest.fixture(scope="module")
def predictor(finished: Finished) -> Predictor:
    return Predictor.load(finished.folder, device="cpu", threads=1)


def unbroken(predictor: Predictor, rows: Path, folder: Path, *, name: str) -> bytes:
    """The file of a run that nothing stopped."""
    write_predictions(predictor, rows, folder / name, options=replace(OFTEN, overwrite=True))
    return (folder / name).read_bytes()


def numbers_of(content: bytes, *, name: str) -> list[int]:
    """The rows in a file, by their number."""
    text = content.decode()
    if name.endswith(".jsonl"):
        return [int(json.loads(line)["number"]) for line in text.splitlines()]
    delimiter = "\t" if name.endswith(".tsv") else ","
    return [int(row["number"]) for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)]


def test_killed_at_random_instants_it_ends_in_the_bytes_of_an_unbroken_run() -> None:
    """In a process of its own, which forks the ones that it kills: a fork of this one would inherit locks of its threads."""
    environment = environment_with_source()
    environment["PYTHONPATH"] += f"{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", KILL_OFTEN, str(NUM_KILLS // 3)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    cases = json.loads(done.stdout)
    assert len(cases) == 3
    assert [case for case in cases if not case["ok"]] == []
    assert all("(0 continued" not in case["outcome"] for case in cases)


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl"])
def test_no_row_is_there_twice_and_none_is_missing(
    predictor: Predictor, rows: Path, tmp_path: Path, name: str
) -> None:
    broken_off(predictor, rows, tmp_path / name)
    write_predictions(predictor, rows, tmp_path / name, options=replace(OFTEN, resume=True))
    assert numbers_of((tmp_path / name).read_bytes(), name=name) == list(range(NUM_ROWS))


def broken_off(predictor: Predictor, rows: Path, output: Path, *, after_rows: int = 100) -> None:
    """A prediction that an error stopped behind so many rows."""

    def stop(num_rows: int) -> None:
        nonlocal after_rows
        after_rows -= num_rows
        if after_rows < 0:
            raise KeyError

    with pytest.raises(KeyError):
        write_predictions(predictor, rows, output, options=OFTEN, on_rows=stop)


def test_nothing_stays_beside_a_finished_file(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv.partial", "out.csv.partial.json"}
    write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("out.csv", OFTEN),
        ("out.csv", replace(OFTEN, resume=True)),
        ("out.csv", replace(OFTEN, overwrite=True)),
        ("out.parquet", replace(OFTEN, overwrite=True)),
    ],
)
def test_a_second_process_is_refused_and_harms_nothing(
    predictor: Predictor, rows: Path, tmp_path: Path, name: str, other: PredictionOptions
) -> None:
    refused = 0

    def try_as_well(num_rows: int) -> None:
        nonlocal refused
        with pytest.raises(OutputInUse, match=rf"another process \(number {os.getpid()}\) is writing it"):
            write_predictions(predictor, rows, tmp_path / name, options=other)
        refused += 1

    write_predictions(predictor, rows, tmp_path / name, options=OFTEN, on_rows=try_as_well)
    assert refused > 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    whole = unbroken(predictor, rows, tmp_path, name=f"whole{Path(name).suffix}")
    assert (tmp_path / name).read_bytes() == whole


def test_the_lock_of_a_killed_process_stops_nobody(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv.partial.lock").write_bytes(b" {}")
    write_predictions(predictor, rows, tmp_path / "out.csv", options=OFTEN)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_the_counts_are_those_of_all_rows(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    whole = write_predictions(predictor, rows, tmp_path / "whole.csv", options=OFTEN)
    broken_off(predictor, rows, tmp_path / "out.csv")
    rest = write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert (rest.rows, rest.predicted, rest.failed) == (NUM_ROWS, whole.predicted, whole.failed)
    assert rest.failed > 0
    assert rest.notes[0] == "96 rows were there already."


def test_rows_that_are_there_are_not_predicted_again(
    predictor: Predictor, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv", after_rows=NUM_ROWS - 20)
    asked: list[str] = []
    score = Predictor.score
    monkeypatch.setattr(
        Predictor,
        "score",
        lambda self, texts, *rest, **named: asked.extend(texts) or score(self, texts, *rest, **named),
    )
    write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert 0 < len(asked) <= 32


def test_a_torn_last_row_is_cut_off(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    expected = unbroken(predictor, rows, tmp_path, name="whole.csv")
    broken_off(predictor, rows, tmp_path / "out.csv")
    with (tmp_path / "out.csv.partial").open("ab") as file:
        file.write(b'"a row that a kill tore')
    write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert (tmp_path / "out.csv").read_bytes() == expected


def test_killed_between_the_last_name_and_the_end_it_is_whole(
    predictor: Predictor, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertsmith.inference.unfinished.Journal.remove", lambda self: None)
    expected = unbroken(predictor, rows, tmp_path, name="out.csv")
    monkeypatch.undo()
    assert (tmp_path / "out.csv.partial.json").exists()
    write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert (tmp_path / "out.csv").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def refused(predictor: Predictor, rows: Path, output: Path, options: PredictionOptions) -> str:
    """What is said where the file cannot be continued; what was done must stay."""
    before = output.with_name(f"{output.name}.partial").read_bytes()
    with pytest.raises((ConfigError, DataError)) as told:
        write_predictions(predictor, rows, output, options=options)
    assert output.with_name(f"{output.name}.partial").read_bytes() == before
    assert not output.exists()
    return str(told.value)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"batch_size": 4}, "--batch-size (8, now 4)"),
        ({"raw_csv": True}, "--raw-csv (false, now true)"),
        ({"output_format": "jsonl"}, '--format ("csv", now "jsonl")'),
        ({"read": ReadOptions(limit=200)}, "--limit (null, now 200)"),
    ],
)
def test_other_options_are_refused_by_name(
    predictor: Predictor, rows: Path, tmp_path: Path, changed: dict[str, Any], named: str
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    told = refused(predictor, rows, tmp_path / "out.csv", replace(OFTEN, resume=True, **changed))
    assert f"changed: {named}. Give the same again" in told


def test_another_model_is_refused_by_the_name_of_its_file(
    finished: Finished, predictor: Predictor, rows: Path, tmp_path: Path
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    other = tmp_path / "other"
    shutil.copytree(finished.folder, other)
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-3] ^= 1
    (other / "model.safetensors").write_bytes(weights)
    loaded = Predictor.load(other, device="cpu", threads=1)
    told = refused(loaded, rows, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "changed: model file model.safetensors." in told


def with_row(rows: Path, number: int, line: bytes) -> Path:
    """The same file with one row that is another."""
    lines = rows.read_bytes().split(b"\r\n")
    lines[number] = line
    changed = rows.with_name("changed.csv")
    changed.write_bytes(b"\r\n".join(lines))
    return changed


@pytest.mark.parametrize("number", [1, 50, 96])
def test_an_input_whose_first_rows_changed_is_refused(
    predictor: Predictor, rows: Path, tmp_path: Path, number: int
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    changed = with_row(rows, number, b"another day,%d" % (number - 1))
    told = refused(predictor, changed, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "the input has changed in its first 96 rows" in told


@pytest.mark.parametrize("num_rows", [0, 40, 95])
def test_an_input_that_became_shorter_is_refused(
    predictor: Predictor, rows: Path, tmp_path: Path, num_rows: int
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    shorter = tmp_path / "shorter.csv"
    shorter.write_bytes(b"\r\n".join(rows.read_bytes().split(b"\r\n")[: num_rows + 1]) + b"\r\n")
    told = refused(predictor, shorter, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "the input has changed in its first 96 rows" in told


def test_rows_that_came_behind_are_predicted_too(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    longer = tmp_path / "longer.csv"
    longer.write_bytes(rows.read_bytes() + b"an excellent day,%d\r\n" % NUM_ROWS)
    write_predictions(predictor, longer, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert numbers_of((tmp_path / "out.csv").read_bytes(), name="out.csv") == list(range(NUM_ROWS + 1))


@pytest.mark.parametrize("damage", [b"", b"text,number\r\n"])
def test_a_partial_file_that_lost_bytes_is_refused(
    predictor: Predictor, rows: Path, tmp_path: Path, damage: bytes
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    (tmp_path / "out.csv.partial").write_bytes(damage)
    told = refused(predictor, rows, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "is damaged or was changed since" in told


def test_a_flipped_bit_in_the_rows_that_are_there_is_seen(
    predictor: Predictor, rows: Path, tmp_path: Path
) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    content = bytearray((tmp_path / "out.csv.partial").read_bytes())
    content[700] ^= 1
    (tmp_path / "out.csv.partial").write_bytes(content)
    told = refused(predictor, rows, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "is damaged or was changed since" in told


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"done": {"rows": 5}}'])
def test_a_damaged_record_is_refused(predictor: Predictor, rows: Path, tmp_path: Path, damage: str) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    (tmp_path / "out.csv.partial.json").write_text(damage)
    told = refused(predictor, rows, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "cannot be read, so nothing can be continued" in told


def test_rows_without_a_record_are_not_continued(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    (tmp_path / "out.csv.partial.json").unlink()
    told = refused(predictor, rows, tmp_path / "out.csv", replace(OFTEN, resume=True))
    assert "which says how to go on, is not there" in told


def test_unfinished_rows_are_not_replaced_unasked(predictor: Predictor, rows: Path, tmp_path: Path) -> None:
    broken_off(predictor, rows, tmp_path / "out.csv")
    told = refused(predictor, rows, tmp_path / "out.csv", OFTEN)
    assert "Go on with --resume, or start anew with --overwrite" in told
    write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_resuming_what_was_never_begun_starts_at_the_first_row(
    predictor: Predictor, rows: Path, tmp_path: Path
) -> None:
    summary = write_predictions(predictor, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    assert summary.notes[0] == "There was nothing to go on with: started from the first row."
    assert summary.rows == NUM_ROWS


def test_other_threads_are_told_and_not_refused(finished: Finished, rows: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    broken_off(Predictor.load(finished.folder, device="cpu", threads=1), rows, tmp_path / "out.csv")
    try:
        two = Predictor.load(finished.folder, device="cpu", threads=2)
        summary = write_predictions(two, rows, tmp_path / "out.csv", options=replace(OFTEN, resume=True))
    finally:
        torch.set_num_threads(before)
    assert "Not the same as for the first rows: --threads (1, now 2)." in summary.notes[1]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "standard output cannot be continued"),
        (("--output", "/dev/null"), "/dev/null is no file"),
        (("--output", "out.parquet"), "a Parquet file cannot be continued"),
        (("--output", "out", "--format", "parquet"), "a Parquet file cannot be continued"),
    ],
)
def test_what_cannot_be_continued_is_told(
    finished: Finished,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = bertsmith("predict", finished.folder, rows, *flags, "--resume")
    assert outcome.code == 2
    assert outcome.err.startswith("bertsmith: --resume: ") and told in outcome.err


@pytest.fixture(scope="module")
def many(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Rows for two seconds in a file that shells must quote, and what an unbroken run makes of them."""
    folder = tmp_path_factory.mktemp("many")
    path = folder / "many rows.csv"
    path.write_text("text,number\n" + "".join(f"an excellent day,{number}\n" for number in range(5_000)))
    outcome = bertsmith("predict", finished.folder, path, "--output", folder / "whole.csv", "--threads", 1)
    assert outcome.code == 0
    return path, (folder / "whole.csv").read_bytes()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_keeps_what_is_done_and_the_line_that_it_prints_goes_on(
    finished: Finished, many: tuple[Path, bytes], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A real process, stopped by a real signal; then the command of its last line."""
    given, expected = many
    output, partial = tmp_path / "out.csv", tmp_path / "out.csv.partial"
    command = ["predict", str(finished.folder), str(given), "--output", str(output), "--threads", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "bertsmith", *command],
        stderr=subprocess.PIPE,
        text=True,
        env=environment_with_source(),
    ) as child:
        while child.poll() is None and not (partial.exists() and partial.stat().st_size > 1000):
            pass
        child.send_signal(number)
        assert child.stderr is not None
        err = child.stderr.read()
    assert child.returncode == code, err
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith(f"bertsmith: interrupted by {number.name}. The ")
    go_on = shlex.split(last.partition("Go on behind them with: ")[2])
    assert go_on == ["bertsmith", *command, "--resume"]
    assert bertsmith(*go_on[1:]).code == 0
    assert output.read_bytes() == expected
