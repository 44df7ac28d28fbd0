"""The whole page that `bertsmith check` shows: of a file with many flaws, and of the example reviews."""

from __future__ import annotations

from pathlib import Path

from tests.golden.committed import committed
from tests.story.commands import bertsmith
from tests.story.rows import keyword_rows, write_csv

ROOT = Path(__file__).parents[2]


def flawed_rows() -> list[tuple[str, str, str]]:
    """(text, label, source) rows with a flaw of nearly every kind, the same on every machine."""
    rows = [
        (f"{text} on day {number}", label, "web" if label == "positive" else "mail")
        for number, (text, label) in enumerate(keyword_rows(400))
    ]
    rows += [(f"{text.upper()}", label, source) for text, label, source in rows[:3]]
    rows += [
        (rows[9][0], "positive", "web"),
        (f"{rows[20][0]} indeed, on reflection and after all of it", "negative", "mail"),
    ]
    rows += [("the soup was cold and so was the waiter that night", "negative", "mail")]
    rows += [("the soup was cold and so was the waiter that day", "negative", "mail")]
    rows += [("the cafÃ© was simple", "postive", "web"), ("a\u200b plain evening", "Positive", "web")]
    rows += [
        ("<p>a play</p>", "positive", "web"),
        ("https://example.org/42", "negative", "mail"),
        ("", "negative", "mail"),
    ]
    return rows


def test_the_page_of_a_file_with_many_flaws_is_the_committed_text(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", flawed_rows(), ("text", "label", "source"))
    test = write_csv(
        tmp_path / "test.csv",
        [(text, label) for text, label, _ in flawed_rows()[:100:10]] + keyword_rows(60, seed=5),
    )
    outcome = bertsmith("check", train, "--test", test)
    assert outcome.code == 1
    assert outcome.err == committed("check_flawed.txt", outcome.err)


def test_the_page_of_the_example_reviews_is_the_committed_text() -> None:
    outcome = bertsmith("check", ROOT / "examples" / "reviews.csv")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == committed("check_reviews.txt", outcome.err)
