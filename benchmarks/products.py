"""The products of a linear layer by MKL and by oneDNN, with weight gradients in new memory and in memory that is kept.

All linear layers of MiniLM one after the other, so that weights come from memory as they do in a training step.

    python -m benchmarks.products
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SHAPES = [(384, 384)] * 4 + [(1536, 384), (384, 1536)]
LAYERS = 6
ROUNDS = 15
CASES = ((100, 1), (200, 1), (200, 2))
"""Tokens, threads."""


def main() -> None:
    """10⁹ operations a second of each product, every way."""
    onednn = torch.ops.mkldnn._linear_pointwise
    for num_tokens, threads in CASES:
        torch.set_num_threads(threads)
        weights = [torch.randn(shape) * 0.05 for _ in range(LAYERS) for shape in SHAPES]
        states = {size: torch.randn(num_tokens, size) for size in (384, 1536)}
        kept = [torch.empty_like(weight) for weight in weights]
        ways: dict[str, Callable[[int, Tensor], Tensor]] = {
            "forward, MKL": lambda _, w, x=states: functional.linear(x[w.shape[1]], w),
            "forward, oneDNN": lambda _, w, x=states: onednn(x[w.shape[1]], w, None, "none", [], ""),
            "gradient of the input, MKL": lambda _, w, x=states: x[w.shape[0]] @ w,
            "gradient of the input, oneDNN": lambda _, w, x=states: onednn(
                x[w.shape[0]], w.t(), None, "none", [], ""
            ),
            "gradient of the weight, new memory": lambda _, w, x=states: x[w.shape[0]].t() @ x[w.shape[1]],
            "gradient of the weight, kept memory": lambda number, w, x=states, out=kept: torch.mm(
                x[w.shape[0]].t(), x[w.shape[1]], out=out[number]
            ),
        }
        operations = sum(2 * num_tokens * weight.numel() for weight in weights)
        print(f"{num_tokens} tokens, {threads} threads")
        for name, rates in in_turn(ways, weights, operations).items():
            print(
                f"  {name:36} {statistics.median(rates):4.0f} ({min(rates):.0f}–{max(rates):.0f})", flush=True
            )


@torch.no_grad()
def in_turn(
    ways: dict[str, Callable[[int, Tensor], Tensor]], weights: list[Tensor], operations: int
) -> dict[str, list[float]]:
    """10⁹ operations a second of every round, the ways alternating; the first two rounds are not counted."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(ROUNDS + 2):
        for name, product in ways.items():
            started = time.perf_counter()
            # All results live at once, as the gradients of a step do.
            results = [product(number, weight) for number, weight in enumerate(weights)]
            seconds = time.perf_counter() - started
            del results
            if round_number >= 2:
                rates[name].append(operations / seconds / 1e9)
    return rates


if __name__ == "__main__":
    main()
