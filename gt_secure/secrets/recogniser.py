"""Finds secrets in text, however they are spelled: the one recogniser of the package.

A text is decoded until nothing is left to decode (percent signs, HTML entities, escapes of JSON and
Python, colours of terminals). The rules of ``kinds.json`` are tried in the decoded text where one
of their anchors is, and again without the separators that break it. What they find is mapped back
to the text as it was given; the map is made when there is something to map. The secret check of the
JupyterLab extension reads the same table and does the same.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from .breaks import Copies
from .pairs import Anchor, Pairs

KINDS_FILE = Path(__file__).with_name("kinds.json")
_ESCAPING = ("\\", "%", "&")
"""Signs that may make an escape of the letters behind them."""
_ROUNDS = 8
"""Most rounds of decoding a text: each round of encoding makes it longer,
and no server decodes so often.
"""
_NEAR, _FAR = 40, 300
_LAST = 2
"""Letters before an anchor in one of which a pattern of what forbids it begins."""
_ONE = re.compile(r"\[[^]]+\]\$")
"""A pattern of one letter."""
_LONG = 1 << 15
"""A text from which on pairs of letters are looked up: numpy must be worth its calls."""
_TRIES = 12
"""Number of searches of a long run, each from one of its places to its end,
before it is refused.
"""
NOT_SEARCHED = "text that was not searched, since it would take too long"
"""The kind of a refused run: it is masked, since it may hold a secret."""


Patterns: TypeAlias = dict[str, re.Pattern[str]]
TextRange: TypeAlias = tuple[int, int]
"""Start and end of a part of a text."""


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
    reach: int
    """Letters before the anchor that ``before`` looks at."""
    check: str
    named: bool
    """True if the anchor is a name that a value follows."""
    back: str
    """Text before the anchor at which the pattern is tried; empty for the anchor itself."""

    def forbids(self, before: str) -> bool:
        """Return whether the text before an anchor says that no secret follows."""
        start = max(0, len(before) - _LAST)
        return self.unless is not None and self.unless.search(before, start) is not None


class _Table:
    """The table of kinds; its patterns are compiled when one is asked for,
    since most texts need none.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.mask: str = data["mask"]
        self.lists: dict[str, tuple[str, ...]] = {
            name: tuple(data["lists"][name]) for name in data["lists"]
        }
        self.entities: dict[str, str] = data["entities"]
        self.kinds = tuple(dict.fromkeys(kind["what"] for kind in data["kinds"]))
        self._data = data
        self._rules: dict[int, _Rule] = {}

    @cached_property
    def patterns(self) -> Patterns:
        """The patterns of escapes and wrapped lines, by name."""
        return {
            name: self._compiled(text, True, re.MULTILINE)
            for name, text in self._data["patterns"].items()
        }

    @cached_property
    def words(self) -> Patterns:
        """The patterns of single words, by name."""
        return {name: self._compiled(text, False) for name, text in self._data["words"].items()}

    @cached_property
    def escapes(self) -> Patterns:
        """The patterns of escapes, by what each begins with or has in it."""
        return {
            begin: self._compiled(text, True, re.MULTILINE)
            for begin, text in self._data["escapes"].items()
        }

    @cached_property
    def anchors(self) -> tuple[Anchor, ...]:
        """The literals that rules, base64 and the rarer escapes are looked up by."""
        rules: dict[tuple[str, bool], list[int]] = {}
        kinds = self._data["kinds"]
        for number, kind in enumerate(kinds):
            for text in kind["anchors"]:
                rules.setdefault((text, bool(kind.get("case"))), []).append(number)
        rules |= {
            (text, True): [] for text in (*self.lists["base64"], *self.escapes) if len(text) > 2
        }
        return tuple(
            Anchor(text, case, tuple(numbers), any("far" in kinds[number] for number in numbers))
            for (text, case), numbers in rules.items()
        )

    @cached_property
    def plain(self) -> dict[str, Anchor]:
        """The anchors that have no rule: of base64, or of an escape."""
        return {anchor.text: anchor for anchor in self.anchors if not anchor.rules}

    @cached_property
    def pairs(self) -> Pairs | None:
        """The pairs of letters of the anchors; None where numpy is missing."""
        return Pairs.of(self.anchors)

    def rule(self, number: int) -> _Rule:
        """Compile one rule, when a text has its anchor."""
        if number not in self._rules:
            kind = self._data["kinds"][number]
            case = bool(kind.get("case"))
            near = [
                self._compiled(kind[name], case) if name in kind else None
                for name in ("before", "unless")
            ]
            named = "<GAP>" in kind["pattern"] or "<NAMED>" in kind["pattern"]
            reach = 1 if _ONE.fullmatch(kind.get("before", "")) else _NEAR
            pattern, check = self._compiled(kind["pattern"], case), kind.get("check", "")
            self._rules[number] = _Rule(
                kind["what"],
                pattern,
                near[0],
                near[1],
                reach,
                check,
                named,
                kind.get("back", ""),
            )
        return self._rules[number]

    def _compiled(self, pattern: str, case: bool, flags: int = 0) -> re.Pattern[str]:
        """Compile a pattern as JavaScript would, after its parts have been filled in."""
        while (
            filled := re.sub(r"<([A-Z]+)>", lambda part: self._data["parts"][part[1]], pattern)
        ) != pattern:
            pattern = filled
        if not flags:
            pattern = re.sub(r"(?<!\\)\$", r"\\Z", pattern)
        return re.compile(pattern, re.ASCII | flags | (0 if case else re.IGNORECASE))


