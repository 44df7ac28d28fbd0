"""The physical limit: the operations that our path must do, over the rate at which this machine multiplies matrices.

An operation is a multiplication or an addition of float32 numbers, two for every multiply-add. What is skipped is never counted:
padding, and in the last layer all but the first token of each row, apart from its keys and values.
"""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.speed import bars, ours
from benchmarks.speed.bars import Result
from benchmarks.speed.case import Case
from benchmarks.speed.sides import Spread

BACKWARD = 2
"""The backward pass multiplies twice for every product of the forward pass: for the input and for the weight."""
MEASURED_SECONDS = 0.15
"""How long one product is repeated."""


@dataclass(frozen=True)
class Width:
    """The sizes of a BERT that the operations depend on."""

    hidden: int
    intermediate: int
    layers: int
    labels: int

    @classmethod
    def of(cls, config: Any) -> Width:
        """Read off a transformers configuration."""
        return cls(
            config.hidden_size,
            config.intermediate_size,
            config.num_hidden_layers,
            int(config.num_labels or 0),
        )


@dataclass(frozen=True)
class Operations:
    """Operations of one forward pass, by the size of their product."""

    square: float
    """tokens × hidden @ hidden × hidden: queries, keys, values, outputs, pooler; the head and attention are put here too."""
    feed_forward: float
    """tokens × hidden @ hidden × intermediate, and back: half of these each."""

    @property
    def forward(self) -> float:
        """Of one forward pass."""
        return self.square + self.feed_forward

    @property
    def training(self) -> float:
        """Of one forward and backward pass."""
        return (1 + BACKWARD) * self.forward


def useful_operations(lengths: NDArray[np.int64], width: Width) -> Operations:
    """What rows of these lengths in tokens, special ones included, need in a forward pass.

    Every layer but the last computes all tokens; the last one keys and values for all, the rest for one token a row.
    """
    tokens, rows = float(lengths.sum()), float(len(lengths))
    pairs = float((lengths.astype(np.float64) ** 2).sum())
    square, feed_forward = 2 * width.hidden**2, 2 * 2 * width.hidden * width.intermediate
    # Scores and their use: two products of width hidden for every pair of tokens in a row.
    attention = 2 * 2 * width.hidden
    full = width.layers - 1
    pooler_and_head = rows * (square + 2 * width.hidden * width.labels)
    return Operations(
        square=full * (4 * tokens * square + pairs * attention)
        + 2 * tokens * square
        + 2 * rows * square
        + tokens * attention
        + pooler_and_head,
        feed_forward=(full * tokens + rows) * feed_forward,
    )


@dataclass(frozen=True)
class Product:
    """A matrix product (rows × inner) @ (inner × columns)."""

    rows: int
    inner: int
    columns: int
    is_over_tokens: bool = False
    """Whether the tokens are the inner side, as in a weight's gradient; else they are the rows."""

    @property
    def operations(self) -> float:
        """Of one product."""
        return 2.0 * self.rows * self.inner * self.columns

    def share(self, parts: int) -> Product:
        """The same with one part of the tokens."""
        if self.is_over_tokens:
            return replace(self, inner=max(1, self.inner // parts))
        return replace(self, rows=max(1, self.rows // parts))


def products(tokens: int, width: Width) -> dict[str, tuple[Product, ...]]:
    """The sizes that occur, by the field of `Operations`: forward, backward to the input, backward to the weight."""
    hidden, intermediate = width.hidden, width.intermediate
    return {
        "square": (
            Product(tokens, hidden, hidden),
            Product(tokens, hidden, hidden),
            Product(hidden, tokens, hidden, is_over_tokens=True),
        ),
        "feed_forward": (
            Product(tokens, hidden, intermediate),
            Product(tokens, intermediate, hidden),
            Product(intermediate, tokens, hidden, is_over_tokens=True),
        ),
    }


def measured_rate(product: Product, *, num_threads: int) -> float:
    """Operations per second, the better of: all threads in one product, and one thread each in products of a part of the rows."""
    together = _rate(product, num_threads=num_threads)
    if num_threads == 1:
        return together
    return max(together, _rate_side_by_side(product, num_threads=num_threads))


def _rate(product: Product, *, num_threads: int) -> float:
    """One product at a time, on all threads."""
    torch.set_num_threads(num_threads)
    num_products, seconds = _repeat(product)
    return num_products * product.operations / seconds


def _rate_side_by_side(product: Product, *, num_threads: int) -> float:
    """A share of the tokens per thread, each product on one thread."""
    share = product.share(num_threads)
    rates: list[float] = []

    def work() -> None:
        torch.set_num_threads(1)
        num_products, seconds = _repeat(share)
        rates.append(num_products * share.operations / seconds)

    torch.set_num_threads(1)
    threads = [threading.Thread(target=work) for _ in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.set_num_threads(num_threads)
    return sum(rates)


def _repeat(product: Product) -> tuple[int, float]:
    """How many products were done, and in how many seconds."""
    left = torch.rand(product.rows, product.inner)
    right = torch.rand(product.columns, product.inner).t()  # as a linear layer holds its weight
    out = torch.empty(product.rows, product.columns)
    for _ in range(3):
        torch.mm(left, right, out=out)
    started, num_products = time.perf_counter(), 0
    while time.perf_counter() - started < MEASURED_SECONDS:
        torch.mm(left, right, out=out)
        num_products += 1
    return num_products, time.perf_counter() - started


def compare_with_limit(case: Case, *, rounds: int, num_threads: int) -> list[Result]:
    """The share of the measured rate at which our steps do useful operations."""
    shares, of_best, rates = [], [], []
    for round_number in range(rounds + 1):
        prepared = ours.prepare(case, num_rows=case.num_rows)
        lengths = prepared.encoded.texts.lengths
        width = Width.of(prepared.loaded.model.config)
        operations = useful_operations(lengths, width)
        ours.use_all_threads(num_threads)
        seconds = ours.train_once(prepared, case).steps
        tokens = round(int(lengths.sum()) / case.num_steps)
        least, best = _least_seconds(operations, products(tokens, width), num_threads=num_threads)
        if round_number:  # the first round pays for imports and page faults
            shares.append(least / seconds)
            of_best.append(operations.training / best / seconds)
            rates.append((operations.training / seconds, operations.training / least, best))
    median = [statistics.median(values) / 1e9 for values in zip(*rates, strict=True)]
    print(f"  {tokens} tokens a step, {operations.training / case.num_steps / 1e9:.2f}·10⁹ useful operations")
    print(
        f"  10⁹ a second: done {median[0]:.0f}, these sizes multiply at {median[1]:.0f}, the fastest of them at {median[2]:.0f}"
    )
    figure = _spread(shares)
    print(f"  share of the rate of these sizes {figure}; of the fastest {_spread(of_best)}", flush=True)
    return [Result(bars.LIMIT, case.data, case.model, case.batch_size, figure)]


def _least_seconds(
    operations: Operations, sizes: dict[str, tuple[Product, ...]], *, num_threads: int
) -> tuple[float, float]:
    """The least seconds of a training pass with all these operations, and the best rate of any size."""
    least, best = 0.0, 0.0
    for kind, kind_products in sizes.items():
        total = (1 + BACKWARD) * float(getattr(operations, kind))
        for product in kind_products:
            rate = measured_rate(product, num_threads=num_threads)
            least += total / len(kind_products) / rate
            best = max(best, rate)
    return least, best


def _spread(values: list[float]) -> Spread:
    """Median, lowest and highest."""
    return Spread(statistics.median(values), min(values), max(values))
