"""Every command and every piece of Python on the pages of docs/ that teach, run in the order in which they stand there.

The model is a tiny one and the rows are learned in seconds; else the lines run as they are printed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.commands import ROOT, calls
from tests.story.commands import bertsmith
from tests.story.conftest import NUM_ROWS
from tests.story.rows import keyword_rows, write_csv

PAGES = ("tutorial", "reading-the-report", "what-a-score-is-worth", "how-collapse-happens")
QUICK = ("--learning-rate", "5e-3", "--device", "cpu", "--threads", "1")
"""A tiny random model needs a higher rate than a pretrained one."""


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages speak of, to work in."""
    write_csv(tmp_path / "reviews.csv", keyword_rows(NUM_ROWS))
    write_csv(tmp_path / "new.csv", [(text,) for text, _ in keyword_rows(5, seed=3)], header=("text",))
    write_csv(tmp_path / "more.csv", keyword_rows(40, seed=4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_page_does_what_it_says(page: str, workshop: Path, tiny: Path) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    if table := re.search(r"^\| Training Loss .*\n(?:\|.*\n)+", text, flags=re.MULTILINE):
        (workshop / "table.md").write_text(table.group(), encoding="utf-8")
    done = [
        run_block(language, block, model=tiny)
        for language, block in re.findall(
            r"^```(bash|python)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE
        )
    ]
    assert sum(done) >= 2


def run_block(language: str, block: str, *, model: Path) -> int:
    """Run a block; gives how many of its lines were ours to run."""
    if language == "python":
        exec(compile(block, "docs", "exec"), {})
        return 1
    commands = calls(f"```bash\n{block}```\n", "bertsmith")
    for command in commands:
        arguments = [str(model) if word == "minilm" else word for word in command]
        if arguments[0] == "train" and "--config" not in arguments:
            arguments += [
                word
                for pair in zip(QUICK[::2], QUICK[1::2], strict=True)
                if pair[0] not in arguments
                for word in pair
            ]
        outcome = bertsmith(*arguments)
        assert outcome.code == 0, (arguments, outcome.err)
    return len(commands)
