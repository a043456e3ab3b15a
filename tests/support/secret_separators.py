"""Secrets between separators that are generated: a text with the same run of characters at each break.

The separators are written without the recogniser, and so is the search for what is left: each is
taken out as it was put in.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from support.secret_corpus import HEX, WORD, Values
from support.secret_forms import KINDS, LEAST, Book, book, make, stream

TOKENS = ("github", "npm", "huggingface", "openai", "slack", "anthropic", "jwt")
"""Kinds whose whole text is the secret."""
ALL_KINDS = (*KINDS, *TOKENS)
WIDTHS = (8, 9, 10, 12, 16, 20, 24, 30, 36, 40, 50, 60, 64, 72, 76, 80, 100)

LISTED = {
    "markup": ("<br>", "<br/>", "<br />\n", "</p>\n<p>", "</td><td>", "</b><b>", "<i></i>", "<wbr/>", "</a> <a>"),
    "escapes": ("\\n", "\\r\\n", "\\t", "%0A", "%20", "%0D%0A", "&nbsp;", "&#10;", "&#8203;", "&shy;", "\\u200b", "\\x0a"),
    "ANSI": ("\x1b[0m", "\x1b[0m\x1b[1m", "\x1b[0m\n", "\x1b[7m \x1b[m", "\x1b[K\n", "\x1b[31;1m"),
    "invisible": ("\u200e", "\u200f", "\u202a", "\u202c", "\u2066", "\u2069\u2066", "\u200b", "\u200d", "\u00ad", "\ufeff",
                  "\u2028", "\u2060", "\u180e", "\u3000", "\u00a0", "\u2009", "\u061c"),
    "quotes": ('"\n"', "'\n    '", "' '", '" "', '" + "', "' +\n  '", '", "', "',\n '", '" .\n "', "`,\n`", '"\r\n"', '" \\\n "',
               "'||'", '"&\n"'),
    "line ends": ("\\\n", " \\\n   ", "^\n", "`\n", "\n", "\r\n", "\n    ", "\n\n", "\\\\\n", "\n\t", "\n> ", "\n# ", "\n// ",
                  "\n-- ", "\n * ", "\n; ", "\n% ", "\n+ "),
    "columns": (" | ", " │ ", " │\n│ ", " ┃\n┃ ", "\t", " ¦ ", ";", ", ", " … ", "|", " |\n| ", " ║ ", "   ", "  ", " "),
    "LaTeX, Markdown": ("\\-", "{}", "\\allowbreak ", "}\\url{", "\\linebreak ", "**", "*", "  \n", "}\n{", "$\\cdot$", "\\,", "\\hfil\n",
                        "`` ``", "\\newline ", "}{", "\\&", "\\%", "\\#", "\\_", "\\\\", "\\"),
    "line numbers": (),
}  # fmt: skip
SOFT = "+/_~.=&?:%-"
POOL = " \t\n!\"#$%&'()*,;<>@[]^`{|}\\│┃…·«»\u200b\u2066" + SOFT
GUTTERS = {
    "{:>4} | ": r"\n *\d+ \| ",
    "{}: ": r"\n\d+: ",
    "{:03}  ": r"\n\d{3}  ",
    "{:>3}│": r"\n *\d+│",
    "[{}] ": r"\n\[\d+\] ",
}
"""What is before the lines of a listing, and a pattern that finds it."""


class Case(NamedTuple):
    """A kind of secret, what is put at each break of its text, and where the breaks are."""

    kind: str
    group: str
    separator: str
    width: int
    seed: int
    lines: bool
    """True if each line begins to count anew."""

    def text(self) -> tuple[str, list[str]]:
        if self.kind in TOKENS:
            token = Values(self.seed).make(self.kind)
            return "x" * (self.seed % 7) + " " + token, [token]
        return make(self.kind, self.seed, "x" * (self.seed % 7) + " ")

    def between(self, number: int) -> str:
        number += 8  # one and two digits
        numbered = self.group == "line numbers"
        return "\n" + self.separator.format(number) if numbered else self.separator

    def broken(self) -> str:
        """Return the text with separators."""
        text, number, width = self.text()[0], 0, self.width
        result = []
        for line in text.split("\n") if self.lines else [text]:
            pieces = [line[i : i + width] for i in range(0, len(line), width)] or [""]
            joined = pieces[0]
            for piece in pieces[1:]:
                joined += self.between(number) + piece
                number += 1
            result.append(joined)
        return "\n".join(result)

    def whole(self, text: str) -> str:
        """Return a text without separators."""
        if self.group == "line numbers":
            return re.sub(GUTTERS[self.separator], "", text)
        return text.replace(self.separator, "")


def alphabet(kind: str) -> set[str]:
    """Return the letters of the secrets of a kind, as far as a separator may not have them."""
    letters: set[str] = set()
    for seed in range(4):
        letters |= set("".join(Case(kind, "", "", 8, seed, False).text()[1]))
    return letters


ALPHABETS = {kind: alphabet(kind) for kind in ALL_KINDS}


def drawn_separator(draw: random.Random, kind: str) -> str:
    """Return a run of at most twelve characters that are not of the secret's alphabet."""
    pool = [each for each in POOL if each not in ALPHABETS[kind]]
    hard = [each for each in pool if each not in SOFT]
    run = draw.choices(pool, k=draw.randint(0, 11))
    run.insert(draw.randint(0, len(run)), draw.choice(hard))
    return "".join(run)


