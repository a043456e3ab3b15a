"""Local files that are followed: what each one has grown by, also under another name,
and nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..ingest.batching import MAX_LINE
from .objects import LocalFile

_MARK = 256
"""Bytes at the beginning, and before the place up to which a file was read,
by which it is known again.
"""
_BLOCK = 64 << 10


@dataclass(slots=True)
class _Mark:
    """Place up to which a file was read, and the state of the file at the last look."""

    read: int = 0
    head: bytes = b""
    tail: bytes = b""
    state: tuple[int, int] = (-1, -1)

    def begins(self, file: LocalFile) -> bool:
        """Return whether a file begins with what was read."""
        if file.size < self.read:
            return False
        return (
            _bytes(file, 0, len(self.head)) == self.head
            and _bytes(file, self.read, -len(self.tail)) == self.tail
        )


class GrowingFiles:
    """New parts of local files since the last look.

    A file is known again by what was read of it: log rotation renames files, and systems use their
    numbers again. A last line without an end is left until the file no longer grows.
    """

    def __init__(self) -> None:
        self._marks: dict[str, _Mark] = {}

    def parts(self, files: Sequence[LocalFile], *, last: bool = False) -> list[LocalFile]:
        """Return what of the files is new; the ``last`` look leaves nothing."""
        fresh, parts = [], []
        left = dict(self._marks)
        for file in files:
            mark = self._marks.get(file.name)
            if mark is None or not (mark.state == _state(file) or mark.begins(file)):
                fresh.append(file)
            else:
                del left[file.name]
                parts += self._part(file, mark, last)
        for file in fresh:
            # Renamed, if a file is no more what its name says, and this one begins with all that
            # was read of it.
            name = next((n for n, mark in left.items() if mark.read and mark.begins(file)), None)
            mark = left.pop(name) if name is not None else _Mark()
            if name is not None and self._marks.get(name) is mark:
                del self._marks[name]
            self._marks[file.name] = mark
            parts += self._part(file, mark, last)
        return parts

    @property
    def unfinished(self) -> bool:
        """Return whether a last line has not been read."""
        return any(mark.read < mark.state[0] for mark in self._marks.values())

    def _part(self, file: LocalFile, mark: _Mark, last: bool) -> list[LocalFile]:
        begin, settled, is_new = mark.read, last or mark.state == _state(file), not mark.head
        if begin < file.size:
            try:
                mark.read = file.size if settled else max(begin, _whole_lines(file))
                mark.head, mark.tail = (
                    _bytes(file, 0, min(_MARK, mark.read)),
                    _bytes(file, mark.read, -_MARK),
                )
            except OSError:  # reading it fails too, and the coverage names it
                mark.read = file.size
        is_new &= mark.state != _state(file)
        mark.state = _state(file)
        part = replace(file, size=mark.read - begin, start=begin, part=True)
        return [part] if mark.read > begin or (is_new and not file.size) else []


def _state(file: LocalFile) -> tuple[int, int]:
    return file.size, file.modified_ns


def _bytes(file: LocalFile, at: int, size: int) -> bytes:
    """Return bytes of a file from a place on, or before it where ``size`` is negative."""
    if size < 0:
        at, size = max(0, at + size), min(at, -size)
    with open(file.name, "rb", buffering=0) as stream:  # noqa: PTH123 - as LocalFile.open does
        stream.seek(at)
        return stream.read(size)


def _whole_lines(file: LocalFile) -> int:
    """Return where the last line of text ends that is whole;
    all of a file that is packed or JSON.
    """
    head = _bytes(file, 0, _MARK)
    if not head.isascii() or head.lstrip()[:1] in (b"{", b"["):
        return file.size
    end = file.size
    while end > max(0, file.size - MAX_LINE):
        block = _bytes(file, end, -_BLOCK)
        if (newline := block.rfind(b"\n")) >= 0:
            return end - len(block) + newline + 1
        end -= len(block) or end
    return file.size if end else 0
