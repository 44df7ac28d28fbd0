from __future__ import annotations

from dataclasses import replace

import pytest
from tests.learning.small_run import layout_of
from tests.tiny_models import FAMILIES, MAX_POSITIONS, tiny_config, tiny_model
from transformers import BertForSequenceClassification, PreTrainedModel

from bertsmith.findings import Finding
from bertsmith.model.agreement import TOLERANCE, choose_path, largest_difference
from bertsmith.model.packed import can_pack

UNKNOWN = ("mpnet", "deberta-v2")
PACKED = tuple(family for family in FAMILIES if family not in UNKNOWN)


class Deaf(BertForSequenceClassification):
    """A model that takes the name of any attention and goes on with its own, as some families do."""

    def set_attn_implementation(self, *arguments: object, **settings: object) -> None:
        """Ignore what it is told."""


Deaf.__name__ = BertForSequenceClassification.__name__


def deaf_model() -> PreTrainedModel:
    model = Deaf(tiny_config("bert", num_labels=2, attn_implementation="eager")).eval()
    model.load_state_dict(tiny_model("bert", num_labels=2).state_dict())
    return model


def choose(
    model: PreTrainedModel, family: str = "bert", *, max_length: int = MAX_POSITIONS
) -> tuple[bool, tuple[Finding, ...]]:
    return choose_path(model, layout=layout_of(family), max_length=max_length)


@pytest.mark.parametrize("max_length", [MAX_POSITIONS, 9, 1])
@pytest.mark.parametrize("family", PACKED)
def test_a_known_architecture_takes_packed_rows_and_nothing_is_said(family: str, max_length: int) -> None:
    assert choose(tiny_model(family, num_labels=2), family, max_length=max_length) == (True, ())


@pytest.mark.parametrize("family", PACKED)
def test_a_known_architecture_agrees_far_better_than_is_asked(family: str) -> None:
    """In float32 rounding gives 1e-6 to 1e-5 of the spread of the logits."""
    difference = largest_difference(
        tiny_model(family, num_labels=2), layout=layout_of(family), max_length=MAX_POSITIONS
    )

    assert 0 <= difference <= TOLERANCE / 20


@pytest.mark.parametrize("family", UNKNOWN)
def test_an_unknown_architecture_is_padded_and_named(family: str) -> None:
    model = tiny_model(family, num_labels=2)
    is_packed, (finding,) = choose(model, family)

    assert not is_packed
    assert (finding.code, finding.severity) == ("M005", "info")
    assert type(model).__name__ in finding.sentence


def test_a_model_that_ignores_the_attention_that_it_is_given_is_padded() -> None:
    """Its name is in the table; that its rows see each other only shows in the numbers."""
    model = deaf_model()
    is_packed, (finding,) = choose(model)

    assert can_pack(model)
    assert not is_packed
    assert (finding.code, finding.severity) == ("M006", "warning")
    assert finding.sentence.startswith(
        "BertForSequenceClassification computes padded rows: packed, its logits differ by"
    )


def test_a_model_whose_positions_are_counted_wrongly_is_padded() -> None:
    """RoBERTa's first token has the padding token's id + 1 = 2."""
    model, layout = tiny_model("roberta", num_labels=2), layout_of("roberta")
    assert layout.first_position == 2
    is_packed, (finding,) = choose_path(
        model, layout=replace(layout, first_position=0), max_length=MAX_POSITIONS
    )

    assert not is_packed
    assert finding.code == "M006"


def test_the_check_leaves_the_model_as_it_was() -> None:
    model = tiny_model("bert", num_labels=2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    attention = model.config._attn_implementation
    choose(model)

    assert all((tensor == before[name]).all() for name, tensor in model.state_dict().items())
    assert model.config._attn_implementation == attention
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
