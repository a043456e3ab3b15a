"""The pace of an answer, by a clock that the test turns: when a head or a body ends,
and what counts for it.
"""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.aws import pace
from gt_secure.aws.pace import MOST_CREDIT, SLOWEST, _PacedReader

LIMIT = 10.0


class Line:
    """A socket and its file: each reading takes some seconds and brings some bytes."""

    def __init__(self) -> None:
        self.now, self.takes_s, self.brings, self.closed = 100.0, 0.0, 1, False
        self.limits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def gettimeout(self) -> float:
        return LIMIT

    def settimeout(self, seconds: float) -> None:
        self.limits.append(round(seconds, 3))

    def readinto(self, buffer: Any) -> int:
        self.now += self.takes_s
        return self.brings

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    made = Line()
    monkeypatch.setattr(pace, "time", made)
    return made


def seconds_until_it_ends(line: Line, reader: _PacedReader, *, elsewhere_s: float = 0.0) -> float:
    begun = line.now
    while line.now - begun < 10_000:
        try:
            reader.readinto(bytearray(10))
        except TimeoutError:
            return line.now - begun
        line.now += elsewhere_s
    raise AssertionError("it does not end")


def test_a_head_ends_with_the_time_out_however_it_drips(line: Line) -> None:
    line.takes_s, line.brings = 0.5, 1_000_000
    reader = _PacedReader(line, line)
    assert reader.readable()
    assert seconds_until_it_ends(line, reader) == LIMIT
    assert line.limits[:3] == [10.0, 9.5, 9.0]


def test_time_elsewhere_counts_for_a_head_and_not_for_a_body(line: Line) -> None:
    line.takes_s, line.brings = 0.5, 0
    assert seconds_until_it_ends(line, _PacedReader(line, line), elsewhere_s=4.5) == LIMIT
    reader = _PacedReader(line, line)
    reader.renew(credit=MOST_CREDIT)
    assert seconds_until_it_ends(line, reader, elsewhere_s=4.5) == 10 * LIMIT, (
        "0.5 s of each 5 s are waited for"
    )


@pytest.mark.parametrize(
    ("bytes_a_second", "ends"),
    [(SLOWEST // 2, 2 * LIMIT), (SLOWEST * 3 // 4, 4 * LIMIT), (SLOWEST * 10, 1059)],
)
def test_a_body_buys_time_with_its_bytes_up_to_a_credit(
    line: Line, bytes_a_second: int, ends: float
) -> None:
    line.takes_s, line.brings = 1.0, bytes_a_second
    reader = _PacedReader(line, line)
    reader.renew(credit=MOST_CREDIT)
    assert seconds_until_it_ends(line, reader) == ends


def test_a_new_body_has_its_own_time(line: Line) -> None:
    line.takes_s, line.brings = 9.0, 0
    reader = _PacedReader(line, line)
    for _ in range(3):
        reader.renew(credit=1)
        reader.readinto(bytearray(10))


def test_the_file_of_the_connection_is_closed(line: Line) -> None:
    reader = _PacedReader(line, line)
    reader.close()
    assert (line.closed, reader.closed) == (True, True)
