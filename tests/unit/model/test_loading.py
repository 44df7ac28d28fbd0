"""A model is loaded whole, in float32, its head decided by the seed alone; or it is refused with a reason."""

from __future__ import annotations

import json
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tiny_models import FAMILIES, MAX_POSITIONS, tiny_model, write_tiny_model
from torch import Tensor

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.errors import ConfigError, IncompatibleModel, ModelNotFound
from bertsmith.findings import Finding
from bertsmith.model.loading import LoadedModel, load_base, load_run

torch.set_num_threads(1)

LABELS = LabelSet(("bad", "good"))
THREE = LabelSet(("a", "b", "c"))


def load(folder: Path, labels: LabelSet = LABELS, *, seed: int = 1, **settings: Any) -> LoadedModel:
    return load_base(ModelConfig(model=str(folder), **settings), labels, seed=seed)


def head_of(loaded: LoadedModel) -> list[Tensor]:
    head = [
        p
        for name, p in loaded.model.named_parameters()
        if not name.startswith(f"{loaded.model.base_model_prefix}.")
    ]
    assert head
    return head


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def finding(loaded: LoadedModel, code: str) -> Finding:
    (found,) = [found for found in loaded.findings if found.code == code]
    return found


def classifier_folder(folder: Path, names: tuple[str, ...], *, family: str = "bert", **settings: Any) -> Path:
    id2label = dict(enumerate(names))
    label2id = {name: index for index, name in id2label.items()}
    return write_tiny_model(
        folder, family, num_labels=len(names), id2label=id2label, label2id=label2id, **settings
    )


