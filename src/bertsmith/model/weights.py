"""The safetensors files of a model folder: their headers, checked before a byte of a weight is read, and the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file
from torch import Tensor

from bertsmith.errors import IncompatibleModel, list_names
from bertsmith.model.files import AGAIN, find_file, parse_object, read_json

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

BYTES_OF_DTYPE = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
BYTES_OF_DTYPE |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}
LENGTH_BYTES = 8
"""A file begins with the size of its header, little-endian."""
MAX_HEADER_BYTES = 100_000_000
MAX_TENSORS = 100_000
MAX_SHARDS = 1000
MAX_DIMENSIONS = 16


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as a header describes it."""

    file: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def num_elements(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)


Headers = dict[str, StoredTensor]
"""Tensor name → what is stored of it."""


def weight_files(model: str, folder: Path) -> list[Path]:
    """model.safetensors, or the shards that its index names.

    Raises:
        IncompatibleModel: the index names a file that is not there, not in the folder, or not safetensors.
    """
    if (single := find_file(model, folder / WEIGHTS)) is not None:
        return [single]
    weight_map = read_json(model, folder / INDEX).get("weight_map")
    names = sorted({str(name) for name in weight_map.values()}) if isinstance(weight_map, dict) else []
    for name in names:
        _check_shard_name(model, name)
    missing = [name for name in names if find_file(model, folder / name) is None]
    if missing or not names:
        problem = f"{INDEX} names files that are not there: {', '.join(missing[:5]) or 'none at all'}."
        raise IncompatibleModel(model, problem, remedy=AGAIN)
    if len(names) > MAX_SHARDS:
        raise IncompatibleModel(
            model, f"{INDEX} names {len(names):,} files; at most {MAX_SHARDS:,} are read.", remedy=AGAIN
        )
    return [folder / name for name in names]


def _check_shard_name(model: str, name: str) -> None:
    """A plain name of a safetensors file beside the index, and nothing else."""
    is_plain = Path(name).name == name and not set(name) & set("/\\:\0") and name.isprintable()
    if is_plain and name.endswith(".safetensors") and len(name) <= 200:
        return
    problem = f"{INDEX} names {name[:80]!r}, which is not the name of a safetensors file in the same folder."
    raise IncompatibleModel(model, problem, remedy=AGAIN)


def read_headers(model: str, folder: Path) -> Headers:
    """What every tensor of the checkpoint is; no weight is read.

    Raises:
        IncompatibleModel: a header is damaged or does not fit its file, or a tensor is stored twice.
    """
    headers: Headers = {}
    for path in weight_files(model, folder):
        try:
            found = _header_of(path)
        except (OSError, ValueError, IncompatibleModel) as error:
            what = error.problem if isinstance(error, IncompatibleModel) else error
            problem = f"{path.name} is damaged or cut off ({what})."
            raise IncompatibleModel(model, problem, remedy=AGAIN) from error
        if twice := sorted(set(found) & set(headers)):
            raise IncompatibleModel(
                model, f"two files hold the same tensors: {list_names(twice)}.", remedy=AGAIN
            )
        headers |= found
    return headers


def _header_of(path: Path) -> Headers:
    """The tensors that a file says it holds, which fill it without a gap.

    Raises:
        ValueError: with what is wrong.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if size < LENGTH_BYTES or not 2 <= length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
            raise ValueError(f"its header would have {length:,} bytes; the file has {size:,}")
        header = parse_object("", file.read(length).decode("utf-8"), file="the header")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("the header's __metadata__ is not text")
    if not 1 <= len(header) <= MAX_TENSORS:
        raise ValueError(f"the header names {len(header):,} tensors")
    described = {name: _described(name, entry, file=path.name) for name, entry in header.items()}
    _check_cover([header[name]["data_offsets"] for name in header], size - LENGTH_BYTES - length)
    return described


def _described(name: str, entry: Any, *, file: str) -> StoredTensor:
    """One entry of a header: a dtype, a shape, and as many bytes as both make."""
    shown = repr(name[:80])
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the tensor {shown} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES_OF_DTYPE:
        raise ValueError(f"the tensor {shown} has the type {str(dtype)[:20]!r}, which is not read here")
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"the tensor {shown} has no proper shape")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"the tensor {shown} has no proper data_offsets")
    expected = math.prod(shape) * BYTES_OF_DTYPE[dtype]
    if offsets[1] - offsets[0] != expected:
        raise ValueError(f"the tensor {shown} needs {expected:,} bytes, but has {offsets[1] - offsets[0]:,}")
    return StoredTensor(file, dtype, tuple(shape))


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_cover(offsets: list[list[int]], size: int) -> None:
    """The tensors lie one behind the other and fill the file: no overlap, no hole, nothing outside or hidden."""
    end = 0
    for start, stop in sorted(offsets):
        if start != end:
            what = "overlap" if start < end else "leave a hole"
            raise ValueError(f"its tensors {what} at byte {min(start, end):,}")
        end = stop
    if end != size:
        raise ValueError(f"its tensors have {end:,} bytes, but the file holds {size:,} of them")


def read_weights(model: str, folder: Path) -> dict[str, Tensor]:
    """Every tensor of the checkpoint by its stored name.

    Raises:
        IncompatibleModel: a file is damaged, or a shard is missing.
    """
    tensors: dict[str, Tensor] = {}
    for path in weight_files(model, folder):
        try:
            # load_file maps the file: without a copy, whoever overwrites the file changes the loaded model.
            tensors |= {name: tensor.clone() for name, tensor in load_file(path).items()}
        except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
            problem = f"{path.name} is damaged or cut off ({error})."
            raise IncompatibleModel(model, problem, remedy=AGAIN) from error
    return tensors
