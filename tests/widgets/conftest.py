"""Widgets without a browser: a kernel is not needed, comms go nowhere,
and everything is closed afterwards.
"""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import ipywidgets
import pytest

from gt_secure.connection import Connection
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import testing
from gt_secure.widgets.thread_safe import LOCK
from support.rig import Rig


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Sandbox:
    return sandbox


def user(aws: Sandbox, *statements: dict[str, Any]) -> Connection:
    """Somebody who may do only this."""
    return Rig(aws).user(*statements)


def deliver(connection: Connection) -> None:
    """Let the sandbox write what happened so far into its access log, not some time later."""
    address = connection.aws.client("s3").meta.endpoint_url
    urllib.request.urlopen(
        urllib.request.Request(f"{address}/_gt_secure/flush-logs", method="POST")
    ).close()


@pytest.fixture
def connection(aws: Sandbox) -> Connection:
    return Rig(aws).gt


@pytest.fixture(autouse=True)
def _journal(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def now() -> Iterator[None]:
    """Testing mode: work runs at once, and errors are raised."""
    with testing():
        yield


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 300))


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so; nobody changes widgets while it is asked,
    so all of a result is there or nothing.
    """
    while True:
        with LOCK:
            if condition():
                return
        await asyncio.sleep(0.005)


def choose(step: Any, address: str) -> None:
    """Choose the bar of a source, as pressing it does."""
    step.plot.picked = next(
        i for i, each in enumerate(step.result.marks) if each.address == address
    )


def words(markup: str) -> str:
    """The text of some HTML."""
    import html
    import re

    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def every_widget(root: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """A widget and all that are in it."""
    yield root
    for child in getattr(root, "children", ()):
        yield from every_widget(child)


@pytest.fixture(name="words")
def _words() -> Any:
    return words


@pytest.fixture(name="run")
def _run() -> Any:
    return run


@pytest.fixture(name="every_widget")
def _every_widget() -> Any:
    return every_widget
