"""State of the test process that outlives a test: signal handlers and the wakeup file descriptor.

A test that changes it fails by name, and the next test finds it restored. Otherwise a later test,
often in another file, waits in vain for a signal. A fixture of a module or of the session may
change it until its own end.
"""

from __future__ import annotations

import faulthandler
import signal
import threading
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

LIMITS_S = {"live": 86_400.0, "slow": 3600.0, "browser": 900.0, "check": 900.0}
"""Limits of tests with these marks; that of the other tests is
``faulthandler_timeout`` in setup.cfg.
"""

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_WAKEUP = "wakeup fd"

State = dict[str, Any]
_expected: State = {}
"""State in which the running test must leave the process."""


def process_state() -> State:
    """Read the state, which only the main thread can do."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    state: State = {number.name: signal.getsignal(number) for number in _SIGNALS}
    fd = state[_WAKEUP] = signal.set_wakeup_fd(-1)
    _set_wakeup_fd(fd)
    return state


def restore(expected: State) -> str:
    """Restore the state and describe the differences; empty if there are none."""
    found = process_state()
    changed = [name for name in expected if name in found and found[name] != expected[name]]
    for name in changed:
        if name == _WAKEUP:
            _set_wakeup_fd(expected[name])
        elif expected[name] is not None:  # a handler that was not set from Python
            signal.signal(signal.Signals[name], expected[name])
    return ", ".join(f"{name}: {found[name]!r} instead of {expected[name]!r}" for name in changed)


def _set_wakeup_fd(fd: int) -> None:
    try:
        signal.set_wakeup_fd(fd)
    except (ValueError, OSError):  # it was closed
        signal.set_wakeup_fd(-1)


@pytest.fixture(autouse=True)
def process_state_is_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a handler behind,
    after all other fixtures of the test have ended.
    """
    _expected.clear()
    _expected.update(process_state())
    yield
    if difference := restore(_expected):
        pytest.fail(f"{request.node.nodeid} leaves {difference}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: Any
) -> Generator[None, object, object]:
    """Let a fixture of a wider scope change the state until its own end,
    and fail there if it does not restore it.
    """
    if fixturedef.scope == "function":
        return (yield)
    before = process_state()

    def check() -> None:
        if difference := restore(before):
            pytest.fail(f"the fixture {fixturedef.argname} leaves {difference}", pytrace=False)

    fixturedef.addfinalizer(check)  # finalizers run in reverse order: after the fixture's own
    try:
        return (yield)
    finally:
        _expected.update(
            {name: now for name, now in process_state().items() if now != before[name]}
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the tests with some marks more time."""
    limit_s = next(
        (limit for mark, limit in LIMITS_S.items() if item.get_closest_marker(mark)), 0.0
    )
    if limit_s and item.config.getini("faulthandler_timeout"):
        stderr = item.config.stash[fault_handler_stderr_fd_key]
        exits = bool(item.config.getini("faulthandler_exit_on_timeout"))
        faulthandler.dump_traceback_later(limit_s, file=stderr, exit=exits)
