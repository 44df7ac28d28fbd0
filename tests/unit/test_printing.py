from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reliability.strings import ATTACKS, FORGED
from bertsmith.console import Console
from bertsmith.errors import ConfigError, DataHasErrors, NotARunFolder, UnreadableFile, list_names, nearest
from bertsmith.exits import tell_error
from bertsmith.printing import as_argument, cut_name, printable, quoted

TEXTS = [attack.text for attack in ATTACKS]
ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_no_attack_string_acts_or_makes_a_line(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(letter) for letter in shown if letter not in "\u200c\u200d"} & {*ACTING}


@given(st.text())
def test_no_text_acts_or_makes_a_line(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(letter) for letter in shown if letter not in "\u200c\u200d"} & {*ACTING}
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["plain", "naïve café", "映画", "می\u200cخواهم", "👩\u200d🚀", "❤\ufe0f", "a\\b", ""]
)
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200db", "a\\u200db"),
        ("\u200cb", "\\u200cb"),
        ("a\u3164", "a\\u3164"),
        ("a\U000e0041", "a\\U000e0041"),
        ("a\ufe01", "a\\ufe01"),
        ("\x1b[31m", "\\x1b[31m"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_name_is_quoted_and_cut() -> None:
    assert quoted("a\nb") == "'a\\nb'"
    assert quoted("x" * 2_000_000) == "'" + "x" * 79 + "…'"
    assert cut_name("x" * 80) == "x" * 80


def test_a_name_is_an_argument_as_it_is_typed() -> None:
    assert as_argument("review_text") == "review_text"
    assert as_argument("a\nb c") == "'a\\nb c'"


def test_a_list_of_long_names_is_short() -> None:
    assert len(list_names(["x" * 1_000_000] * 50)) < 1000


def test_the_nearest_of_a_hundred_thousand_names_is_found_among_the_first() -> None:
    names = [f"column {number}" for number in range(100_000)]
    assert nearest("colum 7", names) == " Did you mean 'column 7'?"
    assert nearest("x" * 1_000_000, names) == ""


@pytest.mark.parametrize(
    "error",
    [
        UnreadableFile(f"a\n{FORGED}", "it is broken.", remedy="Mend it."),
        NotARunFolder(f"a\r\n{FORGED}: not a run"),
        ConfigError([f"--output a\x0b\n{FORGED}: no", "another"]),
        DataHasErrors([f"D001: a\n{FORGED}"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_name_in_an_error_begins_no_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    tell_error(str(error))
    told = capsys.readouterr().err
    assert FORGED in told
    assert not any(line.startswith(FORGED) for line in told.splitlines())


def test_a_name_that_is_told_begins_no_line_and_becomes_no_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Console().say(f"a\n{FORGED} :bomb: [red]b[/red]")
    assert capsys.readouterr().err == f"a\\x0a{FORGED} :bomb: [red]b[/red]\n"
