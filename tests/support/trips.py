"""What a call enters: the functions that run, their size, and the modules in which they are."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable
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
    def nodes(self) -> int:
        """Syntax nodes of these functions, without docstrings: no layout makes a trip shorter."""
        return sum(_nodes_of(path).get(first, 0) for path, first in self.places)

    @property
    def modules(self) -> frozenset[str]:
        """Modules in which they are, such as ``changes/plan.py``."""
        return frozenset(Path(path).relative_to(PACKAGE).as_posix() for path, _ in self.places)


def trip_of(call: Callable[[], object]) -> Trip:
    """Run a call and note which functions of the package it enters,
    those of its threads included.
    """
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
def _nodes_of(path: str) -> dict[int, int]:
    """Return the syntax nodes of each function of a module, without docstring, by its first line."""
    counts = {}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            is_documented = ast.get_docstring(node, clean=False) is not None
            body = node.body[1:] if is_documented else node.body
            counts[first] = 1 + sum(_nodes(each) for each in [node.args, *body])
    return counts


def _nodes(node: ast.AST) -> int:
    """Count the nodes of a statement; a definition in it, which is entered by itself, is one."""
    if isinstance(node, Function | ast.ClassDef):
        return 1
    return 1 + sum(map(_nodes, ast.iter_child_nodes(node)))
