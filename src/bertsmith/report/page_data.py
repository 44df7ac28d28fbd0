"""The data that the run read, how to repeat it, and how to use what came out."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bertsmith.config import Config, flag
from bertsmith.console import byte_size
from bertsmith.report.charts import lengths_chart
from bertsmith.report.finished_run import FinishedRun
from bertsmith.report.local_paths import last_part
from bertsmith.report.markdown import name_of, neutral
from bertsmith.report.page_text import (
    percent,
    seconds_text,
    without_paths,
)

ROWS_OF_FINDING = 100
"""Rows named with a finding; findings.json has up to 1,000."""
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class CountRow:
    """How often a label stands in each split."""

    label: str
    counts: tuple[int, ...]
    width: float
    """Of its bar, in [0, 100]: its training rows against the commonest label's."""


@dataclass(frozen=True)
class FindingRow:
    """What the check found."""

    code: str
    severity: str
    sentence: str
    effect: str
    remedy: str
    rows: tuple[str, ...]
    more: int
    """Rows that are not named."""


def data(run: FinishedRun) -> dict[str, Any]:
    """Files, sizes, labels, lengths, findings."""
    results = run.results
    read = results["data"]
    columns = {
        "text": read["columns"]["text"],
        "second text": read["columns"]["pair"],
        "label": read["columns"]["label"],
    }
    return {
        "files": {split: _file(read["files"][split]) for split in SPLITS},
        "rows_read": read["rows"]["read"],
        "rows_used": read["rows"]["used"],
        "columns": {name: name_of(column) for name, column in columns.items() if column},
        "splits": [
            (
                split,
                f"{part['rows']:,}",
                "not read" if part["longest_tokens"] is None else f"{part['longest_tokens']:,}",
                "not read" if part["cut_share"] is None else percent(part["cut_share"]),
            )
            for split, part in read["splits"].items()
        ],
        "split_names": list(read["splits"]),
        "count_rows": _count_rows(read["splits"], run.labels),
        "lengths_chart": _lengths(results),
        "max_length": results["model"]["max_length"],
        "notes": [without_paths(note, run.settings) for note in read["notes"]],
        "finding_rows": [_finding(finding, run.settings) for finding in run.findings],
        "all_rows_predicted": results["folds"] is not None,
    }


def repeating(run: FinishedRun) -> dict[str, Any]:
    """Recipe, versions, hashes, command, time, speed and memory."""
    results = run.results
    model, speed, environment = results["model"], results["speed"], results["environment"]
    memory = (results.get("memory") or {}).get("peak_bytes")
    model_name = model["name"] if model["source"] == "hub" else last_part(model["name"])
    return {
        "command": command(run.settings),
        "recipe": {
            name.replace("_", " "): "none" if value is None else str(value)
            for name, value in results["recipe"].items()
        }
        | {"max length": str(model["max_length"]), "truncate": run.settings.model.truncate},
        "versions": environment["versions"],
        "machine": {
            "Device": environment["device"],
            "Python": environment["python"],
            "System": f"{environment['system']}, {environment['machine']}",
        },
        "model": {
            "Model": name_of(model_name)
            + {"embedded": ", from a Python package", "folder": ", from a local folder"}.get(
                model["source"], ""
            ),
            "Revision": model["revision"],
            "Architecture": model["architecture"],
            "Parameters": f"{model['num_parameters']:,}",
        },
        "hashes": {
            "training rows": results["data"].get("train_fingerprint"),
            "test rows": results["data"]["test_fingerprint"],
            "model.safetensors": run.weights_hash,
        },
        "cost": {
            "Whole run": seconds_text(speed["seconds"]),
            "Training steps": seconds_text(speed["training_seconds"]),
            "Training speed": f"{speed['rows_per_second']:,.1f} rows/s, {speed['tokens_per_second']:,.0f} tokens/s",
            "Scoring speed": f"{speed['evaluation_rows_per_second']:,.1f} rows/s",
            "Peak memory": None if memory is None else byte_size(memory),
        },
        "test_reads": {0: "never", 1: "once"}.get(results["test_reads"], f"{results['test_reads']} times"),
    }


def using(run: FinishedRun) -> dict[str, Any]:
    """Three lines of Python and a command."""
    where = f"runs/{neutral(run.name)}"
    text = "(text, second_text)" if run.results["data"]["columns"]["pair"] else '"a text"'
    quoted = '"' + where.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return {
        "has_model": run.weights_hash is not None,
        "python": f"import bertsmith\n\nmodel = bertsmith.load({quoted})\nprint(model.predict([{text}]))",
        "shell": f"bertsmith predict {shlex.quote(where)} new.csv --output labelled.csv",
    }


def command(settings: Config) -> str:
    """The command with every setting that is not the default; files and folders by name alone."""
    words = ["bertsmith", "train", _word(last_part(settings.data.train_file or "DATA"))]
    defaults = Config()
    for section, name in _settings_in_order():
        value = getattr(getattr(settings, section), name)
        if value == getattr(getattr(defaults, section), name) or value is None:
            continue
        if value is True:
            words.append(flag(name))
            continue
        for one in value if isinstance(value, list) else [value]:
            shown = last_part(one) if name in ("validation", "test", "model") and _is_local(one) else str(one)
            words += [flag(name), _word(shown)]
    return " ".join(words)


def _settings_in_order() -> list[tuple[str, str]]:
    """(table, name) of the settings that decide what a run does."""
    left_out = {"train_file", "output", "overwrite", "no_fail"}
    return [
        (section, name)
        for section, model in Config.model_fields.items()
        for name in model.annotation.model_fields  # type: ignore[union-attr]
        if name not in left_out
    ]


def _is_local(path: str) -> bool:
    """Whether it begins like a place on a disk; `google/bert` does not."""
    return path.startswith(("/", "~", ".", "\\")) or path[1:2] == ":"


def _word(text: str) -> str:
    return shlex.quote(neutral(text))


def _file(path: str | None) -> str | None:
    if path is None:
        return None
    return "rows given in Python" if path == "<memory>" else name_of(last_part(path))


def _count_rows(splits: dict[str, Any], labels: tuple[str, ...]) -> list[CountRow]:
    """Every label with its rows; the bar compares the training rows."""
    most = max((splits["train"]["label_counts"].get(label, 0) for label in labels), default=1) or 1
    return [
        CountRow(
            name_of(label),
            tuple(part["label_counts"].get(label, 0) for part in splits.values()),
            round(100 * splits["train"]["label_counts"].get(label, 0) / most, 1),
        )
        for label in labels
    ]


def _lengths(results: dict[str, Any]) -> Markup | None:
    train = results["data"]["splits"]["train"]
    lengths = train.get("lengths")
    if lengths is None:
        return None
    return lengths_chart(
        lengths["edges"], lengths["rows"], limit=results["model"]["max_length"], cut_share=train["cut_share"]
    )


def _finding(finding: dict[str, Any], settings: Config) -> FindingRow:
    rows = tuple(neutral(row) for row in finding["rows"][:ROWS_OF_FINDING])
    sentence, effect, remedy = (
        without_paths(finding[key], settings) for key in ("sentence", "effect", "remedy")
    )
    return FindingRow(
        finding["code"],
        finding["severity"],
        sentence,
        effect,
        remedy,
        rows,
        max(0, finding["num_rows"] - len(rows)),
    )