def listed() -> list[tuple[str, str]]:
    return [(group, each) for group, all_of in LISTED.items() for each in all_of or GUTTERS]


def case_of(kind: str, group: str, separator: str, width: int, seed: int) -> Case | None:
    """Return a case; None if the separator is of the secret's alphabet, or breaks no secret."""
    if (
        group not in ("line numbers", "markup", "escapes", "ANSI", "LaTeX, Markdown")
        and set(separator) & ALPHABETS[kind]
    ):
        return None
    case = Case(kind, group, separator, width, seed, bool(seed % 2))
    text, secrets = case.text()
    broken = case.broken()
    return case if any(len(s) >= 20 and s in text and s not in broken for s in secrets) else None


def output(text: str) -> Book:
    return book(stream(f"before\n{text}\nafter\n"))


def left(case: Case, data: Any) -> bool:
    """Return whether a part of a secret that is of use is left in the output."""
    rest = case.whole("\x00".join(each.get("text", "") for each in data["cells"][0]["outputs"]))
    flat = rest.replace("\n", "") if case.kind == "PEM" else rest
    return any(
        secret[i : i + LEAST] in flat
        for secret in case.text()[1]
        for i in range(len(secret) - LEAST + 1)
    )


def clean_texts(number: int) -> Iterator[str]:
    """Yield texts without a secret between separators."""
    draw, values = random.Random(5), Values(6)
    makers = (
        lambda: f"sha256:{values.of(HEX, 64)}",
        lambda: (
            "The token of each model is the key of the table, and the password is asked for later."
        ),
        lambda: f"commit {values.of(HEX, 40)} Author: A <a@b.test> Describe the secret key rules",
        lambda: ", ".join(f"'{values.of(WORD, 8)}'" for _ in range(9)),
        lambda: f"https://example.com/{values.of(WORD, 40)}?page=2&key=name",
        lambda: " ".join(f"{draw.random():.12e}" for _ in range(7)),
        lambda: "model.layers.0.attention.query_key_value.weight torch.Size([768, 768]) token=None",
        lambda: f"layer4-{values.of(HEX, 8)}-{values.of(HEX, 4)} tokens per second: 1234.5 GPU0",
    )
    for i in range(number):
        kind = draw.choice(ALL_KINDS)
        separator = draw.choice(listed()[:-5])[1] if i % 2 else drawn_separator(draw, kind)
        text, width = draw.choice(makers)(), draw.choice(WIDTHS)
        yield separator.join(text[at : at + width] for at in range(0, len(text), width))
