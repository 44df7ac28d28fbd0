"""What `train` can be given: more labels, pairs, own splits, an earlier run, rows from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from tests.story.commands import Outcome, bertsmith, results, weights
from tests.story.conftest import QUICK_RECIPE, Finished, finish
from tests.story.rows import THREE, keyword_rows, pair_rows, read_csv, write_csv

import bertsmith as package
from bertsmith.run import Run

SHORT = (*QUICK_RECIPE, "--max-steps", 2, "--no-fail")
Short = Callable[..., Outcome]


@pytest.fixture
def short(tiny: Path, tmp_path: Path) -> Short:
    """A run of two steps into tmp_path/run."""

    def train(data: object, *flags: object) -> Outcome:
        model = () if "--model" in flags else ("--model", tiny)
        outcome = bertsmith("train", data, *model, *SHORT, *flags, "--output", tmp_path / "run")
        assert outcome.code == 0, outcome.err
        return outcome

    return train


@pytest.fixture(scope="module")
def three_labels(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run on three labels."""
    root = tmp_path_factory.mktemp("three")
    data = write_csv(root / "three.csv", keyword_rows(360, labels=THREE))
    return finish(root / "run", "train", data, "--model", tiny, *QUICK_RECIPE)


def test_three_labels_are_learned(three_labels: Finished) -> None:
    assert three_labels.outcome.code == 0, three_labels.outcome.err


def test_three_labels_are_a_multi_class_task_with_macro_averages(three_labels: Finished) -> None:
    values = results(three_labels.folder)
    assert (values["task"], values["labels"]) == ("multi_class", list(THREE))
    assert values["positive_label"] is None
    assert values["test"]["f1"] == values["test"]["macro_f1"]


def test_three_labels_are_predicted_by_name(three_labels: Finished) -> None:
    outcome = bertsmith("predict", three_labels.folder, "-", stdin="text\nit was excellent\n")
    assert outcome.out.splitlines()[0].endswith(
        "label,probability,probability_negative,probability_neutral,probability_positive,error"
    )
    assert outcome.out.splitlines()[1].startswith("it was excellent,positive,")


@pytest.fixture(scope="module")
def pairs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    """A run on pairs of texts, and its data."""
    root = tmp_path_factory.mktemp("pairs")
    data = write_csv(root / "pairs.csv", pair_rows(320), header=("text", "text_pair", "label"))
    return finish(root / "run", "train", data, "--model", tiny, *QUICK_RECIPE), data


def test_pairs_are_learned_from_their_second_text(pairs: tuple[Finished, Path]) -> None:
    assert pairs[0].outcome.code == 0, pairs[0].outcome.err
    assert results(pairs[0].folder)["test"]["accuracy"]["value"] > 0.9


def test_pairs_are_said_to_be_pairs(pairs: tuple[Finished, Path]) -> None:
    assert "the second text is column 'text_pair'" in pairs[0].outcome.err


def test_the_card_shows_how_pairs_are_given(pairs: tuple[Finished, Path]) -> None:
    assert "text_pair" in (pairs[0].folder / "README.md").read_text("utf-8")


def test_the_predictions_of_pairs_hold_both_texts(pairs: tuple[Finished, Path]) -> None:
    written = read_csv(pairs[0].folder / "predictions.csv")
    second_texts = {row["text_pair"] for row in read_csv(pairs[1])}
    assert written and all(row["text"] and row["text_pair"] in second_texts for row in written)


def test_pairs_are_predicted_from_a_file(pairs: tuple[Finished, Path]) -> None:
    outcome = bertsmith(
        "predict", pairs[0].folder, "-", stdin="text,text_pair\nthe film,it was terrible today\n"
    )
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[1].startswith("the film,it was terrible today,negative,")


def test_pairs_are_evaluated(pairs: tuple[Finished, Path]) -> None:
    outcome = bertsmith("evaluate", pairs[0].folder, pairs[1], "--json", "-q")
    assert outcome.code == 0, outcome.err
    assert outcome.json["accuracy"]["value"] > 0.9


