"""The confusion matrix of many labels in readable parts."""

from __future__ import annotations

from bertsmith.report.matrix import (
    MOST_IN_GROUP,
    confused_groups,
    confused_rows,
    overview_of,
    table_of,
    zoom_values,
)

LABELS = ("a", "b", "c", "d")
CONFUSION = ((5, 0, 4, 1), (0, 9, 0, 1), (2, 0, 8, 0), (0, 0, 0, 10))


def test_labels_that_are_confused_most_stand_in_one_group() -> None:
    assert confused_groups(CONFUSION)[0] == [0, 1, 2, 3]
    assert confused_groups(((5, 0, 4), (0, 9, 0), (2, 0, 8)))[0] == [0, 2]


def test_every_label_is_in_one_group_and_none_is_too_large() -> None:
    ring = [[3 if said in (true, (true + 1) % 40) else 0 for said in range(40)] for true in range(40)]
    groups = confused_groups(ring)
    assert sorted(label for group in groups for label in group) == list(range(40))
    assert max(map(len, groups)) <= MOST_IN_GROUP


def test_a_part_of_the_matrix_counts_what_went_elsewhere() -> None:
    part = table_of(CONFUSION, LABELS, chosen=(0, 2))
    assert [[cell.rows for cell in row] for row in part.cells] == [[5, 4], [2, 8]]
    assert (part.elsewhere, part.row_totals) == ((1, 0), (10, 10))


def test_the_rows_confused_in_a_group_are_those_off_its_diagonal() -> None:
    assert confused_rows(CONFUSION, (0, 2)) == 6


def test_the_picture_has_every_cell_with_rows() -> None:
    overview = overview_of(CONFUSION, [[0, 2], [1], [3]])
    assert len(overview.cells) == 8
    assert overview.left_out == 0
    assert (1, 0, 4, False) in overview.cells


def test_the_zoom_begins_with_the_fullest_cell() -> None:
    assert zoom_values(CONFUSION, LABELS)["cells"][0] == [3, 3, 10]  # type: ignore[index]
