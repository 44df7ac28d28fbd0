"""Failures planted on purpose: every one must end with another exit code than 0.

Each is a real run through the public door; what is broken is the recipe, the labels, the base model's weights, or a number
in the middle of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.honesty.runs import Ended, run, scratch
from benchmarks.honesty.tasks import Texts, make
from bertsmith.model import heads
from bertsmith.training import loop

TINY = {"learning_rate": 1e-3, "epochs": 5}
"""A recipe that a tiny model learns by."""


@dataclass(frozen=True)
class Failure:
    """A planted failure."""

    kind: str
    what: str
    texts: Texts
    settings: dict[str, Any] = field(default_factory=dict)
    minilm: bool = False
    break_model: Callable[[Path], None] | None = None
    """Damages the base model's folder."""
    while_running: Callable[[], AbstractContextManager[None]] = nullcontext
    """What is wrong while it trains."""

    def end(self, write_model: Callable[[Path], Path]) -> Ended:
        """Run it."""
        with scratch() as folder, self.while_running():
            if self.minilm:
                return run(self.texts, model="minilm", **self.settings)
            base = write_model(folder / "base")
            if self.break_model is not None:
                self.break_model(base)
            return run(self.texts, model=str(base), **TINY | self.settings)


def all_failures() -> Iterator[Failure]:
    """Every planted failure, tiny models first."""
    yield from learning_rates()
    yield from not_numbers()
    yield from no_signal()
    yield from dead_or_short()
    yield from minilm_failures()


def learning_rates() -> Iterator[Failure]:
    """Learning rates that blow up or collapse. The cure is off: what is measured is whether the failure is seen."""
    for rate in (0.1, 0.3, 1.0, 10.0):
        for seed in range(4):
            texts = make("keyword" if seed % 2 else "topics", 600, seed=seed)
            yield Failure("learning rate", f"{rate:g}", texts, _stopped(learning_rate=rate, seed=seed))


def not_numbers() -> Iterator[Failure]:
    """NaN in a weight, an embedding, the loss or a gradient."""
    for seed, part in enumerate(
        ("word_embeddings", "attention.self.query.weight", "output.dense.bias", "LayerNorm.weight")
    ):
        texts = make("keyword", 400, seed=100 + seed)
        yield Failure("not a number", part, texts, _stopped(seed=seed), break_model=_nan_in(part))
    for step in (1, 40):
        texts = make("keyword", 400, seed=110 + step)
        yield Failure(
            "not a number", f"loss at step {step}", texts, _stopped(), while_running=_nan_loss(step)
        )
        yield Failure(
            "not a number", f"gradient at step {step}", texts, _stopped(), while_running=_nan_gradient(step)
        )


def no_signal() -> Iterator[Failure]:
    """Labels that do not follow from the texts, with the cure on as it is by default."""
    for seed in range(8):
        random = np.random.Generator(np.random.PCG64([200, seed]))
        texts = make("topics" if seed % 2 else "keyword", 600, seed=200 + seed)
        yield Failure(
            "labels shuffled", f"seed {seed}", texts.relabelled(list(random.permutation(texts.labels)))
        )
    for seed in range(6):
        texts = make("keyword", 600, seed=220 + seed)
        parity = ["even" if row % 2 == 0 else "odd" for row in range(len(texts))]
        yield Failure("parity of the row", f"seed {seed}", texts.relabelled(parity))
    for seed in range(2):
        texts = make("keyword", 400, seed=230 + seed)
        yield Failure("one label", f"seed {seed}", texts.relabelled(["positive"] * len(texts)))
    for seed in range(6):
        random = np.random.Generator(np.random.PCG64([240, seed]))
        texts = make("keyword", 800, seed=240 + seed)
        rare = ["rare" if value < 0.05 else "common" for value in random.random(len(texts))]
        yield Failure("95/5 without signal", f"seed {seed}", texts.relabelled(rare))


