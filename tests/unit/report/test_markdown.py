from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmarks.reliability.strings import ATTACKS
from bertsmith.report.markdown import Markdown, escape, name_of, neutral, table

READER = MarkdownIt("commonmark", {"html": True}).enable("table")


def shown(markdown: str) -> str:
    """What a reader shows of a paragraph, as text."""
    (inline,) = [token for token in READER.parse(markdown) if token.type == "inline"]
    assert inline.children is not None
    assert {token.type for token in inline.children} <= {"text", "text_special"}
    return "".join(token.content for token in inline.children)


@given(st.text(min_size=1).filter(lambda text: neutral(text).strip()))
def test_an_escaped_text_is_shown_as_it_is(text: str) -> None:
    assert shown(escape(text)) == neutral(text).strip()


@pytest.mark.parametrize(
    "text", ["bert-base-cased", "learning_rate", "0.9", "-1", "2.10.0", "It's (95 %) fine."]
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_markdown_is_not_escaped_again() -> None:
    assert escape(Markdown("**bold**")) == "**bold**"


def test_hidden_and_line_breaking_characters_become_marks() -> None:
    assert neutral("a\nb\x00c\u202ed\ud800") == "a⏎b\ufffdc\ufffdd\ufffd"
    assert neutral("می\u200cخواهم") == "می\u200cخواهم"


def test_a_long_name_is_cut() -> None:
    assert name_of("x" * 81) == "x" * 79 + "…"
    assert name_of("x" * 80) == "x" * 80


def test_a_table_is_padded_as_the_trainer_does() -> None:
    assert table(["A", "Longer"], [["value|", "1"]]) == (
        "| A       | Longer |\n|:-------:|:------:|\n| value\\| | 1      |"
    )


@given(st.lists(st.text(min_size=1), min_size=2, max_size=4))
def test_no_text_adds_or_removes_a_cell(cells: list[str]) -> None:
    html = READER.render(table(["a"] * len(cells), [cells, cells]))
    assert html.count("<td") == 2 * len(cells)
    assert html.count("<tr>") == 3


@pytest.mark.parametrize("text", [attack.text for attack in ATTACKS], ids=ascii)
def test_no_attack_string_becomes_markdown_or_a_link(text: str) -> None:
    escaped = escape(text)
    assert not re.search(r"https?://|ftp://|\bwww\.|[\w.+-]@[\w-]", escaped, re.IGNORECASE)
    if escaped:
        assert shown(escaped) == neutral(text).strip()


def test_a_joiner_between_letters_that_need_none_becomes_a_mark() -> None:
    assert neutral("a\u200db\u3164") == "a\ufffdb\ufffd"
