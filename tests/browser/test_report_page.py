"""The page of a run in a real Chromium: it works, asks for nothing, and no text of the data becomes markup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGES = ("two_labels", "many_labels", "collapsed", "hostile", "comparison")
OpenPage = Callable[..., Any]


@pytest.fixture(params=PAGES)
def any_page(request: pytest.FixtureRequest) -> Path:
    """Each kind of page."""
    path: Path = request.getfixturevalue(request.param)
    return path


def shown_rows(page: Any, table: str) -> list[str]:
    """First cells of the rows that can be seen."""
    cells = page.locator(f"#{table} tbody tr:not(.off)").evaluate_all(
        "rows => rows.map(row => row.cells[0].innerText.trim())"
    )
    return [str(cell) for cell in cells]


def test_a_page_has_no_console_message_and_asks_for_nothing(any_page: Path, open_page: OpenPage) -> None:
    assert open_page(any_page).problems == []


def test_the_policy_stops_what_would_leave_the_page(two_labels: Path, open_page: OpenPage) -> None:
    opened = open_page(two_labels)
    opened.page.evaluate("() => fetch('http://127.0.0.1:9/x').catch(() => null)")
    assert any("Content Security Policy" in problem for problem in opened.problems)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_nothing(any_page: Path, open_page: OpenPage, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened = open_page(any_page, scheme=scheme, width=width)
    found = axe.Axe().run(opened.page).response["violations"]
    assert [(item["id"], [node["html"][:200] for node in item["nodes"][:3]]) for item in found] == []


def test_a_phone_scrolls_in_one_direction_only(any_page: Path, open_page: OpenPage) -> None:
    page = open_page(any_page, width=360).page
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_no_element_or_attribute_comes_from_the_data(hostile: Path, open_page: OpenPage) -> None:
    page = open_page(hostile).page
    assert (
        page.locator("main img, main i, main b b, main a[href^=javascript], main script:not([type])").count()
        == 0
    )
    found = page.evaluate(
        "() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).map(a => a.name).filter(n => n.startsWith('on') || n === 'autofocus' || n === 'style')"
    )
    assert found == []
    assert page.title() != "owned"
    assert page.evaluate("document.scripts.length") == 1


def test_a_text_is_shown_as_it_is(hostile: Path, open_page: OpenPage) -> None:
    page = open_page(hostile).page
    page.locator("#rows-search").fill("document.title='owned'")
    assert "<script>document.title='owned'</script>" in shown_rows(page, "rows")


def test_bidirectional_overrides_are_marked(hostile: Path, open_page: OpenPage) -> None:
    text = open_page(hostile).page.locator("main").text_content()
    assert "\u202e" not in text
    assert "\ufffdgnp.exe" in text


def test_the_rows_page(two_labels: Path, open_page: OpenPage) -> None:
    page = open_page(two_labels).page
    first = shown_rows(page, "rows")
    page.locator("[data-pager-of=rows] button", has_text="Next").click()
    second = shown_rows(page, "rows")
    assert len(first) == len(second) == 20
    assert set(first).isdisjoint(second)
    assert page.locator("[data-pager-of=rows] [role=status]").inner_text() == "21 to 40 of 67 rows"


def test_a_search_leaves_the_rows_that_hold_it(two_labels: Path, open_page: OpenPage) -> None:
    page = open_page(two_labels).page
    page.locator("#rows-search").fill("NUMBER 12")
    assert set(shown_rows(page, "rows")) == {
        "text number 12",
        "text number 120",
        "text number 123",
        "text number 126",
        "text number 129",
    }


def test_a_filter_leaves_the_rows_of_one_label(two_labels: Path, open_page: OpenPage) -> None:
    page = open_page(two_labels).page
    page.locator("[data-filters-of=rows] select[data-column=label]").select_option(label="positive")
    labels = page.locator("#rows tbody tr:not(.off) td:nth-child(2)").all_inner_texts()
    assert set(labels) == {"positive"}


def test_a_column_sorts_by_keyboard_both_ways(two_labels: Path, open_page: OpenPage) -> None:
    page = open_page(two_labels).page
    button = page.locator("#rows th button", has_text="Probability")
    seen = []
    for _ in range(2):
        button.focus()
        page.keyboard.press("Enter")
        seen.append(
            [float(text) for text in page.locator("#rows tbody tr:not(.off) td.number").all_inner_texts()]
        )
    assert seen[0] == sorted(seen[0], reverse=True)
    assert seen[1] == sorted(seen[1])
    assert page.locator("#rows th[aria-sort=ascending]").count() == 1


def test_many_labels_page_and_zoom(many_labels: Path, open_page: OpenPage) -> None:
    page = open_page(many_labels).page
    assert len(shown_rows(page, "labels")) == 25
    page.locator("#zoom-label").select_option(label="label_05")
    assert page.locator("#zoom-tables tbody th").all_inner_texts()[:2] == ["label_05", "label_06"]


def test_a_failed_run_begins_with_its_answer(collapsed: Path, open_page: OpenPage) -> None:
    page = open_page(collapsed).page
    assert page.locator("h1").inner_text().startswith("It failed")
    assert page.locator(".tone-bad .outcome").inner_text() == "Collapsed"


def test_everything_is_readable_without_scripts(two_labels: Path, open_page: OpenPage) -> None:
    page = open_page(two_labels, javascript=False).page
    assert page.locator("#rows tbody tr").count() == 67
    assert page.locator("#rows tbody tr").last.is_visible()
    assert not page.locator("[data-pager-of=rows]").is_visible()


def test_headings_go_down_one_level_at_a_time(any_page: Path, open_page: OpenPage) -> None:
    page = open_page(any_page).page
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
