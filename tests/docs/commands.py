from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "examples/*.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
)


def text_of(page: Path) -> str:
    return (ROOT / page).read_text("utf-8")


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def calls(text: str, program: str) -> list[list[str]]:
    """The arguments of every call of a program in the bash blocks, without comments, pipes and redirections."""
    found = []
    for line in "\n".join(code_blocks(text, "bash")).splitlines():
        tokens = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
        tokens.whitespace_split = True
        words = list(tokens)
        for index, word in enumerate(words):
            if word == program and (index == 0 or words[index - 1] in ("|", "&&", ";")):
                rest = words[index + 1 :]
                end = next((place for place, other in enumerate(rest) if other[0] in "|<>;&"), len(rest))
                found.append(rest[:end])
    return found
