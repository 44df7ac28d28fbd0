"""This file knows how to make one HTML file that fetches nothing: templates with autoescape, and a policy that forbids the rest.

The Content-Security-Policy names our style sheet and our script by their hashes, so that nothing else on the page is ever
applied or run, whatever a text of the data says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_SIGNS = re.compile(r"(?<=[_/.:-])")
_FOR_SCRIPTS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
"""In JSON inside of HTML: no text can end its element."""


def render_page(template: str, values: dict[str, Any]) -> str:
    """The template, filled; every value that is not `Markup` is escaped."""
    style, script = _resource("page.css"), _resource("page.js")
    shell = {"style": Markup(style), "script": Markup(script), "policy": policy(style=style, script=script)}  # noqa: S704 - ours
    return _environment().get_template(template).render(values | shell)


def policy(*, style: str, script: str) -> str:
    """The Content-Security-Policy of a page with this style sheet and this script."""
    return (
        f"default-src 'none'; style-src '{_source_hash(style)}'; script-src '{_source_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(value: object) -> Markup:
    """JSON that can stand in a script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for character, escaped in _FOR_SCRIPTS.items():
        text = text.replace(character, escaped)
    return Markup(text)  # noqa: S704 - no character of markup is left


def breakable(name: str) -> Markup:
    """A label that may be broken after its signs, as `top_up_failed` after each `_`."""
    return Markup("<wbr>").join(_SIGNS.split(name))


def _source_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _resource(name: str) -> str:
    return files("bertsmith.report").joinpath("templates", name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bertsmith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"script_json": script_json, "breakable": breakable}
    return environment
