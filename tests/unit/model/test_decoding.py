from __future__ import annotations

import numpy as np
import pytest
import torch

from bertsmith.model.decoding import log_probabilities, predicted_ids, probabilities
from bertsmith.model.heads import summed_cross_entropy


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    # e^ln 3 = 3 against e^0 = 1
    assert probabilities(np.array([[np.log(3), 0.0]])) == pytest.approx(np.array([[0.75, 0.25]]), abs=1e-15)


def test_log_probabilities_are_told_apart_where_the_probabilities_are_1() -> None:
    """A loss of 1e-20 is not 0: ln(1 / (1 + e⁻⁴⁰)) rounds to 0 in float64, but its other half is -40."""
    assert log_probabilities(np.array([[40.0, 0.0]]))[0, 1] == pytest.approx(-40)


@pytest.mark.parametrize("size", [1e4, -1e4, 3e38])
def test_huge_logits_give_finite_probabilities_that_sum_to_1(size: float) -> None:
    given = probabilities(np.array([[size, 0.0, -size]], np.float32))

    assert np.isfinite(given).all()
    assert given.sum() == pytest.approx(1)


def test_every_rows_probabilities_sum_to_1_though_the_logits_are_float32() -> None:
    logits = np.random.Generator(np.random.PCG64(0)).normal(size=(100, 10)).astype(np.float32) * 20

    assert np.abs(probabilities(logits).sum(axis=1) - 1).max() < 1e-12


def test_the_predicted_label_is_the_most_probable() -> None:
    assert predicted_ids(np.array([[0.1, 0.2, 0.0], [1.0, -1.0, 0.5]])).tolist() == [1, 0]


def test_the_lowest_id_wins_a_tie() -> None:
    assert predicted_ids(np.array([[0.0, 1.0, 1.0]])).tolist() == [1]


def test_the_loss_is_summed_over_the_rows() -> None:
    # -ln 0.75 for the first row, -ln 0.25 for the second
    logits = torch.tensor([[np.log(3), 0.0], [np.log(3), 0.0]])

    assert summed_cross_entropy(logits, torch.tensor([0, 1])).item() == pytest.approx(-np.log(0.75 * 0.25))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_loss_of_half_precision_logits_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = torch.tensor([[0.1, 0.2]]).to(dtype)
    loss = summed_cross_entropy(logits, torch.tensor([0]))

    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        summed_cross_entropy(logits.float(), torch.tensor([0])).item(), abs=1e-7
    )


def test_the_loss_of_float64_logits_stays_float64() -> None:
    assert (
        summed_cross_entropy(torch.zeros(1, 2, dtype=torch.float64), torch.tensor([0])).dtype == torch.float64
    )