@cache
def table() -> _Table:
    """The table of ``kinds.json``, read once."""
    return _Table(json.loads(KINDS_FILE.read_text(encoding="utf-8")))


Replacing = tuple[int, int, int]
"""What was replaced: its start and end in the text before, and the length of what is there now."""


class _View:
    """A text after decoding, with the place of each character in the text as it was given."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps: list[Callable[[], Iterable[Replacing]]] = []
        self._places: Mapping[Anchor, Sequence[int]] | None = None

    @property
    def places(self) -> Mapping[Anchor, Sequence[int]]:
        """The places of the anchors."""
        if self._places is None:
            self._places = _places(self.text)
        return self._places

    def raw(self, position: int) -> int:
        """Return the start of a character in the given text."""
        for new, old in self._maps:
            i = bisect_right(new, position) - 1
            position += old[i] - new[i]
        return position

    def raw_end(self, position: int) -> int:
        """Return the end of the character before a position in the given text."""
        for new, old in self._maps:
            i = bisect_left(new, position)
            i -= i == len(new) or new[i] != position
            position += old[i] - new[i]
        return position

    @cached_property
    def _maps(self) -> list[tuple[list[int], list[int]]]:
        maps = []
        for step in reversed(self._steps):
            new, old = [0], [0]
            for start, end, length in step():
                at = start + new[-1] - old[-1]
                new += (at, at + length)
                old += (start, end)
            maps.append((new, old))
        return maps

    def given(self, spans: Iterable[SecretSpan]) -> Iterator[SecretSpan]:
        """Yield secrets with their places in the given text."""
        if not self._steps:
            yield from spans
            return
        for start, end, what in spans:
            yield SecretSpan(self.raw(start), self.raw_end(end), what)

    def undo(self, escape: re.Pattern[str], begin: str) -> None:
        """Replace one kind of escape by what it stands for."""
        before = self.text
        if begin == "&" and before.count("&") == before.count("&amp;"):
            after = before.replace("&amp;", "&")  # as in most tables in HTML
        else:
            after = escape.sub(
                (lambda found: _meaning(found[0])) if begin in "%&\\" else _meaning(begin), before
            )
        if after != before:
            self._steps.append(
                lambda: (
                    (*found.span(), len(_meaning(found[0]))) for found in escape.finditer(before)
                )
            )
            self.text, self._places = after, None

    def remove(self, ranges: list[TextRange]) -> None:
        """Leave out parts of the text, which are in order."""
        starts, ends = (
            [0, *(end for _, end in ranges)],
            [*(start for start, _ in ranges), len(self.text)],
        )
        self.text = "".join(self.text[start:end] for start, end in zip(starts, ends, strict=True))
        self._steps.append(lambda: ((start, end, 0) for start, end in ranges))


def _places(text: str) -> Mapping[Anchor, Sequence[int]]:
    """Find each anchor; one that minds no case is in lower case."""
    data, known = text.encode("ascii", "replace"), table()
    pairs = known.pairs if len(data) >= _LONG else None
    found = pairs.places(data) if pairs else {}
    folded = data if pairs else data.lower()
    for anchor in known.anchors:
        if not pairs or len(anchor.data) == 1:
            where, at = data if anchor.case else folded, -1
            while (at := where.find(anchor.data, at + 1)) >= 0:
                found.setdefault(anchor, []).append(at)
    return found


def replaced(text: str, spans: Iterable[TextRange]) -> str:
    """Return a text with the mask in the place of some spans."""
    pieces: list[str] = []
    last = 0
    for start, end in sorted(spans):
        pieces += (text[last:start], table().mask)
        last = end
    return "".join((*pieces, text[last:]))


def decode(text: str, *, kept: Container[str] = ()) -> _View:
    """Undo escapes until nothing is left to undo, except those that begin with a kept sign."""
    view = _View(text)
    for _ in range(_ROUNDS):
        before = view.text
        for rare in (False, True):
            for begin, escape in table().escapes.items() if view.text is before else ():
                known = table().plain.get(begin)
                if (
                    (len(begin) > 1) is rare
                    and begin not in kept
                    and (known in view.places if known else begin in view.text)
                ):
                    view.undo(escape, begin)
        if view.text is before:
            break
    return view


@lru_cache(4096)
def _meaning(escape: str) -> str:
    """Return the character that an escape stands for, or nothing;
    the escape itself if it matters to no secret.
    """
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
            known = table().entities
            if escape[-1] == ";":
                return known.get(name, known.get(name.lower(), escape))
            return known[name] if name in ("amp", "lt", "gt", "quot") else escape
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    else:
        return {"=3D": "=", "=20": " "}.get(escape, "")
    return chr(code) if 0 < code < 0x80 else escape if code else ""


_SHORT = {"/": "/", "n": "\n", "r": "\n", "t": "\t"}


def find(text: str, *, nested: int = 2) -> list[SecretSpan]:
    """Find the secrets of a text.

    Parameters
    ----------
    text : str
    nested : int
        How often text in base64 is decoded again.

    Returns
    -------
    list of SecretSpan
        In order, and apart from each other. Each names the first kind of the table that fits.
    """
    view = decode(text)
    spans = list(view.given(_spans(view, nested)))
    bare = decode(text, kept=_ESCAPING) if view.text != text else view
    if bare.text != view.text:  # a separator may make an escape of the letters behind it
        spans += bare.given(_broken(bare, len(spans), _ESCAPING))
    return [span for span in _apart(spans) if span.end > span.start]


def _spans(view: _View, nested: int) -> Iterator[SecretSpan]:
    """Find secrets in decoded text, also between separators and the marks of highlighted code."""
    found = [*_matches(view)]
    yield from found
    yield from _broken(view, len(found))
    marks = (
        [found.span() for found in table().patterns["markup"].finditer(view.text)]
        if "span" in view.text
        else []
    )
    if marks:
        bare = _View(view.text)
        bare.remove(marks)
        yield from bare.given(_matches(bare))
    if nested:
        yield from _in_base64(view, nested - 1)


def _apart(spans: list[SecretSpan]) -> list[SecretSpan]:
    """Unite spans that overlap."""
    result: list[SecretSpan] = []
    order = {what: i for i, what in enumerate((NOT_SEARCHED, *table().kinds))}
    for span in sorted(spans):
        if result and span.start < result[-1].end:
            last = result[-1]
            result[-1] = SecretSpan(
                last.start,
                max(last.end, span.end),
                min(last.what, span.what, key=order.__getitem__),
            )
        else:
            result.append(span)
    return result


def _matches(
    view: _View, adds: Callable[[re.Match[str]], bool] | None = None
) -> Iterator[SecretSpan]:
    """Try each rule where one of its anchors is; what takes too long is refused, and so is
    what ``adds`` nothing.
    """
    guard, text = table().words["guard"], view.text
    runs = _LongRuns(text)
    for anchor, places, rules in _tried(view):
        after, tried = 0, -1
        certain = not anchor.text[-1].isalnum() or not any(rule.named for rule in rules)
        for at in places:
            if at < after:
                continue
            end = at + len(anchor.text)
            followed = certain or text[end : end + 1] in _SIGNS or bool(guard.match(text, end))
            before, run = "", None
            for rule in rules:
                start = text.rfind(rule.back, max(0, at - _FAR), at) if rule.back else at
                if start <= tried or (rule.named and not followed):
                    continue
                if run is None:
                    before, run = text[max(0, at - _NEAR) : at], runs.around(at)
                if rule.before and not rule.before.search(before[-rule.reach :]):
                    continue
                if run >= 0:
                    if rule.forbids(before):
                        continue
                    if not runs.pays(run, at):
                        after = runs.end(run)  # nothing more is tried in it
                        break
                tried = start if rule.back else tried
                match = rule.pattern.match(text, start)
                if not match or (adds and not adds(match)):
                    continue
                if (run >= 0 or not rule.forbids(before)) and _fits(rule, text, match):
                    yield SecretSpan(match.end(1), match.end(), rule.what)
                    after = max(after, match.end(1))
    yield from runs.refused()


def _tried(view: _View) -> Iterator[tuple[Anchor, Sequence[int], list[_Rule]]]:
    """Yield the anchors that are in a text and have rules, with their places."""
    known = table()
    for anchor in known.anchors:
        places = view.places.get(anchor, ())
        if places and anchor.rules:
            yield anchor, places, [known.rule(number) for number in anchor.rules]


class _LongRuns:
    """The long runs of a text without a space,
    each with the number of letters that may still be read in it.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _known(self) -> list[TextRange]:
        return list(_runs(self._text.replace("?", "!"), _GRAPHIC, 200))

    @cached_property
    def _left(self) -> list[int]:
        return [_TRIES * (end - start) for start, end in self._known]

    def around(self, at: int) -> int:
        """Return the number of the run around a place; -1 if there is none."""
        if not self._known:
            return -1
        i = bisect_right(self._known, (at, len(self._text))) - 1
        return i if i >= 0 and at < self._known[i][1] else -1

    def end(self, run: int) -> int:
        """Return the end of a run."""
        return self._known[run][1]

    def pays(self, run: int, at: int) -> bool:
        """Return whether a pattern may be tried at a place of a run, and count what it reads."""
        self._left[run] -= self._known[run][1] - at
        return self._left[run] >= 0

    def refused(self) -> Iterator[SecretSpan]:
        """Yield the runs in which not every pattern was tried."""
        if "_left" in vars(self):
            runs = zip(self._known, self._left, strict=True)
            yield from (SecretSpan(*run, NOT_SEARCHED) for run, left in runs if left < 0)


