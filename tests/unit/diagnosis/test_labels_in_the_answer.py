"""A label that every row is given, one that is served least, and one that no row has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.diagnosis.test_verdict import evidence, rows_of, scored, wrong_each

from bertsmith.data.example import LabelSet
from bertsmith.diagnosis.evidence import gain
from bertsmith.diagnosis.verdict import judge

WITHOUT_C = LabelSet(("a", "b", "c"))
"""Three labels, of which the rows below have the first two."""


def test_a_collapse_on_the_test_rows_says_what_its_f1_is_worth():
    collapsed = scored(np.tile([0, 1], 50), np.ones(100, int))

    assert "F1 0.667 at recall 1.000" in judge(evidence(collapsed, validation=wrong_each(10))).sentence


def test_a_label_that_no_row_has_is_not_the_one_served_least():
    true, predicted = rows_of(60, 20, 40, 880)
    case = replace(evidence(scored(true, predicted, labels=WITHOUT_C)), label_set=WITHOUT_C)

    assert any("served least is 'b'" in reason for reason in judge(case).reasons)


def test_the_gain_counts_the_labels_that_rows_have():
    # Balanced accuracy 0.75 of two labels: half the way from ½ to 1, but 0.625 of the way from ⅓.
    test = scored(*rows_of(75, 25, 25, 75), labels=WITHOUT_C)

    assert gain(test.evaluation) == pytest.approx(0.5)
