from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.checked_rows import rows_of

from bertsmith.data.broken_text import (
    find_invisible,
    find_markup,
    find_mojibake,
    is_bare_address,
    mend_encoding,
)
from bertsmith.data.checks.rows import Check
from bertsmith.data.checks.unusable import find_bare_addresses, find_broken_encoding, find_debris


def misread(text: str) -> str:
    """The text's UTF-8 read as Windows-1252, bytes without a meaning there as Latin-1."""
    return "".join(
        bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
        for byte in text.encode("utf-8")
    )


@pytest.mark.parametrize("text", ["café", "it’s “good”", "naïve — yes…", "😀 great", "£5 or €6", "Übergröße"])
def test_text_that_was_read_as_windows_1252_is_seen_and_mended(text: str) -> None:
    assert find_mojibake(misread(text))
    assert mend_encoding(misread(text)) == text
    assert mend_encoding(misread(misread(text))) == text


@pytest.mark.parametrize("text", ["привет, мир", "καλημέρα", "שלום עולם"])
def test_other_alphabets_are_mended_where_they_go_on(text: str) -> None:
    assert mend_encoding(misread(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("café", "CAFÉ”", "“VOILÀ…”", "Ça, c’est «bon»", "NÃO", "AÇÃO", "ÄÖÜ", "TÄMÄ”", "Ångström"),
        *("привет", "καλημέρα", "日本語", "naïve", "£5", "ﷺ", "👩\u200d🚀", "می\u200cخواهم"),
    ],
)
def test_what_is_written_so_is_left_alone(text: str) -> None:
    assert find_mojibake(text) is None and find_invisible(text) is None
    assert mend_encoding(text) == text


def test_a_control_character_that_windows_means_as_a_sign_becomes_that_sign() -> None:
    assert find_invisible("don\x92t")
    assert mend_encoding("don\x92t \x93quote\x94") == "don’t “quote”"


@given(st.text(st.characters(max_codepoint=127, exclude_categories=["Cc"])))
def test_plain_ascii_is_never_changed(text: str) -> None:
    assert mend_encoding(text) == text


@given(st.text())
def test_mending_twice_is_mending_once(text: str) -> None:
    assert mend_encoding(mend_encoding(text)) == mend_encoding(text)


@pytest.mark.parametrize("sign", ["\x07", "\u200b", "\ufeff", "\u202e", "\ufffd"])
def test_invisible_and_lost_characters_are_seen(sign: str) -> None:
    assert find_invisible(f"good{sign} film")


@pytest.mark.parametrize("sign", ["\n", "\t", "\r\n", "é", "\u200d", "\xa0"])
def test_white_space_and_joiners_are_no_flaw(sign: str) -> None:
    assert find_invisible(f"good{sign} film") is None


@pytest.mark.parametrize(
    "text", ["a <b>bold</b> film", "one<br/>two", "salt &amp; pepper", "&#128514;", "b'good film'"]
)
def test_debris_of_other_formats_is_seen(text: str) -> None:
    assert find_markup(text)


@pytest.mark.parametrize(
    "text",
    [
        "x < y and y > z",
        "<3 this film",
        "AT&T",
        "<smile>",
        "<rolls eyes>",
        "R&D; more",
        "b is a letter",
        "a > b",
    ],
)
def test_signs_that_only_look_like_markup_are_text(text: str) -> None:
    assert find_markup(text) is None


@pytest.mark.parametrize(
    "text", ["https://example.org/a?b=1", " www.example.org ", "123456789", "AB-12345", "deadbeef0123"]
)
def test_a_bare_address_or_id_is_no_text(text: str) -> None:
    assert is_bare_address(text)


@pytest.mark.parametrize(
    "text", ["see https://example.org", "2008", "N/A", "ok", "good-film", "100 %", "covid19"]
)
def test_a_short_text_is_a_text(text: str) -> None:
    assert not is_bare_address(text)


@pytest.mark.parametrize(
    ("check", "code", "flawed"),
    [
        (find_broken_encoding, "D014", "cafÃ© was good"),
        (find_debris, "D015", "<p>good</p>"),
        (find_bare_addresses, "D016", "https://example.org"),
    ],
)
def test_the_one_flawed_row_is_named(check: Check, code: str, flawed: str) -> None:
    (finding,) = check(rows_of([("a fine film", "pos"), (flawed, "neg")]))
    assert (finding.code, finding.severity, finding.rows) == (code, "warning", ("train.csv:3",))
    assert check(rows_of([("a fine film", "pos"), ("a bad film", "neg")])) == []
