"""Tiny random encoders with their tokenizers, built in code: the models that the tests run on.

A model has 2 layers, hidden 32 and a few hundred words, and loads like any Hugging Face folder.
`write_tiny_model(folder, "bert")` is what most tests want.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

MAX_POSITIONS = 64
HIDDEN = 32
LAYERS = 2
HEADS = 4
INTERMEDIATE = 64

_TEXT = """
a about above action actor actually after again ago all almost also always am amazing an and another
any are around as ask at awful away awesome awkward back bad be beautiful because been before being
best better big bit book boring both bought bring brilliant broken but buy by call came can car cat
charming cheap child city class classic clean clear clever close cold come complete cool could
country crash crazy customer cut dark day dead deal dear decent delicious delightful did different
dirty disappointing do does dog done door down drama dreadful dull each early easy eat enjoy enjoyed
enough ever every excellent expensive experience eyes face fact fail fake fall family fan fantastic
far fast favorite feel few film find fine first five flat food for found four free fresh friend from
full fun funny game gave get girl give go good got great green group guy had half hand happy hard
has hate hated have he head hear heart help her here high him his hold home honest hope horrible hot
hotel hour house how human i idea if in instead interesting into is it its job just keep kid kind
knew know last late laugh learn least leave left less let life light like line list little live long
look lost lot loud love loved lovely low made make man many masterpiece may me mean meal mess might
mind minute miss money more morning most movie much music must my name need never new news next nice
night no noise not nothing now number of off often old on once one only open or order other our out
over own pain part past pathetic pay people perfect person place plan play please plot point poor
price problem product quick quiet quite rain rather read real really reason recommend red refund
return right room rude run sad said same saw say scene school see seem sell send service set she
ship short should show side simple sit slow small smile so some something song soon sorry sound
special staff star start stay still stop store story street strong stupid such superb sure take talk
taste team tell terrible test than thank that the their them then there these they thing think this
those thought three time tired to today together told too took top town tried true try turn two ugly
under unfunny until up us use useless very view visit voice wait walk want warm was waste watch
water way we week weird well went were what when where which while white who why will win with
without woman wonderful word work world worse worst worth would write wrong year yes yet you young
your zero
"""

WORDS = _TEXT.split()


@dataclass(frozen=True)
class Family:
    """What differs between the families, for a tiny model and its tokenizer."""

    settings: dict[str, Any]
    """Configuration fields beside the shared sizes; `None` removes a shared one."""
    special: tuple[str, str, str, str, str] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    """pad, unknown, begin, end, mask."""
    special_ids: tuple[int, int, int, int, int] = (0, 1, 2, 3, 4)
    token_types: bool = True
    """The model takes token_type_ids."""
    double_separator: bool = False
    """Pairs are `<s> A </s></s> B </s>`."""
    byte_level: bool = False
    """Byte-level BPE, cased, as RoBERTa has it; else lower-casing WordPiece."""


_ROBERTA_SPECIAL = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
_ROBERTA_IDS = (1, 3, 0, 2, 4)
_ROBERTA_SETTINGS = {
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "max_position_embeddings": MAX_POSITIONS + 2,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}

FAMILIES: dict[str, Family] = {
    "bert": Family({}),
    "roberta": Family(_ROBERTA_SETTINGS, _ROBERTA_SPECIAL, _ROBERTA_IDS, False, True, True),
    "xlm-roberta": Family(_ROBERTA_SETTINGS, _ROBERTA_SPECIAL, _ROBERTA_IDS, False, True),
    "distilbert": Family(
        {
            "dim": HIDDEN,
            "n_layers": LAYERS,
            "n_heads": HEADS,
            "hidden_dim": INTERMEDIATE,
            "sinusoidal_pos_embds": False,
        },
        token_types=False,
    ),
    "electra": Family({"embedding_size": 16}),
    "albert": Family({"embedding_size": 16, "bos_token_id": 2, "eos_token_id": 3}),
    "deberta-v2": Family(
        {
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "position_biased_input": False,
            "type_vocab_size": 0,
        }
    ),
    "mpnet": Family(
        {
            "max_position_embeddings": MAX_POSITIONS + 2,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
        },
        _ROBERTA_SPECIAL,
        _ROBERTA_IDS,
        False,
        True,
    ),
    "modernbert": Family(
        {
            "pad_token_id": 0,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "local_attention": 16,
            "global_attn_every_n_layers": 2,
        },
        token_types=False,
    ),
}
"""Every family by its `model_type`."""


def tiny_tokenizer(family: str = "bert") -> PreTrainedTokenizerFast:
    """The family's tokenizer over `WORDS` and single characters: any ASCII text gives real tokens."""
    kind = FAMILIES[family]
    tokenizer = _byte_level(kind) if kind.byte_level else _word_piece(kind)
    pad, unknown, begin, end, mask = kind.special
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (pad, unknown, begin, end)])
    tokenizer.add_special_tokens([AddedToken(mask, special=True, lstrip=kind.double_separator)])
    second = f"{end}:0 $B:0 {end}:0" if kind.double_separator else f"$B:1 {end}:1"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin}:0 $A:0 {end}:0",
        pair=f"{begin}:0 $A:0 {end}:0 {second}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (begin, end)],
    )
    inputs = (
        ["input_ids", "token_type_ids", "attention_mask"]
        if kind.token_types
        else ["input_ids", "attention_mask"]
    )
    names = {"pad_token": pad, "unk_token": unknown, "cls_token": begin, "sep_token": end, "mask_token": mask}
    if kind.double_separator:
        names |= {"bos_token": begin, "eos_token": end}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=inputs, model_max_length=MAX_POSITIONS, **names
    )


