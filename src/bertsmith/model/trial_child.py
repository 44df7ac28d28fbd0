"""Run as a script in a process of its own: is this tokenizer.json one that can be let in? Imports tokenizers only.

It writes one line, `ready`, and then one line that says what is wrong, empty if nothing is. Whatever else happens to
this process (killed by the clock, out of memory, a crash) is an answer, too.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEMORY_BYTES = 4_000_000_000
CPU_SECONDS = 20
MAX_ADDED_TOKENS = 100_000
MAX_WORD_CHARACTERS = 1000
"""WordPiece tries every end of every word; published tokenizers stop at 100."""
MAX_SPECIAL_TOKENS = 64
"""Around a text."""
MAX_GROWTH = 40
"""Tokens, or characters after the normalizer, per character: one Arabic ligature becomes 18 characters of 2 bytes."""
PROBE_CHARACTERS = 2000
MAX_PROBES = 80
ORDINARY = "The quick brown fox, 42 times, can't jump over €3.50 of naïve 你好 мир!\n\t "


def main(path: str) -> None:
    """Load the file, try it, and say what is wrong."""
    _limit_ourselves()
    import tokenizers

    print("ready", flush=True)  # noqa: T201 - the parent's clock starts here
    try:
        text = Path(path).read_text("utf-8")
        problem = _problem(tokenizers.Tokenizer.from_str(text), json.loads(text))
    except BaseException as error:  # a panic of the Rust side is no Exception
        lines = str(error).strip().splitlines() or [type(error).__name__]
        problem = f"is damaged ({lines[0][:300]})"
    print(problem.encode("unicode_escape").decode("ascii"), flush=True)  # noqa: T201


def _limit_ourselves() -> None:
    """Memory and time of this process, where the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock remains
        return
    for limit, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS)):
        soft, hard = resource.getrlimit(limit)
        lowest = min(value for value in (most, soft, hard) if value != resource.RLIM_INFINITY)
        resource.setrlimit(limit, (lowest, hard))


def _problem(tokenizer: Any, values: dict[str, Any]) -> str:
    """What is wrong with this tokenizer; empty if nothing was found."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    if len(values.get("added_tokens") or ()) > MAX_ADDED_TOKENS:
        return f"adds more than {MAX_ADDED_TOKENS:,} tokens to its vocabulary"
    longest_word = (values.get("model") or {}).get("max_input_chars_per_word")
    if longest_word is not None and longest_word > MAX_WORD_CHARACTERS:
        return f"takes words of {longest_word:,} characters, and its time grows with their square"
    if max(len(tokenizer.encode("").ids), len(tokenizer.encode("", "").ids)) > MAX_SPECIAL_TOKENS:
        return f"puts more than {MAX_SPECIAL_TOKENS} tokens around every text"
    for probe in _probes(values):
        allowed = MAX_GROWTH * len(probe) + MAX_SPECIAL_TOKENS
        if tokenizer.normalizer is not None and len(tokenizer.normalizer.normalize_str(probe)) > allowed:
            return f"makes a text more than {MAX_GROWTH} times longer"
        ids = tokenizer.encode(probe).ids
        if len(ids) > allowed:
            return f"makes more than {MAX_GROWTH} tokens of a character"
        if ids != tokenizer.encode(probe).ids:
            return "reads the same text in two ways (BPE dropout)"
    return ""


def _probes(values: dict[str, Any]) -> Iterator[str]:
    """Ordinary text, long runs of one character, and runs of what the file's own patterns look for."""
    yield ORDINARY * (PROBE_CHARACTERS // len(ORDINARY))
    patterns = list(_patterns([values.get("normalizer"), values.get("pre_tokenizer")]))
    yield from patterns[:MAX_PROBES]
    literals = [re.sub(r"\\.|[\W_]", "", pattern) for pattern in patterns]
    characters = dict.fromkeys("a0 é中.-" + "".join(literals) + "".join(patterns))
    for character in list(characters)[:MAX_PROBES]:
        yield character * PROBE_CHARACTERS + "!"
    for pattern in patterns[:MAX_PROBES]:
        yield pattern[:PROBE_CHARACTERS] * max(1, PROBE_CHARACTERS // max(1, len(pattern)))


def _patterns(waiting: list[Any]) -> Iterator[str]:
    """Every text that the file looks for in a normalizer or a pre-tokenizer."""
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            pattern = value.get("pattern")
            yield from (part for part in _texts(pattern) if part)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _texts(pattern: Any) -> list[str]:
    values = pattern.values() if isinstance(pattern, dict) else [pattern]
    return [value[:PROBE_CHARACTERS] for value in values if isinstance(value, str)]


if __name__ == "__main__":
    main(sys.argv[1])