def _fits(rule: _Rule, text: str, found: re.Match[str]) -> bool:
    begin = found.end(1)
    value, quoted = text[begin : found.end()], text[begin - 1 : begin] in _QUOTES
    return not _is_example(value) and _CHECKS[rule.check](value, quoted, text, found)


_SIGNS = frozenset("\"'`=:<>|")
"""Signs directly behind a name for which the pattern ``guard`` need not be tried."""
_QUOTES = frozenset("\"'`\u201c\u2018")


def _is_example(value: str) -> bool:
    """Return whether a value is one of a documentation, or one character repeated."""
    known = table()
    if not value.strip(value[0]) or value.startswith(known.mask):
        return True
    for example in known.lists["examples"]:  # noqa: SIM110 - a generator takes twice as long
        if example in value:
            return True
    return False


def _broken(view: _View, found: int, ends: tuple[str, ...] = ("",)) -> Iterator[SecretSpan]:
    """Find what separators with one of some ends break, apart from what is whole."""
    text = view.text
    known = table()
    pairs = known.pairs if len(text) >= _LONG else None
    turns = (
        pairs.turns(text)
        if pairs
        else [found.start() for found in known.patterns["turn"].finditer(text)]
    )
    copies = Copies(text, turns, known.patterns["gap"], ends, found)
    if not copies.text:
        return
    for start, end, what in _matches(_View(copies.text), copies.adds):
        if what != NOT_SEARCHED:
            yield SecretSpan(*copies.given(start, end), what)


