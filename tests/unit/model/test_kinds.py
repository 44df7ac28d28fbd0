"""Every text encoder that transformers can put a classifier on is let in, with all that its configuration says."""

from __future__ import annotations

import inspect
import re
import sys

import pytest
from transformers import AutoModelForSequenceClassification, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from bertsmith.model.config_rules import (
    HARMLESS,
    IMPLEMENTATIONS,
    READ_BESIDE_FIELDS,
    check_numbers,
    known_values,
)
from bertsmith.model.kinds import config_class, text_encoders, why_not_encoder
from bertsmith.model.tokenizer import quiet

WELL_KNOWN = (
    *("bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert", "deberta", "deberta-v2", "mpnet"),
    *("modernbert", "camembert", "longformer", "big_bird", "canine", "nomic_bert", "eurobert", "rembert"),
)
WITH_DECODER = ("bart", "mbart", "mvp", "t5", "plbart", "bigbird_pegasus")
DECODERS = ("gpt2", "llama", "qwen3", "mistral", "xlnet", "modernbert-decoder", "bloom")


@pytest.mark.parametrize("kind", WELL_KNOWN)
def test_an_encoder_is_let_in(kind: str) -> None:
    assert kind in text_encoders()


@pytest.mark.parametrize("kind", (*WITH_DECODER, *DECODERS))
def test_what_writes_text_is_not_whatever_its_config_leaves_out(kind: str) -> None:
    assert kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    assert why_not_encoder(kind, {})


@pytest.mark.parametrize("kind", text_encoders())
def test_an_encoders_own_configuration_passes_whole(kind: str) -> None:
    with quiet():
        values = config_class(kind)().to_dict()
        known, ignored = known_values(values, config_class(kind))
        check_numbers("m", known)
        again = config_class(kind).from_dict(known).to_dict()
    assert ignored == ()
    assert again == values


FROM_KWARGS = re.compile(r"""kwargs\.(?:pop|get)\(\s*["'](\w+)["']""")
FROM_CONFIG = re.compile(r"""getattr\((?:self\.)?config,\s*["'](\w+)["']""")


@pytest.mark.parametrize("kind", text_encoders())
def test_every_key_that_transformers_reads_is_passed_on(kind: str) -> None:
    configuration = config_class(kind)
    model = AutoModelForSequenceClassification._model_mapping[configuration]
    read = set(FROM_KWARGS.findall(inspect.getsource(sys.modules[configuration.__module__])))
    read |= set(FROM_CONFIG.findall(inspect.getsource(sys.modules[model.__module__])))
    read -= HARMLESS | set(IMPLEMENTATIONS)
    read -= set(GenerationConfig._get_default_generation_params())
    known, _ = known_values(dict.fromkeys(read, 1), configuration)
    assert read - set(known) == set()


def test_the_keys_beside_the_fields_are_read_somewhere() -> None:
    assert {"position_buckets", "share_att_key", "norm_rel_ebd", "rope_theta"} <= READ_BESIDE_FIELDS
