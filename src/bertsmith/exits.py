"""This file knows how a command ends: what is said of what stopped it, and with which exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup

from bertsmith.allocation import is_failed_allocation
from bertsmith.errors import BertsmithError, DataHasErrors
from bertsmith.interruption import Interrupted
from bertsmith.printing import printable

EXIT_ANSWER_IS_NO, EXIT_USER, EXIT_OUR_BUG, EXIT_INTERRUPTED = 1, 2, 70, 130


def ending_of(command: Callable[[], object], *, version: str) -> int:
    """Run a command to its end, say what stopped it, and give the exit code. Nothing but our own bugs shows a traceback."""
    try:
        command()
    except SystemExit as exit_:
        return exit_code(exit_)
    except Interrupted as interrupted:
        return exit_of_interruption(interrupted)
    except BertsmithError as error:
        tell_error("\n".join((str(error), *notes_of(error))))
        return EXIT_ANSWER_IS_NO if isinstance(error, DataHasErrors) else EXIT_USER
    except Exception as error:  # noqa: BLE001 - the one door where our own bugs leave
        message = machine_failure(error)
        if message is not None:
            tell_error("\n".join((message, *notes_of(error))))
            return EXIT_USER
        traceback.print_exc()
        tell_error(f"this is a bug in bertsmith {version}. Please report it with the lines above.")
        return EXIT_OUR_BUG
    return 0


class Commands(TyperGroup):
    """The commands; what typer says of wrong arguments, which quotes them, is made fit to be shown."""

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """Parse the arguments of the program itself."""
        with _fit_to_be_shown():
            return super().make_context(*arguments, **settings)

    def invoke(self, context: Any) -> Any:
        """Parse the arguments of a command, and run it."""
        with _fit_to_be_shown():
            return super().invoke(context)


@contextmanager
def _fit_to_be_shown() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error, whichever copy of click typer brings along
            error.message = printable(error.message)  # type: ignore[attr-defined]
        raise


def exit_code(exit_: SystemExit) -> int:
    """The code of an exit. typer makes exits of Ctrl-C (130, without a word) and of a broken pipe (1)."""
    if isinstance(exit_.__context__, BrokenPipeError):  # `bertsmith predict … | head`: the reader has enough
        return 0
    if exit_.code == EXIT_INTERRUPTED:
        tell_error(" ".join(("interrupted.", *notes_of(exit_))))
    return exit_.code if isinstance(exit_.code, int) else EXIT_USER


def exit_of_interruption(interrupted: Interrupted) -> int:
    """Say what ended the command, what is kept and how to go on; gives 143 for SIGTERM, 130 for SIGINT, 129 for SIGHUP."""
    tell_error(" ".join((str(interrupted), *notes_of(interrupted))))
    return 128 + interrupted.signal_number


def resume_command(arguments: Sequence[str]) -> str:
    """The command line that goes on where one with these arguments was stopped."""
    more = () if "--resume" in arguments else ("--resume",)
    return shlex.join(("bertsmith", *arguments, *more))


def machine_failure(error: Exception) -> str | None:
    """What the machine refused (a full disk, a file without permission, memory), and what to do; None for a bug."""
    if isinstance(error, OSError) and error.strerror:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        # Every writer of a file names it; standard error is where this is told.
        nameless = "standard output: " if is_full else ""
        where = f"{printable(str(error.filename))}: " if error.filename else nameless
        remedy = "Make room, or choose another place." if is_full else "Mend that, or choose another path."
        return f"{where}the system says: {error.strerror}. {remedy}"
    if is_failed_allocation(error):
        return (
            "there is not enough memory. Take smaller steps of the same gradient with --micro-batch-size, "
            "score fewer rows at once with --eval-batch-size, or cut texts shorter with --max-length."
        )
    return None


def flush_standard_output(code: int) -> int:
    """Hand on what is still held, and say so if that fails: Python would try again at its end, with a traceback. Gives the code."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and code in (0, EXIT_ANSWER_IS_NO):
            tell_error(machine_failure(error) or "")
            code = EXIT_USER
        with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def notes_of(error: BaseException) -> list[str]:
    """What was noted on the error and on those that it came from, such as where finished rows stand."""
    before = error.__cause__ or error.__context__
    return [*map(printable, getattr(error, "__notes__", ())), *(notes_of(before) if before else ())]


def tell_error(message: str) -> None:
    """Say it on standard error, whatever state the console is in; its lines are ours: see `BertsmithError`."""
    text = "\n".join(printable(line) for line in message.split("\n"))
    with contextlib.suppress(OSError):  # standard error is full too: the exit code still tells
        print(f"bertsmith: {text}", file=sys.stderr)  # noqa: T201 - works even where the console does not
