"""Every attack string as text, second text, label, column, file, model and folder name, through every command.

python -m benchmarks.reliability.attack_strings [EVERY]   (EVERY: take every so many-th string where each costs a command)

`measure()` gives (case, outcome, whether it is right). Many strings go through one command together; what gives its own
name to a file, a column or a folder goes alone.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tests.story.commands import Outcome, bertsmith
from tests.tiny_models import WORDS, write_tiny_model

from benchmarks.reliability import outputs
from benchmarks.reliability.cases import Case, show
from benchmarks.reliability.strings import ATTACKS, FORGED, as_file_name, in_a_cell
from bertsmith.cli import run as run_command

CANARY = "quixotic"
"""Stands in every text, and in no label, column or file name."""
PLACE = "confidential"
"""Stands in the path of the folder that everything lies in."""
TRAIN = (
    "--device",
    "cpu",
    "--threads",
    1,
    "--max-steps",
    1,
    "--epochs",
    1,
    "--no-fail",
    "--keep-failed-model",
    "--on-failure",
    "stop",
)
CELLS = tuple(attack.text for attack in ATTACKS if in_a_cell(attack))
LABELS = tuple(dict.fromkeys(text.strip() for text in CELLS if text.strip()))
SHARP = (f"a\n{FORGED}", "\ud800name", ".", "..", "=1+1", "x\n---\nb: c", "%2e%2e%2f")
"""Names that are tried wherever some are."""
MAY_HOLD_TEXTS = ("predictions.csv",)
MAY_HOLD_PATHS = ("run.toml",)
Problems = list[str]


@dataclass(frozen=True)
class Workshop:
    """A folder with hostile tables in it, a tiny model, and the runs that were trained on them."""

    folder: Path
    every: int = 1
    """Every so many-th string where each costs a command."""

    @property
    def model(self) -> Path:
        """The tiny model."""
        return self.folder / "tiny"

    def run(self, name: str) -> Path:
        """A run on hostile rows."""
        return self.folder / "runs" / name

    @property
    def some(self) -> tuple[str, ...]:
        """The strings that go alone."""
        return tuple(attack.text for attack in ATTACKS[:: self.every])


def _filler(number: int) -> str:
    return f"{CANARY}{number} {WORDS[number % len(WORDS)]} {WORDS[number * 7 % len(WORDS)]}"


def write_table(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Path:
    """CSV as a spreadsheet writes it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows((header, *rows))
    return path


def hostile_texts(folder: Path) -> Path:
    """Every string as a text and, in another row, as a second text."""
    rows = [
        (f"{text} {_filler(n)}", f"{CELLS[-n]} {_filler(n)}", "ab"[n % 2]) for n, text in enumerate(CELLS)
    ]
    return write_table(folder / "texts.csv", ("text", "text_pair", "label"), rows)


def hostile_labels(folder: Path) -> Path:
    """Every string as a label, of four rows each."""
    rows = [(_filler(n * 4 + k), label) for n, label in enumerate(LABELS) for k in range(4)]
    return write_table(folder / "labels.csv", ("text", "label"), rows)


def hostile_columns(folder: Path) -> Path:
    """Every string as the name of a further column, and in its cells."""
    rows = [(_filler(n), "ab"[n % 2], *CELLS[n + 1 :], *CELLS[: n + 1]) for n in range(40)]
    return write_table(folder / "columns.csv", ("text", "label", *CELLS), rows)


def plain(path: Path, text: str = "text", label: str = "label") -> Path:
    """Forty harmless rows under these names."""
    return write_table(path, (text, label), [(_filler(n), "ab"[n % 2]) for n in range(40)])


def prepare(folder: Path, every: int = 1) -> Workshop:
    """Write the tables and the model."""
    workshop = Workshop(folder, every)
    write_tiny_model(workshop.model)
    for write in (hostile_texts, hostile_labels, hostile_columns):
        write(folder)
    plain(folder / "plain.csv")
    (folder / "runs").mkdir()
    return workshop


