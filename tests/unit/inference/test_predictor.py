from __future__ import annotations

import json

import numpy as np
import pytest
from tests.tiny_models import write_tiny_model
from tests.unit.inference.models import LABELS, tiny_predictor, write_classifier

from bertsmith.config import Config
from bertsmith.errors import BertsmithError, ConfigError, DataError, ModelError, NotARunFolder, RunFolderError
from bertsmith.inference.predictor import Predictor, load
from bertsmith.run_folder import MARK


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    return tiny_predictor(tmp_path_factory.mktemp("model"))


def test_a_single_text_gives_a_list_of_one(predictor):
    [prediction] = predictor.predict("good")
    assert prediction.label in LABELS
    assert prediction.probability == max(prediction.probabilities.values())
    assert prediction.probabilities[prediction.label] == prediction.probability
    assert list(prediction.probabilities) == list(LABELS)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_no_texts_give_no_predictions(predictor):
    assert predictor.predict([]) == []
    assert predictor.predict_probabilities([]).shape == (0, 3)


def test_probabilities_are_rows_by_labels_in_the_order_of_the_texts(predictor):
    texts = ["good", "a very long text about a movie", "bad"]
    together = predictor.predict_probabilities(texts)
    alone = np.concatenate([predictor.predict_probabilities(text) for text in texts])
    assert together.shape == (3, 3)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_many_texts_are_encoded_part_by_part(predictor, monkeypatch):
    texts = [f"good {n}" for n in range(7)]
    whole = predictor.predict_probabilities(texts)
    monkeypatch.setattr("bertsmith.inference.predictor.ROWS_ENCODED", 3)
    np.testing.assert_allclose(predictor.predict_probabilities(texts), whole, atol=1e-6)


def test_a_separator_typed_by_a_user_stays_text(predictor):
    typed = predictor.predict_probabilities("good [SEP] bad")
    spaced = predictor.predict_probabilities("good [ SEP ] bad")  # the same characters, none of them special
    np.testing.assert_allclose(typed, spaced, atol=1e-6)


@pytest.mark.parametrize(
    ("texts", "pairs", "message"),
    [
        (["a", None], None, r"texts\[1\] is None \(NoneType\), not a string"),
        (["a", float("nan")], None, r"texts\[1\] is nan \(float\)"),
        (["a\ud800"], None, r"texts\[0\] holds a lone surrogate \('\\ud800'\) at position 1"),
        (["a", "b"], ["c"], "texts has 2 rows and text_pairs has 1"),
        (["a"], [3], r"text_pairs\[0\] is 3 \(int\)"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(predictor, texts, pairs, message):
    with pytest.raises(DataError, match=message):
        predictor.predict(texts, pairs)


def test_a_folder_of_another_tool_is_loaded_and_takes_singles_and_pairs(predictor):
    assert predictor.facts.reads_pairs is None
    assert len(predictor.predict(["a"])) == len(predictor.predict(["a"], ["b"])) == 1


def test_truncation_is_that_of_the_training(tmp_path):
    write_classifier(tmp_path)
    text = "good " * 40 + "bad " * 200
    head = load(tmp_path, threads=1, device="cpu").predict_probabilities(text)
    settings = Config.from_flat({"truncate": "head-tail"})
    (tmp_path / "run.toml").write_text(MARK + settings.to_toml())
    tail = load(tmp_path, threads=1, device="cpu").predict_probabilities(text)
    assert not np.allclose(head, tail, atol=1e-4)


def test_a_run_on_pairs_without_results_is_known_from_its_settings(tmp_path):
    write_classifier(tmp_path)
    settings = Config.from_flat({"text_column": "first", "pair_column": "second"})
    (tmp_path / "run.toml").write_text(MARK + settings.to_toml())
    with pytest.raises(DataError, match=r"trained on pairs of texts \(columns 'first' and 'second'\)"):
        load(tmp_path, device="cpu", threads=1).predict("good")


class TestFoldersWithoutAModel:
    def test_no_folder(self, tmp_path):
        with pytest.raises(NotARunFolder, match="no such folder"):
            load(tmp_path / "no")

    def test_a_file(self, tmp_path):
        (tmp_path / "x.csv").write_text("text\n")
        with pytest.raises(NotARunFolder, match="a file, not a folder"):
            load(tmp_path / "x.csv")

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(NotARunFolder, match="no model in this folder"):
            load(tmp_path)

    def test_a_failed_run_tells_its_verdict(self, tmp_path):
        (tmp_path / "run.toml").write_text(MARK + Config().to_toml())
        verdict = {"outcome": "collapsed", "sentence": "Every row is called 'yes'."}
        (tmp_path / "results.json").write_text(json.dumps({"verdict": verdict}))
        with pytest.raises(
            ModelError, match=r"left no model.*Every row is called 'yes'\..*--keep-failed-model"
        ):
            load(tmp_path)

    def test_an_encoder_without_a_head(self, tmp_path):
        write_tiny_model(tmp_path)
        with pytest.raises(ModelError, match="not a finished classifier"):
            load(tmp_path)

    def test_damaged_results_are_told(self, tmp_path):
        write_classifier(tmp_path)
        (tmp_path / "run.toml").write_text(MARK + Config().to_toml())
        (tmp_path / "results.json").write_text("{")
        with pytest.raises(BertsmithError, match="results.json"):
            load(tmp_path)


def test_a_device_that_is_not_there_is_a_config_error(tmp_path):
    write_classifier(tmp_path)
    with pytest.raises(ConfigError, match="--device mps"):
        load(tmp_path, device="mps")


def test_settings_that_are_there_and_cannot_be_read_are_refused(tmp_path):
    folder = write_classifier(tmp_path / "m")
    (folder / "run.toml").mkdir()
    with pytest.raises(RunFolderError, match=r"run\.toml: this file cannot be read \(Is a directory\)"):
        load(folder, device="cpu", threads=1)


def test_a_folder_name_that_no_file_system_takes_is_refused():
    with pytest.raises(NotARunFolder, match=r"the folder cannot be read \(File name too long\)"):
        load("m" * 300)
