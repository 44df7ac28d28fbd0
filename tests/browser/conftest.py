"""Run folders whose pages are opened in a real browser, and the browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.golden.runs import epoch, evaluation, failed_run, history, learned_run
from tests.story.rows import write_csv

from bertsmith.console import Console
from bertsmith.data.example import LabelSet
from bertsmith.diagnosis.mistakes import confused_labels
from bertsmith.diagnosis.slices import Slice
from bertsmith.evaluation.scoring import Score
from bertsmith.report.comparing import compare_folders
from bertsmith.report.page import write_page
from bertsmith.run import Mistakes, Run, SplitSummary
from bertsmith.run_folder import RunFolder, write_json

HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style><img src=x onerror=\"document.title='owned'\">",
    "&lt;b&gt; &amp; &#x3C;i&#x3E; ]]> <!-- --> ${7*7} {{ 7*7 }} {% raw %}",
    "\u202egnp.exe\u202c \u2066hidden\u2069 \x00\x1b[31m \ud800",
    "' onmouseover='x' \" autofocus onfocus=\"x\" `",
    "<svg onload=x><a href=javascript:x>click</a>",
    "مرحبا بالعالم، هذا نص طويل من اليمين إلى اليسار",
    "word" * 3000,
)
HEADER = ("file", "line", "text", "label", "prediction", "probability", "correct")


@dataclass
class Opened:
    """A page in the browser, with all that went wrong in it."""

    page: Any
    problems: list[str] = field(default_factory=list)
    """Console messages, script errors and requests for anything but the file."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium is on the PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """Open a file: width in CSS pixels, `light` or `dark`."""
    contexts = []

    def opened(path: Path, *, width: int = 1200, scheme: str = "light", javascript: bool = True) -> Opened:
        # A page without scripts gets no bypass: its own policy stays in force.
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript
        )
        contexts.append(context)
        shown = Opened(context.new_page())
        shown.page.on("console", lambda message: shown.problems.append(f"console: {message.text}"))
        shown.page.on("pageerror", lambda error: shown.problems.append(f"error: {error}"))
        shown.page.on(
            "request",
            lambda request: request.url == path.as_uri() or shown.problems.append(f"request: {request.url}"),
        )
        shown.page.goto(path.as_uri())
        return shown

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def two_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 mistakes of a run with two labels."""
    return written(
        learned_run(), tmp_path_factory.mktemp("two"), texts=[f"text number {n}" for n in range(200)]
    )


@pytest.fixture(scope="session")
def collapsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that failed."""
    return written(failed_run(), tmp_path_factory.mktemp("collapsed"), texts=[])


@pytest.fixture(scope="session")
def many_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """77 labels."""
    run = run_with_labels(tuple(f"label_{n:02}" for n in range(77)))
    return written(run, tmp_path_factory.mktemp("many"), texts=[f"text number {n}" for n in range(770)])


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts and label names that would like to be markup."""
    run = run_with_labels((*HOSTILE[:8], "plain"), name="<i>run</i>")
    return written(run, tmp_path_factory.mktemp("hostile"), texts=list(HOSTILE) * 10)


@pytest.fixture(scope="session")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs side by side: two on the same test rows, one on others, its folder named like markup."""
    root = tmp_path_factory.mktemp("comparison")
    texts = [f"text number {n}" for n in range(200)]
    pages = [
        written(learned_run(), root, texts=texts, name="first"),
        written(learned_run(), root, texts=texts, name="second"),
        written(learned_run(), root, texts=list(HOSTILE) * 10, name="<img src=x onerror=x>"),
    ]
    compare_folders([page.parent for page in pages], console=Console.nowhere(), output=root / "all.html")
    return root / "all.html"


def written(run: Run, root: Path, *, texts: list[str], name: str = "a run") -> Path:
    """The page of this run, from files written as a run writes them."""
    folder = RunFolder(root / name)
    folder.create(run.config.to_toml())
    write_json_lossy(folder.results, run.to_json())
    write_json(folder.findings, [finding.to_json() for finding in run.findings])
    if run.test is not None:
        write_csv_lossy(folder.predictions, predictions(run, texts))
    steps = [{"event": "step", "step": step, "loss": 0.7 - step / 2000} for step in range(1, 601)]
    folder.log.write_text("\n".join(map(json.dumps, steps)) + "\n", encoding="utf-8")
    return write_page(folder)


def write_json_lossy(path: Path, values: dict[str, Any]) -> None:
    """JSON with lone surrogates as `?`: no file of a run can hold one."""
    text = json.dumps(values, ensure_ascii=False)
    path.write_text(text, encoding="utf-8", errors="replace")


def write_csv_lossy(path: Path, rows: list[tuple[object, ...]]) -> None:
    """The rows of predictions.csv, likewise."""
    clean = [tuple(str(cell).encode("utf-8", "replace").decode("utf-8") for cell in row) for row in rows]
    write_csv(path, clean, header=HEADER)


def predictions(run: Run, texts: list[str]) -> list[tuple[object, ...]]:
    """One row per text; every third one is wrong."""
    names = run.label_set.names
    rows: list[tuple[object, ...]] = []
    for index, text in enumerate(texts):
        label, other = names[index % len(names)], names[(index + 1) % len(names)]
        said = other if index % 3 == 0 else label
        probability = f"{0.5 + (index % 97) / 200:.6f}"
        rows.append(("reviews.csv", index + 2, text, label, said, probability, str(said == label).lower()))
    return rows


def run_with_labels(labels: tuple[str, ...], *, name: str = "many") -> Run:
    """A run that learned labels of which each is confused with the next."""
    labels = tuple(label.encode("utf-8", "replace").decode("utf-8") for label in labels)
    number = len(labels)
    confusion = tuple(
        tuple(
            7 if said == true else 3 if said == (true + 1) % number and true % 4 else 0
            for said in range(number)
        )
        for true in range(number)
    )
    test = evaluation(confusion, labels, positive=None, loss=0.9)
    run = learned_run(name="many")
    shares = dict.fromkeys(labels, 1 / number)
    splits = {
        split: SplitSummary(10 * number, dict.fromkeys(labels, 10), 0.01, 64)
        for split in ("train", "validation", "test")
    }
    assert run.baselines is not None
    return replace(
        run,
        label_set=LabelSet(labels),
        positive_label=None,
        history=history((epoch(1, 600, (1.9, 1.4), (0.7, 0.7, 0.7, 0.7, 0.7), shares),)),
        best_epoch_index=0,
        validation=test,
        test=test,
        baselines=replace(run.baselines, majority=test, bag_of_words=test),
        data=replace(run.data, splits=splits, text_column=labels[0]),
        mistakes=Mistakes(
            (),
            confused_labels(confusion, label_names=labels),
            (Slice("length", "3 to 9 tokens", 90, Score(0.7, 0.6, 0.8)),),
        ),
    )