def dead_or_short() -> Iterator[Failure]:
    """An encoder that gives every text the same vector and cannot move; far too few steps."""
    for seed in range(6):
        texts = make("keyword", 600, seed=300 + seed)
        yield Failure(
            "frozen and dead", f"seed {seed}", texts, {"seed": seed}, break_model=_dead, while_running=_frozen
        )
    for steps in (1, 2, 4):
        for seed in range(3):
            texts = make("negation", 600, seed=310 + seed)
            yield Failure("too few steps", f"{steps}", texts, _stopped(max_steps=steps, seed=seed))


def minilm_failures() -> Iterator[Failure]:
    """The same kinds on the real pretrained model."""
    for rate in (3e-3, 1e-2, 1e-1):
        texts = make("negation", 400, seed=400)
        yield Failure(
            "learning rate", f"{rate:g}", texts, _stopped(learning_rate=rate, epochs=3), minilm=True
        )
    for seed in range(2):
        random = np.random.Generator(np.random.PCG64([410, seed]))
        texts = make("keyword", 400, seed=410 + seed)
        shuffled = texts.relabelled(list(random.permutation(texts.labels)))
        yield Failure("labels shuffled", f"seed {seed}", shuffled, _stopped(epochs=3), minilm=True)
    parity = ["even" if row % 2 == 0 else "odd" for row in range(400)]
    yield Failure(
        "parity of the row",
        "seed 0",
        make("keyword", 400, seed=420).relabelled(parity),
        _stopped(epochs=3),
        minilm=True,
    )
    yield Failure("too few steps", "2", make("negation", 400, seed=430), _stopped(max_steps=2), minilm=True)
    nan = _nan_loss(20)
    yield Failure(
        "not a number",
        "loss at step 20",
        make("keyword", 400, seed=440),
        _stopped(),
        minilm=True,
        while_running=nan,
    )


def _stopped(**settings: Any) -> dict[str, Any]:
    """Settings with the cure off."""
    return settings | {"on_failure": "stop"}


def _nan_in(part: str) -> Callable[[Path], None]:
    """One number of the first tensor of this name becomes NaN."""

    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        name = next(name for name in tensors if part in name)
        tensors[name].view(-1)[-1] = float("nan")
        save_file(tensors, path, metadata={"format": "pt"})

    return damage


def _dead(folder: Path) -> None:
    """The last normalisation gives zeros, so that every text has the same vector."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    names = [name for name in tensors if name.endswith(("output.LayerNorm.weight", "output.LayerNorm.bias"))]
    last = max(name.split("layer.")[1].split(".")[0] for name in names if "layer." in name)
    for name in names:
        if f"layer.{last}.output.LayerNorm" in name:
            tensors[name].zero_()
    save_file(tensors, path, metadata={"format": "pt"})


@contextmanager
def _frozen() -> Iterator[None]:
    """Nothing but the head can move."""
    train = loop.train

    def train_frozen(model: Any, *arguments: Any, **named: Any) -> Any:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("classifier"))
        return train(model, *arguments, **named)

    with patch("bertsmith.watched_training.train", train_frozen):
        yield


class _PoisonGradient(torch.autograd.Function):
    """Gives its input; its gradient is NaN."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> Tensor:
        return upstream[0] * float("nan")


def _at_step(step: int, spoil: Callable[[Tensor], Tensor]) -> Callable[[], AbstractContextManager[None]]:
    """The loss of every `step`-th call of the loss function is spoilt, once."""

    @contextmanager
    def spoilt() -> Iterator[None]:
        original = heads.summed_cross_entropy
        calls = 0

        def spoilt_loss(*arguments: Any, **named: Any) -> Tensor:
            nonlocal calls
            calls += 1
            loss = original(*arguments, **named)
            return spoil(loss) if calls == step else loss

        with patch("bertsmith.training.gradients.summed_cross_entropy", spoilt_loss):
            yield

    return spoilt


def _nan_loss(step: int) -> Callable[[], AbstractContextManager[None]]:
    return _at_step(step, lambda loss: loss * float("nan"))


def _nan_gradient(step: int) -> Callable[[], AbstractContextManager[None]]:
    return _at_step(step, _PoisonGradient.apply)
