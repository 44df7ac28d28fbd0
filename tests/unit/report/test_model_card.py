from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.golden.runs import ENVIRONMENT, epoch, evaluation, failed_run, history, learned_run
from tests.tiny_models import write_tiny_model

from bertsmith.config import Config
from bertsmith.data.example import LabelSet
from bertsmith.diagnosis.verdict import Verdict
from bertsmith.findings import Finding
from bertsmith.report.model_card import model_card
from bertsmith.run import Run, SplitSummary
from bertsmith.task import Task
from bertsmith.training.history import Divergence

HOSTILE = [
    "</td><script>alert(1)</script>",
    "a|b",
    "---",
    "x\n---\ny",
    "`rm`",
    "\\|",
    "a\\",
    "[x](http://x.y)",
    "**",
]
HOSTILE += [
    "\u202eevil",
    "a\x00b",
    "# h",
    "- item",
    "&lt;",
    "{{ run }}",
    "key: value",
    "'\"",
    "'''",
    "!!python/none x",
    "null",
]
PUBLISHED = "Training Loss | Epoch | Step | Validation Loss | F1 | Accuracy | Precision | Recall"


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def test_the_verdict_is_the_first_paragraph_after_the_title() -> None:
    run = learned_run()
    lines = [line for line in ModelCard(model_card(run)).text.splitlines() if line]
    assert lines[:2] == ["# reviews", f"**{run.verdict.sentence}**"]


def test_the_model_index_survives_a_round_trip() -> None:
    card = ModelCard(model_card(learned_run()))
    found = {
        (result.metric_name, result.metric_type): result for result in metadata(str(card)).eval_results or []
    }
    assert set(found) == {
        ("Accuracy", "accuracy"),
        ("F1", "f1"),
        ("Precision", "precision"),
        ("Recall", "recall"),
        ("Macro F1", "f1"),
        ("Matthews correlation", "matthews_correlation"),
    }
    assert found["Accuracy", "accuracy"].metric_value == 0.905
    assert found["Macro F1", "f1"].metric_args == {"average": "macro"}
    assert {(result.dataset_name, result.dataset_split) for result in found.values()} == {
        ("reviews.csv", "test")
    }
    again = ModelCard(str(card))
    assert again.data.to_yaml() == card.data.to_yaml()
    assert "null" not in card.data.to_yaml()
    assert "None" not in card.data.to_yaml()


def test_with_three_labels_f1_stands_once_as_macro_f1() -> None:
    labels = ("a", "b", "c")
    run = many_labels(labels)
    results = metadata(model_card(run)).eval_results or []
    assert [result.metric_name for result in results if result.metric_type == "f1"] == ["Macro F1"]
    assert "F1, precision and recall are macro averages" in model_card(run)


def test_a_failed_run_has_no_model_index_and_says_that_there_is_no_model() -> None:
    card = model_card(failed_run())
    assert metadata(card).eval_results is None
    assert "There is no model at the root of this folder." in card
    assert "from_pretrained" not in card
    assert "best" not in card.partition("## Training results")[2].partition("## ")[0]


def test_a_failed_model_that_was_kept_is_named_as_such() -> None:
    run = failed_run()
    card = model_card(replace(run, config=Config.from_flat({"keep_failed_model": True})))
    assert "There is no model" not in card
    assert "of a failed training" in card


def test_a_model_that_is_not_shown_to_learn_is_called_not_fit_for_use() -> None:
    run = replace(
        learned_run(), verdict=Verdict("not_shown_to_learn", "It is not shown to have learned.", ())
    )
    assert "not fit for use" in model_card(run)
    assert "not fit for use" not in model_card(learned_run())


def test_only_a_model_of_the_hub_is_a_base_model() -> None:
    assert metadata(model_card(learned_run())).base_model == "google-bert/bert-base-cased"
    assert metadata(model_card(failed_run())).base_model is None


def test_no_path_of_a_machine_is_in_the_card() -> None:
    card = model_card(failed_run())
    assert "/home" not in card
    assert "secret" not in card
    assert "data/" not in model_card(learned_run())


def test_the_training_table_has_the_published_columns_first() -> None:
    header = next(
        line for line in model_card(learned_run()).splitlines() if line.startswith("| Training Loss")
    )
    assert re.sub(" +", " ", header) == f"| {PUBLISHED} | Note |"


def test_only_the_chosen_epoch_is_best_and_a_collapsed_one_is_marked() -> None:
    rows = [
        line.split("|")
        for line in model_card(learned_run()).splitlines()
        if re.match(r"\| 0\.\d+ +\| \d\.0", line)
    ]
    assert [row[9].strip() for row in rows] == ["", "collapsed", "best"]


def test_a_diverged_run_without_an_epoch_says_where_it_stopped() -> None:
    run = failed_run()
    diverged = replace(history(()), divergence=Divergence(17, 5e-5, "loss", float("nan")))
    card = model_card(replace(run, history=diverged))
    assert "No epoch was finished." in card
    assert "stopped at step 17: the loss was nan" in card


