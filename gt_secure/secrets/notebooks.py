"""Secrets in the data of a notebook: where they are, and how they are masked.

All texts of a notebook are searched as one: each with the name of its member, so that ``{"SessionToken": …}`` is found
whichever way it is stored. The save guard of the JupyterLab extension does the same.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .recogniser import SecretSpan, find, from_base64, table

LEFT_OUT = "*** (left out: it holds a secret)"

_MIME = "image/"


@dataclass(frozen=True, slots=True)
class SavedSecret:
    """One kind of secret in one place of a notebook; the secret itself is not kept.

    Attributes
    ----------
    place : str
        Such as ``cell 3, output``, ``the metadata`` or ``the widget state``. The first cell is 0.
    what : str
        Such as ``the signature of a presigned URL``.
    """

    place: str
    what: str

    def to_dict(self) -> dict[str, str]:
        """Return the fields as a dictionary."""
        return {"place": self.place, "what": self.what}


@dataclass(slots=True)
class _Leaf:
    """A text of a notebook: its place, what holds it, and the part of it that begins at ``at`` in the joined text."""

    place: str
    owner: Any
    key: Any
    text: str
    at: int
    begin: int = 0
    end: int = 0
    role: str = ""
    """``name`` for the name of a member, ``lines`` for a list of lines, ``whole`` for base64."""
    literals: tuple[tuple[int, int], ...] | None = None
    """Parts of a source that may be masked; all of it if None."""


class _Texts:
    """The texts of a notebook, one behind the other."""

    def __init__(self, book: dict[str, Any]) -> None:
        self.leaves: list[_Leaf] = []
        self._pieces: list[str] = []
        self._length = 0
        self._place = ""
        self._literals: tuple[tuple[int, int], ...] | None = None
        for place, name, value, owner, literals, shown in _parts(book):
            self._place, self._literals = place, literals
            self._walk(owner, name, value, name, shown)

    def found(self) -> Iterator[tuple[_Leaf, int, int, str]]:
        """Yield each secret: its text, where it is in that, and its kind."""
        starts = [leaf.at for leaf in self.leaves]
        for span in find("".join(self._pieces)):
            yield from self._of(span, starts)

    def _of(self, span: SecretSpan, starts: list[int]) -> Iterator[tuple[_Leaf, int, int, str]]:
        for leaf in self.leaves[max(0, bisect_right(starts, span.start) - 1) :]:
            if leaf.at >= span.end:
                return
            start, end = (
                max(span.start - leaf.at + leaf.begin, leaf.begin),
                min(span.end - leaf.at + leaf.begin, leaf.end),
            )
            if leaf.role == "whole" and span.end > leaf.at:
                start, end = 0, len(leaf.text)
            if start < end:
                yield leaf, start, end, span.what

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)

    def _leaf(self, owner: Any, key: Any, text: str, role: str = "", begin: int = 0, end: int | None = None) -> None:
        end = len(text) if end is None else end
        literals = None if role == "name" else self._literals
        self.leaves.append(_Leaf(self._place, owner, key, text, self._length, begin, end, role, literals))
        self._add("".join(text.split()) if role == "whole" else text[begin:end])

    def _walk(self, owner: Any, key: Any, value: Any, name: str | None, shown: str) -> None:
        """Add a value: a text, a list of lines, or what is in it."""
        if isinstance(value, list) and _is_text(value, name):
            self._text(owner, key, ("\n" if name == "traceback" else "").join(value), name, shown, "lines")
        elif isinstance(value, str):
            self._text(owner, key, value, name, shown, "")
        elif isinstance(value, list):
            for i, each in enumerate(value):
                if isinstance(each, str):
                    self._add('", "' if i else '"')
                    self._text(value, i, each, None, shown, "")
                else:
                    self._walk(value, i, each, None, shown)
            self._add('"\x00\n')
        elif isinstance(value, dict):
            self._members(value, shown)

    def _members(self, data: dict[Any, Any], shown: str) -> None:
        pair = data.get("name", data.get("key"))
        named = pair if isinstance(pair, str) and isinstance(data.get("value"), str) else None
        if data.get("_model_name") == "PasswordModel":
            named = "password"
        for inner, each in list(data.items()):
            name = str(inner)
            if inner == "value" and named:
                self._walk(data, inner, each, named, shown)
                continue
            if name.startswith(_MIME) and isinstance(each, str) and each.startswith(table().lists["pictures"]):
                continue
            self._leaf(data, inner, name, "name")
            self._walk(data, inner, each, "", shown)

    def _text(self, owner: Any, key: Any, text: str, name: str | None, shown: str, role: str) -> None:
        """Add a text behind the name of its member; what is base64 as a whole is announced as such."""
        begin, end, patterns = 0, len(text), table().patterns
        bare = text.strip().strip("'\"") if len(text) < 4096 else ""
        is_key = bool(patterns["secret_key"].match(bare)) and not patterns["plain"].match(from_base64(bare))
        hint = "secret_key" if is_key else shown if "\n" not in bare else ""
        whole = not is_key and not name and len(text) >= 40 and bool(patterns["whole"].match(text))
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


def _is_text(items: list[Any], name: str | None) -> bool:
    """Return whether a list has the lines of one text."""
    texts = bool(items) and all(isinstance(each, str) for each in items)
    return texts and (name == "traceback" or all(each.endswith("\n") for each in items[:-1]))


def find_secrets(book: dict[str, Any]) -> list[SavedSecret]:
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


def mask_secrets(book: dict[str, Any], *, sources: bool = True) -> list[SavedSecret]:
    """Replace the secrets of a notebook with ``***``, in place.

    Host, key, date and lifetime of a presigned URL stay, so the text still says what it was. In the source of a code
    cell only strings and comments are changed. An output in which a secret is left is left out as a whole.

    Parameters
    ----------
    book : dict
        A notebook of format 4.
    sources : bool
        Mask the sources of cells too.

    Returns
    -------
    list of SavedSecret
        What was there, and where. What could not be masked is still found by :func:`find_secrets`.
    """
    found = list(_Texts(book).found())
    if not found:
        return []
    _mask(found, sources)
    left = {leaf.place for leaf, _, _, _ in _Texts(book).found() if not leaf.place.endswith("source")}
    for place, name, value, owner, _, _ in list(_parts(book)) if left else ():
        if place in left:
            owner[name] = _left_out(value)
    return _named(each for each in found if sources or not each[0].place.endswith("source"))


def _named(found: Iterable[tuple[_Leaf, int, int, str]]) -> list[SavedSecret]:
    return list(dict.fromkeys(SavedSecret(leaf.place, what) for leaf, _, _, what in found))


def _mask(found: list[tuple[_Leaf, int, int, str]], sources: bool) -> None:
    changes: dict[int, tuple[_Leaf, list[tuple[int, int]]]] = {}
    for leaf, start, end, _ in found:
        inside = leaf.literals is None or any(a <= start and end <= b for a, b in leaf.literals)
        if inside and (sources or not leaf.place.endswith("source")):
            changes.setdefault(id(leaf), (leaf, []))[1].append((start, end))
    for leaf, spans in sorted(changes.values(), key=lambda each: each[0].role == "name"):
        pieces: list[str] = []
        last = 0
        for start, end in sorted(spans):
            pieces += (leaf.text[last:start], table().mask)
            last = end
        text = "".join((*pieces, leaf.text[last:]))
        if leaf.role == "name":
            members = [(text if name == leaf.key else name, value) for name, value in leaf.owner.items()]
            leaf.owner.clear()
            leaf.owner.update(members)
        else:
            leaf.owner[leaf.key] = re.split(r"(?<=\n)(?!$(?![\s\S]))", text) if leaf.role == "lines" else text


def _left_out(value: Any) -> Any:
    """Return what stands for a part that could not be masked."""
    if isinstance(value, list):
        return [{"output_type": "stream", "name": "stdout", "text": LEFT_OUT}]
    return {} if isinstance(value, dict) else LEFT_OUT


_Part = tuple[str, str, Any, dict[str, Any], "tuple[tuple[int, int], ...] | None", str]


def _parts(book: dict[str, Any]) -> Iterator[_Part]:
    """Yield place, name, value, owner, literals and shown name of what a person tells apart."""
    for i, cell in enumerate(book.get("cells") or ()):
        if not isinstance(cell, dict):
            continue
        source = cell.get("source") or ""
        source = source if isinstance(source, str) else "".join(map(str, source))
        code = cell.get("cell_type") == "code"
        shown = table().patterns["shown"].search(source.strip().rpartition("\n")[2]) if code else None
        for name, value in list(cell.items()):
            literals = _literals(source) if code and name == "source" else None
            hint = shown[1] if shown and name == "outputs" else ""
            yield f"cell {i}, {name.removesuffix('s')}", name, value, cell, literals, hint
    for name, value in list(book.items()):
        if name == "metadata" and isinstance(value, dict):
            for inner, each in list(value.items()):
                yield "the widget state" if inner == "widgets" else "the metadata", inner, each, value, None, ""
        elif name != "cells":
            yield "the metadata", name, value, book, None, ""


def _literals(source: str) -> tuple[tuple[int, int], ...] | None:
    """Find the strings, comments and shell lines of a source; None if all of it is for another program."""
    return (
        None
        if table().patterns["cell_magic"].match(source)
        else tuple(found.span() for found in table().patterns["literal"].finditer(source))
    )
