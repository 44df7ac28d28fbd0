"""A page for every finding code and verdict: what it means, how it was measured, what to do."""

from __future__ import annotations

from importlib.resources import files

from bertsmith.errors import ConfigError, nearest


def codes() -> tuple[str, ...]:
    """Every code that has a page, findings first."""
    names = [file.name.removesuffix(".md") for file in files(__name__).iterdir() if file.name.endswith(".md")]
    return tuple(sorted(names, key=lambda name: (name.islower(), name)))


def explanation(code: str) -> str:
    """The page of a code, whatever its case, as Markdown.

    Raises:
        ConfigError: there is no such code.
    """
    known = {name.lower(): name for name in codes()}
    name = known.get(code.strip().lower().replace("-", "_"))
    if name is None:
        hint = nearest(code, codes())
        raise ConfigError([f"there is no code {code!r}.{hint} Codes: {', '.join(codes())}."])
    return (files(__name__) / f"{name}.md").read_text("utf-8")


def title(code: str) -> str:
    """The first line of a code's page, without its mark."""
    return explanation(code).split("\n", 1)[0].removeprefix("# ")
