"""Finds secrets in text, however they are spelled: the one recogniser of the package.

A text is decoded until nothing is left to decode (percent signs, HTML entities, escapes of JSON and Python, colours of
terminals). The rules of ``kinds.json`` are tried in the decoded text where one of their anchors is, and again where
lines were wrapped. What they find is mapped back to the text as it was given. The save guard of the JupyterLab
extension reads the same table and does the same.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

KINDS_FILE = Path(__file__).with_name("kinds.json")
_ROUNDS = 8
"""How often a text is decoded at most: each round of encoding makes it longer, and no server decodes so often."""
_NEAR = 40
_RUN = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_BASE64 = ("base64,", "aHR0cHM6L", "aHR0cDovL")
"""Where text in base64 begins: in a data URL, or with the scheme of a URL."""
_WIDEST = 240
"""A longer line was not wrapped: whoever wraps lines makes them shorter."""


class Span(NamedTuple):
    """A secret in a text: where it is, and its kind."""

    start: int
    end: int
    what: str


class _Rule(NamedTuple):
    order: int
    what: str
    pattern: re.Pattern[str]
    before: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    check: str


class _Table:
    """The table of kinds, compiled."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.parts: dict[str, str] = data["parts"]
        self.mask: str = data["mask"]
        self.pictures: tuple[str, ...] = tuple(data["pictures"])
        self.examples: tuple[str, ...] = tuple(data["examples"])
        self.placeholder = re.compile(data["placeholder"], re.ASCII | re.IGNORECASE)
        self.opaque = re.compile(data["opaque"], re.ASCII | re.IGNORECASE)
        self.escape = re.compile(data["escape"], re.ASCII)
        self.escapes_begin: tuple[str, ...] = tuple(data["escapes_begin"])
        self.entities: dict[str, str] = data["entities"]
        self.wrap = re.compile(data["wrap"], re.ASCII)
        self.kinds = tuple(dict.fromkeys(kind["what"] for kind in data["kinds"]))
        self.exact: dict[str, list[_Rule]] = {}
        self.folded: dict[str, list[_Rule]] = {}
        for order, kind in enumerate(data["kinds"]):
            flags = re.ASCII | (0 if kind.get("case") else re.IGNORECASE)
            before, unless = (
                kind[name] and self.compiled(kind[name], flags) if name in kind else None
                for name in ("before", "unless")
            )
            rule = _Rule(
                order, kind["what"], self.compiled(kind["pattern"], flags), before, unless, kind.get("check", "")
            )
            for anchor in kind["anchors"]:
                (self.exact if kind.get("case") else self.folded).setdefault(anchor, []).append(rule)

    def compiled(self, pattern: str, flags: int) -> re.Pattern[str]:
        """Compile a pattern after its parts have been filled in."""
        while (filled := re.sub(r"<([A-Z]+)>", lambda part: self.parts[part[1]], pattern)) != pattern:
            pattern = filled
        return re.compile(pattern, flags)


@cache
def table() -> _Table:
    """The table of ``kinds.json``, read once."""
    return _Table(json.loads(KINDS_FILE.read_text(encoding="utf-8")))


class _View:
    """A text after decoding, with the place of each character in the text as it was given."""

    def __init__(self, text: str) -> None:
        self.text, self._at, self._raw = text, [0], [0]

    def raw(self, position: int) -> int:
        """Where a character begins in the given text."""
        i = bisect_right(self._at, position) - 1
        return self._raw[i] + position - self._at[i]

    def raw_end(self, position: int) -> int:
        """Where the character before this position ends in the given text."""
        i = bisect_left(self._at, position)
        return self._raw[i] if i < len(self._at) and self._at[i] == position else self.raw(position)

    def replace(self, changes: list[tuple[int, int, str]]) -> None:
        """Replace parts of the text, which are in order, by a character or nothing."""
        pieces: list[str] = []
        at: list[int] = []
        raw: list[int] = []
        last = length = old = 0
        for start, end, char in [*changes, (len(self.text), len(self.text), "")]:
            while old < len(self._at) and self._at[old] <= start:
                at.append(length + self._at[old] - last)
                raw.append(self._raw[old])
                old += 1
            while old < len(self._at) and self._at[old] < end:
                old += 1
            pieces += (self.text[last:start], char)
            at += (length + start - last, length + start - last + len(char))
            raw += (self.raw(start), self.raw_end(end))
            length += start - last + len(char)
            last = end
        self.text, self._at, self._raw = "".join(pieces), at, raw