# What comes back


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_loads_with_its_limits(tmp_path: Path, family: str) -> None:
    loaded = load(write_tiny_model(tmp_path / "m", family), THREE)
    assert loaded.max_length == MAX_POSITIONS
    assert loaded.layout.uses_token_types is (family in ("bert", "electra", "albert"))
    assert loaded.layout.pad_id == FAMILIES[family].special_ids[0]
    assert loaded.head == "new"
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert loaded.model.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert loaded.model.config.label2id == {"a": 0, "b": 1, "c": 2}
    assert loaded.model.config.problem_type == "single_label_classification"
    ids = torch.tensor([loaded.backend.encode("good " * 62).ids[:MAX_POSITIONS]])
    assert ids.shape == (1, MAX_POSITIONS)
    assert loaded.model(input_ids=ids).logits.shape == (1, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoder_has_the_bits_of_the_file(tmp_path: Path, family: str) -> None:
    folder = write_tiny_model(tmp_path / "m", family)
    state = load(folder).model.state_dict()
    prefix = load(folder).model.base_model_prefix
    stored = load_file(folder / "model.safetensors")
    shared = [name for name in stored if f"{prefix}.{name}" in state]
    assert len(shared) >= len(stored) - 2  # RoBERTa and MPNet classifiers have no pooler
    assert all(torch.equal(state[f"{prefix}.{name}"], stored[name]) for name in shared)


def test_where_it_came_from_is_told(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    loaded = load(folder)
    assert (loaded.source, loaded.revision, loaded.path) == ("folder", None, folder.resolve())
    assert loaded.name == str(folder)
    assert loaded.architecture == "BertForSequenceClassification"


def test_half_precision_checkpoints_are_loaded_in_float32(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    change_weights(folder, lambda weights: weights.update({k: v.half() for k, v in weights.items()}))
    edit(folder / "config.json", lambda config: config.update(dtype="float16"))
    loaded = load(folder)
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert loaded.model.config.dtype == torch.float32


def test_sharded_weights_are_read(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    expected = load(folder).model.state_dict()
    (folder / "model.safetensors").unlink()
    tiny_model().save_pretrained(folder, max_shard_size="60KB")
    assert not (folder / "model.safetensors").exists()
    state = load(folder).model.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_a_loaded_model_does_not_change_with_its_file(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    loaded = load(folder)
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    path = folder / "model.safetensors"
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert all(torch.equal(before[name], tensor) for name, tensor in loaded.model.state_dict().items())


def test_loading_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_tiny_model(tmp_path / "m", "roberta")
    capfd.readouterr()
    load(folder)
    assert capfd.readouterr() == ("", "")


def test_the_silence_ends_with_the_load(tmp_path: Path) -> None:
    from transformers.utils import logging

    before = (logging.get_verbosity(), logging.is_progress_bar_enabled())
    load(write_tiny_model(tmp_path / "m"))
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


# The tokenizer


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta"])
def test_special_tokens_in_a_text_stay_text(tmp_path: Path, family: str) -> None:
    loaded = load(write_tiny_model(tmp_path / "m", family))
    encoding = loaded.backend.encode("good [SEP] bad </s> [PAD] <pad>", "a [CLS] b <s>")
    special = {loaded.tokenizer.cls_token_id, loaded.tokenizer.sep_token_id, loaded.layout.pad_id}
    at_special = [index for index, token in enumerate(encoding.ids) if token in special]
    assert [encoding.special_tokens_mask[index] for index in at_special] == [1] * len(at_special)
    assert sum(encoding.special_tokens_mask) == len(at_special) == (3 if family == "bert" else 4)


@pytest.mark.parametrize("family", FAMILIES)
def test_ordinary_texts_have_the_same_ids_as_with_transformers(tmp_path: Path, family: str) -> None:
    loaded = load(write_tiny_model(tmp_path / "m", family))
    for pair in (("A great movie!",), ("A great movie!", "not so good, 42")):
        ours, theirs = loaded.backend.encode(*pair), loaded.tokenizer(*pair)
        assert ours.ids == theirs["input_ids"]
        if loaded.layout.uses_token_types:
            assert ours.type_ids == theirs["token_type_ids"]


def test_the_plain_tokenizer_does_not_change_with_the_other(tmp_path: Path) -> None:
    loaded = load(write_tiny_model(tmp_path / "m"))
    loaded.tokenizer("good", padding="max_length", max_length=4, truncation=True)
    assert len(loaded.backend.encode("good " * 90).ids) == 92
    assert loaded.backend.truncation is None
    assert loaded.backend.padding is None


# Length


def test_a_longer_max_length_than_the_positions_names_the_limit(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m", "roberta")
    with pytest.raises(ConfigError, match=r"--max-length 65: .* 64 tokens\. Give at most 64"):
        load(folder, max_length=65)
    assert load(folder, max_length=64).max_length == 64
    assert load(folder, max_length=12).max_length == 12


def test_the_tokenizers_own_limit_counts_by_default(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / "tokenizer_config.json", lambda values: values.update(model_max_length=20))
    assert load(folder).max_length == 20
    assert load(folder, max_length=50).max_length == 50


def test_no_more_than_512_by_default_and_more_when_asked(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m", "modernbert", max_position_embeddings=1024)
    edit(folder / "tokenizer_config.json", lambda values: values.update(model_max_length=10**30))
    assert load(folder).max_length == 512
    assert load(folder, max_length=1000).max_length == 1000


# The head


def test_the_same_seed_gives_the_same_head(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    torch.manual_seed(0)
    first = head_of(load(folder, seed=7))
    torch.manual_seed(99)
    second, other = head_of(load(folder, seed=7)), head_of(load(folder, seed=8))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_is_initialized_as_transformers_does(tmp_path: Path, family: str) -> None:
    loaded = load(write_tiny_model(tmp_path / "m", family, initializer_range=0.02), THREE)
    layer = [p for p in head_of(loaded) if p.shape == (3, 32)][-1]
    expected = 32**-0.5 if family == "modernbert" else 0.02  # ModernBERT draws its last layer by its width
    assert 0.7 * expected < layer.std().item() < 1.3 * expected


def test_no_global_random_state_is_changed(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m", "deberta-v2")
    torch.manual_seed(3)
    numpy_before, before = np.random.get_state()[1].copy(), torch.get_rng_state()
    load(folder)
    assert torch.equal(before, torch.get_rng_state())
    assert (np.random.get_state()[1] == numpy_before).all()


def test_a_new_head_is_told(tmp_path: Path) -> None:
    loaded = load(write_tiny_model(tmp_path / "m"))
    assert "new classification head" in finding(loaded, "M004").sentence


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"])
def test_a_head_of_the_same_labels_is_kept_in_our_order(tmp_path: Path, family: str) -> None:
    folder = classifier_folder(tmp_path / "m", ("good", "neutral", "bad"), family=family)
    stored = load_run(folder)
    loaded = load(folder, LabelSet(("bad", "good", "neutral")))
    assert loaded.head == "kept"
    assert loaded.model.config.id2label == {0: "bad", 1: "good", 2: "neutral"}
    ids = torch.tensor([loaded.backend.encode("a great movie").ids])
    theirs, ours = stored.model(input_ids=ids).logits, loaded.model(input_ids=ids).logits
    assert torch.allclose(ours, theirs[:, [2, 0, 1]], atol=1e-6)
    assert "head is kept" in finding(loaded, "M003").sentence


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"])
@pytest.mark.parametrize("names", [("yes", "no"), ("LABEL_0", "LABEL_1"), ("x", "y", "z")])
def test_a_head_of_other_labels_is_made_new(tmp_path: Path, family: str, names: tuple[str, ...]) -> None:
    folder = classifier_folder(tmp_path / "m", names, family=family)
    stored = load_file(folder / "model.safetensors")
    loaded = load(folder, LABELS, seed=5)
    assert loaded.head == "new"
    last = [
        name for name, p in loaded.model.named_parameters() if p.shape == (2, 32) and "classifier" in name
    ][-1]
    assert stored[last].shape != (2, 32) or not torch.equal(stored[last], loaded.model.state_dict()[last])
    assert "new head" in finding(loaded, "M004").sentence
    again = head_of(load(folder, LABELS, seed=5))
    assert all(torch.equal(a, b) for a, b in zip(head_of(loaded), again, strict=True))


def test_generic_names_are_not_our_labels_even_when_they_match(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path / "m", ("LABEL_0", "LABEL_1"))
    assert load(folder, LabelSet(("LABEL_0", "LABEL_1"))).head == "new"


def test_a_head_of_another_task_is_not_taken_for_ours(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path / "m", LABELS.names)
    stored = load_file(folder / "model.safetensors")["classifier.weight"]
    edit(folder / "config.json", lambda config: config.update(architectures=["BertForTokenClassification"]))
    loaded = load(folder)
    assert loaded.head == "new"
    assert not torch.equal(loaded.model.classifier.weight, stored)


def without_prefix(weights: dict[str, Tensor]) -> None:
    for name in list(weights):
        weights[name.removeprefix("bert.")] = weights.pop(name)


@pytest.mark.parametrize("prefixed", [True, False])
@pytest.mark.parametrize(
    ("architectures", "says"),
    [
        (None, "of other labels ('no', 'yes')"),
        (["BertForSequenceClassification"], "of other labels ('no', 'yes')"),
        (["BertModel"], "not saved from a text classifier (BertModel)"),
        (["BertForMaskedLM"], "not saved from a text classifier (BertForMaskedLM)"),
    ],
)
def test_a_new_head_is_made_where_one_is_said_to_be(
    tmp_path: Path, architectures: list[str] | None, says: str, *, prefixed: bool
) -> None:
    folder = classifier_folder(tmp_path / "m", ("no", "yes"))
    stored = load_file(folder / "model.safetensors")["classifier.weight"].clone()
    edit(folder / "config.json", lambda config: config.update(architectures=architectures))
    if not prefixed:
        change_weights(folder, without_prefix)
    loaded = load(folder)
    assert loaded.head == "new"
    assert not torch.equal(loaded.model.classifier.weight, stored)
    assert says in finding(loaded, "M004").sentence


def test_a_head_without_architectures_is_kept_by_its_label_names(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path / "m", ("good", "bad"))
    stored = load_file(folder / "model.safetensors")["classifier.weight"].clone()
    edit(folder / "config.json", lambda config: config.pop("architectures"))
    loaded = load(folder)
    assert loaded.head == "kept"
    assert torch.equal(loaded.model.classifier.weight, stored[[1, 0]])
    assert "head is kept" in finding(loaded, "M003").sentence


# What is missing or left over


def test_a_missing_pooler_is_told(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    change_weights(folder, lambda weights: [weights.pop(name) for name in list(weights) if "pooler" in name])
    found = finding(load(folder), "M001")
    assert found.severity == "info"
    assert "bert.pooler.dense.weight" in found.sentence


def test_one_missing_encoder_tensor_is_a_warning(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    change_weights(folder, lambda weights: weights.pop("encoder.layer.1.output.dense.bias"))
    found = finding(load(folder), "M001")
    assert found.severity == "warning"
    assert "encoder.layer.1.output.dense.bias" in found.sentence


def test_left_over_tensors_are_told(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    change_weights(folder, lambda weights: weights.update({"cls.predictions.bias": torch.zeros(3)}))
    found = finding(load(folder), "M002")
    assert found.severity == "info"
    assert "cls.predictions.bias" in found.sentence


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    other = write_tiny_model(tmp_path / "other", "distilbert")
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(
        IncompatibleModel, match=r"not the model it says it is: \d+ of the encoder's \d+ tensors.*again"
    ):
        load(folder)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / "config.json", lambda config: config.update(intermediate_size=48))
    with pytest.raises(IncompatibleModel, match=r"not of the same model: the sizes differ in .*intermediate"):
        load(folder)


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_weights_that_are_no_numbers_name_their_tensor(tmp_path: Path, value: float, kind: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    change_weights(folder, lambda weights: weights["encoder.layer.0.output.dense.weight"][0].fill_(value))
    with pytest.raises(
        IncompatibleModel, match=rf"'bert\.encoder\.layer\.0\.output\.dense\.weight' holds {kind}"
    ):
        load(folder)


# What is refused


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    """The folder is there, and nobody but an administrator may look into it; we are none."""
    user = os.geteuid()
    folder.chmod(0)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


@pytest.mark.parametrize("load_folder", [load, load_run])
def test_a_folder_that_may_not_be_read_is_refused(load_folder: Callable[[Path], LoadedModel]) -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        folder = classifier_folder(Path(open_to_all) / "m", LABELS.names)
        with (
            without_permission(folder),
            pytest.raises(IncompatibleModel, match=r"cannot be read \(Permission denied\)\. Check its perm"),
        ):
            load_folder(folder)


def test_a_name_that_no_file_system_takes_is_not_found() -> None:
    with pytest.raises(ModelNotFound, match=r"there is no such folder"):
        load_run("m" * 300)


def refused(folder: Path, pattern: str) -> None:
    with pytest.raises(IncompatibleModel, match=pattern) as caught:
        load(folder)
    message = str(caught.value)
    assert message.startswith(f"Model {str(folder)!r}: ")
    assert caught.value.remedy in message
    assert "Traceback" not in message


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("exploded").touch, ())


def test_pickled_weights_are_refused_and_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_tiny_model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    refused(
        folder, r"only pytorch_model\.bin;.*unpickling can run any code.*save_pretrained\(\"converted\"\)"
    )
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("file", ["tf_model.h5", "flax_model.msgpack"])
def test_weights_of_other_frameworks_are_refused(tmp_path: Path, file: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / file)
    refused(folder, rf"only {file}")


def test_no_weights_at_all_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    refused(folder, r"the folder has no model\.safetensors")


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_that_comes_with_a_model_is_refused(tmp_path: Path, file: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / file, lambda values: values.update(auto_map={"AutoModel": "evil.Evil"}))
    refused(folder, rf"{file.replace('.', '[.]')} asks for code that comes with the model")


def test_private_switches_in_a_config_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(
        folder / "config.json", lambda c: c.update(nested={"_attn_implementation_internal": "someone/kernel"})
    )
    refused(folder, r"'nested\._attn_implementation_internal', a private switch.*Remove that key")


def test_quantized_weights_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / "config.json", lambda config: config.update(quantization_config={"bits": 4}))
    refused(folder, r"weights are quantized")


KINDS = {
    "gpt2": "a decoder",
    "llama": "a decoder",
    "qwen3": "a decoder",
    "modernbert-decoder": "a decoder",
    "t5": "not a text encoder",
    "vit": "no text classifier",
    "whisper": "no text classifier",
    "layoutlm": "does not read plain text",
    "made-up": "no text classifier",
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_of_models_are_refused(tmp_path: Path, kind: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / "config.json", lambda config: config.update(model_type=kind))
    refused(folder, rf"its type is '{kind}': .*{KINDS[kind]}.*Give an encoder such as bert-base-cased")


@pytest.mark.parametrize(
    ("key", "reason"), [("is_decoder", "a decoder"), ("is_encoder_decoder", "with a decoder")]
)
def test_an_encoder_used_as_decoder_is_refused(tmp_path: Path, key: str, reason: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / "config.json", lambda config: config.update({key: True}))
    refused(folder, reason)


def test_a_folder_without_a_model_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"has no config\.json, so there is no model in it"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', "\x00\xff"])
def test_a_damaged_config_is_one_clear_error(tmp_path: Path, text: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    refused(folder, r"config\.json (is damaged|has no model_type)")


@pytest.mark.parametrize(
    "values", [{"hidden_size": "x"}, {"num_attention_heads": 5}, {"hidden_act": "nonsense"}]
)
def test_a_config_that_builds_no_model_is_one_clear_error(tmp_path: Path, values: dict[str, Any]) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(folder / "config.json", lambda config: config.update(values))
    refused(folder, r"config\.json")


@pytest.mark.parametrize("keep", [0, 4, 200, -1])
def test_cut_off_weights_are_one_clear_error(tmp_path: Path, keep: int) -> None:
    folder = write_tiny_model(tmp_path / "m")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    refused(folder, r"model\.safetensors is damaged or cut off")


def test_a_missing_shard_is_one_clear_error(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    tiny_model().save_pretrained(folder, max_shard_size="60KB")
    next(folder.glob("model-00001*")).unlink()
    refused(folder, r"index\.json names files that are not there: model-00001")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"version": "1.0", "model": {"type": "Nonsense"}}'])
def test_a_damaged_tokenizer_is_one_clear_error(tmp_path: Path, text: str) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "tokenizer.json").write_text(text)
    refused(folder, r"tokenizer\.json is damaged")


def test_a_missing_tokenizer_is_one_clear_error(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    refused(folder, r"there is no tokenizer in the folder.*Copy the tokenizer's files")


def test_a_slow_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n")
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "basic"}'
    )
    refused(folder, r"only a slow tokenizer \(BertJapaneseTokenizer\).*tokenizer\.json")


def test_a_vocabulary_without_embeddings_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m", vocab_size=500)
    refused(folder, r"ids up to 563, but the model has embeddings only for 500 tokens")


# Finished classifiers


def test_a_finished_classifier_brings_its_labels(tmp_path: Path) -> None:
    loaded = load_run(classifier_folder(tmp_path / "m", ("no", "yes", "maybe")))
    assert loaded.label_set.names == ("no", "yes", "maybe")
    assert loaded.head == "kept"
    assert loaded.max_length == MAX_POSITIONS
    assert loaded.findings == ()


def test_a_bare_encoder_is_no_finished_classifier(tmp_path: Path) -> None:
    with pytest.raises(
        IncompatibleModel, match=r"not a finished classifier \(its architecture is BertModel\)"
    ):
        load_run(write_tiny_model(tmp_path / "m"))


def test_a_classifier_without_its_head_is_refused(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path / "m", LABELS.names)
    change_weights(folder, lambda weights: weights.pop("classifier.weight"))
    with pytest.raises(IncompatibleModel, match=r"model\.safetensors lacks 'classifier\.weight'"):
        load_run(folder)


def test_a_classifier_of_another_problem_is_refused(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path / "m", LABELS.names)
    edit(folder / "config.json", lambda config: config.update(problem_type="multi_label_classification"))
    with pytest.raises(IncompatibleModel, match=r"problem_type is 'multi_label_classification'"):
        load_run(folder)


def test_a_classifier_with_gaps_in_its_labels_is_refused(tmp_path: Path) -> None:
    folder = classifier_folder(tmp_path / "m", LABELS.names)
    edit(folder / "config.json", lambda config: config.update(id2label={"0": "a", "7": "b"}))
    with pytest.raises(IncompatibleModel, match=r"does not name two or more different labels"):
        load_run(folder)


def test_a_missing_run_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"there is no such folder"):
        load_run(tmp_path / "nowhere")


# What a stranger's folder may say


def test_keys_that_nothing_reads_are_left_out_and_told(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    edit(
        folder / "config.json",
        lambda config: config.update(to_dict="x", my_notes=[1], gradient_checkpointing=False),
    )
    loaded = load(folder)
    found = finding(loaded, "M008")
    assert found.severity == "info"
    assert "2 keys that BertConfig does not know, ignored: 'to_dict', 'my_notes'" in found.sentence
    assert not hasattr(loaded.model.config, "my_notes")
    assert loaded.model.config.to_dict()["hidden_size"] == 32


def test_a_snapshot_of_the_cache_is_made_of_links_and_is_read(tmp_path: Path) -> None:
    blobs, snapshot = (
        tmp_path / "models--a--b" / "blobs",
        tmp_path / "models--a--b" / "snapshots" / ("0" * 40),
    )
    blobs.mkdir(parents=True)
    written = write_tiny_model(tmp_path / "m")
    snapshot.mkdir(parents=True)
    for path in written.iterdir():
        path.rename(blobs / f"hash-of-{path.name}")
        (snapshot / path.name).symlink_to(Path("../../blobs") / f"hash-of-{path.name}")
    assert load(snapshot).head == "new"
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to("../../refs")
    refused(snapshot, r"config\.json is a symbolic link (out of|that leads nowhere)")


def test_a_folder_that_is_itself_reached_by_a_link_is_read(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "m")
    (tmp_path / "link").symlink_to(tmp_path / "m")
    assert load(tmp_path / "link").head == "new"


def test_two_shards_with_the_same_tensor_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "m")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = ["one.safetensors", "two.safetensors"]
    for name in names:
        save_file(weights, folder / name)
    index = {"weight_map": dict(zip(weights, names * len(weights), strict=False))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(folder, r"two files hold the same tensors: '")
