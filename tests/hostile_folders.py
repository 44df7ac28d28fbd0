"""Model folders from a stranger: each is a tiny classifier with one thing in it that must be refused, or must do nothing.

Every payload that could run touches the canary; nothing here may ever make the canary appear.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tests.tiny_models import write_tiny_model

LABELS = ("negative", "positive")
Build = Callable[[Path, Path], None]
"""(folder, canary) → the folder is made hostile."""


@dataclass(frozen=True)
class Case:
    """One hostile folder."""

    name: str
    build: Build
    says: str | None
    """A pattern that the refusal must have; None: the folder must work all the same, and the canary stay away."""


class Touch:
    """Unpickling it writes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.canary}'",)


def write_case(case: Case, folder: Path, *, canary: Path) -> Path:
    """The folder of a case."""
    names = dict(enumerate(LABELS))
    write_tiny_model(
        folder, num_labels=2, id2label=names, label2id={name: index for index, name in names.items()}
    )
    (folder / "evil.py").write_text(
        f"import pathlib\npathlib.Path({str(canary)!r}).touch()\nclass Evil: pass\n"
    )
    case.build(folder, canary)
    return folder


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON object in place."""
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values), "utf-8")


def config(**changes: Any) -> Build:
    """config.json with other values."""
    return lambda folder, canary: edit_json(folder / "config.json", lambda values: values.update(changes))


def config_text(old: str, new: str) -> Build:
    """config.json with other characters, whatever JSON allows."""

    def build(folder: Path, canary: Path) -> None:
        path = folder / "config.json"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return build


def config_deep(folder: Path, canary: Path) -> None:
    """Lists in lists, 100,000 deep."""
    deep = "[" * 100_000 + "]" * 100_000
    config_text('"vocab_size"', f'"deep": {deep}, "vocab_size"')(folder, canary)


def tokenizer_config(**changes: Any) -> Build:
    """tokenizer_config.json with other values."""
    return lambda folder, canary: edit_json(
        folder / "tokenizer_config.json", lambda values: values.update(changes)
    )


def tokenizer(change: Callable[[dict[str, Any]], object]) -> Build:
    """tokenizer.json with other values."""
    return lambda folder, canary: edit_json(folder / "tokenizer.json", change)


def normalizer(*steps: dict[str, Any]) -> Build:
    """tokenizer.json with these normalizers."""
    return tokenizer(
        lambda values: values.update(normalizer={"type": "Sequence", "normalizers": list(steps)})
    )


def replace(pattern: str, content: str, *, kind: str = "String") -> dict[str, Any]:
    """A normalizer that puts something else in the place of a pattern."""
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def split(pattern: str) -> Build:
    """tokenizer.json that splits at a regular expression."""
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return tokenizer(lambda values: values.update(pre_tokenizer=step))


def cyclic_special_tokens(values: dict[str, Any]) -> None:
    """A template in which the tokens around a text are more than any text."""
    token = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
    values["post_processor"]["single"] = [token] * 100_000 + values["post_processor"]["single"]


def deep_normalizers(values: dict[str, Any]) -> None:
    """Sequences in sequences."""
    step: dict[str, Any] = {"type": "Lowercase"}
    for _ in range(400):
        step = {"type": "Sequence", "normalizers": [step]}
    values["normalizer"] = step


def many_added_tokens(folder: Path, canary: Path) -> None:
    """Ten million added tokens."""
    path = folder / "tokenizer.json"
    text = path.read_text("utf-8")
    token = '{"id":%d,"content":"t%d","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false}'
    first, rest = (
        text.split('"added_tokens": [', 1)
        if '"added_tokens": [' in text
        else text.split('"added_tokens":[', 1)
    )
    with path.open("w", encoding="utf-8") as file:
        file.write(first + '"added_tokens":[')
        one = ",".join(token % (1000 + n, n) for n in range(20_000))
        for _ in range(500):  # the same 20,000 five hundred times: ten million entries
            file.write(one + ",")
        file.write(rest)


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Build:
    """Other tensors in model.safetensors."""

    def build(folder: Path, canary: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return build


def header(change: Callable[[dict[str, Any]], object]) -> Build:
    """Another header before the same bytes."""

    def build(folder: Path, canary: Path) -> None:
        path = folder / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        values = json.loads(data[8 : 8 + length])
        change(values)
        text = json.dumps(values).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return build


def raw_weights(data: bytes) -> Build:
    """model.safetensors of these bytes."""

    def build(folder: Path, canary: Path) -> None:
        (folder / "model.safetensors").write_bytes(data)

    return build


def header_text(text: bytes) -> Build:
    """model.safetensors of this header and nothing behind it."""
    return raw_weights(struct.pack("<Q", len(text)) + text)


def first_tensor(values: dict[str, Any]) -> dict[str, Any]:
    """The entry of one large tensor."""
    entry = values["bert.embeddings.word_embeddings.weight"]
    assert isinstance(entry, dict)
    return entry


def overlap(values: dict[str, Any]) -> None:
    """Two tensors on the same bytes."""
    entry = values["bert.encoder.layer.0.output.dense.weight"]
    entry["data_offsets"] = [offset - 4 for offset in entry["data_offsets"]]


def hole(values: dict[str, Any]) -> None:
    """Bytes that belong to no tensor."""
    del values["bert.encoder.layer.0.output.dense.weight"]


def sparse_weights(folder: Path, canary: Path) -> None:
    """A terabyte that takes no room on the disk."""
    text = json.dumps({"w": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + 2**40)


def shards(name: str) -> Build:
    """An index whose last shard has this name."""

    def build(folder: Path, canary: Path) -> None:
        outside = folder.parent / "outside.safetensors"
        (folder / "model.safetensors").rename(outside)
        names = dict.fromkeys(load_file(outside), name.format(folder=folder.parent))
        text = json.dumps({"metadata": {}, "weight_map": names})
        (folder / "model.safetensors.index.json").write_text(text)

    return build


def link_out(name: str) -> Build:
    """A file of the folder that is a link out of it."""

    def build(folder: Path, canary: Path) -> None:
        outside = folder.parent / f"outside-{name}"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return build


def link_to(name: str, target: str) -> Build:
    """A file of the folder that is a link to somewhere."""

    def build(folder: Path, canary: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return build


def pipe(name: str) -> Build:
    """A file of the folder that is a named pipe, at which a reader would wait for ever."""

    def build(folder: Path, canary: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return build


def pickled_instead(name: str, *, how: str = "pickle") -> Build:
    """No safetensors, only a pickle of this name."""

    def build(folder: Path, canary: Path) -> None:
        (folder / "model.safetensors").unlink()
        write_pickle(folder / name, canary, how=how)

    return build


def write_pickle(path: Path, canary: Path, *, how: str) -> None:
    """A pickle with the payload: bare, in torch's zip, or under a 7z signature."""
    payload = pickle.dumps(Touch(canary))
    if how == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", payload)
            archive.writestr("archive/version", "3\n")
    else:
        path.write_bytes((b"7z\xbc\xaf\x27\x1c\x00\x04" if how == "7z" else b"") + payload)


