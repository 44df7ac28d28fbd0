"""What is fixed before the first step of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsmith.config import TrainingConfig
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import Layout
from bertsmith.training.history import Bend

RowOrder = Callable[[int], NDArray[np.int64]]
"""Epoch (0-based) → (rows,) the order of its rows."""


@dataclass(frozen=True)
class Plan:
    """All that is fixed before the first step."""

    recipe: TrainingConfig
    layout: Layout
    runtime: Runtime
    num_steps: int
    """Optimizer steps of the whole run."""
    rows_per_epoch: int
    class_weights: tuple[float, ...] | None = None
    """What each row of a label counts in the loss, in id order; None: one."""
    attempt: int = 0
    """0 for the first try; a restart draws other dropout masks."""
    row_order: RowOrder | None = None
    """None: `shuffled_rows` of the recipe's seed."""
    known_bends: tuple[Bend, ...] = ()
    """From which steps on fewer rows per pass are known to be needed: those of a run that is resumed, or of an earlier attempt."""

    @classmethod
    def of(
        cls,
        num_rows: int,
        *,
        recipe: TrainingConfig,
        layout: Layout,
        runtime: Runtime,
        class_weights: tuple[float, ...] | None = None,
    ) -> Plan:
        """The plan for this many training rows; `max_steps` overrides the epochs."""
        num_steps = recipe.max_steps or -(-num_rows // recipe.batch_size) * recipe.epochs
        return cls(
            recipe=recipe,
            layout=layout,
            runtime=runtime,
            num_steps=num_steps,
            rows_per_epoch=num_rows,
            class_weights=class_weights,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one pass over the rows; the last may have fewer rows."""
        return -(-self.rows_per_epoch // self.recipe.batch_size)

    @property
    def num_rows(self) -> int:
        """Rows of the whole run, each counted once per epoch."""
        num_epochs, rest = divmod(self.num_steps, self.steps_per_epoch)
        return num_epochs * self.rows_per_epoch + rest * self.recipe.batch_size