def decode(text: str) -> _View:
    """Undo escapes until nothing is left to undo."""
    view, known = _View(text), table()
    for _ in range(_ROUNDS):
        if not any(begin in view.text for begin in known.escapes_begin):
            break
        changes = [
            (*found.span(), char)
            for found in known.escape.finditer(view.text)
            if (char := _meaning(found[0], known)) is not None
        ]
        if not changes:
            break
        view.replace(changes)
    return view


def _meaning(escape: str, known: _Table) -> str | None:
    """Return the character that an escape stands for, nothing for what shows nothing; None if it matters to no secret."""
    first = escape[0]
    if first == "%":
        code = int(escape[-2:], 16)
    elif first == "\\":
        if escape[-1] in _SHORT:
            return _SHORT[escape[-1]]
        code = int(escape.rstrip("}")[-2:], 16)
    elif first == "&":
        name = escape[1:].rstrip(";")
        if name[0] != "#":
            return _entity(name, escape[-1] == ";", known)
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    else:
        return "=" if escape == "=3D" else ""
    if code == 0:
        return ""
    return chr(code) if code < 0x80 else None


_SHORT = {"/": "/", "n": "\n", "r": "\n", "t": "\t"}


def _entity(name: str, ended: bool, known: _Table) -> str | None:
    if ended:
        return known.entities.get(name, known.entities.get(name.lower()))
    return known.entities[name] if name in ("amp", "lt", "gt", "quot") else None


def find(text: str, *, nested: bool = True) -> list[Span]:
    """Find the secrets of a text.

    Parameters
    ----------
    text : str
    nested : bool
        Look into text in base64, too.

    Returns
    -------
    list of Span
        In order, and apart from each other. Each names the first kind of the table that fits.
    """
    view = decode(text)
    spans = [Span(view.raw(start), view.raw_end(end), what) for start, end, what in _spans(view.text, nested)]
    return [span for span in _apart(spans) if span.end > span.start]


def _spans(text: str, nested: bool) -> list[Span]:
    """Find secrets in decoded text: as it is, and where its lines were wrapped."""
    spans = list(_matches(text))
    if "\n" in text and _has_hint(text, spans):
        spans += _wrapped(text)
    if nested:
        spans += _in_base64(text)
    return spans


def _apart(spans: list[Span]) -> list[Span]:
    """Unite spans that overlap."""
    result: list[Span] = []
    order = {what: i for i, what in enumerate(table().kinds)}
    for span in sorted(spans):
        if result and span.start < result[-1].end:
            last = result[-1]
            result[-1] = Span(last.start, max(last.end, span.end), min(last.what, span.what, key=order.__getitem__))
        else:
            result.append(span)
    return result


def _has_hint(text: str, spans: list[Span]) -> bool:
    return bool(spans) or any(hint in text for hint in ("://", "X-", "x-", "ey", "_", "-"))


def _matches(text: str) -> Iterator[Span]:
    """Try each rule where one of its anchors is."""
    known = table()
    folded = text.replace("\u0130", "i").lower()
    for anchors, where in ((known.exact, text), (known.folded, folded)):
        for anchor, rules in anchors.items():
            at = where.find(anchor)
            while at >= 0:
                after = at + 1
                before = text[max(0, at - _NEAR) : at]
                for rule in rules:
                    if rule.unless and rule.unless.search(before):
                        continue
                    found = rule.pattern.match(text, at)
                    if found and (not rule.before or rule.before.search(before)) and _fits(rule, text, found):
                        yield Span(found.end(1), found.end(), rule.what)
                        after = max(after, found.end(1))
                at = where.find(anchor, after)


def _fits(rule: _Rule, text: str, found: re.Match[str]) -> bool:
    value = text[found.end(1) : found.end()]
    quoted = text[found.end(1) - 1 : found.end(1)] in _QUOTES
    return not _is_example(value) and _CHECKS[rule.check](value, quoted, text, found)


_QUOTES = frozenset("\"'`\u201c\u2018")


def _is_example(value: str) -> bool:
    """Return whether a value is one of a documentation, or one character repeated."""
    return (
        any(example in value for example in table().examples) or not value.strip(value[0]) or value[:3] == table().mask
    )


def _wrapped(text: str) -> Iterator[Span]:
    """Find what goes on in the next line, since a terminal or textwrap broke the line."""
    joins = [
        found.span()
        for found in table().wrap.finditer(text)
        if 40 <= found.start() - text.rfind("\n", 0, found.start()) - 1 <= _WIDEST
    ]
    groups: list[list[tuple[int, int]]] = []
    for join in joins:
        if groups and join[0] - groups[-1][-1][1] <= _WIDEST:
            groups[-1].append(join)
        else:
            groups.append([join])
    for group in groups:
        start, end = max(0, text.rfind("\n", 0, group[0][0])), text.find("\n", group[-1][1])
        start = max(start, group[0][0] - 2 * _WIDEST)
        end = min(len(text) if end < 0 else end, group[-1][1] + 2 * _WIDEST)
        view = _View(text[start:end])
        view.replace([(a - start, b - start, "") for a, b in group])
        for span in _matches(view.text):
            first, last = start + view.raw(span.start), start + view.raw_end(span.end)
            if any(first < a and b < last for a, b in group):
                yield Span(first, last, span.what)
            elif any(a < first for a, _ in group):
                yield Span(first, last, span.what)  # its name is in the line before


