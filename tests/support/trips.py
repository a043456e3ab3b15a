"""What a call enters: the lines of the functions that run, and the modules in which they are."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

import gt_secure

from .ruler import Function

PACKAGE = Path(gt_secure.__file__).parent
_Place = tuple[str, int]


@dataclass(frozen=True)
class Trip:
    """The functions of the package that a call entered."""

    places: frozenset[_Place]

    @property
    def lines(self) -> int:
        """Lines with code of these functions, without docstrings, comments and blank lines."""
        return sum(_lines_of(path).get(first, 0) for path, first in self.places)

    @property
    def modules(self) -> frozenset[str]:
        """Modules in which they are, such as ``changes/plan.py``."""
        return frozenset(Path(path).relative_to(PACKAGE).as_posix() for path, _ in self.places)


def trip_of(call: Callable[[], object]) -> Trip:
    """Run a call and note which functions of the package it enters, those of its threads included."""
    places: set[_Place] = set()
    start = str(PACKAGE)

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(start):
            places.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
    return Trip(frozenset(places))


@cache
def _lines_of(path: str) -> dict[int, int]:
    """Return the number of lines with code of each function of a module, by its first line."""
    counts = {}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            counts[first] = len({node.lineno, *(line for each in body for line in _lines(each))})
    return counts


def _lines(node: ast.AST) -> Iterator[int]:
    """Yield the lines where something of a statement begins or ends; of a definition in it the first one alone."""
    if isinstance(node, Function | ast.ClassDef):
        yield node.lineno
        return
    if isinstance(node, ast.stmt | ast.expr):
        yield node.lineno
        yield node.end_lineno or node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _lines(child)
