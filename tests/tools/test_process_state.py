"""A test that changes the state of the process fails by name,
and one that hangs ends with a traceback.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = Path(__file__).resolve().parents[1]
LEAKING = """
import asyncio, os, signal, socket, threading
import pytest

def handler(number, frame):
    pass

def test_a_handler():
    signal.signal(signal.SIGTERM, handler)

def test_it_is_restored():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

def test_a_loop():
    loop = asyncio.new_event_loop()
    loop.add_signal_handler(signal.SIGINT, print)
    loop.add_signal_handler(signal.SIGHUP, print)

def test_all_is_restored():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1

def test_a_closed_socket():
    first, second = socket.socketpair()
    first.setblocking(False)
    signal.set_wakeup_fd(first.fileno())
    first.close()

@pytest.fixture
def own():
    before = signal.signal(signal.SIGTERM, handler)
    yield
    signal.signal(signal.SIGTERM, before)

def test_a_fixture(own):
    assert signal.getsignal(signal.SIGTERM) is handler

@pytest.fixture(scope="module")
def wide():
    before = signal.signal(signal.SIGHUP, handler)
    yield
    signal.signal(signal.SIGHUP, before)

def test_a_wide_fixture(wide):
    assert signal.getsignal(signal.SIGHUP) is handler

def test_it_lasts():
    assert signal.getsignal(signal.SIGHUP) is handler

@pytest.fixture(scope="module")
def late():
    before = signal.signal(signal.SIGTERM, handler)
    yield
    signal.signal(signal.SIGTERM, before)

def test_a_late_fixture(request):
    request.getfixturevalue("late")

def test_it_is_kept():
    assert signal.getsignal(signal.SIGTERM) is handler

@pytest.fixture(scope="module")
def forgets():
    signal.signal(signal.SIGINT, handler)

def test_the_last(forgets):
    thread = threading.Thread(target=__import__("support.process_state").process_state.process_state)
    thread.start()
    thread.join()
"""
HANGING = """
import time, pytest

def test_before():
    pass

def test_that_hangs():
    time.sleep(600)

@pytest.mark.slow
def test_with_more_time():
    time.sleep(3)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite in a folder of its own, with the limits of ours."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    pytester.makeconftest('pytest_plugins = ["support.process_state"]')
    return pytester


def test_who_leaks_fails_and_the_next_test_does_not(suite: pytest.Pytester) -> None:
    suite.makepyfile(LEAKING)
    text = suite.runpytest_subprocess("-v", "-p", "no:cacheprovider", "-p", "no:xdist").stdout.str()
    leaks = dict(re.findall(r"^.*::(\w+) leaves (.*)$", text, re.MULTILINE))
    assert set(leaks) == {"test_a_handler", "test_a_loop", "test_a_closed_socket"}, text
    assert "SIGTERM: <function handler" in leaks["test_a_handler"]
    assert all(name in leaks["test_a_loop"] for name in ("SIGINT: ", "SIGHUP: ", "wakeup fd: "))
    # pytest prints a failure once more in its summary, whole where the variable CI is set.
    assert set(re.findall(r"the fixture (\w+) leaves (\w+)", text)) == {("forgets", "SIGINT")}
    assert "11 passed, 4 errors" in text


@pytest.mark.parametrize("workers", [0, 1])
def test_who_hangs_is_named(suite: pytest.Pytester, workers: int) -> None:
    suite.makepyfile(HANGING)
    suite.makefile(
        ".ini",
        pytest=(
            "[pytest]\nfaulthandler_timeout = 2\nfaulthandler_exit_on_timeout = true\nmarkers ="
            " slow"
        ),
    )
    done = suite.run(
        sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-n", str(workers)
    )
    assert done.ret == 1
    assert "in test_that_hangs" in done.stderr.str()
    shown = done.stdout.str()
    if workers:
        assert "crashed while running 'test_who_hangs_is_named.py::test_that_hangs'" in shown
        assert "1 failed, 2 passed" in shown, (
            "another worker goes on, also with a slow test that takes longer"
        )
