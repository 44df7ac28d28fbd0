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
│   └── RunFolderExists
├── NotEnoughMemory            not even one row fits
└── MissingDependency          names the command that installs it
```

A message says where, what is wrong, what was expected or found, and what to do. Problems that do not stop us are
`bertsmith.findings.Finding`, not errors.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MAX_NAMES_SHOWN = 10


def list_names(names: Iterable[str]) -> str:
    """`'a', 'b', … (and 3 more)`: at most ten names, quoted, in the order given."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:MAX_NAMES_SHOWN])
    more = len(names) - MAX_NAMES_SHOWN
    return f"{shown} (and {more} more)" if more > 0 else shown


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


class BertsmithError(Exception):
    """Everything that bertsmith raises on purpose. `str(error)` is the whole message for the user."""


class ConfigError(BertsmithError):
    """One or more settings that cannot be used; all of them are listed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


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
            f"{at}: the label {label!r} does not occur in the training rows{rows}. "
            f"Known labels: {list_names(known)}.{nearest(label, known)} Correct the label or add training rows that have it."
        )


class EmptySplit(DataError):
    """A split has no usable rows, or the training rows have fewer than two labels."""


class DataHasErrors(DataError):
    """The checks found what makes a run meaningless; each sentence begins with its code."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        codes = " ".join(f"--ignore {problem.partition(':')[0]}" for problem in self.problems)
        told = "\n".join(self.problems)
        super().__init__(
            f"the data has errors, so no training was started.\n{told}\nMend the data, or go on all the same: {codes}"
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


class NotEnoughMemory(BertsmithError):
    """The smallest piece of work that there is does not fit in memory."""


class MissingDependency(BertsmithError):
    """An optional package is needed; the message names the command that installs it."""

    def __init__(self, package: str, *, purpose: str, command: str) -> None:
        self.package, self.purpose, self.command = package, purpose, command
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. Install it with: {command}"
        )
