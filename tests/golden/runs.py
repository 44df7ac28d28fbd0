"""Finished runs as plain values, the same on every machine: what the card and the report are tested with."""

from __future__ import annotations

import math
from pathlib import Path

from bertsmith.config import Config
from bertsmith.data.example import LabelSet
from bertsmith.diagnosis.verdict import Verdict
from bertsmith.evaluation.scoring import Evaluation, LabelScore, Score
from bertsmith.findings import Finding
from bertsmith.run import Baselines, DataSummary, ModelSummary, Run, Speed, SplitSummary
from bertsmith.run_folder import RunFolder
from bertsmith.task import Task
from bertsmith.training.history import EpochRecord, History, Restart

ENVIRONMENT = {
    "python": "3.12.4",
    "machine": "x86_64",
    "system": "Linux",
    "device": "cpu, float32, 2 threads",
    "precision": "float32",
    "threads": 2,
    "versions": {"bertsmith": "0.1.0", "torch": "2.10.0", "transformers": "5.5.0", "tokenizers": "0.22.1"},
}
SPEED = Speed(
    seconds=321.5,
    training_seconds=250.25,
    rows_per_second=19.18,
    tokens_per_second=1234.5,
    tokenization_seconds=1.75,
    evaluation_rows_per_second=61.5,
)


def evaluation(
    confusion: tuple[tuple[int, ...], ...], labels: tuple[str, ...], *, positive: str | None, loss: float
) -> Evaluation:
    """Scores counted from a confusion matrix, with made-up intervals of 0.04 to each side."""
    rows = sum(map(sum, confusion))
    true = [sum(row) for row in confusion]
    predicted = [sum(row[index] for row in confusion) for index in range(len(labels))]
    right = [confusion[index][index] for index in range(len(labels))]
    precision = [_ratio(hits, count) for hits, count in zip(right, predicted, strict=True)]
    recall = [_ratio(hits, count) for hits, count in zip(right, true, strict=True)]
    f1 = [
        _ratio(2 * hits, given + called) for hits, given, called in zip(right, true, predicted, strict=True)
    ]
    mean = [sum(values) / len(labels) for values in (f1, precision, recall)]
    if positive is None:
        of_label = mean
    else:
        of_label = [values[labels.index(positive)] for values in (f1, precision, recall)]
    values = {
        "loss": loss,
        "f1": of_label[0],
        "accuracy": sum(right) / rows,
        "precision": of_label[1],
        "recall": of_label[2],
        "macro_f1": mean[0],
        "balanced_accuracy": mean[2],
        "mcc": _matthews(true, predicted, sum(right), rows),
    }
    per_label = (
        LabelScore(*cells)
        for cells in zip(labels, true, *(map(_score, v) for v in (precision, recall, f1)), strict=True)
    )
    return Evaluation(
        rows=rows,
        scores={
            name: _score(value, most=math.inf if name == "loss" else 1.0) for name, value in values.items()
        },
        confusion=confusion,
        per_label=tuple(per_label),
        predicted_share={label: count / rows for label, count in zip(labels, predicted, strict=True)},
        true_share={label: count / rows for label, count in zip(labels, true, strict=True)},
        positive_label=positive,
    )


def learned_run(labels: tuple[str, str] = ("negative", "positive"), *, name: str = "reviews") -> Run:
    """Two labels, three epochs of which the second collapsed, and a model that learned."""
    negative, positive = labels
    epochs = (
        epoch(
            1,
            200,
            (0.69312345, 0.6123456),
            (0.7012, 0.715, 0.7365, 0.669, 0.7146),
            {negative: 0.545, positive: 0.455},
        ),
        epoch(
            2,
            400,
            (0.6451, 0.6986),
            (0.6667, 0.5, 0.5, 1.0, 0.3333),
            {negative: 0.0, positive: 1.0},
            collapsed=True,
        ),
        epoch(3, 600, (0.312, 0.28456789), (0.9, 0.9, 0.9, 0.9, 0.9), {negative: 0.5, positive: 0.5}),
    )
    train, held_out = {negative: 800, positive: 800}, {negative: 100, positive: 100}
    return Run(
        folder=RunFolder(Path("runs") / name),
        config=Config.from_flat({"train_file": f"data/{name}.csv", "epochs": 3, "learning_rate": 2e-5}),
        verdict=Verdict(
            "learned",
            "It learned: accuracy 0.905 (95 % interval 0.865–0.945) on 200 test rows, "
            f"against 0.850 for the bag of words and 0.500 for always saying {positive!r}.",
            (
                "The gain over the bag of words is larger than chance explains.",
                "Epoch 2 collapsed and was not chosen.",
            ),
        ),
        task=Task.BINARY,
        label_set=LabelSet(labels),
        positive_label=positive,
        history=history(epochs),
        best_epoch_index=2,
        validation=evaluation(((90, 10), (10, 90)), labels, positive=positive, loss=0.2845),
        test=evaluation(((92, 8), (11, 89)), labels, positive=positive, loss=0.2711),
        baselines=Baselines(
            majority=evaluation(((0, 100), (0, 100)), labels, positive=positive, loss=math.log(2)),
            bag_of_words=evaluation(((86, 14), (16, 84)), labels, positive=positive, loss=0.3912),
            bag_of_words_rows=1600,
            bag_of_words_sampled=False,
        ),
        data=DataSummary(
            files={"train": f"{name}.csv", "validation": None, "test": None},
            num_rows_read=2004,
            num_rows_used=2000,
            text_column="review_text",
            pair_column=None,
            num_columns=2,
            test_fingerprint=None,
            label_column="sentiment",
            splits={
                "train": SplitSummary(1600, train, 0.025, 812),
                "validation": SplitSummary(200, held_out, 0.03, 640),
                "test": SplitSummary(200, held_out, 0.02, 533),
            },
            notes=(
                "The fields are separated by commas.",
                "The text is in column 'review_text' and the label in 'sentiment'.",
            ),
        ),
        model=ModelSummary(
            "google-bert/bert-base-cased",
            "hub",
            "cd5ef92a9fb2f889e972770a36d4ed042daf221e",
            "BertForSequenceClassification",
            108_311_810,
            512,
        ),
        speed=SPEED,
        findings=(
            Finding(
                "D101",
                "warning",
                f"data/{name}.csv: 4 rows have an empty text and are left out.",
                "Fill them.",
                (f"data/{name}.csv:17",),
                4,
            ),
            Finding("T001", "info", "50 of 2,000 rows are longer than 512 tokens and cut.", num_rows=50),
            Finding("M001", "info", "bert-base-cased: the classification head is new."),
        ),
        environment=ENVIRONMENT,
        test_reads=1,
    )