def _in_base64(view: _View, nested: int) -> Iterator[SecretSpan]:
    """Find runs of base64 that hold a secret; what begins as a picture or other data holds none."""
    text, run, after = view.text, table().patterns["run"], 0
    for begin in table().lists["base64"]:
        after = 0
        for at in view.places.get(table().plain[begin], ()):
            start = at + len(begin) * begin.endswith(",")
            found = run.match(text, start) if at >= after and is_text(text, start) else None
            if found:
                after = found.end()
                yield from _decoded(found, from_base64(found[0]), nested)
    after = 0
    for start, _ in _runs(text, _LETTERS, 40):
        found = table().patterns["encoded"].match(text, start) if start >= after else None
        after = found.end() if found else after
        if found and is_plain(found[0][:64]):
            whole = "".join(found[0].split()).rstrip("=")
            yield from _decoded(
                found, from_base64(whole[: len(whole) - (len(whole) % 4 == 1)]), nested
            )


def _runs(text: str, letters: bytes, least: int) -> Iterator[TextRange]:
    """Yield the long runs of some letters; a question mark stands for what is not in ASCII."""
    data, end = text.encode("ascii", "replace").translate(letters), 0
    while (start := data.find(b"a" * least, end)) >= 0:
        end = data.find(b" ", start)
        end = end if end >= 0 else len(data)
        yield start, end


