"""The first signal ends the work in order, the second at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from bertsmith.cli import run
from bertsmith.interruption import Interrupted, Interruption

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_where_the_program_stands(number: signal.Signals) -> None:
    with pytest.raises(Interrupted) as raised, Interruption().watch():
        signal.raise_signal(number)
    assert raised.value.signal_number == number


@pytest.mark.parametrize("number", SIGNALS)
def test_a_deferred_signal_is_only_remembered_until_it_is_asked_for(number: signal.Signals) -> None:
    interruption = Interruption()
    reached = False
    with pytest.raises(Interrupted), interruption.watch(), interruption.deferred():
        signal.raise_signal(number)
        assert interruption.requested == number
        reached = True
        interruption.check()
        pytest.fail("the check let it pass")
    assert reached


def test_a_deferred_signal_that_nobody_asked_for_raises_at_the_end_of_the_deferral() -> None:
    interruption = Interruption()
    with interruption.watch():
        with pytest.raises(Interrupted), interruption.deferred(), interruption.deferred():
            signal.raise_signal(signal.SIGTERM)
        assert interruption.requested == signal.SIGTERM


def test_an_error_inside_a_deferral_is_not_hidden_by_a_signal() -> None:
    interruption = Interruption()
    with pytest.raises(KeyError), interruption.watch(), interruption.deferred():
        signal.raise_signal(signal.SIGTERM)
        raise KeyError


def test_without_a_signal_a_check_lets_the_work_go_on() -> None:
    interruption = Interruption()
    with interruption.watch(), interruption.deferred():
        interruption.check()
    assert interruption.requested is None


def test_whoever_had_the_signals_before_gets_them_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(KeyError), Interruption().watch():
        assert [signal.getsignal(number) for number in SIGNALS] != before
        raise KeyError
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption().watch() as interruption:
            signal.raise_signal(signal.SIGHUP)
        assert interruption.requested is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_nothing_is_installed() -> None:
    told = []

    def work() -> None:
        with Interruption().watch() as interruption:
            told.append(interruption.requested)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert told == [None]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_the_process_at_once(number: signal.Signals) -> None:
    code = (
        "import signal, sys; from bertsmith.interruption import Interruption\n"
        "interruption = Interruption()\n"
        "with interruption.watch(), interruption.deferred():\n"
        f"    signal.raise_signal({signal.SIGTERM:d})\n"
        f"    signal.raise_signal({number:d})\n"
        "    print('still here')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, b"", b"")


@pytest.mark.parametrize(("number", "code"), [(15, 143), (2, 130), (1, 129)])
def test_the_command_line_tells_an_interruption_in_one_line(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(*_arguments: object, **_named: object) -> None:
        raise Interrupted(number, advice="Go on with: bertsmith train --resume")

    monkeypatch.setattr("bertsmith.cli.app", end)
    assert run(["train"]) == code
    name = signal.Signals(number).name
    assert capsys.readouterr().err == (
        f"bertsmith: interrupted by {name}. Go on with: bertsmith train --resume\n"
    )
