"""What is broken inside a text, and how it is mended: text decoded wrongly, invisible characters, debris of other formats."""

from __future__ import annotations

import re

_BYTES = {
    bytes([byte]).decode("cp1252", "replace").replace("\ufffd", chr(byte)): byte for byte in range(128, 256)
}
"""Each character that a byte from 128 on becomes when it is read as Windows-1252 (or Latin-1, where that has none)."""
_FOLLOWING = "[" + "".join(re.escape(character) for character, byte in _BYTES.items() if byte < 0xC0) + "]"

_ANY = f"(?:[Â-ß]{_FOLLOWING}|[à-ï]{_FOLLOWING}{{2}}|ð{_FOLLOWING}{{3}})"
_SURE = re.compile(f"(?:[ÂÃ]{_FOLLOWING}|â{_FOLLOWING}{{2}}|ï»¿|ð{_FOLLOWING}{{3}}){_ANY}*")
"""UTF-8 read as Windows-1252, beginning with a sequence that no language writes: `Ã©`, `â€™`, `ðŸ˜€`."""
_LIKELY = re.compile(f"{_ANY}{{3,}}")
"""The same of other alphabets, believed only where it goes on: `É”` alone is a letter and a closing quote."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]"
)
"""Control characters, zero-width space, byte order marks, direction overrides. Joiners (U+200C, U+200D) are spelling."""
REPLACED = "\ufffd"
"""Stands where a character was lost: which one cannot be known."""

_TAGS = (
    *(
        "a",
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "center",
        "code",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "font",
    ),
    *(
        "h[1-6]",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "li",
        "link",
        "meta",
        "ol",
    ),
    *(
        "p",
        "pre",
        "s",
        "script",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "sup",
        "table",
    ),
    *("tbody", "td", "th", "thead", "tr", "tt", "u", "ul", "video"),
)
"""`<smile>` and `<rolls eyes>` are what people write."""
_MARKUP = re.compile(
    rf"</?(?:{'|'.join(_TAGS)})(?:\s[^<>]*)?/?>|<!--|&(?:amp|lt|gt|quot|apos|nbsp|#\d{{1,6}}|#x[0-9a-f]{{1,5}});",
    re.IGNORECASE,
)
_BYTE_LITERAL = re.compile(r"""\s*b(['"]).*\1\s*|.*\\x[0-9a-f]{2}\\x[0-9a-f]{2}.*""", re.DOTALL)
_ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S+\s*")
_ID = re.compile(r"\s*(?=[\w-]*\d)(?=[\w-]{6,}\s*\Z)[0-9A-Fa-f-]+\s*|\s*[A-Za-z]{1,5}[-_]?\d{4,}\s*")


def find_mojibake(text: str) -> re.Match[str] | None:
    """The first place that is UTF-8 read as Windows-1252."""
    if text.isascii():
        return None
    return _SURE.search(text) or _LIKELY.search(text)


def find_invisible(text: str) -> re.Match[str] | None:
    """The first character that nobody sees, or that stands for a lost one."""
    if text.isprintable() and REPLACED not in text:
        return None
    return _INVISIBLE.search(text) or re.search(REPLACED, text)


def find_markup(text: str) -> re.Match[str] | None:
    """The first tag or entity of HTML, or the whole of what is a Python `b'…'`."""
    if ("<" in text or "&" in text) and (found := _MARKUP.search(text)):
        return found
    return _BYTE_LITERAL.fullmatch(text) if text.lstrip()[:2] in ("b'", 'b"') or "\\x" in text else None


def is_bare_address(text: str) -> bool:
    """Whether the text is one URL or one identifier, and no words."""
    return _ADDRESS.fullmatch(text) is not None or _ID.fullmatch(text) is not None


def mend_encoding(text: str) -> str:
    """The text read as it was written, without invisible characters and with those that stand for a sign as that sign; the text itself where nothing is wrong.

    A lost character (U+FFFD) stays: nobody knows what it was.
    """
    while True:  # ends: each change makes the text shorter
        mended = text
        if not text.isascii():
            mended = _LIKELY.sub(_decoded, _SURE.sub(_decoded, text))
        if (
            mended == text
        ):  # only now: a control character can be half of a letter that is still to be decoded
            mended = text if text.isprintable() else _INVISIBLE.sub(_seen, text)
        if mended == text:
            return text
        text = mended


def _decoded(match: re.Match[str]) -> str:
    """What the characters' bytes are in UTF-8; the characters themselves if they are none."""
    try:
        return bytes(_BYTES[character] for character in match.group()).decode("utf-8")
    except (UnicodeDecodeError, KeyError):
        return match.group()


def _seen(match: re.Match[str]) -> str:
    r"""The sign that Windows-1252 has in a control character's place (`\x92` is an apostrophe); else nothing."""
    code = ord(match.group())
    return bytes([code]).decode("cp1252", "ignore") if 0x80 <= code < 0xA0 else ""