def failed_run() -> Run:
    """Three labels, sentence pairs in given files, a local model, and every epoch collapsed."""
    labels = ("contradiction", "entailment", "neutral")
    shares = {"contradiction": 0.0, "entailment": 1.0, "neutral": 0.0}
    epochs = tuple(
        epoch(index, 300 * index, losses, (0.1667, 1 / 3, 0.1111, 1 / 3, 0.1667), shares, collapsed=True)
        for index, losses in ((1, (1.1234567, 1.0991)), (2, (1.1, 1.0986)))
    )
    return Run(
        folder=RunFolder(Path("runs/pairs")),
        config=Config.from_flat(
            {
                "train_file": "/home/someone/secret/pairs.tsv",
                "validation": "/home/someone/secret/pairs-dev.tsv",
                "test": "/home/someone/secret/pairs-test.tsv",
                "model": "/home/someone/models/tiny-bert",
                "epochs": 2,
                "truncate": "head-tail",
                "select_by": "loss",
            }
        ),
        verdict=Verdict(
            "collapsed",
            "It failed: after every epoch the model gave all 900 validation rows the label 'entailment'.",
            (
                "The validation loss stayed at ln 3 = 1.0986: chance.",
                "Nothing in /home/someone/secret/pairs.tsv explains it.",
            ),
        ),
        task=Task.MULTI_CLASS,
        label_set=LabelSet(labels),
        positive_label=None,
        history=history(epochs),
        restarts=(
            Restart(
                attempt=1,
                recipe={"learning_rate": 5e-5, "warmup_ratio": 0.0, "epochs": 2},
                sign="the training loss stays at 1.0991, where the label shares alone give 1.0986",
                remedy="learning rate 2e-05 with 10 % warmup",
                steps=600,
                epochs=epochs,
            ),
            Restart(
                attempt=2,
                recipe={"learning_rate": 2e-5, "warmup_ratio": 0.1, "epochs": 4},
                sign="every epoch collapsed",
                remedy="another seed for the head",
                steps=1200,
                epochs=epochs,
            ),
        ),
        best_epoch_index=None,
        validation=None,
        test=None,
        baselines=None,
        data=DataSummary(
            files={"train": "pairs.tsv", "validation": "pairs-dev.tsv", "test": "pairs-test.tsv"},
            num_rows_read=4200,
            num_rows_used=4200,
            text_column="premise",
            pair_column="hypothesis",
            num_columns=2,
            test_fingerprint=None,
            label_column="gold_label",
            splits={
                "train": SplitSummary(2400, dict.fromkeys(labels, 800), 0.0, 61),
                "validation": SplitSummary(900, dict.fromkeys(labels, 300), 0.0, 58),
                "test": SplitSummary(900, dict.fromkeys(labels, 300), None, None),
            },
            notes=(),
        ),
        model=ModelSummary(
            "/home/someone/models/tiny-bert", "folder", None, "BertForSequenceClassification", 4_386_307, 128
        ),
        speed=SPEED,
        findings=(),
        environment=ENVIRONMENT,
        test_reads=0,
    )


def history(epochs: tuple[EpochRecord, ...]) -> History:
    """A history of these epochs with 8 rows per step."""
    steps = epochs[-1].step if epochs else 0
    return History(epochs, None, steps, 8 * steps, 515 * steps, 250.25, 9.5)


def epoch(
    number: int,
    step: int,
    losses: tuple[float, float],
    scores: tuple[float, float, float, float, float],
    predicted_share: dict[str, float],
    *,
    collapsed: bool = False,
) -> EpochRecord:
    """An epoch from (train, validation) losses and (F1, accuracy, precision, recall, macro F1)."""
    return EpochRecord(float(number), step, *losses, *scores, predicted_share, collapsed)


def _score(value: float, most: float = 1.0) -> Score:
    return Score(value, max(0.0, value - 0.04), min(most, value + 0.04))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _matthews(true: list[int], predicted: list[int], right: int, rows: int) -> float:
    spread = (rows**2 - sum(count**2 for count in predicted)) * (rows**2 - sum(count**2 for count in true))
    chance = sum(given * called for given, called in zip(true, predicted, strict=True))
    return _ratio(right * rows - chance, math.sqrt(spread))