def test_given_splits_are_used_as_they_are(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    validation = write_csv(tmp_path / "dev.csv", keyword_rows(20, seed=2))
    test = write_csv(tmp_path / "held-out.csv", keyword_rows(30, seed=3))
    short(few_reviews, "--validation", validation, "--test", test)
    rows = read_csv(tmp_path / "run" / "splits.csv")
    assert {(row["file"], row["split"], row["reason"]) for row in rows} == {
        ("few.csv", "train", "given"),
        ("dev.csv", "validation", "given"),
        ("held-out.csv", "test", "given"),
    }


def test_given_splits_are_named_in_the_results(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    test = write_csv(tmp_path / "held-out.csv", keyword_rows(30, seed=3))
    short(few_reviews, "--test", test)
    files = results(tmp_path / "run")["data"]["files"]
    assert files == {"train": "few.csv", "validation": None, "test": "held-out.csv"}


def test_a_limit_reads_the_first_rows_only(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    short(few_reviews, "--limit", 40)
    lines = [int(row["line"]) for row in read_csv(tmp_path / "run" / "splits.csv")]
    assert lines == list(range(2, 42))


def test_max_steps_stops_within_an_epoch(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    short(few_reviews)
    epochs = results(tmp_path / "run")["epochs"]
    assert [(epoch["step"], epoch["epoch"] < 1) for epoch in epochs] == [(2, True)]


def test_an_earlier_run_is_continued_with_its_head(
    short: Short, finished: Finished, reviews: Path, tmp_path: Path
) -> None:
    outcome = short(reviews, "--model", finished.folder, "--learning-rate", 1e-9)
    assert results(tmp_path / "run")["test"]["accuracy"]["value"] == pytest.approx(
        results(finished.folder)["test"]["accuracy"]["value"]
    )
    assert "A new classification head was made" not in outcome.err


def test_that_a_head_is_kept_is_said(short: Short, finished: Finished, reviews: Path) -> None:
    assert "head" in short(reviews, "--model", finished.folder).err


def test_a_positive_label_is_what_f1_is_of(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    outcome = short(few_reviews, "--positive-label", "negative")
    assert results(tmp_path / "run")["positive_label"] == "negative"
    assert "those of the label 'negative'" in outcome.err


def test_json_is_all_that_stands_on_standard_output(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    assert short(few_reviews, "--json").json == results(tmp_path / "run")


def test_quiet_says_only_the_verdict(short: Short, few_reviews: Path, tmp_path: Path) -> None:
    outcome = short(few_reviews, "--quiet")
    assert outcome.err.split() == results(tmp_path / "run")["verdict"]["sentence"].split()


def test_a_dry_run_writes_nothing(few_reviews: Path, tiny: Path, tmp_path: Path) -> None:
    outcome = bertsmith(
        "train", few_reviews, "--model", tiny, *QUICK_RECIPE, "--dry-run", "--output", tmp_path / "run"
    )
    assert outcome.code == 0, outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_how_long_it_would_take(few_reviews: Path, tiny: Path, tmp_path: Path) -> None:
    outcome = bertsmith("train", few_reviews, "--model", tiny, *QUICK_RECIPE, "--dry-run", "-q")
    assert "The training steps would end in about" in outcome.err


@pytest.fixture(scope="module")
def from_python(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on texts and labels from Python."""
    texts, labels = zip(*keyword_rows(320), strict=True)
    folder = tmp_path_factory.mktemp("python") / "run"
    return package.finetune(
        (list(texts), list(labels)),
        model=str(tiny),
        learning_rate=5e-3,
        epochs=2,
        device="cpu",
        threads=1,
        output=str(folder),
    )


def test_texts_and_labels_from_python_give_a_run(from_python: Run) -> None:
    assert isinstance(from_python, package.Run)
    assert from_python.verdict.exit_code == 0


def test_rows_from_python_give_the_same_model_as_the_same_rows_in_a_file(
    from_python: Run, finished: Finished
) -> None:
    assert weights(from_python.folder.path) == weights(finished.folder)


def test_a_finished_run_is_loaded_and_answers(from_python: Run) -> None:
    predictions = package.load(from_python.folder.path).predict(["it was excellent", "a terrible film"])
    assert [prediction.label for prediction in predictions] == ["positive", "negative"]


def test_finetune_says_nothing_on_the_console(
    few_reviews: Path, tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    package.finetune(few_reviews, model=str(tiny), max_steps=1, threads=1, output=str(tmp_path / "run"))
    assert capfd.readouterr() == ("", "")


def test_a_data_frame_is_trained_on(tiny: Path, tmp_path: Path) -> None:
    frame = pandas.DataFrame(keyword_rows(60), columns=["review", "sentiment"])
    run = package.finetune(frame, model=str(tiny), max_steps=1, threads=1, output=str(tmp_path / "run"))
    assert (run.data.text_column, run.data.label_column) == ("review", "sentiment")
    assert sum(split.rows for split in run.data.splits.values()) == 60


def test_a_misspelt_setting_in_python_is_refused_with_the_nearest(few_reviews: Path) -> None:
    with pytest.raises(package.BertsmithError, match="unknown setting 'epoch'.*'epochs'"):
        package.finetune(few_reviews, epoch=3)


def test_settings_beside_a_config_are_not_ignored(few_reviews: Path) -> None:
    with pytest.raises(package.BertsmithError, match="a config and also 'epochs'"):
        package.finetune(few_reviews, config=package.Config(), epochs=3)


def test_given_splits_are_read_by_the_columns_of_train(short: Short, tmp_path: Path) -> None:
    rows = [(text, text[::-1] + " more words here", label) for text, label in keyword_rows(60)]
    train = write_csv(
        tmp_path / "train.csv", [(text, label) for text, _, label in rows], header=("remark", "kind")
    )
    test = write_csv(tmp_path / "test.csv", rows[:20], header=("remark", "text", "kind"))

    short(train, "--text-column", "remark", "--label-column", "kind", "--test", test, "--ignore", "D029")
    columns = results(tmp_path / "run")["data"]["columns"]

    assert (columns["text"], columns["label"]) == ("remark", "kind")


def test_pairs_in_one_file_and_single_texts_in_another_are_refused(tiny: Path, tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", pair_rows(60), header=("premise", "hypothesis", "label"))
    test = write_csv(tmp_path / "test.csv", keyword_rows(20))

    outcome = bertsmith("train", train, "--test", test, "--model", tiny, "--output", tmp_path / "run")

    assert outcome.code == 2
    assert "train.csv has pairs of texts, test.csv has single texts" in outcome.err


def test_two_files_of_one_name_are_told_apart_by_their_folder(short: Short, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    train = write_csv(tmp_path / "first" / "data.csv", keyword_rows(60))
    test = write_csv(tmp_path / "second" / "data.csv", keyword_rows(20))

    short(train, "--test", test, "--ignore", "D029")

    origins = {row["file"] for row in read_csv(tmp_path / "run" / "splits.csv")}
    assert origins == {"first/data.csv", "second/data.csv"}


def test_pairs_cannot_be_cut_at_both_ends(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "pairs.csv", pair_rows(60), header=("premise", "hypothesis", "label"))

    outcome = bertsmith(
        "train", data, "--truncate", "head-tail", "--model", tiny, "--output", tmp_path / "run"
    )

    assert outcome.code == 2
    assert "--truncate head-tail: pairs" in outcome.err


def test_a_dry_run_says_as_json_what_will_happen(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", keyword_rows(60))

    outcome = bertsmith(
        "train", data, "--model", tiny, *QUICK_RECIPE, "--dry-run", "--json", "--output", tmp_path / "run"
    )

    assert outcome.code == 0
    assert (
        outcome.json["rows"]["train"] + outcome.json["rows"]["validation"] + outcome.json["rows"]["test"]
        == 60
    )
    assert outcome.json["steps"] > 0 and outcome.json["divergence"] is None
    assert not (tmp_path / "run").exists()


def test_a_revision_of_a_folder_is_refused(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", keyword_rows(60))

    outcome = bertsmith("train", data, "--model", tiny, "--revision", "main", "--output", tmp_path / "run")

    assert outcome.code == 2
    assert "--revision main: only a model on the Hub has revisions" in outcome.err


def test_too_little_memory_is_told_with_the_flags_that_help(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bertsmith.training.gradients.summed_cross_entropy", refuse)
    data = write_csv(tmp_path / "rows.csv", keyword_rows(60))

    outcome = bertsmith("train", data, "--model", tiny, "--output", tmp_path / "run")

    assert outcome.code == 2
    assert "--micro-batch-size" in outcome.err and "Traceback" not in outcome.err


def test_a_true_is_no_number_of_epochs(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[training]\nepochs = true\n")
    data = write_csv(tmp_path / "rows.csv", keyword_rows(60))

    outcome = bertsmith("train", data, "--config", tmp_path / "wrong.toml", "--model", tiny)

    assert outcome.code == 2
    assert "epochs" in outcome.err
