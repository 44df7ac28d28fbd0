"""What can stop bertsmith on purpose, as one tree.

```
BertsmithError                 everything raised on purpose; the command line shows it without a traceback, exit 2
├── ConfigError                every problem of a configuration at once
├── DataError
│   ├── UnreadableFile         the file itself cannot be read
│   ├── MissingColumn          no column, or no single column, can be the text or the label
│   ├── UnknownLabel           a given split holds a label that train does not have
│   ├── EmptySplit             a split has no usable rows, or too few labels
│   └── DataHasErrors          what was found makes the run meaningless (exit 1; --ignore goes on)
├── ModelError
│   ├── ModelNotFound          no such folder, package or Hub name
│   ├── HubUnreachable         the Hub did not answer
│   └── IncompatibleModel      it is there, but it is not something that we can or may load
├── RunFolderError
│   ├── NotARunFolder
│   ├── RunFolderExists
│   ├── RunChanged             data, labels or recipe are not those that the run began with
│   ├── NothingToResume        no run, a finished run, or no checkpoint that is whole
│   ├── NoRoom                 the disk has less free than the run must write
│   └── ReadBackFailed         what came back from the disk is not the model that was saved
├── OutputInUse                another process is writing the run folder or the predictions
├── NotEnoughMemory            not even one row fits
└── MissingDependency          names the command that installs it
```

A message says where, what is wrong, what was expected or found, and what to do. Problems that do not stop us are
`bertsmith.findings.Finding`, not errors.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from bertsmith.printing import MAX_NAME_CHARACTERS, printable, quoted

MAX_NAMES_SHOWN = 10
MAX_NAMES_COMPARED = 2000
"""Comparing takes 0.1 ms a name, and tables have had 100,000 columns."""


def list_names(names: Iterable[str]) -> str:
    """`'a', 'b', … (and 3 more)`: at most ten names, quoted, in the order given."""
    names = list(names)
    shown = ", ".join(quoted(name) for name in names[:MAX_NAMES_SHOWN])
    more = len(names) - MAX_NAMES_SHOWN
    return f"{shown} (and {more} more)" if more > 0 else shown


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or nothing."""
    if len(name) > MAX_NAME_CHARACTERS:
        return ""
    comparable = (other for other in known if len(other) <= 2 * MAX_NAME_CHARACTERS)
    close = difflib.get_close_matches(name, list(itertools.islice(comparable, MAX_NAMES_COMPARED)), n=1)
    return f" Did you mean {quoted(close[0])}?" if close else ""


class BertsmithError(Exception):
    """Everything that bertsmith raises on purpose. `str(error)` is the whole message for the user, fit to be shown."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(map(printable, lines)))


class ConfigError(BertsmithError):
    """One or more settings that cannot be used; all of them are listed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(printable, problems))
        super().__init__(*problems)


class DataError(BertsmithError):
    """The data cannot be used as it is."""


class UnreadableFile(DataError):
    """The file cannot be read at all, or reading on would read it wrongly."""

    def __init__(self, file: str, problem: str, *, remedy: str, line: int | None = None) -> None:
        self.file, self.problem, self.remedy, self.line = file, problem, remedy, line
        where = file if line is None else f"{file}, line {line}"
        super().__init__(f"{where}: {problem} {remedy}")


class MissingColumn(DataError):
    """The text, pair or label column is not there, or more than one column could be it."""

    def __init__(self, file: str, problem: str, *, columns: Sequence[str], remedy: str) -> None:
        self.file, self.problem, self.columns, self.remedy = file, problem, tuple(columns), remedy
        super().__init__(f"{file}: {problem} Columns: {list_names(columns)}. {remedy}")


class UnknownLabel(DataError):
    """A validation or test file holds a label that the training rows never show."""

    def __init__(self, label: str, *, known: Sequence[str], at: str, num_rows: int = 1) -> None:
        self.label, self.known, self.at, self.num_rows = label, tuple(known), at, num_rows
        rows = "" if num_rows == 1 else f" ({num_rows} such rows)"
        super().__init__(
            f"{at}: the label {quoted(label)} does not occur in the training rows{rows}. "
            f"Known labels: {list_names(known)}.{nearest(label, known)} Correct the label or add training rows that have it."
        )


