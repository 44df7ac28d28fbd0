"""A good model folder with a few bytes changed at random: it gives a right answer, or is refused; never anything else."""

from __future__ import annotations

import json
import random
import shutil
import struct
from pathlib import Path

import numpy as np
from tests.hostile_cases import CASES
from tests.hostile_folders import write_case

from bertsmith.errors import BertsmithError
from bertsmith.inference.predictor import load

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
INTERESTING = (
    b"9" * 30,
    b"-1",
    b"0",
    b"1e999",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'"',
    b",",
    b":",
    b"\\u0000",
    b"\xff",
)
TEXTS = ["a good film", "the worst story, and so slow", ""]


def write_good(folder: Path) -> Path:
    """A tiny classifier, as the harmless case with an adapter beside it has it."""
    (case,) = [case for case in CASES if case.name == "an adapter of a Hub model"]
    return write_case(case, folder, canary=folder.parent / "canary")


def damage(good: Path, folder: Path, *, file: str, seed: int) -> None:
    """A copy of the folder in which one file has one to three changes, drawn from the seed."""
    shutil.copytree(good, folder)
    draws = random.Random(f"{file} {seed}")
    data = (folder / file).read_bytes()
    reach = 8 + struct.unpack("<Q", data[:8])[0] if file.endswith(".safetensors") else len(data)
    for _ in range(draws.randint(1, 3)):
        place = draws.randrange(max(1, min(reach, len(data) - 1)))
        kind = draws.randrange(5)
        if kind == 0:
            data = data[:place] + bytes([data[place] ^ (1 << draws.randrange(8))]) + data[place + 1 :]
        elif kind == 1:
            data = data[:place] + data[place + draws.randint(1, 8) :]
        elif kind == 2:
            data = data[:place] + draws.choice(INTERESTING) + data[place:]
        elif kind == 3:
            data = data[:place] + data[place : place + draws.randint(1, 40)] + data[place:]
        else:
            data = change_value(data, draws) if file.endswith(".json") else data[: -draws.randint(1, 9)]
    (folder / file).write_bytes(data)


def change_value(data: bytes, draws: random.Random) -> bytes:
    """Another value somewhere at the top of a JSON object; the data as it was where it is none any more."""
    try:
        values = json.loads(data)
        key = draws.choice(sorted(values))
    except (ValueError, TypeError, IndexError, RecursionError):
        return data
    values[key] = draws.choice(
        [None, True, -1, 0, 3, 10**6, 10**20, 1e300, "x", "", [], {}, [1, 2], {"a": 1}]
    )
    return json.dumps(values).encode()


def outcome_of(folder: Path) -> str:
    """`answered`, `refused`, or what went wrong."""
    try:
        chances = load(folder, device="cpu", threads=1).predict_probabilities(TEXTS)
    except BertsmithError as error:
        return "refused" if "\n" not in str(error) and len(str(error)) < 2000 else f"a long message: {error}"
    except (Exception, SystemError) as error:
        return f"{type(error).__name__}: {error}"
    is_right = bool(np.isfinite(chances).all()) and bool(np.allclose(chances.sum(axis=1), 1))
    return "answered" if is_right else "no probabilities"
