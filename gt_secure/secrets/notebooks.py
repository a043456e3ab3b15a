"""Secrets in the data of a notebook: where they are, and how they are masked.

Many texts of a notebook are searched as one: each with the name of its member, so that
``{"SessionToken": …}`` is found whichever way it is stored. The secret check of the JupyterLab
extension does the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, takewhile
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from .recogniser import TextRange, find, from_base64, is_plain, is_text, replaced, table
from .second_look import holds_rest

LEFT_OUT = "*** (left out: it holds a secret)"

_MIME = "image/"
Notebook: TypeAlias = dict[str, Any]
"""A notebook, or one of its cells, as its file has it."""
_CHUNK = 1 << 17
"""Length of the text that is searched at a time: where there is a secret,
this much is decoded again to say where.
"""


@dataclass(frozen=True, slots=True)
class SavedSecret:
    """One secret in one place of a notebook; the secret itself is not kept.

    Attributes
    ----------
    place : str
        Such as ``cell 3, output``, ``the metadata`` or ``the widget state``. The first cell is 0.
    what : str
        Such as ``the signature of a presigned URL``.
    id : str
        The first 16 digits of the SHA-256 of kind and secret: the same secret has the same id in
        every notebook.
    """

    place: str
    what: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.what} (in {self.place})"

    def to_dict(self) -> dict[str, str]:
        """Return the fields as a dictionary."""
        return {"place": self.place, "what": self.what, "id": self.id}


class _Leaf(NamedTuple):
    """A text of a notebook: its place, what holds it,
    and the part of it that is a piece of its chunk.
    """

    place: str
    owner: Any
    key: Any
    text: str
    piece: int
    begin: int
    end: int
    role: str
    """``name`` for the name of a member, ``lines`` for a list of lines, ``whole`` for base64."""
    code: str | None
    """The source that it is, if only parts of it may be masked."""


class _Chunk:
    """Texts one behind the other."""

    def __init__(self) -> None:
        self.leaves: list[tuple[Any, ...]] = []
        self.pieces: list[str] = []

    def found(self) -> Iterator[tuple[_Leaf, int, int, str]]:
        """Yield each secret: its text, where it is in that, and its kind."""
        spans = find("".join(self.pieces))
        leaves = [*map(_Leaf._make, self.leaves)] if spans else []
        places = [*accumulate(map(len, self.pieces), initial=0)] if spans else []
        starts = [places[leaf.piece] for leaf in leaves]
        for span in spans:
            for i in range(max(0, bisect_right(starts, span.start) - 1), len(starts)):
                leaf, at = leaves[i], starts[i]
                if at >= span.end:
                    break
                start = max(span.start - at + leaf.begin, leaf.begin)
                end = min(span.end - at + leaf.begin, leaf.end)
                if leaf.role == "whole" and span.end > at:
                    start, end = 0, len(leaf.text)
                if start < end:
                    yield leaf, start, end, span.what


class _Texts:
    """The texts of a notebook in chunks; no secret goes on in the next part of a notebook."""

    def __init__(self, book: Notebook) -> None:
        self.chunks = [_Chunk()]
        self._place = ""
        self._code: str | None = None
        length = 0
        for place, name, value, owner, code, shown in _parts(book):
            self._place, self._code = place, code
            self._chunk = self.chunks[-1]
            self._add = self._chunk.pieces.append
            known = len(self._chunk.pieces)
            self._leaf(owner, name, name, "name", 0, len(name))
            self._add('"\x00\n')
            self._walk(owner, name, value, name, shown)
            length += sum(map(len, self._chunk.pieces[known:]))
            if length > _CHUNK:
                self.chunks.append(_Chunk())
                length = 0

    def found(self) -> Iterator[tuple[_Leaf, int, int, str]]:
        """Yield each secret: its text, where it is in that, and its kind."""
        for chunk in self.chunks:
            yield from chunk.found()

    def _leaf(self, owner: Any, key: Any, text: str, role: str, begin: int, end: int) -> None:
        chunk, code = self._chunk, None if role == "name" else self._code
        chunk.leaves.append(
            (self._place, owner, key, text, len(chunk.pieces), begin, end, role, code)
        )
        chunk.pieces.append(
            (_of_hex(text) or "".join(text.split())) if role == "whole" else text[begin:end]
        )

    def _walk(self, owner: Any, key: Any, value: Any, name: str | None, shown: str) -> None:
        """Add a value: a text, a list of lines, or what is in it."""
        if isinstance(value, list) and (lines := _joined(value, key)) is not None:
            self._text(owner, key, lines, name, shown, "lines")
        elif isinstance(value, str):
            self._text(owner, key, value, name, shown, "")
        elif isinstance(value, list):
            if not {*map(type, value)} <= _NUMBERS:
                for i, each in enumerate(value):
                    if isinstance(each, (str, list)):
                        self._add('", "' if i else '"')
                    if isinstance(each, str):
                        self._text(value, i, each, None, shown, "")
                    elif not self._goes_on(value, i, shown):
                        self._walk(value, i, each, None, shown)
            self._add('"\x00\n')
        elif isinstance(value, dict):
            self._members(value, shown)

    def _goes_on(self, outputs: list[Any], number: int, shown: str) -> bool:
        """Add what a stream printed in one output or several; returns False for anything else."""
        name, before = _stream(outputs[number]), _stream(outputs[number - 1]) if number else None
        rest = outputs[number:] if name != before else []
        if name and rest:
            self._add('"\x00\n')  # the name before it and another stream are no beginning of it
        for each in takewhile(lambda each: _stream(each) == name, rest if name else ()):
            text = each["text"]
            whole = text if isinstance(text, str) else "".join(text)
            self._leaf(each, "text", whole, "" if text is whole else "lines", 0, len(whole))
        if name and rest and shown:
            self._walk(rest[0], "text", rest[0]["text"], None, shown)
        return bool(name)

    def _members(self, data: dict[Any, Any], shown: str) -> None:
        self._add('"\x00\n')
        pair = data.get("name", data.get("key"))
        named = pair if isinstance(pair, str) and isinstance(data.get("value"), str) else None
        if data.get("_model_name") == "PasswordModel":
            named = "password"
        for inner, each in data.items():
            name = str(inner)
            if inner == "value" and named:
                self._walk(data, inner, each, named, shown)
                continue
            if type(each) in _NUMBERS and len(name) < _TOKEN:
                continue
            if (
                name.startswith(_MIME)
                and isinstance(each, str)
                and each.startswith(table().lists["pictures"])
            ):
                continue
            self._leaf(data, inner, name, "name", 0, len(name))
            self._walk(data, inner, each, "", shown)
            self._add('"\x00\n' if type(each) in _NUMBERS else "")

    def _text(
        self, owner: Any, key: Any, text: str, name: str | None, shown: str, role: str
    ) -> None:
        """Add a text behind the name of its member;
        what is base64 as a whole is announced as such.
        """
        begin, end, whole = 0, len(text), False
        if end >= 40 or shown:
            bare = text.strip().strip("'\"") if end < 4096 else ""
            is_key = _is_secret_key(bare)
            hint = "secret_key" if is_key else shown if "\n" not in bare else ""
            whole = (
                not is_key and not name and end >= 40 and (_is_base64(text) or bool(_of_hex(text)))
            )
            if whole:
                role = "whole"
            elif hint and bare:
                begin = text.find(bare)
                end, name = begin + len(bare), f"\x00{hint}"
        if name is not None:
            self._add(f'{name}="')
        if whole:
            self._add("base64,")
        self._leaf(owner, key, text, role, begin, end)
        if name is not None:
            self._add('"\x00\n')


def _stream(output: Any) -> str | None:
    """Return the name of the stream whose text an output is."""
    text = (
        output.get("text")
        if isinstance(output, dict) and output.get("output_type") == "stream"
        else None
    )
    lines = isinstance(text, list) and all(isinstance(each, str) for each in text)
    return str(output.get("name")) if isinstance(text, str) or lines else None


def _of_hex(text: str) -> str:
    """Return the base64 of a readable text that is written in hexadecimal digits;
    nothing for anything else.
    """
    hexadecimal = len(text) % 2 == 0 and table().patterns["hex"].match(text)
    found = base64.b64encode(bytes.fromhex(text)).decode() if hexadecimal else ""
    return found if is_plain(found[:64]) else ""


def _is_secret_key(text: str) -> bool:
    patterns = table().patterns
    return bool(patterns["secret_key"].match(text)) and not patterns["plain"].match(
        from_base64(text)
    )


def _is_base64(text: str) -> bool:
    """Return whether the whole text is base64 of a text."""
    return is_text(text) and bool(table().patterns["whole"].match(text))


def _joined(items: list[Any], key: Any) -> str | None:
    """Return the text whose lines a list has; None if it is another list."""
    try:
        text = ("\n" if key == "traceback" else "").join(items)
        whole = key == "traceback" or {*map(itemgetter(-1), items[:-1])} <= {"\n"}
    except (TypeError, IndexError):  # no text, or an empty one
        return None
    return text if items and whole else None


_TOKEN = 16
"""No token is shorter."""
_NUMBERS = {int, float, bool, type(None)}


def find_secrets(book: Notebook) -> list[SavedSecret]:
    """Find the secrets of a notebook: in sources, outputs, metadata, attachments and widget state.

    Parameters
    ----------
    book : dict
        A notebook of format 4, as ``json.load`` or ``nbformat.read`` return it.

    Returns
    -------
    list of SavedSecret
        One for each kind and place, in the order of the notebook. Pictures are not searched.
    """
    return _named(_Texts(book).found())


def mask_secrets(
    book: Notebook, *, sources: bool = True, keep: Callable[[SavedSecret], bool] | None = None
) -> list[SavedSecret]:
    """Replace the secrets of a notebook with ``***``, in place.

    Host, key, date and lifetime of a presigned URL stay, so the text still says what it was. In the
    source of a code cell only strings and comments are changed. An output in which a secret or a
    part of one is left is left out as a whole.

    Parameters
    ----------
    book : dict
        A notebook of format 4.
    sources : bool
        Mask the sources of cells too.
    keep : callable, optional
        Returns True for a secret that stays.

    Returns
    -------
    list of SavedSecret
        What was there, and where. What could not be masked is still found by :func:`find_secrets`.
    """
    unwanted = _unwanted(book, keep)
    if not unwanted:
        return []
    _mask(unwanted, sources)
    left = [*_Texts(book).found()]
    remaining = {each[0].place for each in left}
    blank = {each[0].place for each in left if not keep or not keep(_saved(each))}
    masked = {each[0].place for each in unwanted} - remaining
    before: Any = None  # what a secret may go on from, in the outputs of the next cell
    for place, name, value, owner, _, _ in list(_parts(book)):
        if place.endswith("source"):
            continue
        rest = place in blank or (place in masked and holds_rest(value))
        if rest or (name == "outputs" and before and holds_rest([before, value])):
            owner[name] = _left_out(value)
        if name == "outputs":
            before = table().mask if rest else value if place in masked else None
    return _named(each for each in unwanted if sources or not each[0].place.endswith("source"))


_Found = tuple[_Leaf, int, int, str]
"""A text of a notebook, where a secret is in it, and its kind."""


def _unwanted(book: Notebook, keep: Callable[[SavedSecret], bool] | None) -> list[_Found]:
    return [each for each in _Texts(book).found() if not keep or not keep(_saved(each))]


def _named(found: Iterable[_Found]) -> list[SavedSecret]:
    return list(dict.fromkeys(map(_saved, found)))


def _saved(found: _Found) -> SavedSecret:
    leaf, start, end, what = found
    return SavedSecret(leaf.place, what, _id(what, leaf.text[start:end]))


def _id(what: str, secret: str) -> str:
    return hashlib.sha256(f"{what}\0{secret}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def secrets_of_text(text: str, name: str) -> list[SavedSecret]:
    """Find the secrets of a notebook that is saved as a script or as Markdown;
    ``name`` is that of its file.
    """
    found = [
        (text.count("\n", 0, span.start) + 1, span.what, text[span.start : span.end])
        for span in find(text)
    ]
    return [
        SavedSecret(f"line {line} of {name}", what, _id(what, secret))
        for line, what, secret in found
    ]


def mask_text(text: str, *, code: bool) -> str:
    """Replace the secrets of such a text with ``***``;
    in ``code`` only those in strings and comments.
    """
    inside = _literals(text) if code else [(0, len(text))]
    spans = [(span.start, span.end) for span in find(text)]
    return replaced(
        text, (span for span in spans if any(a <= span[0] and span[1] <= b for a, b in inside))
    )


def _mask(places: list[_Found], sources: bool) -> None:
    changes: dict[int, tuple[_Leaf, list[TextRange]]] = {}
    literals = {
        code: _literals(code)
        for code in {leaf.code for leaf, _, _, _ in places}
        if code is not None
    }
    for leaf, start, end, _ in places:
        inside = [(start, end)] if leaf.code is None else literals[leaf.code]
        parts = [(max(start, a), min(end, b)) for a, b in inside if a < end and start < b]
        if parts and (sources or not leaf.place.endswith("source")):
            changes.setdefault(id(leaf), (leaf, []))[1].extend(parts)
    for leaf, spans in sorted(changes.values(), key=lambda each: each[0].role == "name"):
        _write(leaf, replaced(leaf.text, spans))


def _write(leaf: _Leaf, text: str) -> None:
    """Put a text in the place of a leaf: a value, lines, or the name of a member."""
    if leaf.role == "name":
        members = [
            (text if name == leaf.key else name, value) for name, value in leaf.owner.items()
        ]
        leaf.owner.clear()
        leaf.owner.update(members)
    else:
        leaf.owner[leaf.key] = (
            re.split(r"(?<=\n)(?!$(?![\s\S]))", text) if leaf.role == "lines" else text
        )


def _left_out(value: Any) -> Any:
    """Return what stands for a part that could not be masked."""
    if isinstance(value, list):
        return [{"output_type": "stream", "name": "stdout", "text": LEFT_OUT}]
    return {} if isinstance(value, dict) else LEFT_OUT


_Part = tuple[str, str, Any, Notebook, "str | None", str]


def _parts(book: Notebook) -> Iterator[_Part]:
    """Yield place, name, value, owner, source and shown name of what a person tells apart."""
    for i, cell in enumerate(book.get("cells") or ()):
        if isinstance(cell, dict):
            yield from _cell_parts(i, cell)
    for name, value in list(book.items()):
        if name == "metadata" and isinstance(value, dict):
            for inner, each in list(value.items()):
                yield (
                    "the widget state" if inner == "widgets" else "the metadata",
                    inner,
                    each,
                    value,
                    None,
                    "",
                )
        elif name != "cells":
            yield "the metadata", name, value, book, None, ""


def _cell_parts(number: int, cell: Notebook) -> Iterator[_Part]:
    source = cell.get("source") or ""
    source = source if isinstance(source, str) else "".join(map(str, source))
    code = cell.get("cell_type") == "code"
    shown = table().patterns["shown"].search(source.strip().rpartition("\n")[2]) if code else None
    for name, value in list(cell.items()):
        masked = source if code and name == "source" else None
        hint = shown[1] if shown and name == "outputs" else ""
        yield f"cell {number}, {name.removesuffix('s')}", name, value, cell, masked, hint


def _literals(source: str) -> list[TextRange]:
    """Find the strings, comments and shell lines of a source;
    all of it if it is for another program.
    """
    if table().patterns["cell_magic"].match(source):
        return [(0, len(source))]
    return [found.span() for found in table().patterns["literal"].finditer(source)]
