"""Progress and styles: on a terminal only, gone when the work is done, and never with NO_COLOR."""

from __future__ import annotations

import io
import time

import pytest

from gt_secure.cli import output, progress
from gt_secure.logs import activity
from support.box import until


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AFTER_S", 0.01)
    monkeypatch.setattr(progress, "EVERY_S", 0.01)
    monkeypatch.setattr(activity, "AFTER_S", 0.01)


def drawn(stream: io.StringIO, text: str) -> None:
    until(lambda: text in stream.getvalue())


def test_it_is_drawn_and_taken_away(quick, monkeypatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.working("Reading") as line:
        line.update("Reading: 3 of \x1b[31m7 objects")
        drawn(stream, "3 of")
    assert "Reading: 3 of" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().rsplit("\r", 2)[1].strip() == ""


@pytest.mark.parametrize(
    ("share", "words"), [(0.4, "Drawing, 40% done ... "), (None, "Drawing ... ")]
)
def test_the_share_that_is_done_is_drawn(
    quick, monkeypatch, share: float | None, words: str
) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.working("Drawing"), activity.step("Drawing"), activity.statement(lambda: share):
        drawn(stream, words)
    assert words in stream.getvalue()


def test_nothing_is_drawn_where_nobody_looks(quick, monkeypatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.working("Reading"):
        time.sleep(0.1)
    assert stream.getvalue() == ""


def test_work_that_is_done_at_once_draws_nothing(monkeypatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(progress, "AFTER_S", 60)
    monkeypatch.setattr("sys.stderr", stream)
    with progress.working("Reading"):
        pass
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_on_a_terminal_and_never_with_no_color(
    environment, terminal, coloured, monkeypatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal() if terminal else io.StringIO())
    text = output.table(("a", "b"), [("1", "evil \x1b[2J")])
    assert ("\x1b[1m" in text) == coloured
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("room", [40, 60, 80])
def test_text_fits_the_terminal(room: int, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(room))
    text = "\n".join(f"  {'word ' * n}{'x' * n}" for n in range(60))
    fitted = output.fit(text)
    assert max(map(len, fitted.split("\n"))) <= room
    assert "".join(fitted.split()) == "".join(text.split())
    monkeypatch.delenv("COLUMNS")
    assert output.fit(text) == text, "a pipe keeps the lines"
