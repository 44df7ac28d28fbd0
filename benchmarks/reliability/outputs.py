"""What an output may not hold: every function gives the problems of one output, as sentences; none is right."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from benchmarks.reliability.strings import FORGED

OWN_CODES = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\r")
"""Colours, and what a progress bar needs: the codes that a console on a terminal writes itself."""
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2065\u2800")
HEADINGS = frozenset(
    {
        *(
            "Results on the test rows",
            "Where it is wrong",
            "Calibration",
            "Decision threshold",
            "Training results",
        ),
        *(
            "Labels",
            "Training and evaluation data",
            "Training procedure",
            "Model",
            "Training hyperparameters",
        ),
        *(
            "Speed",
            "Framework versions and device",
            "Intended use and limits",
            "How to use",
            "Seeds",
            "Attempts",
        ),
    }
)
FRONT_MATTER = {"library_name", "pipeline_tag", "base_model", "tags", "metrics", "model-index"}
OWN_LINK = re.compile(r"https://huggingface\.co/[\w./-]+")
AUTOLINKS = re.compile(r"https?://|ftp://|\bwww\.|[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?%?")


def in_console(text: str, *, is_terminal: bool = False) -> list[str]:
    """What a console may not show: control, format and invisible characters, and lines that are not ours."""
    if is_terminal:
        text = OWN_CODES.sub("", text)
    problems = [f"shows {ascii(letter)}" for letter in sorted(set(text)) if _drives(letter)]
    problems += [f"a joiner hides in {ascii(found)}" for found in re.findall(r"[ -~][\u200c\u200d]", text)]
    lines = [line.strip(" ·│┃|-–") for line in text.split("\n")]
    problems += [f"a forged line: {line[:60]!r}" for line in lines if line.startswith(FORGED)]
    if "Traceback (most recent call last)" in text:
        problems.append(f"a traceback: {text.strip().splitlines()[-2:]}")
    return problems


def _drives(letter: str) -> bool:
    if letter in "\n\u200c\u200d":
        return False
    code = ord(letter)
    return (
        unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or letter in INVISIBLE
        or 0xFE00 <= code <= 0xFE0D
        or 0xE0000 <= code <= 0xE0FFF
    )


def in_card(text: str) -> list[str]:
    """What a model card may not hold: foreign keys, HTML, links, images, headings, or tables out of step."""
    if not text.startswith("---\n"):
        return ["no front matter"]
    front, _, body = text[4:].partition("\n---\n")
    problems = []
    try:
        values = yaml.safe_load(front)
        problems += [f"front matter has {key!r}" for key in values if key not in FRONT_MATTER]
    except yaml.YAMLError as error:
        problems.append(f"front matter is no YAML: {error}")
    problems += [f"holds {ascii(letter)}" for letter in sorted(set(text)) if _drives(letter)]
    plain = OWN_LINK.sub("", body)
    problems += [f"becomes a link: {found!r}" for found in AUTOLINKS.findall(plain)]
    problems += [f"a forged line: {line[:60]!r}" for line in body.split("\n") if line.startswith(FORGED)]
    return problems + list(_in_markdown(body))


OWN_PICTURES = ("images/curves.png", "images/confusion.png", "images/reliability.png")


def _in_markdown(body: str) -> Iterator[str]:
    """What the body becomes in a reader that allows everything."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(body)
    titles = 0
    for index, token in enumerate(tokens):
        if token.type == "html_block":
            yield f"HTML: {token.content[:60]!r}"
        if token.type == "heading_open" and token.tag == "h1":
            titles += 1
        elif token.type == "heading_open" and tokens[index + 1].content not in HEADINGS:
            yield f"a heading: {tokens[index + 1].content[:60]!r}"
        for child in token.children or ():
            if child.type == "image" and child.attrs.get("src") in OWN_PICTURES:
                continue
            if child.type in ("html_inline", "image", "s_open", "em_open"):
                yield f"{child.type}: {child.content[:60]!r}"
            if child.type == "link_open" and not OWN_LINK.fullmatch(str(child.attrs.get("href"))):
                yield f"a link to {child.attrs.get('href')!r}"
    if titles != 1:
        yield f"{titles} titles"
    yield from _in_tables(tokens)


def _in_tables(tokens: list) -> Iterator[str]:  # type: ignore[type-arg]
    """Tables whose source lines have another number of cells than their header: a reader would drop or add some."""
    width = 0
    for index, token in enumerate(tokens):
        if token.type == "thead_open":
            width = sum(1 for _ in _until(tokens[index:], "thead_close", "th_open"))
        if token.type == "tr_open" and width:
            cells = sum(1 for each in _until(tokens[index:], "tr_close", "td_open"))
            if cells not in (0, width):
                yield f"a row of {cells} cells in a table of {width}"


def _until(tokens: list, end: str, kind: str) -> Iterator[object]:  # type: ignore[type-arg]
    for token in tokens:
        if token.type == end:
            return
        if token.type == kind:
            yield token


def in_csv(path: Path, *, delimiter: str = ",") -> list[str]:
    """Cells that a spreadsheet would run, and rows that are not as wide as the header."""
    csv.field_size_limit(2**30)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=delimiter))
    problems = [
        f"a row of {len(row)} cells under {len(rows[0])} names" for row in rows if len(row) != len(rows[0])
    ]
    return problems + [f"a formula: {cell[:60]!r}" for row in rows for cell in row if runs(cell)]


def runs(cell: str) -> bool:
    """Whether a spreadsheet may run the cell; written without the product's own rule."""
    if cell[:1] in ("\t", "\r", "\n"):
        return True
    start = re.sub(r"^[\s\u200b-\u200f\u2060\ufeff]+", "", cell)
    return start[:1] in tuple("=+-@＝＋－＠−") and NUMBER.fullmatch(start.strip()) is None


def holds(folder: Path, words: tuple[str, ...], *, but: tuple[str, ...]) -> list[str]:
    """Files of the folder that hold one of these words, but those that may."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in but:
            content = path.read_bytes()
            found += [f"{path.name} holds {word!r}" for word in words if word.encode() in content]
    return found


def tree(folder: Path) -> dict[str, str]:
    """Every path below a folder with the hash of what stands there."""
    return {
        ascii(str(path.relative_to(folder))): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in sorted(folder.rglob("*"))
    }
