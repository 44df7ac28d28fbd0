from __future__ import annotations

import pytest

from bertsmith.config import TrainingConfig
from bertsmith.training.schedule import learning_rate_at, warmup_steps

PEAK = 8e-5


def rates(num_steps: int, **recipe: object) -> list[float]:
    config = TrainingConfig(learning_rate=PEAK, **recipe)
    return [learning_rate_at(step, num_steps=num_steps, recipe=config) for step in range(num_steps)]


def test_the_linear_schedule_falls_from_the_peak_towards_zero() -> None:
    assert rates(4) == pytest.approx([8e-5, 6e-5, 4e-5, 2e-5])


def test_the_warmup_rises_from_zero_to_the_peak() -> None:
    """Half of four steps rise, the others fall from the peak: 0, ½; 1, ½."""
    assert rates(4, warmup_ratio=0.5) == pytest.approx([0, 4e-5, 8e-5, 4e-5])


def test_the_constant_schedule_stays_at_the_peak_after_the_warmup() -> None:
    assert rates(4, warmup_ratio=0.25, schedule="constant") == pytest.approx([0, 8e-5, 8e-5, 8e-5])


@pytest.mark.parametrize(
    ("num_steps", "ratio", "steps"), [(100, 0.1, 10), (101, 0.1, 11), (5, 0.01, 1), (5, 0.0, 0)]
)
def test_the_steps_of_the_warmup_are_rounded_up(num_steps: int, ratio: float, steps: int) -> None:
    assert warmup_steps(num_steps, recipe=TrainingConfig(warmup_ratio=ratio)) == steps
