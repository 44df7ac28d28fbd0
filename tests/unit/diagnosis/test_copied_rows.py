"""Copies of a row are one piece of evidence, in every step of the verdict and beside a rival."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.diagnosis.test_verdict import evidence, rows_of, scored

from bertsmith.diagnosis.comparison import compare
from bertsmith.diagnosis.evidence import ScoredRows
from bertsmith.diagnosis.verdict import judge

TRUE = np.tile([0, 1], 30)
OURS = np.where(np.arange(60) % 10 == 0, 1 - TRUE, TRUE)
THEIRS = np.where(np.arange(60) % 6 == 1, 1 - TRUE, TRUE)


def copied(true: np.ndarray, predicted: np.ndarray, *, times: int) -> ScoredRows:
    """Every row so many times, the copies known as such."""
    rows = scored(np.repeat(true, times), np.repeat(predicted, times))
    return replace(rows, groups=np.repeat(np.arange(len(true)), times))


def test_copies_of_few_rows_do_not_show_learning():
    # 16 of 24 texts right, for which Fisher's p is 0.11.
    verdict = judge(evidence(copied(*rows_of(8, 4, 4, 8), times=20)))

    assert verdict.outcome == "not_shown_to_learn"


def test_copies_do_not_prove_that_probabilities_without_information_read_the_texts():
    blind = replace(copied(*rows_of(8, 4, 4, 8), times=20), information=0.001)

    assert judge(evidence(blind)).outcome == "collapsed"


def test_copies_change_neither_the_p_value_nor_the_interval_of_a_difference():
    once = compare(scored(TRUE, OURS), scored(TRUE, THEIRS), num_labels=2)

    copies = compare(copied(TRUE, OURS, times=10), copied(TRUE, THEIRS, times=10), num_labels=2)

    assert copies.p_value == pytest.approx(once.p_value, abs=0.03)
    widths = [found.difference.high - found.difference.low for found in (once, copies)]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
