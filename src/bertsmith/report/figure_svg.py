"""This file knows how to turn a matplotlib figure into SVG that a strict page may hold, in the page's own colours.

A Content-Security-Policy without inline styles drops `style=""`, so every style becomes a presentation attribute. The
colours of `Ink` are marks: the page's style sheet gives them their light and their dark value by class.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT_SIZE = 9.5
"""In points of the figure; the style sheet makes it larger on narrow screens."""
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"


class Ink:
    """Colours as they are drawn; each is a class of the style sheet."""

    TEXT = "#010101"
    QUIET = "#020202"
    RULE = "#030303"
    ACCENT = "#040404"
    FAILURE = "#050505"
    SECOND = "#060606"
    PAPER = "#070707"


_CLASS_OF = {
    Ink.TEXT: "text",
    Ink.QUIET: "quiet",
    Ink.RULE: "rule",
    Ink.ACCENT: "accent",
    Ink.FAILURE: "failure",
    Ink.SECOND: "second",
    Ink.PAPER: "paper",
}
_FONT = re.compile(r"font\s*:[^;]*|font-family\s*:[^;]*")
_SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": Ink.RULE,
    "axes.labelcolor": Ink.QUIET,
    "axes.labelsize": FONT_SIZE,
    "axes.facecolor": "none",
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.color": Ink.RULE,
    "ytick.color": Ink.RULE,
    "xtick.labelcolor": Ink.QUIET,
    "ytick.labelcolor": Ink.QUIET,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "text.color": Ink.TEXT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": Ink.RULE,
    "grid.linewidth": 0.6,
    "path.simplify": True,
}


def drawing_settings(name: str) -> Any:
    """What matplotlib is to be set to for one figure: with them the same values give the same bytes.

    Args:
        name: of the figure, unlike any other of the page: ids are made from it.
    """
    logging.getLogger("matplotlib.font_manager").setLevel(
        logging.ERROR
    )  # a first run tells of its font cache
    return _SETTINGS | {"svg.hashsalt": name}


def page_svg(figure: Figure, *, name: str, description: str) -> Markup:
    """The figure as an `<svg>` element with a text for those who do not see it.

    Args:
        figure: drawn with the colours of `Ink` under `drawing_settings(name)`.
        name: of the figure, unlike any other of the page.
        description: what it shows, with its figures.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that matplotlib's own font lacks: the browser has others
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    return Markup(_cleaned(buffer.getvalue(), name=name, description=description))  # noqa: S704 - escaped by ElementTree


def _cleaned(svg: bytes, *, name: str, description: str) -> str:
    """The element without document type, metadata, style sheet and style attributes."""
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            is_style = child.tag == f"{{{SVG}}}style"
            if is_style or child.tag == f"{{{SVG}}}metadata":
                parent.remove(child)
    for element in root.iter():
        _restyle(element)
        # Names of groups (axes_1, text_3) would stand twice in a page of many figures.
        if element.tag == f"{{{SVG}}}g":
            element.attrib.pop("id", None)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "class": "figure",
        "role": "img",
        "id": f"figure-{name}",
    }
    root.set("aria-labelledby", f"figure-{name}-title")
    title = ElementTree.Element(f"{{{SVG}}}title", {"id": f"figure-{name}-title"})
    title.text = description
    root.insert(0, title)
    return ElementTree.tostring(root, encoding="unicode")


def _restyle(element: ElementTree.Element) -> None:
    """Presentation attributes instead of styles, classes instead of the colours of `Ink`."""
    style = element.attrib.pop("style", "")
    size = re.search(r"font(?:-size)?\s*:[^;]*?([\d.]+)px", style)
    if size:
        element.set("font-size", size[1])
    for declaration in _FONT.sub("", style).split(";"):
        key, separator, value = (part.strip() for part in declaration.partition(":"))
        if separator and key != "font-size":
            element.set(key, value)
    classes = []
    for key in ("fill", "stroke"):
        ink = _CLASS_OF.get(element.get(key, ""))
        if ink is not None:
            del element.attrib[key]
            classes.append(f"{key}-{ink}")
    if element.tag == f"{{{SVG}}}text" and not any(name.startswith("fill") for name in classes):
        classes.append("fill-text")
    if classes:
        element.set("class", " ".join(classes))
