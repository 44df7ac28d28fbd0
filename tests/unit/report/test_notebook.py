from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from tests.golden.runs import failed_run, learned_run

from bertsmith.diagnosis.verdict import Verdict
from bertsmith.notebook import notebook_html


class Tags(HTMLParser):
    """Every tag that a browser would open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


HOSTILE = "</td><script>alert('x')</script><img src=x onerror=alert(1)>"


def test_a_run_shows_its_verdict_and_scores() -> None:
    html = learned_run()._repr_html_()
    assert "It learned" in html and "0.905" in html and "Bag of words" in html
    assert "<table" not in failed_run()._repr_html_()


def test_no_text_becomes_markup() -> None:
    run = replace(learned_run(), verdict=Verdict("learned", HOSTILE, (HOSTILE,)))
    assert Tags(run._repr_html_()).tags <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
    table = ((HOSTILE,), [(HOSTILE,)])
    assert Tags(notebook_html(HOSTILE, details=(HOSTILE,), table=table)).tags <= {
        *("div", "table", "thead", "tbody", "tr", "th", "td")
    }


def test_no_style_leaves_its_own_elements() -> None:
    html = learned_run()._repr_html_()
    assert "<style" not in html and "class=" not in html and " id=" not in html
