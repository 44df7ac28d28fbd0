from __future__ import annotations

import pytest

from bertsmith.data.columns import Columns, choose_columns
from bertsmith.data.table import ReadOptions, Row, Table
from bertsmith.errors import MissingColumn

LONG, OTHER, LABEL, INDEX, BLANK = "a long text of {} words", "another longish text {}", "l{mod}", "{}", ""
LONGER = LONG + " and many more words than others"
DATE, NAME = "Mon Apr 06 22:19:{} PDT 2009", "user{}"

AS_RECOGNISED = ReadOptions()


def chosen(
    columns: dict[str, str], options: ReadOptions = AS_RECOGNISED, *, labelled: bool = True
) -> Columns:
    rows = [Row(tuple(cell.format(n, mod=n % 2) for cell in columns.values()), n + 2) for n in range(20)]
    return choose_columns(Table("data.csv", tuple(columns), iter(())), rows, options, labelled=labelled)


@pytest.mark.parametrize(
    ("columns", "text", "pair", "label"),
    [
        ({"text": LONG, "label": LABEL}, 0, None, 1),
        ({"LABEL ": LABEL, "Te_xt": LONG}, 1, None, 0),
        ({"OriginalTweet": LONG, "TweetAt": DATE, "Sentiment": LABEL}, 0, None, 2),
        ({"tweet_id": INDEX, "tweet": LONG, "class": LABEL}, 1, None, 2),
        ({"rating": LABEL, "date": DATE, "verified_reviews": LONG, "feedback": LABEL}, 2, None, 0),
        ({"label": LABEL, "x": INDEX, "y1": DATE, "z": NAME, "final": LONGER}, 4, None, 0),
        ({"": INDEX, "headline": LONG, "text": LONG, "label": LABEL}, 2, None, 3),
        ({"v1": LABEL, "v2": LONG, "": BLANK}, 1, None, 0),
        ({"id": INDEX, "premise": LONG, "hypothesis": OTHER, "gold_label": LABEL}, 1, 2, 3),
        ({"sentence2": OTHER, "sentence1": LONG, "label": LABEL}, 1, 0, 2),
        ({"question": LONG, "answer": OTHER, "label": LABEL}, 0, 1, 2),
        ({"text": LONG, "label": LABEL, "sentiment": LABEL}, 0, None, 1),
        ({"text": LONG, "outcome": LABEL, "n": INDEX}, 0, None, 1),
    ],
)  # fmt: skip
def test_columns_are_chosen_by_name_and_content(
    columns: dict[str, str], text: int, pair: int | None, label: int
) -> None:
    found = chosen(columns)
    assert (found.text, found.pair, found.label) == (text, pair, label)


def test_a_named_column_wins_over_the_better_name() -> None:
    found = chosen({"text": LONG, "title": OTHER, "label": LABEL}, ReadOptions(text_column="title"))
    assert (found.text, found.pair, found.label) == (1, None, 2)


def test_what_was_chosen_is_told() -> None:
    assert chosen({"v1": LABEL, "v2": LONG}).note == "The text is column 'v2', the label is column 'v1'."


def test_nothing_is_told_of_what_the_user_named() -> None:
    assert chosen({"a": LONG, "b": LABEL}, ReadOptions(text_column="a", label_column="b")).note is None


def test_without_labels_a_single_column_is_the_text_whatever_its_name() -> None:
    found = chosen({"x": INDEX}, labelled=False)
    assert (found.text, found.label) == (0, None)


def test_two_label_names_of_one_rank_are_two_readings() -> None:
    with pytest.raises(MissingColumn, match="'emotion' or 'topic'.*--label-column emotion"):
        chosen({"text": LONG, "emotion": LABEL, "topic": LABEL})


def test_an_index_is_never_the_label() -> None:
    with pytest.raises(MissingColumn, match="no column can be recognised as the label"):
        chosen({"text": LONG, "n": INDEX})
