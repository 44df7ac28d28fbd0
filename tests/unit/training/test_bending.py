from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.learning.small_run import (
    CPU,
    largest_difference,
    layout_of,
    make_rows,
    plan_for,
    run,
    scores,
    weights,
)
from tests.tiny_models import tiny_model

from bertsmith.errors import NotEnoughMemory
from bertsmith.model.prediction import TokenBudget, predict_logits
from bertsmith.training import gradients as gradients_module
from bertsmith.training.gradients import BatchSettings, PackedGradients, PaddedGradients, compute_in_memory
from bertsmith.training.history import Bend, History
from bertsmith.training.loop import train

NO_MEMORY = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"
FAMILIES = ("bert", "mpnet")
"""One whose rows are packed, one whose rows are padded."""


class Narrow:
    """A model that has memory for so many rows in one backward pass, from a given pass on; counts the passes.

    What fails is the loss's own backward pass: part of the gradient is there already.
    """

    def __init__(self, most: int, *, from_pass: int = 0) -> None:
        self.most, self.from_pass, self.sizes = most, from_pass, []
        self._loss = gradients_module.summed_cross_entropy

    def __call__(self, logits, label_ids, class_weights=None):
        self.sizes.append(len(logits))
        if len(self.sizes) > self.from_pass and len(logits) > self.most:
            self._loss(logits, label_ids, class_weights).backward(retain_graph=True)
            raise RuntimeError(NO_MEMORY)
        return self._loss(logits, label_ids, class_weights)


@pytest.fixture
def narrow(monkeypatch):
    """Make training have memory for so many rows."""

    def install(most: int, *, from_pass: int = 0) -> Narrow:
        model = Narrow(most, from_pass=from_pass)
        monkeypatch.setattr(gradients_module, "summed_cross_entropy", model)
        return model

    yield install
    monkeypatch.undo()


def gradient(
    family: str, *, dropout: float = 0.0, most: int | None = None, micro_batch_size: int | None = None
):
    """(loss, rows per pass known, gradient by name) of a step of 8 rows, in float64."""
    model = tiny_model(family, dropout=dropout, num_labels=2).double()
    dataset = make_rows(8, family)
    kind = PackedGradients if layout_of(family).is_packed else PaddedGradients
    computed = kind(model, dataset, settings=BatchSettings(layout_of(family), CPU, micro_batch_size))
    loss, known = compute_in_memory(computed, np.arange(8), dropout_key=("test", 1), most=most)
    return (
        loss,
        known,
        {name: value.grad.clone() for name, value in computed.parameters.items() if value.grad is not None},
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("most", "known"), [(7, 4), (2, 2), (1, 1)])
def test_without_dropout_a_step_in_smaller_passes_has_the_same_gradient(family, most, known, narrow) -> None:
    loss, _, whole = gradient(family)
    narrow(most)
    bent_loss, found, bent = gradient(family)

    assert found == known
    assert bent_loss == pytest.approx(loss, abs=1e-12)
    assert largest_difference(whole, bent) <= 1e-10


@pytest.mark.parametrize("family", FAMILIES)
def test_with_dropout_the_masks_are_others_and_are_drawn_again_by_who_knows_the_size(family, narrow) -> None:
    whole = gradient(family, dropout=0.3)[2]
    narrow(4)
    _, known, bent = gradient(family, dropout=0.3)
    again = gradient(family, dropout=0.3, most=known)[2]

    assert largest_difference(bent, again) == 0
    assert largest_difference(bent, whole) > 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_masks_of_a_step_that_bent_are_drawn_by_a_key_of_their_own(family) -> None:
    """Passes of 4 rows because of memory, and because the recipe says so, are two draws."""
    bent = gradient(family, dropout=0.3, most=4)[2]
    asked_for = gradient(family, dropout=0.3, micro_batch_size=4)[2]

    assert largest_difference(bent, asked_for) > 1e-6


