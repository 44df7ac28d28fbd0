"""What happened, step by step and epoch by epoch, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ValidationScores:
    """What the loop needs to know of the validation rows after an epoch. All but the loss are in [0, 1]."""

    loss: float
    """Mean cross-entropy in nats per row."""
    f1: float
    accuracy: float
    precision: float
    recall: float
    macro_f1: float
    predicted_share: dict[str, float]
    true_share: dict[str, float]
    information: float | None = None
    """How much of the labels' entropy the predictions could tell, in [0, 1]; None where it was not measured."""


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step."""

    step: int
    """1-based, counted over the whole run."""
    loss: float
    """Mean cross-entropy of the batch's rows, in nats."""
    gradient_norm: float
    """2-norm over all gradients, before clipping."""
    learning_rate: float
    """The rate that this step used."""


@dataclass(frozen=True)
class EpochRecord:
    """One row of the results table."""

    epoch: float
    """Passes over the training rows so far; a fraction where the run stopped within one."""
    step: int
    train_loss: float
    """Mean of the epoch's step losses, each weighted by its rows, in nats."""
    validation_loss: float
    f1: float
    accuracy: float
    precision: float
    recall: float
    macro_f1: float
    predicted_share: dict[str, float]
    collapsed: bool
    information: float | None = None
    """As in `ValidationScores`."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Divergence:
    """The step at which something stopped being a number."""

    step: int
    learning_rate: float
    what: str
    """`loss`, `gradient norm`, `weight norm` or `validation loss`."""
    value: float


@dataclass(frozen=True)
class GivenUp:
    """Where an attempt was ended because it learned nothing."""

    step: int
    sign: str
    """What showed it, as a clause: `the training loss stays at 0.6931, …`."""


@dataclass(frozen=True)
class Restart:
    """An attempt that failed before the one that the run rests on."""

    recipe: dict[str, Any]
    """The settings that it ran with, those that the next attempt changed."""
    sign: str
    """What it failed by, as a clause."""
    remedy: str
    """What the next attempt did instead, as a clause."""
    steps: int
    epochs: tuple[EpochRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return {
            "recipe": self.recipe,
            "sign": self.sign,
            "remedy": self.remedy,
            "steps": self.steps,
            "epochs": [epoch.to_json() for epoch in self.epochs],
        }


@dataclass(frozen=True)
class History:
    """What a training run did."""

    epochs: tuple[EpochRecord, ...]
    divergence: Divergence | None
    """None where every number stayed finite."""
    num_steps: int
    """Optimizer steps taken."""
    num_rows: int
    """Training rows seen, epochs counted."""
    num_tokens: int
    """Real tokens seen, padding not counted."""
    training_seconds: float
    """Time of the training steps alone: no tokenization, no validation."""
    validation_seconds: float
    steps: tuple[StepRecord, ...] = ()
    """Every optimizer step; empty where only the table is known."""
    given_up: GivenUp | None = None
    """None where the attempt ran to its end, or diverged."""