def _in_base64(text: str) -> Iterator[Span]:
    """Find runs of base64 that hold a secret; pictures hold none."""
    for begin in _BASE64:
        at = text.find(begin)
        while at >= 0:
            start = at + (len(begin) if begin.endswith(",") else 0)
            run = _RUN.match(text, start)
            if run and not run[0].startswith(table().pictures):
                inner = find(_plain(run[0]), nested=False)
                if inner:
                    yield Span(run.start(), run.end(), inner[0].what)
            at = text.find(begin, run.end() if run else at + 1)


def _plain(run: str) -> str:
    """Decode base64 into text; nothing if it is not text."""
    data = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(data + "=" * (-len(data) % 4)).decode("latin-1")
    except ValueError:
        return ""
    return "" if any(ord(c) < 9 for c in text[:64]) else text


# Checks: whether a value is one of the kind. Each gets the value, whether a quote is before it, the text and the match.


def _value(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return not value.startswith(("<", "$", "{", "..."))


def _signed(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    """A signature made with a documented example key opens nothing."""
    start, end = found.start(), found.end()
    begin = max(text.rfind(char, max(0, start - 3000), start) for char in "\n\"'<>`\x00") + 1
    stop = min([at for char in "\n\"'<> `\x00" if (at := text.find(char, end, end + 3000)) >= 0], default=len(text))
    return len(value) >= 6 and not _EXAMPLE_KEY.search(text, max(begin, start - 3000), min(stop, end + 3000))


_EXAMPLE_KEY = re.compile(r"A[KS]IA[A-Z0-9]{0,12}EXAMPLE(?![A-Z0-9])")


def _literal(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    """The value of a name that only a secret has; code that computes it is none."""
    if quoted:
        return len(value) >= 8 and not table().placeholder.search(value)
    hyphens = "-" in found[1].rstrip(" =:") and "=" in found[1]
    if hyphens or text[found.start() - 1 : found.start()] == "-":
        return len(value) >= 6 and not table().placeholder.search(value)
    called = text[found.end() : found.end() + 1] in ("(", "[", ".")
    return len(value) >= 12 and not called and any(c.isdigit() for c in value) and not table().placeholder.search(value)


def _word(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return not table().placeholder.search(value)


def _password(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    plain = value.isalpha() and value.islower()
    return not plain and len(set(value)) >= 4 and not _is_opaque(value) and (quoted or not value.isalpha())


def _token(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    digit, letter = any(c.isdigit() for c in value), any(c.isalpha() for c in value)
    return digit and letter and len(set(value)) >= 8 and not _is_opaque(value) and " " not in value


def _is_opaque(value: str) -> bool:
    """Return whether a value is a placeholder, a UUID, an ARN, a URL, a path or a version."""
    return bool(table().placeholder.search(value) or table().opaque.search(value))


def _mixed(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return _digits(value, quoted, text, found) and _cases(value, quoted, text, found)


def _cases(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return any(c.islower() for c in value) and any(c.isupper() for c in value) and len(set(value)) >= 10


def _digits(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return any(c.isdigit() for c in value) and len(set(value)) >= 6


def _keyid(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return len(set(value[4:])) >= 5


def _hook(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    return _digits(value.rpartition("/")[2] + value, quoted, text, found) and "XXXX" not in value


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def checksum(body: str) -> str:
    """Return the last six characters of a token of GitHub or npm: the CRC-32 of the others in base 62."""
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0")


def _crc32(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    body = value.partition("_")[2]
    return checksum(body[:-6]) == body[-6:]


def _jwt(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    head = _plain(value.partition(".")[0])
    return head.startswith("{") and ('"alg"' in head or '"typ"' in head or '"enc"' in head)


_CHECKS = {
    "": lambda value, quoted, text, found: True,
    "value": _value,
    "signed": _signed,
    "literal": _literal,
    "word": _word,
    "password": _password,
    "token": _token,
    "mixed": _mixed,
    "cases": _cases,
    "digits": _digits,
    "keyid": _keyid,
    "hook": _hook,
    "crc32": _crc32,
    "jwt": _jwt,
}
