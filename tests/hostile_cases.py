"""Every hostile model folder, and what its refusal must say."""

from __future__ import annotations

import struct

from tests.hostile_folders import (
    Case,
    adapter,
    config,
    config_deep,
    config_text,
    cyclic_special_tokens,
    deep_normalizers,
    first_tensor,
    header,
    header_text,
    hole,
    huge_tokenizer,
    link_out,
    link_to,
    many_added_tokens,
    normalizer,
    other_config_file,
    other_tokenizer_file,
    overlap,
    pickle_as_safetensors,
    pickled_instead,
    pickles_beside,
    pipe,
    raw_weights,
    replace,
    shards,
    sparse_weights,
    split,
    tokenizer,
    tokenizer_config,
    weights,
)

NOT_ENOUGH = r"numbers, the safetensors file holds"
DAMAGED = r"model\.safetensors is damaged or cut off \("
CONFIG = r"config\.json says '{}' is"
TRIAL = r"tokenizer\.json (did not take in|crashed|is damaged|makes|puts|reads)"

CODE = (
    Case(
        "auto_map in config.json", config(auto_map={"AutoConfig": "evil.Evil"}), r"config\.json asks for code"
    ),
    Case(
        "auto_map deep inside",
        config(task_specific_params={"a": [{"auto_map": 1}]}),
        r"config\.json asks for code",
    ),
    Case(
        "auto_map in tokenizer_config.json",
        tokenizer_config(auto_map={"AutoTokenizer": ["evil.Evil", None]}),
        r"tokenizer_config\.json asks for code",
    ),
    Case(
        "_attn_implementation_internal",
        config(_attn_implementation_internal="someone/kernel"),
        r"'_attn_implementation_internal', a private switch",
    ),
    Case(
        "a nested *_internal key",
        config(text_config={"_experts_implementation_internal": "x/y"}),
        r"_experts_implementation_internal', a private switch",
    ),
    Case(
        "_attn_implementation",
        config(_attn_implementation="someone/kernel"),
        r"'_attn_implementation' to 'someone/kernel'",
    ),
    Case(
        "attn_implementation",
        config(attn_implementation="flash_attention_2"),
        r"'attn_implementation' to 'flash_attention_2'",
    ),
    Case("trust_remote_code", config(a={"b": {"trust_remote_code": True}}), r"'a\.b\.trust_remote_code'"),
    Case(
        "trust_remote_code of the tokenizer",
        tokenizer_config(trust_remote_code="yes"),
        r"tokenizer_config\.json sets 'trust_remote_code'",
    ),
    Case(
        "a tokenizer class that is none",
        tokenizer_config(tokenizer_class="BertModel"),
        r"names 'BertModel' as the class of its tokenizer",
    ),
    Case("another configuration file", other_config_file, None),
    Case("other tokenizer files", other_tokenizer_file, None),
    Case("an adapter of a Hub model", adapter, None),
    Case("a key called like a method", config(to_dict="x", __class__="y", save_pretrained=1), None),
)
KINDS = (
    Case("an unknown type", config(model_type="evil"), r"its type is 'evil'"),
    Case("a type that is no text", config(model_type=["bert"]), r"has no model_type"),
    Case("an encoder with a decoder", config(model_type="bart"), r"an encoder with a decoder"),
    Case("a decoder", config(model_type="gpt2"), r"a decoder"),
    Case("quantized weights", config(quantization_config={"quant_method": "awq"}), r"weights are quantized"),
)
SIZES = (
    Case("a billion layers", config(num_hidden_layers=10**9), CONFIG.format("num_hidden_layers")),
    Case("a thousand layers", config(num_hidden_layers=1000), NOT_ENOUGH),
    Case("hidden size 2^31", config(hidden_size=2**31), CONFIG.format("hidden_size")),
    Case("hidden size 2^20", config(hidden_size=2**20, intermediate_size=2**20), NOT_ENOUGH),
    Case("a trillion words", config(vocab_size=10**12), CONFIG.format("vocab_size")),
    Case("ten million words", config(vocab_size=10**7), NOT_ENOUGH),
    Case("a million positions", config(max_position_embeddings=10**6), NOT_ENOUGH),
    Case("a negative size", config(hidden_size=-32), CONFIG.format("hidden_size")),
    Case("no layers", config(num_hidden_layers=0), CONFIG.format("num_hidden_layers")),
    Case("no heads", config(num_attention_heads=0), CONFIG.format("num_attention_heads")),
    Case("a size that is a fraction", config(hidden_size=32.5), r"config\.json cannot be used"),
    Case("a size that is text", config(hidden_size="32"), r"config\.json cannot be used"),
    Case("a size that is true", config(num_hidden_layers=True), CONFIG.format("num_hidden_layers")),
    Case("a size that is a list", config(hidden_size=[32]), r"config\.json (cannot be used|says)"),
    Case(
        "a chunk of a trillion",
        config(chunk_size_feed_forward=10**12),
        CONFIG.format("chunk_size_feed_forward"),
    ),
    Case("an epsilon that makes NaN", config(layer_norm_eps=-5.0), CONFIG.format("layer_norm_eps")),
    Case(
        "a number of a million digits",
        config_text('"vocab_size":', f'"vocab_size": {"9" * 10**6}, "x":'),
        r"a number has 1,000,000 digits",
    ),
    Case("100,000 levels", config_deep, r"config\.json is nested more than"),
    Case(
        "a name twice",
        config_text('"vocab_size":', '"model_type": "gpt2", "vocab_size":'),
        r"'model_type' stands twice",
    ),
    Case("NaN in config.json", config(hidden_dropout_prob=float("nan")), r"NaN is not a JSON number"),
    Case("infinity in config.json", config(initializer_range=float("inf")), r"Infinity is not a JSON number"),
    Case(
        "a huge float",
        config_text('"vocab_size":', '"hidden_dropout_prob": 1e999, "x":'),
        r"stands twice|config\.json says 'hidden_dropout_prob' is inf",
    ),
    Case(
        "200,000 labels",
        config(id2label={str(n): f"l{n}" for n in range(200_000)}),
        r"'id2label' is 200000, where up to 100,000 labels",
    ),
    Case("other sizes than the weights", config(intermediate_size=48), r"the sizes differ in"),
)
WEIGHTS = (
    Case("no header", raw_weights(b""), DAMAGED),
    Case(
        "a header of 2^62 bytes",
        raw_weights(struct.pack("<Q", 2**62) + b"{}"),
        DAMAGED + "its header would have",
    ),
    Case("a header that is no JSON", header_text(b"{]"), DAMAGED),
    Case("a header of nothing", header_text(b"{}"), DAMAGED + "the header names 0 tensors"),
    Case("a header 100,000 deep", header_text(b'{"a":' * 100_000), DAMAGED),
    Case(
        "a tensor twice",
        header_text(
            b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
        ),
        "stands twice",
    ),
    Case("overlapping tensors", header(overlap), DAMAGED + "its tensors overlap"),
    Case("a hole between tensors", header(hole), DAMAGED + "its tensors leave a hole"),
    Case(
        "a tensor outside the file",
        header(lambda v: first_tensor(v).update(data_offsets=[2**40, 2**40 + 564 * 32 * 4])),
        DAMAGED,
    ),
    Case("offsets backwards", header(lambda v: first_tensor(v).update(data_offsets=[100, 0])), DAMAGED),
    Case("a shape that overflows", header(lambda v: first_tensor(v).update(shape=[2**32, 2**32])), DAMAGED),
    Case(
        "a negative shape",
        header(lambda v: first_tensor(v).update(shape=[-1, 32])),
        DAMAGED + ".*no proper shape",
    ),
    Case(
        "an unknown type of number", header(lambda v: first_tensor(v).update(dtype="F4")), DAMAGED + ".*'F4'"
    ),
    Case(
        "another shape of the same size",
        header(lambda v: first_tensor(v).update(shape=first_tensor(v)["shape"][::-1])),
        r"the sizes differ in",
    ),
    Case(
        "bytes behind the last tensor",
        lambda f, c: (
            (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes() + b"x" * 9) and None
        ),
        DAMAGED,
    ),
    Case("a terabyte without substance", sparse_weights, NOT_ENOUGH),
    Case(
        "NaN in a weight",
        weights(lambda t: t["bert.encoder.layer.0.output.dense.weight"].fill_(float("nan"))),
        r"'bert\.encoder\.layer\.0\.output\.dense\.weight' holds NaN",
    ),
    Case(
        "infinity in a weight",
        weights(lambda t: t["bert.embeddings.LayerNorm.bias"].fill_(float("inf"))),
        r"'bert\.embeddings\.LayerNorm\.bias' holds infinite",
    ),
)
NAMES = (
    Case(
        "a shard in the folder above",
        shards("../outside.safetensors"),
        r"names '\.\./outside\.safetensors', which is not the name",
    ),
    Case(
        "a shard with a whole path",
        shards("{folder}/outside.safetensors"),
        r"names '/.*', which is not the name",
    ),
    Case(
        "a shard that is a pickle",
        shards("pytorch_model.bin"),
        r"names 'pytorch_model\.bin', which is not the name",
    ),
    Case("a shard name with NUL", shards("a\0b.safetensors"), r"which is not the name"),
    Case("config.json is a link out", link_out("config.json"), r"config\.json is a symbolic link out"),
    Case(
        "weights are a link out", link_out("model.safetensors"), r"model\.safetensors is a symbolic link out"
    ),
    Case(
        "tokenizer.json is a link out", link_out("tokenizer.json"), r"tokenizer\.json is a symbolic link out"
    ),
    Case(
        "tokenizer_config.json is a link to a device",
        link_to("tokenizer_config.json", "/dev/zero"),
        r"tokenizer_config\.json is a symbolic link out",
    ),
    Case(
        "weights are a link to themselves",
        link_to("model.safetensors", "model.safetensors"),
        r"model\.safetensors is a symbolic link that leads nowhere",
    ),
    Case("tokenizer.json is a pipe", pipe("tokenizer.json"), r"tokenizer\.json is not a regular file"),
    Case("config.json is a pipe", pipe("config.json"), r"config\.json is not a regular file|no config\.json"),
)
PICKLES = (
    Case("pytorch_model.bin only", pickled_instead("pytorch_model.bin"), r"only pytorch_model\.bin"),
    Case(
        "a zip of pickles only", pickled_instead("pytorch_model.bin", how="zip"), r"only pytorch_model\.bin"
    ),
    Case("training_args.bin only", pickled_instead("training_args.bin"), r"only training_args\.bin"),
    Case("a 7z only", pickled_instead("model.7z", how="7z"), r"only model\.7z"),
    Case("optimizer.pt only", pickled_instead("optimizer.pt", how="zip"), r"only optimizer\.pt"),
    Case("a pickle called model.safetensors", pickle_as_safetensors, DAMAGED),
    Case("pickles beside good weights", pickles_beside, None),
)
TOKENIZERS = (
    Case("a pattern that backtracks for ever", split(r"(x+x+)+y"), TRIAL),
    Case("a normalizer that backtracks for ever", normalizer(replace(r"(a|aa)+$", "", kind="Regex")), TRIAL),
    Case("a normalizer that multiplies", normalizer(replace("e", "e" * 100_000)), r"tokenizer\.json (makes|crashed)"),
    Case("normalizers that multiply together", normalizer(*[replace("e", "eeee")] * 6), r"tokenizer\.json (makes|crashed)"),
    Case("a bomb for one rare character", normalizer(replace("ѫ", "ѫ" * 100_000)), r"tokenizer\.json (makes|crashed)"),
    Case("ten million added tokens", many_added_tokens, r"tokenizer\.json has [\d,]+ bytes"),
    Case("a tokenizer of a gigabyte", huge_tokenizer, r"tokenizer\.json has 1,000,000,000 bytes"),
    Case("normalizers 400 deep", tokenizer(deep_normalizers), TRIAL),
    Case("100,000 tokens around every text", tokenizer(cyclic_special_tokens), r"tokenizer\.json puts more than"),
    Case("a tokenizer that is no JSON", lambda f, c: (f / "tokenizer.json").write_text("{]") and None, r"tokenizer\.json is damaged"),
    Case("a token that the model has no row for", tokenizer(lambda v: v["model"]["vocab"].update(zzz=4_000_000_000)), r"ids up to 4000000000"),
    Case("a special token without a row", tokenizer(lambda v: v["post_processor"]["special_tokens"]["[CLS]"].update(ids=[99_999])), r"puts the token 99999 around"),
    Case("a text type that the model lacks", tokenizer(lambda v: v["post_processor"]["single"][0]["SpecialToken"].update(type_id=7)), r"token type 7"),
    Case("words of any length", tokenizer(lambda v: v["model"].update(max_input_chars_per_word=10**12)), r"tokenizer\.json takes words of 1,000,000,000,000 characters"),
)  # fmt: skip

CASES = (*CODE, *KINDS, *SIZES, *WEIGHTS, *NAMES, *PICKLES, *TOKENIZERS)
"""All of them; their names are unique."""
