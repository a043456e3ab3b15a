"""JSON documents of any size, read value by value: a file on one line is never held whole.

Small documents are decoded whole. Of a large one the elements of its array of records are given one
by one, so that memory is bounded by the largest record. What is malformed costs itself only:
reading goes on behind it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

BLOCK = 1 << 20
"""Bytes read at a time, and the size from which a document is read in parts."""
MAX_RECORD = 16 << 20
"""Characters of one record; CloudTrail's own limit is 256 KB (1 MB in CloudTrail Lake)."""
CONTAINERS = ("Records", "records", "Events", "events", "logEvents", "QueryResultRows")
"""Names of the arrays that hold records: CloudTrail files, ``lookup-events``,
``filter-log-events``, subscriptions.
"""
CUT = "a document that ends early"
TOO_LONG = f"a record longer than {MAX_RECORD >> 20} MiB"

_SPACE = re.compile(r"[ \t\r\n]*")
_DELIMITER = re.compile(r"[\s,\]}]")
_MARK = re.compile(r'\\.|["{}\[\]]', re.DOTALL)
_DECODER = json.JSONDecoder()


@dataclass(slots=True)
class Item:
    """One document or record at ``offset``; ``text`` is what is no JSON,
    the whole line with ``line``.
    """

    offset: int
    value: Any = None
    text: str | None = None
    line: bool = False


def looks_like_json(head: bytes) -> bool:
    """Return whether a file begins with an object or array."""
    return head[:4096].lstrip()[:1] in (b"{", b"[")


