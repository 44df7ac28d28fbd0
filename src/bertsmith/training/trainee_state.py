"""This file knows what of a trainee changes from step to step, as plain values and tensors, and how to put it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertsmith.model.kept_weights import as_bytes, from_bytes
from bertsmith.training.history import Bend, EpochRecord, StepRecord
from bertsmith.training.loop import Trainee

COUNTERS = (
    "step",
    "num_rows",
    "num_tokens",
    "training_seconds",
    "validation_seconds",
    "epoch_loss",
    "epoch_rows",
)
STEP_FIELDS = {"step": np.int64, "loss": np.float64, "gradient_norm": np.float64, "learning_rate": np.float64}
PASS = "micro_batch_size"
"""Of a step; 0 stands for None."""


def state_of(trainee: Trainee) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """All but the model's weights and the steps: plain values, and tensors by name. Nothing is copied."""
    kept, numbers = trainee.gradients.state()
    tensors = {f"gradients/{name}": tensor for name, tensor in kept.items()}
    for name, parameter in trainee.gradients.parameters.items():
        for what, tensor in trainee.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer/{name}/{what}"] = tensor
    values = {name: getattr(trainee, name) for name in COUNTERS}
    values |= {"epochs": [asdict(epoch) for epoch in trainee.epochs], "gradients": numbers}
    return values | {"bends": [asdict(bend) for bend in trainee.bends]}, tensors


def put_state(
    trainee: Trainee, values: dict[str, Any], tensors: dict[str, Tensor], *, steps: tuple[StepRecord, ...]
) -> None:
    """Put back what `state_of` gave; the model's own weights are in place already."""
    for name in COUNTERS:
        setattr(trainee, name, values[name])
    trainee.epochs = [EpochRecord(**epoch) for epoch in values["epochs"]]
    trainee.steps = list(steps)
    trainee.bends = [Bend(**bend) for bend in values["bends"]]
    prefix = "gradients/"
    kept = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    trainee.gradients.put(kept, values["gradients"])
    for name, parameter in trainee.gradients.parameters.items():
        prefix = f"optimizer/{name}/"
        state = {
            key.removeprefix(prefix): tensor.to(parameter.device).clone()
            for key, tensor in tensors.items()
            if key.startswith(prefix)
        }
        # Moments of other rows of the vocabulary, after a change of the data, begin again at zero.
        if state and state["exp_avg"].shape == parameter.shape:
            trainee.optimizer.state[parameter] = state


def steps_to_bytes(steps: Sequence[StepRecord]) -> bytes:
    """The steps as a safetensors file of columns."""
    columns = {
        name: np.array([getattr(step, name) for step in steps], dtype) for name, dtype in STEP_FIELDS.items()
    }
    columns[PASS] = np.array([step.micro_batch_size or 0 for step in steps], np.int64)
    return as_bytes({name: torch.from_numpy(column) for name, column in columns.items()})


def steps_from_bytes(content: bytes) -> tuple[StepRecord, ...]:
    """What `steps_to_bytes` gave."""
    columns = {name: tensor.tolist() for name, tensor in from_bytes(content).items()}
    columns[PASS] = [size or None for size in columns[PASS]]
    names = (*STEP_FIELDS, PASS)
    rows = zip(*(columns[name] for name in names), strict=True)
    return tuple(StepRecord(**dict(zip(names, row, strict=True))) for row in rows)