def test_the_finding_is_told_without_its_rows() -> None:
    row = "reviews.csv:17"
    run = replace(learned_run(), findings=(Finding("D101", "warning", "4 rows are empty.", "", (row,), 4),))
    card = model_card(run)
    assert "Warning D101: 4 rows are empty. (4 rows)" in card
    assert row not in card


def test_a_sampled_bag_of_words_is_said_to_be_one() -> None:
    run = learned_run()
    assert run.baselines is not None
    sampled = replace(run.baselines, bag_of_words_rows=500, bag_of_words_sampled=True)
    assert "a sample of 500 of the 1,600 training rows" in model_card(replace(run, baselines=sampled))


def test_many_labels_are_cut_to_the_ten_least_served() -> None:
    labels = tuple(f"label{index}" for index in range(25))
    card = model_card(many_labels(labels))
    section = card.partition("## Results for each label")[2].partition("\n## ")[0]
    assert "The 10 least-served of 25 labels" in section
    assert "| label0 " in section  # the one with mistakes
    counts = card.partition("Rows of each label")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\| label", counts, re.MULTILINE)) == 20
    assert "ends after 20 of 25 labels" in counts


def test_a_label_without_test_rows_is_named() -> None:
    labels = ("a", "b", "c")
    test = evaluation(((5, 1, 0), (1, 5, 0), (0, 0, 0)), labels, positive=None, loss=0.5)
    assert "No test row has the label “c”" in model_card(replace(many_labels(labels), test=test))


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_label_breaks_neither_tables_nor_front_matter(label: str) -> None:
    assert_intact(learned_run((label, "zz")), like=learned_run())
    assert_intact(learned_run(("aa", label)), like=learned_run())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_or_column_name_or_sentence_breaks_nothing(name: str) -> None:
    assert_intact(named(name), like=named("plain"))


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1).filter(lambda text: text.strip() and text != "zz"))
def test_no_text_at_all_breaks_the_card(text: str) -> None:
    run = learned_run((text, "zz"))
    run = replace(run, data=replace(run.data, files={"train": text, "validation": None, "test": None}))
    assert_intact(run, like=learned_run())


def named(name: str) -> Run:
    """A run in which every foreign text is this one."""
    run = learned_run()
    files: dict[str, str | None] = dict.fromkeys(("train", "validation", "test"), name)
    data = replace(
        run.data, files=files, text_column=name, pair_column=name, label_column=name, notes=(name,)
    )
    finding = Finding("D101", "warning", name)
    return replace(run, data=data, verdict=Verdict("learned", name, (name, name)), findings=(finding,))


def test_a_very_long_label_is_cut() -> None:
    assert "x" * 81 not in model_card(learned_run(("x" * 5000, "y")))


@pytest.mark.parametrize("pair_column", [None, "hypothesis"])
def test_the_python_of_the_card_runs(
    pair_column: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {0: "negative", 1: "positive"}
    folder = write_tiny_model(
        tmp_path / "model",
        num_labels=2,
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    run = learned_run()
    run = replace(
        run, data=replace(run.data, pair_column=pair_column), model=replace(run.model, max_length=16)
    )
    snippets = re.findall(r"```python\n(.*?)```", model_card(run), re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(snippet.replace("path/to/this/folder", str(folder)), {})
    assert capsys.readouterr().out.split()[0] in names.values()


def many_labels(labels: tuple[str, ...]) -> Run:
    """A run that learned three labels or more; the first has one mistake."""
    size = len(labels)
    confusion = [[10 * (row == column) for column in range(size)] for row in range(size)]
    confusion[0][1] = 3
    shares = dict.fromkeys(labels, 1 / size)
    test = evaluation(tuple(map(tuple, confusion)), labels, positive=None, loss=0.4)
    run = learned_run()
    split = SplitSummary(test.rows, dict.fromkeys(labels, 10), 0.0, 50)
    return replace(
        run,
        task=Task.MULTI_CLASS,
        label_set=LabelSet(labels),
        positive_label=None,
        history=history((epoch(1, 10, (1.0, 0.9), (0.8, 0.8, 0.8, 0.8, 0.8), shares),)),
        best_epoch_index=0,
        validation=test,
        test=test,
        baselines=None,
        data=replace(run.data, splits=dict.fromkeys(("train", "validation", "test"), split)),
        environment=ENVIRONMENT,
    )


def assert_intact(run: Run, *, like: Run) -> None:
    """The front matter parses, and the page has the blocks and cells of a run with plain names."""
    card = model_card(run)
    card.encode("utf-8")
    parsed = ModelCard(card)
    assert metadata(card).library_name == "transformers"
    assert len(metadata(card).eval_results or []) == 6
    assert parsed.text.lstrip().startswith("# ")
    assert tags(card) == tags(model_card(like))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", card)


def metadata(card: str) -> ModelCardData:
    """The front matter as the Hub's own reader sees it."""
    data = ModelCard(card).data
    assert isinstance(data, ModelCardData)
    return data


def tags(card: str) -> list[str]:
    """Every HTML tag of the rendered card in order, as a browser would open them."""
    return re.findall("<[a-z/][a-z0-9]*", MARKDOWN.render(ModelCard(card).text))
