import json
from dataclasses import asdict

import numpy as np
import pytest

from bertsmith.data.example import LabelSet
from bertsmith.evaluation.scoring import evaluate, point_scores

TWO = LabelSet(("negative", "positive"))
THREE = LabelSet(("a", "b", "c"))


def logits_for(predicted_ids, num_labels):
    return np.eye(num_labels)[predicted_ids] * 2.0


def test_two_labels_score_the_positive_one():
    # Label 1: TP 2, FP 1, FN 1 → precision 2/3, recall 2/3. Label 0: 1 of 2.
    true, predicted = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0])
    evaluation = evaluate(logits_for(predicted, 2), true, label_set=TWO, positive_id=1)
    assert evaluation.scores["precision"].value == evaluation.scores["recall"].value == pytest.approx(2 / 3)
    assert evaluation.positive_label == "positive"


def test_the_positive_label_may_be_the_first():
    true, predicted = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0])
    evaluation = evaluate(logits_for(predicted, 2), true, label_set=TWO, positive_id=0)
    assert evaluation.scores["f1"].value == pytest.approx(0.5)


def test_more_labels_score_macro_averages():
    true, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    evaluation = evaluate(logits_for(predicted, 3), true, label_set=THREE, positive_id=None)
    # F1: a 2/3, b 2/3, c 1.
    assert evaluation.scores["f1"] == evaluation.scores["macro_f1"]
    assert evaluation.scores["f1"].value == pytest.approx(7 / 9)


def test_true_labels_are_the_rows_of_the_confusion_matrix():
    true, predicted = np.array([0, 0, 1]), np.array([1, 1, 1])
    evaluation = evaluate(logits_for(predicted, 2), true, label_set=TWO, positive_id=1)
    assert evaluation.confusion == ((0, 2), (0, 1))
    assert evaluation.predicted_share == {"negative": 0.0, "positive": 1.0}
    assert evaluation.true_share == pytest.approx({"negative": 2 / 3, "positive": 1 / 3})


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2], ids=["single", "pairs"])
@pytest.mark.parametrize("label_set, positive_id", [(TWO, 1), (THREE, None)], ids=["two", "three"])
def test_every_interval_holds_its_value(label_set, positive_id, groups):
    random = np.random.default_rng(0)
    logits, true = random.normal(size=(60, len(label_set))), random.integers(len(label_set), size=60)
    evaluation = evaluate(logits, true, label_set=label_set, positive_id=positive_id, groups=groups)
    assert all(score.low <= score.value <= score.high for score in evaluation.scores.values())
    assert all(score.low < score.high for score in evaluation.scores.values())


@pytest.mark.parametrize("label_set, positive_id", [(TWO, 0), (THREE, None)], ids=["two", "three"])
def test_point_scores_are_the_values_of_the_evaluation(label_set, positive_id):
    random = np.random.default_rng(0)
    logits, true = random.normal(size=(50, len(label_set))), random.integers(len(label_set), size=50)
    evaluation = evaluate(logits, true, label_set=label_set, positive_id=positive_id)
    points = asdict(point_scores(logits, true, label_set=label_set, positive_id=positive_id))
    points.pop("information")
    for share in ("predicted_share", "true_share"):
        assert points.pop(share) == getattr(evaluation, share)
    assert points == pytest.approx({name: evaluation.scores[name].value for name in points})


def test_json_has_each_metric_beside_the_rows():
    evaluation = evaluate(logits_for(np.array([0]), 2), np.array([0]), label_set=TWO, positive_id=1)
    # One row: the loss has no upper bound, which JSON has no number for.
    plain = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert plain["rows"] == 1
    assert plain["accuracy"]["value"] == 1.0
    assert plain["loss"]["high"] is None
    assert plain["confusion"] == [[1, 0], [0, 0]]
    assert plain["per_label"][1]["label"] == "positive"


@pytest.mark.parametrize(
    "logits, true, message",
    [
        ([[0.0, np.nan]], [0], "1 of 1 rows"),
        ([[0.0, 1.0, 2.0]], [0], "do not fit"),
        ([[0.0, 1.0]], [2], "run from 2 to 2"),
        (np.zeros((0, 2)), [], "no rows"),
    ],
)
def test_what_cannot_be_scored_is_refused(logits, true, message):
    with pytest.raises(ValueError, match=message):
        evaluate(np.array(logits), np.array(true), label_set=TWO, positive_id=1)