def tiny_config(
    family: str = "bert", *, dropout: float = 0.1, num_labels: int | None = None, **settings: Any
) -> PretrainedConfig:
    """The family's configuration at tiny size; `settings` overrides any field."""
    kind = FAMILIES[family]
    values: dict[str, Any] = {
        "vocab_size": len(tiny_tokenizer(family)),
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": MAX_POSITIONS,
        "pad_token_id": kind.special_ids[0],
    }
    if family == "distilbert":
        for shared in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
            del values[shared]
    values |= kind.settings | _dropouts(family, dropout) | settings
    if num_labels is not None:
        values["num_labels"] = num_labels
    return AutoConfig.for_model(family, **values)


def tiny_model(
    family: str = "bert",
    *,
    seed: int = 0,
    dropout: float = 0.1,
    num_labels: int | None = None,
    **settings: Any,
) -> PreTrainedModel:
    """A random model: the bare encoder, or with a classification head where `num_labels` is given."""
    config = tiny_config(family, dropout=dropout, num_labels=num_labels, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        auto = AutoModel if num_labels is None else AutoModelForSequenceClassification
        model = auto.from_config(config, dtype=torch.float32)
        _make_uneven(model)
    return model.eval()


def write_tiny_model(
    folder: Path,
    family: str = "bert",
    *,
    seed: int = 0,
    dropout: float = 0.1,
    num_labels: int | None = None,
    **settings: Any,
) -> Path:
    """A model folder: config.json, model.safetensors, tokenizer.json, tokenizer_config.json. Gives it back.

    Without `num_labels` it is a bare encoder, as published base models are; with it, a classification
    checkpoint (give `id2label=` and `label2id=` for real names).
    """
    folder = Path(folder)
    tiny_model(family, seed=seed, dropout=dropout, num_labels=num_labels, **settings).save_pretrained(folder)
    tiny_tokenizer(family).save_pretrained(folder)
    return folder


def _make_uneven(model: PreTrainedModel) -> None:
    """Biases and norms away from 0 and 1, so that a forgotten one shows."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            noise = torch.empty_like(parameter).normal_(std=0.05)
            parameter.data += noise
        elif "embed" not in name:
            parameter.data *= 4  # at the usual 0.02 a tiny attention is all but uniform


def _dropouts(family: str, dropout: float) -> dict[str, float]:
    """The family's dropout fields."""
    if family == "distilbert":
        return {"dropout": dropout, "attention_dropout": dropout, "seq_classif_dropout": dropout}
    if family == "modernbert":
        names = ("attention_dropout", "mlp_dropout", "embedding_dropout", "classifier_dropout")
        return dict.fromkeys(names, dropout)
    shared = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    return shared | ({"classifier_dropout_prob": dropout} if family == "albert" else {})


def _word_piece(kind: Family) -> Tokenizer:
    """Lower-casing WordPiece with the special tokens at their ids."""
    by_id = sorted(zip(kind.special_ids, kind.special, strict=True))
    characters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [token for _, token in by_id]
    pieces += list(characters) + ["##" + character for character in string.ascii_lowercase + string.digits]
    pieces += ["##s", "##ed", "##ing", "##ly", "##er", "##est"] + WORDS
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token=kind.special[1], max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def _byte_level(kind: Family) -> Tokenizer:
    """Byte-level BPE learned from `WORDS` (deterministic), with the special tokens at their ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    by_id = sorted(zip(kind.special_ids, kind.special, strict=True))
    trainer = trainers.BpeTrainer(
        vocab_size=2000,  # enough that every word is one token
        min_frequency=1,
        special_tokens=[token for _, token in by_id],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([f" {word}" for word in WORDS] + WORDS, trainer)
    return tokenizer
