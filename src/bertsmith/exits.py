"""This file knows how a command ends: what is said of what stopped it, and with which exit code."""

from __future__ import annotations

import errno
import sys

from bertsmith.allocation import is_failed_allocation
from bertsmith.console import printable

EXIT_ANSWER_IS_NO, EXIT_USER, EXIT_OUR_BUG, EXIT_INTERRUPTED = 1, 2, 70, 130


def exit_code(exit_: SystemExit) -> int:
    """The code of an exit. typer makes exits of Ctrl-C (130, without a word) and of a broken pipe (1)."""
    if isinstance(exit_.__context__, BrokenPipeError):  # `bertsmith predict … | head`: the reader has enough
        return 0
    if exit_.code == EXIT_INTERRUPTED:
        tell_error(" ".join(("interrupted.", *notes_of(exit_))))
    return exit_.code if isinstance(exit_.code, int) else EXIT_USER


def machine_failure(error: Exception) -> str | None:
    """What the machine refused (a full disk, a file without permission, memory), and what to do; None for a bug."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        remedy = (
            "Make room, or choose another folder."
            if error.errno == errno.ENOSPC
            else "Mend that, or choose another path."
        )
        return f"{where}the system says: {error.strerror}. {remedy}"
    if is_failed_allocation(error):
        return (
            "there is not enough memory. Take smaller steps of the same gradient with --micro-batch-size, "
            "score fewer rows at once with --eval-batch-size, or cut texts shorter with --max-length."
        )
    return None


def notes_of(error: BaseException) -> list[str]:
    """What was noted on the error and on those that it came from, such as where finished rows stand."""
    before = error.__cause__ or error.__context__
    return [*getattr(error, "__notes__", ()), *(notes_of(before) if before else ())]


def tell_error(message: str) -> None:
    """Say it on standard error, whatever state the console is in."""
    text = "\n".join(printable(line) for line in message.split("\n"))
    print(f"bertsmith: {text}", file=sys.stderr)  # noqa: T201 - works even where the console does not