class JsonStream:
    """Iterator of :class:`Item` over an unpacked stream of UTF-8; ``size`` counts the bytes read.

    ``head`` is what has been read of it, ``start`` the offset at which it starts.
    """

    def __init__(self, head: bytes, stream: Any, ended: Callable[[], bool], start: int = 0) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._stream, self._ended = stream, ended
        self._text, self._at, self._last = self._decode.decode(head), 0, False
        # bytes before the window; characters of it that are in them
        self._base, self._measured = (
            start,
            0,
        )
        self.size = start + len(head)
        self._fault: BaseException | None = None

    def __iter__(self) -> Iterator[Item]:
        while (first := self._next()) and not self._ended():
            if first == "{":
                yield from self._object()
            elif first == "[":
                self._at += 1
                yield from self._elements()
            else:
                yield self._line(line=True)
        if self._fault is not None:
            raise self._fault

    def _more(self) -> bool:
        """Read on, at least as much as is in the window; False at the end,
        which a stream that breaks has there.
        """
        if self._last:
            return False
        self._offset()
        self._text, self._at, self._measured = self._text[self._at :], 0, 0
        wanted, parts = max(BLOCK, len(self._text)), []
        while wanted > 0 and not self._last:
            try:
                data = self._stream.read(wanted)
            except Exception as fault:
                data, self._fault = b"", fault
            self._last = not data
            wanted -= len(data)
            self.size += len(data)
            parts.append(self._decode.decode(data, final=self._last))
        added = "".join(parts)
        self._text += added
        return bool(added)

    def _offset(self) -> int:
        if self._text.isascii():
            self._base += self._at - self._measured
        else:
            self._base += len(
                self._text[self._measured : self._at].encode("utf-8", "surrogateescape")
            )
        self._measured = self._at
        return self._base

    def _next(self) -> str:
        """Skip blanks; return the character there, or nothing at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _object(self) -> Iterator[Item]:
        while True:
            offset = self._offset()
            if (value := self._decoded()) is not None:
                yield Item(offset, value)
                return
            if self._broken_line():
                yield self._line()
                return
            if len(self._text) - self._at >= BLOCK or not self._more():
                break
        yield from self._members()

    def _decoded(self) -> Any:
        """The value that begins here; None, and nothing moved, if it is cut, malformed or null."""
        try:
            value, self._at = _DECODER.raw_decode(self._text, self._at)
        except (ValueError, RecursionError):
            return None
        return value

    def _broken_line(self) -> bool:
        """Return True if the malformed document here is one line of many:
        another begins on the next.
        """
        end = self._text.find("\n", self._at)
        if end < 0 or self._text[self._at : end].rstrip()[-1:] in ("{", "[", ",", ":"):
            return False
        behind = self._text[_SPACE.match(self._text, end).end() :][:1]  # type: ignore[union-attr]
        return bool(behind) and behind not in '}],:"'

    def _line(self, *, line: bool = False) -> Item:
        offset = self._offset()
        while (end := self._text.find("\n", self._at)) < 0 and len(
            self._text
        ) - self._at < MAX_RECORD:
            if not self._more():
                end = len(self._text)
                break
        end = len(self._text) if end < 0 else end
        text = self._text[self._at : end]
        self._at = end
        return Item(offset, text=text, line=line)

    def _key(self, first: str) -> str | None:
        """Read the name of a member and the colon behind it; None if that is not there."""
        name = self._value() if first == '"' else None
        if not isinstance(name, str) or self._next() != ":":
            return None
        self._at += 1
        return name

    def _members(self) -> Iterator[Item]:
        """Give the members of a large or malformed object: arrays of records one by one,
        else the object itself.
        """
        offset, others, held, whole, lost = self._offset(), {}, False, True, ""
        self._at += 1
        while (first := self._next()) and not self._ended():
            if first in ",}":
                self._at += 1
                if first == "}":
                    break
                continue
            name = self._key(first)
            if name is None:
                lost = lost or self._line().text or "{"
                break
            if not (begin := self._next()):
                lost = CUT
                break
            if begin == "[" and name in CONTAINERS:
                self._at += 1
                held, whole = True, (yield from self._elements())
                continue
            others[name] = self._value()
            if others[name] is None:
                lost = "" if self._skip_value().startswith("null") else "a malformed document"
        if lost or (whole and not first):
            yield Item(offset, text=lost or CUT)
        elif not held:
            yield Item(offset, others)

    def _elements(self) -> Generator[Item, None, bool]:
        """The elements of an array that has begun; returns True if it has an end."""
        whole = True
        while (first := self._next()) and not self._ended():
            offset = self._offset()
            if first in ",]":
                self._at += 1
                if first == "]":
                    return True
            elif first in "}:":
                self._at += 1  # left over from a malformed record
            elif (value := self._value()) is not None:
                yield Item(offset, value)
            else:
                lost = self._skip_value()
                whole = self._at < len(self._text)
                yield Item(offset, text=lost)
        if whole and not first:
            yield Item(self._offset(), text=CUT)
        return False

    def _value(self) -> Any:
        """The value that begins here, read on until it is whole; None if it is malformed,
        too long, or null.
        """
        while True:
            start = self._at
            value = self._decoded()
            if value is not None and (
                not isinstance(value, (int, float)) or _DELIMITER.match(self._text, self._at)
            ):
                return value
            self._at = start  # a number without its end in the window may go on behind it
            if (
                len(self._text) - start > MAX_RECORD
                or (value is None and self._closed())
                or not self._more()
            ):
                return self._decoded()

    def _closed(self) -> bool:
        """Return True if the value here ends within the window:
        then it is malformed, and not cut.
        """
        if self._text[self._at] not in '{["':
            return bool(re.search(r"[,\]}\n]", self._text[self._at + 1 : self._at + 4096]))
        depth, inside = 0, False
        for mark in _MARK.finditer(self._text, self._at):
            depth, inside = _step(mark.group(), depth, inside)
            if not depth and not inside:
                return True
        return False

    def _skip_value(self) -> str:
        """Go behind a value that cannot be decoded, or is null; return its beginning."""
        sample = self._text[self._at : self._at + 200]
        if self._text[self._at : self._at + 1] not in tuple('{["'):
            end = re.compile(r"[,\]}\n]|$").search(self._text, self._at)
            self._at = max(end.start(), self._at + 1) if end else len(self._text)
            return sample
        if len(self._text) - self._at > MAX_RECORD:
            sample = TOO_LONG
        depth, inside = 0, False
        while True:
            for mark in _MARK.finditer(self._text, self._at):
                depth, inside = _step(mark.group(), depth, inside)
                if not depth and not inside:
                    self._at = mark.end()
                    return sample
            # A backslash at the end belongs to the character that follows.
            self._at = len(self._text) - (self._text.endswith("\\") and not self._last)
            if not self._more():
                return sample


def _step(mark: str, depth: int, inside: bool) -> tuple[int, bool]:
    """Brackets that are open, and the state of being inside a string, after a mark."""
    if mark == '"':
        return depth, not inside
    if inside or mark[0] == "\\":
        return depth, inside
    return depth + (1 if mark in "{[" else -1), inside
