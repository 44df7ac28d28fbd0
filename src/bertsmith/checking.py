"""This file knows how to read, repair, split and check labelled rows, with no model: `check` and `train` both come here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from bertsmith.config import Config, DataConfig, read_toml
from bertsmith.console import Console
from bertsmith.data.checks.all_checks import run_checks
from bertsmith.data.checks.repeats import leaked_rows
from bertsmith.data.checks.rows import Part, RowsToCheck
from bertsmith.data.clean_file import changes_path, refuse_clean_file, write_clean
from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Dataset
from bertsmith.data.near_duplicates import near_groups, near_pairs
from bertsmith.data.reading import LabelledRows
from bertsmith.data.repairs import Change, Repaired, Repairs, repair
from bertsmith.data.splitting import Splits, split_dataset
from bertsmith.data.table import ReadOptions
from bertsmith.errors import ConfigError, DataHasErrors, EmptySplit, UnknownLabel, nearest
from bertsmith.explanations import codes
from bertsmith.findings import Finding
from bertsmith.run_folder import RunFolder
from bertsmith.sources import read_sources
from bertsmith.tokens.lengths import check_tokens, survey_tokens


@dataclass(frozen=True)
class Checked:
    """Data that was looked at."""

    sources: Mapping[str, LabelledRows]
    """What was read from each file, after the repairs; empty where there is no usable row."""
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    """What the repairs did to rows."""
    config: DataConfig = DataConfig()

    @property
    def errors(self) -> list[Finding]:
        """What `train` would stop for."""
        return errors_among(self.findings, ignored=self.config.ignore)

    def with_tokens(self, tokenizer: Tokenizer, *, max_length: int) -> Checked:
        """The same with what this tokenizer makes of the training rows."""
        survey = survey_tokens(self.train, tokenizer, max_length=max_length)
        return replace(self, findings=(*self.findings, *check_tokens(survey)))

    def to_json(self) -> dict[str, Any]:
        """Everything but texts, as plain JSON values."""
        return {
            "files": {
                name: {"name": rows.name, "read": rows.num_rows, "used": len(rows.examples)}
                for name, rows in self.sources.items()
            },
            "splits": {
                part.name: {"rows": len(part), "given": part.is_given, "labels": part.dataset.label_counts}
                for part in self.parts
            },
            "errors": sorted({finding.code for finding in self.errors}),
            "findings": [finding.to_json() for finding in self.findings],
            "changes": [asdict(change) for change in self.changes],
        }

    @property
    def train(self) -> Dataset:
        """The training rows."""
        return self.parts[0].dataset if self.parts else Dataset(())


def read_repaired(data: object, config: DataConfig) -> Repaired:
    """The rows of all files, with the repairs that were asked for.

    Raises:
        BertsmithError: whatever the user can mend in the files or settings.
    """
    _refuse_unknown_codes(config.ignore or ())
    given = {"train": data, "validation": config.validation, "test": config.test}
    sources = read_sources(
        {name: source for name, source in given.items() if source is not None},
        ReadOptions.from_config(config),
    )
    return repair(sources, Repairs.from_config(config))


def split_sources(sources: Mapping[str, LabelledRows], config: DataConfig) -> Splits:
    """The given splits, and those that are cut from the training file.

    Raises:
        DataError: a split would be empty, or a given one has labels that train lacks.
    """
    datasets = {name: rows.dataset for name, rows in sources.items()}
    try:
        return _split(datasets, config)
    except EmptySplit as error:
        told = str(error)
        raise EmptySplit(f"{sources['train'].name}: {told[0].lower()}{told[1:]}") from error


def _split(datasets: Mapping[str, Dataset], config: DataConfig) -> Splits:
    return split_dataset(
        datasets["train"],
        validation_share=config.validation_share,
        test_share=config.test_share,
        split_seed=config.split_seed,
        validation=datasets.get("validation"),
        test=datasets.get("test"),
        group_keys=group_keys(datasets["train"], config) if len(datasets) < 3 else None,
    )


def group_keys(dataset: Dataset, config: DataConfig) -> list[str] | None:
    """Per row, a folded text that all rows of nearly the same text share; None where equal texts are enough."""
    if config.group_duplicates == "exact":
        return None
    keys = [fold_example(example) for example in dataset.examples]
    texts = list(dict.fromkeys(keys))
    groups = near_groups(near_pairs(texts, threshold=config.near_threshold), len(texts))
    shared = {text: texts[group] for text, group in zip(texts, groups, strict=True)}
    return [shared[key] for key in keys]


def parts_of(splits: Splits, sources: Mapping[str, LabelledRows]) -> tuple[Part, ...]:
    """The splits as the checks see them."""
    named = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return tuple(Part(name, dataset, name in sources) for name, dataset in named.items())


def find_in_parts(
    parts: Sequence[Part], sources: Mapping[str, LabelledRows], *, config: DataConfig, console: Console
) -> tuple[tuple[Finding, ...], tuple[int, ...]]:
    """What every check of the data finds, and the test rows that stand (nearly) in train, as indices."""
    total = sum(map(len, parts))
    with console.progress("Checking", total_rows=total) as progress:
        rows = RowsToCheck(tuple(parts), sources, config.near_threshold, progress.advance)
        return run_checks(rows), leaked_rows(rows, "test")


def check_settings(data: str, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The file to check and its settings; of a run's folder those of the run, with its tokenizer."""
    folder = RunFolder(Path(data))
    if not folder.path.is_dir() or not folder.settings.is_file():
        return data, dict(settings)
    values = read_toml(folder.settings)
    if not values.get("train_file"):
        raise ConfigError(
            [f"{folder.settings}: this run's rows came from Python. Give the file of rows instead."]
        )
    known = {*DataConfig.model_fields, "max_length", "truncate"}
    of_run = {name: value for name, value in values.items() if name in known}
    model = {"model": str(folder.path)} if folder.weights.is_file() else {"model": values["model"]}
    return str(values["train_file"]), of_run | model | dict(settings)