def test_half_is_taken_of_the_rows_that_failed_not_of_those_asked_for(narrow) -> None:
    """8 rows in passes of 5: it is the last 3 of them that fail."""
    seen = narrow(2, from_pass=1)
    computed = PackedGradients(
        tiny_model("bert", num_labels=2), make_rows(8), settings=BatchSettings(layout_of("bert"), CPU, 5)
    )
    _, known = compute_in_memory(computed, np.arange(8), dropout_key=("test",))

    assert seen.sizes == [5, 3, *[1] * 8]
    assert known == 1


def test_a_single_row_that_does_not_fit_is_told_with_its_remedy(narrow) -> None:
    narrow(0)

    with pytest.raises(NotEnoughMemory, match="--max-length"):
        gradient("bert")


def test_any_other_error_goes_through(monkeypatch) -> None:
    def broken(logits, label_ids, class_weights=None):
        raise RuntimeError("the shapes do not fit")

    monkeypatch.setattr(gradients_module, "summed_cross_entropy", broken)

    with pytest.raises(RuntimeError, match="shapes"):
        gradient("bert")


def small_run(known_bends: tuple[Bend, ...] = (), *, steps: int = 4) -> tuple[History, dict]:
    dataset, model = make_rows(32), tiny_model("bert", dropout=0.2, num_labels=2)
    plan = replace(plan_for(dataset, max_steps=steps), known_bends=known_bends)
    return train(model, dataset, plan=plan, validate=scores), weights(model)


def test_the_size_is_kept_for_the_rest_of_the_run_and_recorded(narrow) -> None:
    seen = narrow(4, from_pass=1)
    history, _ = small_run()

    assert seen.sizes == [8, 8, 4, 4, 4, 4, 4, 4]
    assert history.bends == (Bend(2, 4),)
    assert [record.micro_batch_size for record in history.steps] == [None, 4, 4, 4]


def test_a_run_that_knows_its_bends_ends_with_the_same_bits(narrow, monkeypatch) -> None:
    narrow(4, from_pass=1)
    history, bent = small_run()
    monkeypatch.undo()
    again_history, again = small_run(history.bends)

    assert largest_difference(bent, again) == 0
    assert again_history.bends == history.bends
    assert largest_difference(bent, small_run()[1]) > 0


def test_a_run_that_fits_has_no_bends() -> None:
    history, steps = run(tiny_model("bert", num_labels=2), make_rows(16), epochs=1)

    assert history.bends == ()
    assert {record.micro_batch_size for record in steps} == {None}


class NarrowForward(torch.nn.Module):
    """In place of a classifier's head: has memory for so many rows."""

    sizes: list[int]
    """Of all of them, as a packed network works with a copy."""

    def __init__(self, head: torch.nn.Module, *, most: int) -> None:
        super().__init__()
        self.head, self.most = head, most
        NarrowForward.sizes = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(inputs))
        if len(inputs) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return self.head(inputs)


def predicted(*, most: int | None, budget: TokenBudget) -> tuple[np.ndarray, list[int]]:
    model = tiny_model("bert", num_labels=2)
    if most is not None:
        model.classifier = NarrowForward(model.classifier, most=most)
    logits = predict_logits(
        model, make_rows(40), layout=layout_of("bert"), batch_size=3, runtime=CPU, budget=budget
    )
    return logits, [] if most is None else NarrowForward.sizes


def test_a_batch_that_does_not_fit_is_scored_in_halves() -> None:
    budget = TokenBudget()
    whole, _ = predicted(most=None, budget=budget)
    assert budget.most is None
    bent, _ = predicted(most=5, budget=budget)

    assert np.abs(whole - bent).max() <= 1e-6
    assert budget.most is not None


def test_what_does_not_fit_is_told_once_and_not_tried_again() -> None:
    told: list[str] = []
    budget = TokenBudget(tell=told.append)
    _, tried = predicted(most=5, budget=budget)
    first = list(told)
    _, again = predicted(most=5, budget=budget)

    assert first and all("not enough memory to score" in sentence for sentence in first)
    assert len(set(first)) == len(first)
    assert max(tried) > 5
    assert max(again) <= 5
    assert told == first


def test_a_single_row_that_cannot_be_scored_is_told_with_its_remedy() -> None:
    with pytest.raises(NotEnoughMemory, match="single row of 20 tokens.*--max-length"):
        predicted(most=0, budget=TokenBudget())
