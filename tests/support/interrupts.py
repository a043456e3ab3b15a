"""Interrupts at a chosen line of our own code: events of a run are recorded,
then an exception is raised at one.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import gt_secure

OURS = str(Path(gt_secure.__file__).parent) + "/"
SANDBOX = OURS + "sandbox/"

Point: TypeAlias = tuple[str, str, int, str, int]
"""File, function, line, kind of event, and which time in the run it is."""


@cache
def _is_ours(file: str) -> bool:
    return file.startswith(OURS) and not file.startswith(SANDBOX)


@dataclass
class Tracer:
    """Counts the events of our modules from the first call of a function on;
    raises at one of them.
    """

    first: tuple[str, str] | None = None
    """File and function; from the start on without one."""
    at: Point | None = None
    after: int | None = None
    """Raise at this event after the start instead."""
    error: type[BaseException] = KeyboardInterrupt
    points: list[Point] = field(default_factory=list)
    times: Counter[tuple[str, str, int, str]] = field(default_factory=Counter)
    closing: int = 0
    """A generator that Python closes, by the id of its frame: what it raises is printed, and nobody
    gets it. To hold the frame would keep it from being freed."""
    begun: bool = False
    raised: bool = False

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> Any:
        code = frame.f_code
        if not _is_ours(code.co_filename):
            return None
        first = self.first and (OURS + self.first[0], self.first[1])
        self.begun = self.begun or first in (None, (code.co_filename, code.co_name))
        return self._line

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "exception" and arg[0] is GeneratorExit:
            self.closing = id(frame)
        if event == "return" and id(frame) == self.closing:
            self.closing = 0
            return self._line
        if event not in ("line", "return") or not self.begun:
            return self._line
        code = frame.f_code
        where = (code.co_filename.removeprefix(OURS), code.co_name, frame.f_lineno, event)
        self.times[where] += 1
        point = (*where, self.times[where])
        self.points.append(point)
        if point == self.at or len(self.points) == self.after:
            self.raised = True
            raise self.error
        return self._line

    @contextmanager
    def tracing(self) -> Iterator[None]:
        former = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(former)


def each_place(points: list[Point], draw: random.Random) -> list[Point]:
    """The first time of each place, and for every second one another time too."""
    places: dict[tuple[Any, ...], list[Point]] = {}
    for point in points:
        places.setdefault(point[:4], []).append(point)
    return [point for each in places.values() for point in {each[0], draw.choice(each)}]
