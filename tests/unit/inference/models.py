"""Tiny classifiers in folders, for the tests of prediction."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_models import write_tiny_model

from bertsmith.inference.predictor import Predictor

LABELS = ("negative", "neutral", "positive")


def write_classifier(folder: Path, family: str = "bert", *, labels: tuple[str, ...] = LABELS) -> Path:
    """A random classifier of these labels."""
    return write_tiny_model(
        folder,
        family,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={name: index for index, name in enumerate(labels)},
    )


def tiny_predictor(folder: Path, family: str = "bert", *, labels: tuple[str, ...] = LABELS) -> Predictor:
    """The predictor of such a classifier, on one thread."""
    return Predictor.load(write_classifier(folder, family, labels=labels), device="cpu", threads=1)
