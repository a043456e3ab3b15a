"""JSON documents of any size, read value by value: a file on one line is never held whole.

Small documents are decoded whole. Of a large one the elements of its array of records are given one
by one, so that memory is bounded by the largest record. A document is read up to what is malformed
in it, and the rest of that line is one unreadable line. Reading goes on with the next line.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...base.text import Json

BLOCK = 1 << 20
"""Bytes read at a time, and the size from which a document is read in parts."""
MAX_RECORD = 16 << 20
"""Characters of one record; CloudTrail's own limit is 256 KB (1 MB in CloudTrail Lake)."""
CONTAINERS = ("Records", "records", "Events", "events", "logEvents", "QueryResultRows")
"""Names of the arrays that hold records: CloudTrail files, ``lookup-events``,
``filter-log-events``, subscriptions.
"""
BROKEN = "a document that is cut or malformed"

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_NEAR = 16
"""Characters at the end of a window in which a value may look whole or malformed
that goes on behind it.
"""


class _Broken(Exception):
    """Text that is malformed, cut or too long."""


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
        self._before = 0  # place from which a line is lost if what follows is broken
        self.size = start + len(head)
        self._fault: BaseException | None = None

    def __iter__(self) -> Iterator[Item]:
        while (first := self._next()) and not self._ended():
            if first not in "{[":
                yield Item(self._offset(), text=self._line(), line=True)
                continue
            try:
                offset = self._offset()
                if found := self._decoded(BLOCK):
                    yield Item(offset, *found)
                elif first == "[":
                    yield from self._elements()
                else:
                    yield from self._members(offset)
            except _Broken:
                self._at = self._before
                yield Item(self._offset(), text=self._line() or BROKEN)
        if self._fault is not None:
            raise self._fault

    def _more(self) -> bool:
        """Read on, at least as much as is in the window; False at the end,
        which a stream that breaks has there.
        """
        if self._last:
            return False
        self._offset()
        self._text, self._at, self._before, self._measured = self._text[self._at :], 0, 0, 0
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
        self._before = self._at
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _line(self) -> str:
        """Go to the end of the line, and return it; at most as much as a record may be long,
        and one more block.
        """
        line = ""
        while True:
            end = self._text.find("\n", self._at)
            piece = self._text[self._at : end if end >= 0 else len(self._text)]
            if len(line) < MAX_RECORD:
                line += piece
            self._at += len(piece)
            if end >= 0 or not self._more():
                return line

    def _members(self, offset: int) -> Iterator[Item]:
        """Give the members of a large or malformed object: arrays of records one by one,
        else the object itself.
        """
        others: Json = {}
        held = False
        self._at += 1
        while True:
            if self._next() != '"':
                raise _Broken
            name = self._value()
            self._step(":")
            if self._next() == "[" and name in CONTAINERS:
                held = True
                yield from self._elements()
            else:
                others[name] = self._value()
            if self._step(",}") == "}":
                break
        if not held:
            yield Item(offset, others)

    def _elements(self) -> Iterator[Item]:
        """Give the elements of the array that begins here."""
        self._at += 1
        while self._next() != "]":
            offset = self._offset()
            yield Item(offset, self._value())
            if self._step(",]") == "]":
                return
        self._at += 1

    def _step(self, marks: str) -> str:
        """Go behind one of these characters, and return it."""
        if (found := self._next()) not in tuple(marks):
            raise _Broken
        self._at += 1
        return found

    def _value(self) -> Any:
        """Go behind the value that begins here, and return it."""
        self._before = self._at
        if not (found := self._decoded(MAX_RECORD)):
            raise _Broken
        return found[0]

    def _decoded(self, limit: int) -> list[Any]:
        """Return the value that begins here; nothing, without a move, if it is malformed,
        cut or beyond the limit.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:  # each line of it would be as deep: what follows is left as well
                self._last, self._at, self._before = True, len(self._text), len(self._text)
                return []
            except ValueError as fault:
                # whether a value ends only behind the window, and is not too long
                is_cut = isinstance(fault, json.JSONDecodeError) and (
                    fault.pos > len(self._text) - _NEAR
                    or fault.msg.startswith("Unterminated string")
                )
                if not (is_cut and len(self._text) - self._at < limit) or not self._more():
                    return []
                continue
            size = end - self._at
            # a number may go on behind the window
            if end < len(self._text) - _NEAR or not self._more():
                self._at += size
                return [value]
