"""This file knows what SIGTERM, SIGINT and SIGHUP do: the first ends the work in order, the second at once.

Two ways to end in order. Outside of `deferred()` the first signal raises `Interrupted` where the program stands. Inside of it the
signal is only remembered, and the work asks with `check()` at the places where it can stop with nothing lost.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNAL_NAMES = ("SIGTERM", "SIGINT", "SIGHUP")
"""SIGHUP is not on Windows."""


class Interrupted(BaseException):
    """A signal asked us to end. `cli.run` makes it one line and the exit code 128 + number, as shells expect.

    Attributes:
        signal_number: such as 15 for SIGTERM.
        advice: a line with the command that goes on; whoever knows it sets it on the way up.
    """

    def __init__(self, signal_number: int, *, advice: str = "") -> None:
        self.signal_number, self.advice = signal_number, advice
        super().__init__(signal_number)

    def __str__(self) -> str:
        """`interrupted by SIGTERM. Go on with: …`."""
        return " ".join(
            filter(None, (f"interrupted by {signal.Signals(self.signal_number).name}.", self.advice))
        )


class Interruption:
    """What was asked of us by signals since `watch()` began."""

    def __init__(self) -> None:
        self.requested: int | None = None
        """The first signal's number."""
        self._deferrals = 0

    @contextmanager
    def watch(self) -> Iterator[Interruption]:
        """Signals are ours inside; whoever had them before gets them back. In another thread than the main one nothing changes.

        A signal that the program was started to ignore (`nohup` does it with SIGHUP) stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        numbers = [getattr(signal, name) for name in SIGNAL_NAMES if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        for number in numbers:
            # None: set by something that is not Python, which could not be restored.
            if before[number] not in (signal.SIG_IGN, None):
                signal.signal(number, self._take)
        try:
            yield self
        finally:
            for number in numbers:
                if before[number] not in (signal.SIG_IGN, None):
                    signal.signal(number, before[number])

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, the first signal is only remembered: ask with `check()`. At the end it raises, unless an error does already.

        Raises:
            Interrupted: a signal came inside that nobody asked for.
        """
        self._deferrals += 1
        try:
            yield
        finally:
            self._deferrals -= 1
        if not self._deferrals:
            self.check()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within `deferred()`: inside, a signal raises where the program stands, also one that came before.

        Raises:
            Interrupted: a signal came.
        """
        deferrals, self._deferrals = self._deferrals, 0
        try:
            self.check()
            yield
        finally:
            self._deferrals = deferrals

    def check(self) -> None:
        """Stop here if a signal came.

        Raises:
            Interrupted: it did.
        """
        if self.requested is not None:
            raise Interrupted(self.requested)

    def _take(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if self.requested is not None:
            os._exit(128 + number)
        self.requested = number
        if not self._deferrals:
            raise Interrupted(number)