_LETTERS = (
    bytes(ord("a" if chr(code).isalnum() or chr(code) in "+/_-" else " ") for code in range(128))
    * 2
)
_GRAPHIC = (
    bytes(
        ord("a" if 32 < code < 127 and chr(code) not in "\"'`<>&;,?" else " ")
        for code in range(128)
    )
    * 2
)


def _decoded(run: re.Match[str], text: str, nested: int) -> Iterator[SecretSpan]:
    inner = find(text, nested=nested) if text else ()
    if inner:
        yield SecretSpan(*run.span(), inner[0].what)


def is_plain(run: str) -> bool:
    """Return whether base64 begins as readable text."""
    head = from_base64(run[: len(run) // 4 * 4]) if run.isascii() and "\n" not in run else ""
    return bool(head and table().patterns["plain"].match(head))


def is_text(text: str, start: int = 0) -> bool:
    """Return whether base64 begins somewhere that is text when it is decoded."""
    head = table().patterns["run"].match(text, start, start + 88)
    return bool(head and not head[0].startswith(table().lists["pictures"]) and from_base64(head[0]))


def from_base64(run: str) -> str:
    """Decode base64 into text; nothing if it is not text."""
    data = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(data + "=" * (-len(data) % 4)).decode("latin-1")
    except ValueError:
        return ""
    return "" if any(ord(c) < 9 for c in text[:64]) else text


# Checks: whether a value is one of the kind. Each gets the value, whether a quote is before it, the
# text and the match.


def _value(value: str, *_: Any) -> bool:
    return not value.startswith(("<", "$", "{", "..."))


def _signed(value: str, _: bool, text: str, found: re.Match[str]) -> bool:
    """A signature made with a documented example key opens nothing,
    and a decimal number is none.
    """
    start, end = found.start(), found.end()
    if table().words["decimal"].search(value):
        return False
    if text.find("EXAMPLE", max(0, start - _QUERY), end + _QUERY) < 0:
        return len(value) >= 6
    begin = max(text.rfind(char, max(0, start - _QUERY), start) for char in _BOUNDS) + 1
    stops = [at for char in (*_BOUNDS, " ") if (at := text.find(char, end, end + _QUERY)) >= 0]
    key = table().patterns["example_key"]
    return len(value) >= 6 and not key.search(
        text, max(begin, start - _QUERY), min(stops, default=end + _QUERY)
    )


def _literal(value: str, quoted: bool, text: str, found: re.Match[str]) -> bool:
    """The value of a name that only a secret has; code that computes it is none."""
    if not _word(value):
        return False
    if quoted:
        return len(value) >= 8
    if ("-" in found[1].rstrip(" =:") and "=" in found[1]) or text[
        found.start() - 1 : found.start()
    ] == "-":
        return len(value) >= 6
    called = text[found.end() : found.end() + 1] in ("(", "[", ".")
    return len(value) >= 12 and not called and _holds(value, "digit")


def _word(value: str, *_: Any) -> bool:
    return not table().words["placeholder"].search(value)


def _password(value: str, quoted: bool, *_: Any) -> bool:
    plain = not _holds(value, "other") and (
        not quoted or not (_holds(value, "upper") and _holds(value, "lower"))
    )
    return not plain and len(set(value)) >= 4 and _is_random(value)


def _token(value: str, *_: Any) -> bool:
    letter = _holds(value, "lower") or _holds(value, "upper")
    return (
        _holds(value, "digit")
        and letter
        and len(set(value)) >= 8
        and _is_random(value)
        and " " not in value
    )


def _is_random(value: str) -> bool:
    """Return whether a value is no placeholder, UUID, ARN, URL, path or version."""
    words = table().words
    return not words["opaque"].match(value) and not words["placeholder"].search(value)


def _mixed(value: str, *_: Any) -> bool:
    return _digits(value) and _cases(value)


def _cases(value: str, *_: Any) -> bool:
    return _holds(value, "lower") and _holds(value, "upper") and len(set(value)) >= 10


def _digits(value: str, *_: Any) -> bool:
    return _holds(value, "digit") and len(set(value)) >= 6 and "XXXX" not in value


def _varied(value: str, *_: Any) -> bool:
    return len(set(value[4:])) >= 5


def checksum(body: str) -> str:
    """Return the last six characters of a token of GitHub or npm:
    the CRC-32 of the others in base 62.
    """
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0")


def _crc32(value: str, *_: Any) -> bool:
    body = value.partition("_")[2]
    return checksum(body[:-6]) == body[-6:]


def _github(value: str, *_: Any) -> bool:
    """Tokens of other lengths than the first form's may have another checksum, or none."""
    return _crc32(value) or (len(value) > 40 and _mixed(value))


def _jwt(value: str, *_: Any) -> bool:
    head = from_base64(value.partition(".")[0])
    return head.startswith("{") and any(name in head for name in ('"alg"', '"typ"', '"enc"'))


def _holds(value: str, kind: str) -> bool:
    return table().patterns[kind].search(value) is not None


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
    "github": _github,
    "argument": lambda value, *_: _value(value) and _word(value) and len(set(value)) >= 5,
    "jwt": _jwt,
}
