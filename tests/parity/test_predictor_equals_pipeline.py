from __future__ import annotations

import numpy as np
import pytest
from tests.tiny_models import write_tiny_model
from transformers import pipeline

from bertsmith.inference.predictor import Predictor

LABELS = ("negative", "neutral", "positive")
TEXTS = [
    "good",
    "",
    "A wonderful movie about the sea, and I loved it!",
    "worst " * 20,
    "Ünïcödé 😀 東京 über alles",
    "one two three\nfour\tfive",
    "it is not that bad " * 40,
    "x" * 300,
]
# No empty second text: transformers takes one for no second text at all.
PAIRS = ["bad", "why not?", "short", "best " * 90, "a b c", "!", "and this too is very long " * 30, "y"]


@pytest.fixture(scope="module", params=["bert", "roberta", "distilbert"])
def folder(request, tmp_path_factory):
    return write_tiny_model(
        tmp_path_factory.mktemp(request.param),
        request.param,
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
        label2id={name: index for index, name in enumerate(LABELS)},
    )


def reference(folder, inputs) -> np.ndarray:
    """(rows, labels) probabilities of transformers' own pipeline."""
    classify = pipeline("text-classification", str(folder), top_k=None, device="cpu")
    answers = [classify(one, truncation=True) for one in inputs]
    answers = [answer[0] if isinstance(answer[0], list) else answer for answer in answers]
    by_name = [{score["label"]: score["score"] for score in answer} for answer in answers]
    return np.array([[scores[name] for name in LABELS] for scores in by_name])


def test_labels_and_probabilities_of_texts_are_those_of_the_pipeline(folder):
    predictor = Predictor.load(folder, device="cpu", threads=1)
    expected = reference(folder, TEXTS)
    assert predictor.label_names == LABELS
    np.testing.assert_allclose(predictor.predict_probabilities(TEXTS), expected, rtol=0, atol=1e-6)
    names = [LABELS[index] for index in expected.argmax(axis=1)]
    assert [prediction.label for prediction in predictor.predict(TEXTS)] == names


def test_the_texts_tell_the_answers_apart(folder):
    assert np.ptp(reference(folder, TEXTS), axis=0).max() > 1e-3


def test_labels_and_probabilities_of_pairs_are_those_of_the_pipeline(folder):
    predictor = Predictor.load(folder, device="cpu", threads=1)
    inputs = [{"text": text, "text_pair": pair} for text, pair in zip(TEXTS, PAIRS, strict=True)]
    expected = reference(folder, inputs)
    np.testing.assert_allclose(predictor.predict_probabilities(TEXTS, PAIRS), expected, rtol=0, atol=1e-6)
