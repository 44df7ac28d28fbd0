from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from tests.learning.small_run import CPU, layout_of, make_rows
from tests.tiny_models import tiny_model

from bertsmith.config import TrainingConfig
from bertsmith.training import forecast as forecast_module
from bertsmith.training.forecast import Forecast, PassCosts, forecast
from bertsmith.training.optimizer import make_optimizer

FAMILIES = ("bert", "mpnet")
"""One whose rows are packed, one whose rows are padded."""


def expected(family: str = "bert", *, num_rows: int = 64, longest: int = 60, **recipe: object) -> Forecast:
    found = forecast(
        tiny_model(family, num_labels=2),
        make_rows(num_rows, family, longest=longest),
        validation=make_rows(8, family, seed=1),
        layout=layout_of(family),
        recipe=TrainingConfig(**recipe),
        runtime=CPU,
    )
    assert found is not None
    return found


def test_the_moments_are_what_the_optimizer_makes() -> None:
    model = tiny_model("mpnet", num_labels=2)
    optimizer = make_optimizer(dict(model.named_parameters()), undecayed=set(), recipe=TrainingConfig())
    made = sum(state[name].nbytes for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq"))

    assert expected("mpnet").moments == made


@pytest.mark.parametrize("family", FAMILIES)
def test_smaller_passes_and_shorter_rows_take_less(family: str) -> None:
    whole = expected(family, batch_size=32).activations

    assert expected(family, batch_size=32, micro_batch_size=8).activations < 0.5 * whole
    assert expected(family, batch_size=32, longest=20).activations < 0.5 * whole


def test_the_largest_pass_counts_not_the_mean() -> None:
    costs = PassCosts(fixed=0, per_row=0, per_token=10, per_pair=1, for_a_moment=0)
    lengths, starts = np.array([2, 2, 10, 1]), np.array([0, 2])

    assert costs.of(lengths, starts, is_packed=True) == int(1.2 * (10 * 11 + 101))
    assert costs.of(lengths, starts, is_packed=False) == int(1.2 * (10 * 20 + 200))


def test_the_model_is_left_as_it_was() -> None:
    model = tiny_model("bert", num_labels=2).eval()
    expected_bytes = expected().peak_bytes

    assert expected_bytes > 0
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def num_tensors() -> int:
    gc.collect()
    return sum(type(thing) in (torch.Tensor, torch.nn.Parameter) for thing in gc.get_objects())


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_held_afterwards(family: str) -> None:
    # A graph that holds itself is seen by no garbage collector: every run in one process would leave a model behind.
    before = num_tensors()

    assert expected(family).peak_bytes > 0
    assert num_tensors() == before


@pytest.mark.parametrize("family", FAMILIES)
def test_what_does_not_fit_is_a_finding_with_the_setting_that_does(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy = expected(family, batch_size=32)
    half = expected(family, batch_size=32, micro_batch_size=16).activations
    free = roomy.needed_bytes - roomy.activations + half
    monkeypatch.setattr(forecast_module, "free_bytes", lambda device: free)
    [finding] = expected(family, batch_size=32).findings

    assert roomy.findings == ()
    assert (finding.code, finding.severity) == ("M007", "warning")
    assert "--micro-batch-size 16" in finding.remedy


def test_where_one_row_is_too_long_the_length_that_fits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = expected(batch_size=2)
    short = expected(batch_size=1, longest=32).activations
    free = roomy.needed_bytes - roomy.activations + short
    monkeypatch.setattr(forecast_module, "free_bytes", lambda device: free)
    [finding] = expected(batch_size=2).findings

    assert "--micro-batch-size 1 --max-length 32" in finding.remedy


def test_where_nothing_fits_no_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_module, "free_bytes", lambda device: 1000)
    [finding] = expected().findings

    assert "take a smaller model" in finding.remedy
