"""The standard trainer under the same damage and the same kills: what `Trainer.train(resume_from_checkpoint=True)` does.

The same kind of model and rows; a checkpoint every two steps, all of them kept. Well is what it is for bertsmith: the unbroken run's
bits, or an error; a run that goes on from damaged numbers, or a good older checkpoint that is not tried, is not.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import torch
from tests.learning.small_run import make_rows
from tests.tiny_models import tiny_model
from torch import Tensor

from benchmarks.reliability.cases import Case
from benchmarks.reliability.damage import DAMAGES

KILLS = 20
NUM_ROWS = 60


def _rows() -> list[dict[str, Tensor | int]]:
    dataset = make_rows(NUM_ROWS)
    ids = dataset.texts.input_ids
    return [
        {"input_ids": torch.from_numpy(ids[start:stop].astype("int64")), "labels": int(label)}
        for start, stop, label in zip(
            dataset.texts.offsets[:-1], dataset.texts.offsets[1:], dataset.label_ids, strict=True
        )
    ]


def _collate(rows: list[dict[str, Tensor | int]]) -> dict[str, Tensor]:
    texts = [row["input_ids"] for row in rows]
    padded = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)  # type: ignore[arg-type]
    labels = torch.tensor([int(row["labels"]) for row in rows])
    return {"input_ids": padded, "attention_mask": (padded != 0).long(), "labels": labels}


def train(folder: Path, *, resumes: bool) -> dict[str, Tensor]:
    """Train, or go on; gives the weights."""
    from transformers import Trainer, TrainingArguments
    from transformers.trainer_utils import set_seed

    torch.set_num_threads(1)
    set_seed(42)
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=3,
        per_device_train_batch_size=8,
        learning_rate=5e-3,
        save_steps=2,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        use_cpu=True,
        seed=42,
    )
    trainer = Trainer(
        model=tiny_model("bert", num_labels=2),
        args=arguments,
        train_dataset=_rows(),  # type: ignore[arg-type]
        data_collator=_collate,
    )
    trainer.train(resume_from_checkpoint=resumes)
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def _into(folder: Path, result: Path, *, resumes: bool) -> None:
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        torch.save(train(folder, resumes=resumes), result)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the outcome
        result.with_suffix(".error").write_text(type(error).__name__)
        sys.exit(1)


def _go(root: Path, folder: Path, *, resumes: bool, kill_after: float | None = None) -> tuple[int, Path]:
    result = root / "result.pt"
    for file in root.glob("result.*"):
        file.unlink()
    child = get_context("forkserver").Process(
        target=_into, args=(folder, result), kwargs={"resumes": resumes}
    )
    child.start()
    if kill_after is not None:
        time.sleep(kill_after)
        child.kill()
    child.join()
    return child.exitcode or 0, result


def measure() -> Iterator[Case]:
    """Kills at random instants, then every damage to every file of the newest checkpoint."""
    root = Path(tempfile.mkdtemp(prefix="trainer-"))
    _go(root, root / "first", resumes=False)
    started = time.perf_counter()
    _, result = _go(root, root / "unbroken", resumes=False)
    seconds = time.perf_counter() - started
    expected = torch.load(result, weights_only=True)
    draw = random.Random(0)
    for number in range(KILLS):
        shutil.rmtree(root / "run", ignore_errors=True)
        code, result = _go(root, root / "run", resumes=False, kill_after=draw.uniform(0, seconds))
        if code == -signal.SIGKILL:
            begun = any((root / "run").glob("checkpoint-*"))
            code, result = _go(root, root / "run", resumes=begun)
        yield _ended(f"kill {number}", code, result, expected)
    newest = "checkpoint-12"
    for file in sorted((root / "unbroken" / newest).iterdir()):
        for name, damage in DAMAGES.items():
            shutil.rmtree(root / "run", ignore_errors=True)
            shutil.copytree(root / "unbroken", root / "run")
            for later in (root / "run").glob("checkpoint-*"):
                if int(later.name.split("-")[1]) > 12:
                    shutil.rmtree(later)
            older = root / "run" / "checkpoint-10" / file.name
            if older.exists():
                damage(root / "run" / newest / file.name, older)
                code, result = _go(root, root / "run", resumes=True)
                yield _ended(f"{file.name} {name}", code, result, expected)
    shutil.rmtree(root)


def _ended(name: str, code: int, result: Path, expected: dict[str, Tensor]) -> Case:
    if code:
        told = result.with_suffix(".error")
        error = told.read_text() if told.exists() else f"exit {code}"
        return Case(name, f"{error}; the older checkpoint is not tried", ok=False)
    found = torch.load(result, weights_only=True)
    same = all(torch.equal(found[key], expected[key]) for key in expected)
    return Case(name, "the same bits" if same else "goes on silently to OTHER bits", ok=same)