def write_repaired(checked: Checked, path: Path) -> str:
    """Write the repaired training file; gives the sentence that says where."""
    changes = write_clean(
        path, checked.sources["train"], changes=checked.changes, keeps_empty=not checked.config.drop_empty
    )
    return f"{path}  the repaired table; {changes_path(path)}  what was done to {len(changes):,} rows"


def check_data(data: object, *, config: Config, console: Console, write_to: Path | None = None) -> Checked:
    """Look for trouble in the rows of all files, split as `train` would split them.

    Where they cannot be split, the files themselves are looked at: what stands in the way is then a finding.

    Raises:
        BertsmithError: a file that cannot be read, settings that cannot be used, or no room at `write_to`.
    """
    if write_to is not None:
        refuse_clean_file(write_to)
    try:
        repaired = read_repaired(data, config.data)
    except EmptySplit as error:
        return Checked({}, (), (_no_rows(error),), (), config.data)
    sources = repaired.sources
    try:
        parts = parts_of(split_sources(sources, config.data), sources)
    except (EmptySplit, UnknownLabel):
        parts = tuple(Part(name, rows.dataset, is_given=True) for name, rows in sources.items())
    found, _ = find_in_parts(parts, sources, config=config.data, console=console)
    read = [finding for rows in sources.values() for finding in rows.findings]
    return Checked(sources, parts, (*read, *repaired.findings, *found), repaired.changes, config.data)


def errors_among(findings: Iterable[Finding], *, ignored: Sequence[str] | None) -> list[Finding]:
    """The findings that make the run meaningless, but those that are to be ignored."""
    codes_ignored = {code.upper() for code in ignored or ()}
    return [
        finding for finding in findings if finding.severity == "error" and finding.code not in codes_ignored
    ]


def stop_on_errors(findings: Iterable[Finding], *, ignored: Sequence[str] | None) -> None:
    """Go no further with data that makes the run meaningless.

    Raises:
        DataHasErrors: a finding of severity error that is not ignored.
    """
    errors = errors_among(findings, ignored=ignored)
    if errors:
        raise DataHasErrors([f"{finding.code}: {finding.sentence}" for finding in errors])


def _refuse_unknown_codes(ignored: Sequence[str]) -> None:
    """A code that is no code ignores nothing, and the user should know.

    Raises:
        ConfigError: there is no such code.
    """
    unknown = [code for code in ignored if code.upper() not in codes()]
    if unknown:
        raise ConfigError(
            [
                f"--ignore {code}: there is no such finding.{nearest(code.upper(), codes())} bertsmith explain lists them."
                for code in unknown
            ]
        )


def _no_rows(error: EmptySplit) -> Finding:
    """D026: nothing to train on."""
    return Finding(
        code="D026",
        severity="error",
        sentence=str(error),
        effect="There is nothing to learn from.",
        remedy="Name the columns with --text-column and --label-column, or correct the file.",
    )