def pickles_beside(folder: Path, canary: Path) -> None:
    """Pickles of every name that some tool loads, beside good weights."""
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        write_pickle(folder / name, canary, how="zip")
    for name in ("model.pkl", "scaler.pt", "adapter_model.bin", "data.7z", "tokenizer.pkl"):
        write_pickle(folder / name, canary, how="7z" if name.endswith("7z") else "pickle")
    (folder / "checkpoints").mkdir()
    write_pickle(folder / "checkpoints" / "rng_state.pth", canary, how="pickle")


def pickle_as_safetensors(folder: Path, canary: Path) -> None:
    """A pickle under the name of safetensors."""
    write_pickle(folder / "model.safetensors", canary, how="zip")


def other_config_file(folder: Path, canary: Path) -> None:
    """A config.json that would send transformers to a second one."""
    (folder / "config.4.0.0.json").write_text(
        json.dumps(
            {"model_type": "bert", "auto_map": {"AutoConfig": "evil.Evil"}, "num_hidden_layers": 10**9}
        )
    )
    config(configuration_files=["config.4.0.0.json"])(folder, canary)


def other_tokenizer_file(folder: Path, canary: Path) -> None:
    """A tokenizer_config.json that would send transformers to other files."""
    (folder / "tokenizer.4.0.0.json").write_text("[" * 200_000)
    changes = {
        "fast_tokenizer_files": ["tokenizer.4.0.0.json"],
        "tokenizer_file": "/dev/zero",
        "vocab_file": "/dev/zero",
    }
    tokenizer_config(**changes)(folder, canary)


def huge_tokenizer(folder: Path, canary: Path) -> None:
    """A tokenizer.json of a gigabyte, on a disk that it takes no room of."""
    with (folder / "tokenizer.json").open("r+b") as file:
        file.truncate(10**9)


def adapter(folder: Path, canary: Path) -> None:
    """An adapter whose base model would be fetched."""
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "someone/elses-model", "peft_type": "LORA"})
    )
