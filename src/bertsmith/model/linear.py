"""Linear layers whose weight gradient is written where it stays, by the fastest products that torch has for them.

Two things cost a third of a linear layer's time on a CPU (docs/experiments.md): autograd gives every weight gradient new
memory, which the system must first provide; and MKL's product with a matrix that is used once is slower than oneDNN's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

ALL = slice(None)
"""Every output of a layer."""


@dataclass
class GradientPlace:
    """Where a weight's gradient is summed up: in the weight's own `.grad`, whose memory is kept over the steps."""

    weight: nn.Parameter
    is_empty: bool = True
    """Whether this step has added nothing yet: what stands there is of an earlier one."""
    is_used: bool = True
    """Whether the last forward pass means to add here; else autograd gives the weight its gradient."""

    def forget(self) -> None:
        """Begin a new gradient: the next one is written over this one."""
        self.is_empty = True
        if not self.is_used:
            self.weight.grad = None

    def drop_if_empty(self) -> None:
        """Take away what an earlier step left where this one gave nothing."""
        if self.is_used and self.is_empty:
            self.weight.grad = None

    def add(self, d_output: Tensor, inputs: Tensor, *, outputs: slice = ALL) -> None:
        """Add d_outputᵀ · inputs, of (tokens, outputs) and (tokens, inputs), to the rows of these outputs."""
        if self.weight.grad is None:
            self.weight.grad = torch.empty_like(self.weight)
        if self.is_empty and outputs == ALL:
            torch.mm(d_output.t(), inputs, out=self.weight.grad)
        else:
            if self.is_empty:
                self.weight.grad.zero_()
            self.weight.grad[outputs].addmm_(d_output.t(), inputs)
        self.is_empty = False


class DirectLinear(nn.Module):
    """An `nn.Linear` with the same parameters."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = cast(nn.Parameter, linear.weight)
        self.bias = cast("nn.Parameter | None", linear.bias)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.place = GradientPlace(self.weight)

    def forward(self, inputs: Tensor, outputs: slice = ALL) -> Tensor:
        """(…, outputs) of (…, inputs); with `outputs`, those alone."""
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        if outputs != ALL:
            weight, bias = weight[outputs], None if bias is None else bias[outputs]
        is_autocast = torch.is_autocast_enabled(inputs.device.type)
        if not torch.is_grad_enabled():
            return functional.linear(inputs, weight, bias) if is_autocast else product(inputs, weight, bias)
        self.place.is_used = self.weight.requires_grad and not is_autocast
        if not self.place.is_used:
            return functional.linear(inputs, weight, bias)
        linear: Tensor = _Linear.apply(inputs, weight, bias, (self.place, outputs))  # type: ignore[no-untyped-call]
        return linear


class _Linear(torch.autograd.Function):
    """The product, and its gradients; the weight's is put in its place, not returned."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, place: tuple[GradientPlace, slice]
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.place, ctx.has_bias = place, bias is not None
        return product(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (d_output,) = gradients
        inputs, weight = ctx.saved_tensors
        rows = d_output.reshape(-1, d_output.shape[-1])
        place, outputs = ctx.place
        place.add(rows, inputs.reshape(-1, inputs.shape[-1]), outputs=outputs)
        d_inputs = product(d_output, weight.t(), None) if ctx.needs_input_grad[0] else None
        return d_inputs, None, rows.sum(dim=0) if ctx.has_bias else None, None


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Inputs · weightᵀ + bias; in float32 on a CPU by oneDNN where torch has it."""
    is_plain = inputs.dtype == torch.float32 == weight.dtype and inputs.device.type == "cpu"
    if is_plain and _HAS_ONEDNN and torch.backends.mkldnn.enabled:
        return cast(Tensor, torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], ""))
    return functional.linear(inputs, weight, bias)


_HAS_ONEDNN = bool(torch.backends.mkldnn.is_available()) and hasattr(  # type: ignore[no-untyped-call]
    torch.ops.mkldnn, "_linear_pointwise"
)


def do_without_onednn() -> None:
    """Let MKL compute from now on, in this whole process: for where oneDNN can make no new code any more."""
    torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