class EmptySplit(DataError):
    """A split has no usable rows, or the training rows have fewer than two labels."""


class DataHasErrors(DataError):
    """The checks found what makes a run meaningless; each sentence begins with its code."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(printable, problems))
        codes = " ".join(f"--ignore {problem.partition(':')[0]}" for problem in self.problems)
        told = "\n".join(self.problems)
        Exception.__init__(
            self,
            f"the data has errors, so no training was started.\n{told}\nMend the data, or go on all the same: {codes}",
        )


class ModelError(BertsmithError):
    """The model cannot be loaded or used."""


class ModelNotFound(ModelError):
    """There is no such folder, embedded model or Hub repository."""


class HubUnreachable(ModelError):
    """The Hugging Face Hub refused, failed or did not answer in time."""

    def __init__(self, model: str, *, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(
            f"Model {model!r}: the Hugging Face Hub cannot be reached ({reason}). "
            "Give a local model folder (--model path/to/folder), or use the one that needs no network (--model minilm)."
        )


class IncompatibleModel(ModelError):
    """The model is there, but it is not something that we can or may load."""

    def __init__(self, model: str, problem: str, *, remedy: str) -> None:
        self.model, self.problem, self.remedy = model, problem, remedy
        super().__init__(f"Model {model!r}: {problem} {remedy}")


class RunFolderError(BertsmithError):
    """The output folder cannot be used."""


class NotARunFolder(RunFolderError):
    """The folder is not one that bertsmith wrote."""


class RunFolderExists(RunFolderError):
    """The output folder is already there."""


class RunChanged(RunFolderError):
    """What is to be resumed began with other data, labels or settings; every change is named."""

    def __init__(self, changes: Sequence[str], *, can_be_accepted: bool) -> None:
        self.changes = tuple(changes)
        remedy = (
            "or go on all the same with --accept-changes" if can_be_accepted else "or choose another --output"
        )
        super().__init__(
            "--resume: this is not what the run began with.",
            *changes,
            f"Put it back as it was, start again with --overwrite, {remedy}.",
        )


class NothingToResume(RunFolderError):
    """There is no unfinished run, or none of its checkpoints is whole."""

    def __init__(self, skipped: Sequence[str], *, why: str = "no checkpoint is whole") -> None:
        self.skipped = tuple(skipped)
        super().__init__(
            f"--resume: {why}.",
            *(f"{line}." for line in skipped),
            "Start the run again with --overwrite, or choose another --output.",
        )


class NoRoom(RunFolderError):
    """The disk of the output folder has less free than the run must write."""

    def __init__(self, folder: Path, *, num_bytes: int, free: int) -> None:
        self.folder, self.num_bytes, self.free = folder, num_bytes, free
        super().__init__(
            f"{folder}: the disk has {free / 1e6:,.1f} MB free, and the run writes {num_bytes / 1e6:,.1f} MB at least. "
            "Make room, or choose another --output."
        )


class ReadBackFailed(RunFolderError):
    """The saved model was read back from the disk, and it is not the one that was trained."""

    def __init__(self, folder: Path, problem: str) -> None:
        self.folder, self.problem = folder, problem
        super().__init__(
            f"{folder}: the model was saved and read back from the disk, and {problem}. Do not use the model in this folder; "
            f"what was trained is still in {folder / 'checkpoints'}. Check the disk, and write it anew."
        )


class OutputInUse(BertsmithError):
    """Another process is writing the output."""


class NotEnoughMemory(BertsmithError):
    """The smallest piece of work that there is does not fit in memory."""


class MissingDependency(BertsmithError):
    """An optional package is needed; the message names the command that installs it."""

    def __init__(self, package: str, *, purpose: str, command: str) -> None:
        self.package, self.purpose, self.command = package, purpose, command
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. Install it with: {command}"
        )
