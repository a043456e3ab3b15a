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
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

KINDS_FILE = Path(__file__).with_name("kinds.json")
_ROUNDS = 8
"""Most rounds of decoding a text: each round of encoding makes it longer, and no server decodes so often."""
_NEAR = 40
_EDGE = " \t\r|\u2502\u2503"
_WIDEST = 240
"""A longer line was not wrapped: whoever wraps lines makes them shorter."""


class SecretSpan(NamedTuple):
    """A secret in a text: where it is, and its kind."""

    start: int
    end: int
    what: str


class _Rule(NamedTuple):
    what: str
    pattern: re.Pattern[str]
    before: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    check: str
    named: bool
    """True if the anchor is a name that a value follows."""


class _Table:
    """The table of kinds; its patterns are compiled when one is asked for, since most texts need none."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.mask: str = data["mask"]
        self.lists: dict[str, tuple[str, ...]] = {name: tuple(data["lists"][name]) for name in data["lists"]}
        self.entities: dict[str, str] = data["entities"]
        self.kinds = tuple(dict.fromkeys(kind["what"] for kind in data["kinds"]))
        self._data = data
        self._rules: dict[int, _Rule] = {}

    @cached_property
    def patterns(self) -> dict[str, re.Pattern[str]]:
        """The patterns of escapes and wrapped lines, by name."""
        return {name: self._compiled(text, True, re.MULTILINE) for name, text in self._data["patterns"].items()}

    @cached_property
    def words(self) -> dict[str, re.Pattern[str]]:
        """The patterns of single words, by name."""
        return {name: self._compiled(text, False) for name, text in self._data["words"].items()}

    @cached_property
    def exact(self) -> dict[str, list[int]]:
        """The numbers of the kinds that tell upper and lower case apart, by anchor."""
        return self._anchors(case=True)

    @cached_property
    def folded(self) -> dict[str, list[int]]:
        """The numbers of the other kinds, by anchor."""
        return self._anchors(case=False)

    def _anchors(self, *, case: bool) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, kind in enumerate(self._data["kinds"]):
            for anchor in kind["anchors"] if bool(kind.get("case")) == case else ():
                found.setdefault(anchor, []).append(number)
        return found

    def rule(self, number: int) -> _Rule:
        """Compile one rule, when a text has its anchor."""
        if number not in self._rules:
            kind = self._data["kinds"][number]
            case = bool(kind.get("case"))
            near = [self._compiled(kind[name], case) if name in kind else None for name in ("before", "unless")]
            named = "<GAP>" in kind["pattern"] or "<NAMED>" in kind["pattern"]
            pattern, check = self._compiled(kind["pattern"], case), kind.get("check", "")
            self._rules[number] = _Rule(kind["what"], pattern, near[0], near[1], check, named)
        return self._rules[number]

    def _compiled(self, pattern: str, case: bool, flags: int = 0) -> re.Pattern[str]:
        """Compile a pattern as JavaScript would, after its parts have been filled in."""
        while (filled := re.sub(r"<([A-Z]+)>", lambda part: self._data["parts"][part[1]], pattern)) != pattern:
            pattern = filled
        if not flags:
            pattern = re.sub(r"(?<!\\)\$", r"\\Z", pattern)
        return re.compile(pattern, re.ASCII | flags | (0 if case else re.IGNORECASE))


@cache
def table() -> _Table:
    """The table of ``kinds.json``, read once."""
    return _Table(json.loads(KINDS_FILE.read_text(encoding="utf-8")))


class _View:
    """A text after decoding, with the place of each character in the text as it was given."""

    def __init__(self, text: str) -> None:
        self.text, self._at, self._raw = text, [0], [0]

    def raw(self, position: int) -> int:
        """Return the start of a character in the given text."""
        i = bisect_right(self._at, position) - 1
        return self._raw[i] + position - self._at[i]

    def raw_end(self, position: int) -> int:
        """Return the end of the character before a position in the given text."""
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
        if not any(begin in view.text for begin in known.lists["escapes_begin"]):
            break
        changes = [
            (*found.span(), char)
            for found in known.patterns["escape"].finditer(view.text)
            if (char := _meaning(found[0], known)) is not None
        ]
        if not changes:
            break
        view.replace(changes)
    return view


def _meaning(escape: str, known: _Table) -> str | None:
    """Return the character that an escape stands for, or nothing; None if it matters to no secret."""
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


def find(text: str, *, nested: bool = True) -> list[SecretSpan]:
    """Find the secrets of a text.

    Parameters
    ----------
    text : str
    nested : bool
        Look into text in base64, too.

    Returns
    -------
    list of SecretSpan
        In order, and apart from each other. Each names the first kind of the table that fits.
    """
    view = decode(text)
    spans = [SecretSpan(view.raw(start), view.raw_end(end), what) for start, end, what in _spans(view.text, nested)]
    return [span for span in _apart(spans) if span.end > span.start]


def _spans(text: str, nested: bool) -> list[SecretSpan]:
    """Find secrets in decoded text, also across wrapped lines."""
    spans = list(_matches(text))
    if "\n" in text:
        spans += _wrapped(text)
    if nested:
        spans += _in_base64(text)
    return spans


def _apart(spans: list[SecretSpan]) -> list[SecretSpan]:
    """Unite spans that overlap."""
    result: list[SecretSpan] = []
    order = {what: i for i, what in enumerate(table().kinds)}
    for span in sorted(spans):
        if result and span.start < result[-1].end:
            last = result[-1]
            result[-1] = SecretSpan(
                last.start, max(last.end, span.end), min(last.what, span.what, key=order.__getitem__)
            )
        else:
            result.append(span)
    return result


def _matches(text: str) -> Iterator[SecretSpan]:
    """Try each rule where one of its anchors is."""
    known, guard = table(), table().words["guard"]
    folded = text.replace("\u0130", "i").lower()
    for anchors, where in ((known.exact, text), (known.folded, folded)):
        for anchor, numbers in anchors.items():
            at = where.find(anchor)
            rules = [known.rule(number) for number in numbers] if at >= 0 else []
            while at >= 0:
                after = at + 1
                before = text[max(0, at - _NEAR) : at]
                followed = not anchor[-1].isalnum() or bool(guard.match(text, at + len(anchor)))
                for rule in rules:
                    if (rule.named and not followed) or (rule.unless and rule.unless.search(before)):
                        continue
                    found = rule.pattern.match(text, at)
                    if found and (not rule.before or rule.before.search(before)) and _fits(rule, text, found):
                        yield SecretSpan(found.end(1), found.end(), rule.what)
                        after = max(after, found.end(1))
                at = where.find(anchor, after)


def _fits(rule: _Rule, text: str, found: re.Match[str]) -> bool:
    value = text[found.end(1) : found.end()]
    quoted = text[found.end(1) - 1 : found.end(1)] in _QUOTES
    return not _is_example(value) and _CHECKS[rule.check](value, quoted, text, found)


_QUOTES = frozenset("\"'`\u201c\u2018")


def _is_example(value: str) -> bool:
    """Return whether a value is one of a documentation, or one character repeated."""
    known = table()
    repeated = not value.strip(value[0]) or value.startswith(known.mask)
    return repeated or any(example in value for example in known.lists["examples"])


def _wrapped(text: str) -> Iterator[SecretSpan]:
    """Find what goes on in the next line, since a terminal or textwrap broke the line."""
    words, joins, line = table().words, [], 0
    at = text.find("\n")
    while at >= 0:
        if 40 <= at - line <= _WIDEST and " " not in text[at - 32 : at].rstrip(_EDGE)[-12:]:
            before, after = words["wrap_before"].search(text, at - 32, at), words["wrap_after"].match(text, at)
            if before and after:
                joins.append((before.start(1), after.end()))
        line = at + 1
        at = text.find("\n", line)
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
            if any((first < a and b < last) or a < first for a, b in group):
                yield SecretSpan(first, last, span.what)


def _in_base64(text: str) -> Iterator[SecretSpan]:
    """Find runs of base64 that hold a secret; pictures hold none."""
    for begin in table().lists["base64"]:
        at = text.find(begin)
        while at >= 0:
            start = at + (len(begin) if begin.endswith(",") else 0)
            run = table().patterns["run"].match(text, start)
            if run and not run[0].startswith(table().lists["pictures"]):
                inner = find(from_base64(run[0]), nested=False)
                if inner:
                    yield SecretSpan(run.start(), run.end(), inner[0].what)
            at = text.find(begin, run.end() if run else at + 1)


def from_base64(run: str) -> str:
    """Decode base64 into text; nothing if it is not text."""
    data = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(data + "=" * (-len(data) % 4)).decode("latin-1")
    except ValueError:
        return ""
    return "" if any(ord(c) < 9 for c in text[:64]) else text


# Checks: whether a value is one of the kind. Each gets the value, whether a quote is before it, the text and the match.


def _value(value: str, *_: Any) -> bool:
    return not value.startswith(("<", "$", "{", "..."))


def _signed(value: str, _: bool, text: str, found: re.Match[str]) -> bool:
    """A signature made with a documented example key opens nothing."""
    start, end = found.start(), found.end()
    begin = max(text.rfind(char, max(0, start - _QUERY), start) for char in _BOUNDS) + 1
    stops = [at for char in (*_BOUNDS, " ") if (at := text.find(char, end, end + _QUERY)) >= 0]
    key = table().patterns["example_key"]
    return len(value) >= 6 and not key.search(text, max(begin, start - _QUERY), min(stops, default=end + _QUERY))


def _literal(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    """The value of a name that only a secret has; code that computes it is none."""
    if not _word(value):
        return False
    if quoted:
        return len(value) >= 8
    if ("-" in found[1].rstrip(" =:") and "=" in found[1]) or text[found.start() - 1 : found.start()] == "-":
        return len(value) >= 6
    called = text[found.end() : found.end() + 1] in ("(", "[", ".")
    return len(value) >= 12 and not called and _holds(value, "digit")


def _word(value: str, *_: Any) -> bool:
    return not table().words["placeholder"].search(value)


def _password(value: str, quoted: bool, *_: Any) -> bool:
    plain = not _holds(value, "other") and (not quoted or not (_holds(value, "upper") and _holds(value, "lower")))
    return not plain and len(set(value)) >= 4 and _is_random(value)


def _token(value: str, *_: Any) -> bool:
    letter = _holds(value, "lower") or _holds(value, "upper")
    return _holds(value, "digit") and letter and len(set(value)) >= 8 and _is_random(value) and " " not in value


def _is_random(value: str) -> bool:
    """Return whether a value is no placeholder, UUID, ARN, URL, path or version."""
    return _word(value) and not table().words["opaque"].search(value)


def _mixed(value: str, *_: Any) -> bool:
    return _digits(value) and _cases(value)


def _cases(value: str, *_: Any) -> bool:
    return _holds(value, "lower") and _holds(value, "upper") and len(set(value)) >= 10


def _digits(value: str, *_: Any) -> bool:
    return _holds(value, "digit") and len(set(value)) >= 6 and "XXXX" not in value


def _varied(value: str, *_: Any) -> bool:
    return len(set(value[4:])) >= 5


def checksum(body: str) -> str:
    """Return the last six characters of a token of GitHub or npm: the CRC-32 of the others in base 62."""
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0")


def _crc32(value: str, *_: Any) -> bool:
    body = value.partition("_")[2]
    return checksum(body[:-6]) == body[-6:]


def _jwt(value: str, *_: Any) -> bool:
    head = from_base64(value.partition(".")[0])
    return head.startswith("{") and any(name in head for name in ('"alg"', '"typ"', '"enc"'))


def _holds(value: str, kind: str) -> bool:
    return bool(table().patterns[kind].search(value))


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BOUNDS = "\n\"'<>`\x00"
_QUERY = 3000
"""The longest query in which the key of a signature is looked for."""
_CHECKS: dict[str, Callable[..., bool]] = {
    "": lambda *_: True,
    "value": _value,
    "signed": _signed,
    "literal": _literal,
    "word": _word,
    "password": _password,
    "token": _token,
    "mixed": _mixed,
    "cases": _cases,
    "digits": _digits,
    "varied": _varied,
    "crc32": _crc32,
    "jwt": _jwt,
}