def shown(outcome: Outcome, codes: tuple[int, ...] = (0, 1)) -> Problems:
    """What is wrong with what a command said and how it ended."""
    problems = outputs.in_console(outcome.err) + outputs.in_console(outcome.out)
    return problems + ([] if outcome.code in codes else [f"exit {outcome.code}: {outcome.err[-300:]}"])


def _is_ours(problems: Problems, run: Path) -> Problems:
    """And with the files of a run folder."""
    if not (run / "README.md").is_file():
        return [*problems, "no card"]
    words = (CANARY, "alert(1)") if run.name == "texts" else (CANARY,)
    problems += outputs.holds(run, words, but=MAY_HOLD_TEXTS)
    problems += outputs.holds(run, (PLACE,), but=MAY_HOLD_PATHS)
    problems += [f"card: {problem}" for problem in outputs.in_card((run / "README.md").read_text("utf-8"))]
    for name in ("predictions.csv", "splits.csv"):
        if (run / name).exists():
            problems += [f"{name}: {problem}" for problem in outputs.in_csv(run / name)]
    return problems


def checking(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """`check` on every table, for people, as JSON, and with a repaired table beside it."""
    for name in ("texts", "labels", "columns"):
        table = workshop.folder / f"{name}.csv"
        yield f"check, {name}", shown(bertsmith("check", table))
        told = bertsmith("check", table, "--json", "-q")
        problems = shown(told) + ([] if json.loads(told.out) else ["no JSON"])
        yield f"check --json, {name}", problems + [f"{CANARY} in the JSON"] * (CANARY in told.out)
        clean = workshop.folder / f"{name}.clean.csv"
        problems = shown(
            bertsmith("check", table, "--write-clean", clean, "--merge-labels", "--fix-encoding")
        )
        yield f"check --write-clean, {name}", problems + outputs.in_csv(clean.with_suffix(".changes.csv"))


def training(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """`train` on every table: console, card, CSV files, log, results and settings."""
    more = {"labels": ("--ignore", "D019", "--ignore", "D020"), "texts": (), "columns": ()}
    for name, flags in more.items():
        run = workshop.run(name)
        table = workshop.folder / f"{name}.csv"
        outcome = bertsmith("train", table, "--model", workshop.model, *TRAIN, *flags, "--output", run)
        yield f"train, {name}", _is_ours(shown(outcome), run)


def predicting(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """`predict` with hostile labels on hostile columns and texts, in every format; and `evaluate`."""
    tables = {"labels": "columns", "texts": "texts"}
    for name, table in tables.items():
        source, run = workshop.folder / f"{table}.csv", workshop.run(name)
        for form in ("csv", "tsv", "jsonl", "parquet"):
            output = workshop.folder / f"{name}.predicted.{form}"
            problems = shown(bertsmith("predict", run, source, "-o", output))
            if form in ("csv", "tsv") and output.exists():
                problems += outputs.in_csv(output, delimiter="," if form == "csv" else "\t")
            yield f"predict to {form}, {name}", problems
        yield f"predict --raw-csv, {name}", _raw(workshop, name, source)
    for name, table in (("labels", "labels"), ("texts", "texts"), ("columns", "columns")):
        source = workshop.folder / f"{table}.csv"
        yield f"evaluate, {name}", shown(bertsmith("evaluate", workshop.run(name), source))
        yield f"evaluate --json, {name}", shown(bertsmith("evaluate", workshop.run(name), source, "--json"))


def _raw(workshop: Workshop, name: str, source: Path) -> Problems:
    """With --raw-csv every cell is the input's, to the character."""
    output = workshop.folder / f"{name}.raw.csv"
    problems = shown(bertsmith("predict", workshop.run(name), source, "-o", output, "--raw-csv"))
    with (
        source.open(encoding="utf-8", newline="") as given,
        output.open(encoding="utf-8", newline="") as written,
    ):
        pairs = zip(csv.reader(given), csv.reader(written), strict=True)
        return problems + [f"{row[:2]} was changed" for row, out in pairs if out[: len(row)] != row]


class _Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _on_terminal(*command: object) -> str:
    """What a command tells a terminal."""
    screen = _Terminal()
    with mock.patch.multiple(sys, stdout=io.TextIOWrapper(io.BytesIO(), "utf-8"), stderr=screen):
        run_command([str(argument) for argument in command])
    return screen.getvalue()


def on_a_terminal(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """The same where a terminal with colours is asked for: our own codes, and no others."""
    with mock.patch.dict(os.environ, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}):
        os.environ.pop("NO_COLOR", None)
        for name in ("texts", "labels", "columns"):
            table = workshop.folder / f"{name}.csv"
            commands = {"check": (table,), "evaluate": (workshop.run(name), table)}
            commands["predict"] = (workshop.run(name), table, "-o", workshop.folder / f"{name}.coloured.csv")
            for command, arguments in commands.items():
                told = _on_terminal(command, *arguments)
                problems = outputs.in_console(told, is_terminal=True)
                problems += [] if "\x1b[" in told else ["no colours, though a terminal was asked for"]
                yield f"{command} on a terminal, {name}", problems


def names_of_columns(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """Each string as the name of the text column, by flag; and as that of a column that is not there."""
    for text in workshop.some:
        if not in_a_cell(next(attack for attack in ATTACKS if attack.text == text)):
            continue
        table = plain(workshop.folder / "named.csv", text=text)
        outcome = bertsmith("check", table, f"--text-column={text}", "--label-column", "label")
        yield f"check, text column {text[:40]!r}", shown(outcome, (0, 1, 2))
        outcome = bertsmith("check", workshop.folder / "plain.csv", f"--label-column={text}")
        yield (
            f"check, no such column {text[:40]!r}",
            shown(outcome, (2,) if text not in ("text", "label") else (0, 1)),
        )


def names_of_files(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """Each string as the name of the file that is checked and predicted, and of one that is not there."""
    folder = workshop.folder / "files"
    folder.mkdir()
    for text in workshop.some:
        table = folder / as_file_name(text)
        plain(table)
        yield f"check, file {text[:40]!r}", shown(bertsmith("check", table))
        output = folder / as_file_name(text, ".out.csv")
        predicted = bertsmith("predict", workshop.run("texts"), table, "-o", output, "--text-column", "text")
        yield f"predict, file {text[:40]!r}", shown(predicted, (2,))  # that run reads pairs
        table.unlink()
        yield f"check, no file {text[:40]!r}", shown(bertsmith("check", table), (2,))
        table.write_bytes(b"\x1f\x8b" + table.name.encode("utf-8", "surrogateescape"))
        yield f"check, damaged file {text[:40]!r}", shown(bertsmith("check", table), (2,))
        table.unlink()


def names_of_runs(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """Each string as the file trained on, the model, and the folder; nothing lands elsewhere."""
    for number, text in enumerate((*workshop.some[::8], *SHARP)):
        root = workshop.folder / f"names-{number}"
        inside = root / "inside"
        inside.mkdir(parents=True)
        table = plain(inside / as_file_name(text))
        before = outputs.tree(root)
        with chdir(inside):
            outcome = bertsmith("train", f"./{table.name}", "--model", workshop.model, *TRAIN)
        problems = shown(outcome, (0, 1) if "\ud800" not in text else (2,))
        made = [path for path in outputs.tree(root) if path not in before]
        problems += [
            f"wrote {path}" for path in made if not path.startswith(("'inside/runs", '"inside/runs'))
        ]
        problems += [f"changed {path}" for path in before if outputs.tree(root).get(path) != before[path]]
        folders = list((inside / "runs").glob("*/")) if (inside / "runs").is_dir() else []
        for run in folders:
            problems = _is_ours(problems, run)
        yield (
            f"train, file {text[:40]!r}",
            problems + ([] if folders or outcome.code == 2 else ["no run folder below runs/"]),
        )


def arguments(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """Each string as an argument where a name, a path, a code or a flag is expected."""
    places: dict[str, Callable[[str], tuple[object, ...]]] = {
        "explain": lambda text: ("explain", text),
        "check": lambda text: ("check", text),
        "diagnose": lambda text: ("diagnose", text),
        "predict": lambda text: ("predict", text, workshop.folder / "plain.csv"),
        "model": lambda text: ("train", workshop.folder / "plain.csv", f"--model={text}", "--offline"),
        "flag": lambda text: ("check", workshop.folder / "plain.csv", f"--{text}"),
        "command": lambda text: (text,),
        "value": lambda text: ("train", workshop.folder / "plain.csv", f"--epochs={text}"),
        "delimiter": lambda text: ("check", workshop.folder / "plain.csv", f"--delimiter={text}"),
        "encoding": lambda text: ("check", workshop.folder / "plain.csv", f"--encoding={text}"),
        "settings": lambda text: ("train", f"--config={text}"),
        "too many": lambda text: ("explain", "D001", text),
    }
    with chdir(workshop.folder / "runs"):
        for place, command in places.items():
            for text in workshop.some:
                yield f"{place} {text[:40]!r}", shown(bertsmith(*command(text)), (0, 1, 2))


def folders(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """Each string as the run folder and as the file of predictions: written there and nowhere else, or refused."""
    for number, text in enumerate((*workshop.some[::8], *SHARP)):
        root = workshop.folder / f"folders-{number}"
        inside = root / "inside"
        inside.mkdir(parents=True)
        name = as_file_name(text, "")
        before = outputs.tree(root)
        with chdir(inside):
            train = ("train", workshop.folder / "plain.csv", "--model", workshop.model, *TRAIN)
            problems = shown(bertsmith(*train, f"--output=./{name}"), (0, 1, 2))
        made = {path for path in outputs.tree(root) if path not in before}
        ours = ascii(str(Path("inside") / name))[:-1]
        problems += [f"wrote {path}" for path in made if not path.startswith(ours)]
        yield f"output {text[:40]!r}", problems


def diagnosing(workshop: Workshop) -> Iterator[tuple[str, Problems]]:
    """Runs of strangers: our own folders, cards and tables with hostile cells, a hostile results.json."""
    for name in ("texts", "labels", "columns"):
        yield f"diagnose, {name}", shown(bertsmith("diagnose", workshop.run(name)))
    header = "| Training Loss | Epoch | Step | Validation Loss | Accuracy | F1 |\n|---|---|---|---|---|---|\n"
    row = "| 0.5 | {0} | 10 | 0.6 | 0.7 | 0.7 |\n"
    for text in workshop.some:
        card = f"---\nlicense: mit\n---\n# {text}\n\n{header}{row.format(1)}{row.format(2)}| {text} | 3 | {text} | 0.5 | 0.8 | 0.8 |\n"
        yield (
            f"diagnose, a table with {text[:40]!r}",
            shown(bertsmith("diagnose", "-", stdin=_encodable(card)), (0, 1, 2)),
        )
        verdict = {"outcome": "learned", "sentence": text, "reasons": [text]}
        values = {
            "epochs": [{"epoch": 1, "validation_loss": 0.5, text: 1}],
            "verdict": verdict,
            "labels": [text, "b"],
        }
        path = workshop.folder / "results.json"
        path.write_text(json.dumps(values))
        yield f"diagnose, results of {text[:40]!r}", shown(bertsmith("diagnose", path), (0, 1, 2))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


PARTS = (
    checking,
    training,
    predicting,
    on_a_terminal,
    diagnosing,
    names_of_columns,
    names_of_files,
    names_of_runs,
)
PARTS = (*PARTS, arguments, folders)


def measure(every: int = 1) -> Iterator[Case]:
    """Every string, or one of so many, at every place that shows it."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / PLACE
        folder.mkdir()
        workshop = prepare(folder, every)
        for part in PARTS:
            for case, problems in part(workshop):
                yield Case(case, "; ".join(problems[:3]) or "neutral", ok=not problems)


def main() -> None:
    """All strings, or one of so many as the first argument says."""
    show("attack_strings", measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1))


if __name__ == "__main__":
    main()
