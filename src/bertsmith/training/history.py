"""What happened, step by step and epoch by epoch, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from bertsmith.training.signs import COLLAPSED_SHARE


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
    p_value: float | None = None
    """How often chance would tell the labels as well; measured where there is next to no information."""


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
    micro_batch_size: int | None = None
    """Rows per forward and backward pass, where memory did not suffice for those planned; else None."""


@dataclass(frozen=True)
class Bend:
    """Where memory did not suffice: from this step on so many rows per forward and backward pass."""

    step: int
    """1-based; this step was done in such passes, whole."""
    micro_batch_size: int


def rows_per_pass(step: int, *, bends: Iterable[Bend]) -> int | None:
    """Most rows that a forward and backward pass of this step begins with; None: as many as the recipe asks for."""
    return min((bend.micro_batch_size for bend in bends if bend.step <= step), default=None)


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

    @property
    def gives_one_label(self) -> bool:
        """Whether (nearly) every row is called the same; a collapsed epoch that does not is blind to the texts."""
        return max(self.predicted_share.values(), default=0.0) >= COLLAPSED_SHARE

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
    """An attempt that failed and that the run does not rest on."""

    attempt: int
    """1 is the first try."""
    recipe: dict[str, Any]
    """The settings that it ran with, of those that a remedy may change."""
    sign: str
    """What it failed by, as a clause."""
    remedy: str
    """What was done next, as a clause: other settings, or back to an earlier attempt."""
    steps: int
    epochs: tuple[EpochRecord, ...]
    fold: int | None = None
    """1 is the first; None where it is the model on all rows, or there are no folds."""

    @property
    def name(self) -> str:
        """`attempt 1`, or `fold 2, attempt 1`."""
        return f"attempt {self.attempt}" if self.fold is None else f"fold {self.fold}, attempt {self.attempt}"

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return {
            "fold": self.fold,
            "attempt": self.attempt,
            "recipe": self.recipe,
            "sign": self.sign,
            "remedy": self.remedy,
            "steps": self.steps,
            "epochs": [epoch.to_json() for epoch in self.epochs],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Restart:
        """What `to_json` gave."""
        return cls(**(values | {"epochs": tuple(EpochRecord(**epoch) for epoch in values["epochs"])}))


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
    bends: tuple[Bend, ...] = ()
    """Where fewer rows per pass began: those known from the start, then those of this training."""

    def to_json(self) -> dict[str, Any]:
        """All but the steps, as plain values; a loss may be NaN."""
        return {key: value for key, value in asdict(replace(self, steps=())).items() if key != "steps"}

    @classmethod
    def from_json(cls, values: dict[str, Any], *, steps: tuple[StepRecord, ...]) -> History:
        """What `to_json` gave, with the steps that were kept beside it."""
        epochs = tuple(EpochRecord(**epoch) for epoch in values["epochs"])
        divergence = values["divergence"] and Divergence(**values["divergence"])
        given_up = values["given_up"] and GivenUp(**values["given_up"])
        bends = tuple(Bend(**bend) for bend in values["bends"])
        ends = {
            "epochs": epochs,
            "divergence": divergence,
            "given_up": given_up,
            "steps": steps,
            "bends": bends,
        }
        return cls(**(values | ends))
