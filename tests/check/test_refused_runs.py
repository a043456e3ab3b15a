"""A refused run leaves the process as nbclient found it: Ctrl-C and SIGTERM still end it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from gt_secure.base.errors import GtSecureError
from gt_secure.check import SecretCheck
from support.kernels import START_S, NotebookClient

KEY = "AKIA" + "Q3EGRZ5NV7B2YTKD"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SCRIPT = f"""
import sys
import nbformat
from nbclient import NotebookClient
from gt_secure.check import SecretCheck
from gt_secure.base.errors import GtSecureError

book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("'{KEY}'")])
try:
    NotebookClient(
        book, kernel_name="python3", on_notebook_complete=SecretCheck().after_run, startup_timeout={START_S}
    ).execute()
except GtSecureError:
    print("refused", flush=True)
for line in sys.stdin:
    print("waiting", flush=True)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_script_that_catches_the_refusal_can_be_ended(number: signal.Signals) -> None:
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert script.stdin is not None
    assert script.stdout is not None
    assert "refused\n" in iter(script.stdout.readline, "")
    script.stdin.write("\n")
    script.stdin.flush()
    assert script.stdout.readline() == "waiting\n"
    script.send_signal(number)
    # closes its input: a script that ignores the signal ends with code 0
    _, error = script.communicate()
    assert script.returncode == -number, error
    # nbclient's own cleanup at exit, of a kernel that has ended
    assert "Exception ignored" not in error


def direct(guard: SecretCheck) -> Callable[..., Any]:
    return guard.after_run


def wrapped(guard: SecretCheck) -> Callable[..., Any]:
    async def hook(**given: Any) -> None:
        await asyncio.sleep(0)
        guard.after_run(**given)

    return hook


@pytest.mark.parametrize("hook", [direct, wrapped])
def test_handlers_are_those_that_nbclient_leaves_after_a_good_run(
    hook: Callable[[SecretCheck], Any],
) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    left: list[Any] = []
    try:
        for text in ("1", f"'{KEY}'"):
            book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
            client = NotebookClient(
                book, kernel_name="python3", on_notebook_complete=hook(SecretCheck())
            )
            try:
                client.execute()
                left.append("saved")
            except GtSecureError:
                left.append("refused")
            left.append([*map(signal.getsignal, SIGNALS), signal.set_wakeup_fd(-1)])
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
    handlers = [signal.default_int_handler, signal.SIG_DFL, -1]
    assert left == ["saved", handlers, "refused", handlers]


def test_handlers_of_an_application_stay() -> None:
    """Outside nbclient, the handlers of the running loop are somebody else's."""
    before = [signal.getsignal(number) for number in SIGNALS]
    book = {
        "cells": [{"cell_type": "code", "source": KEY, "metadata": {}, "outputs": []}],
        "metadata": {},
    }

    async def application() -> list[bool]:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, lambda: None)
        with pytest.raises(GtSecureError):
            SecretCheck().after_run(book)
        return [loop.remove_signal_handler(number) for number in SIGNALS]

    try:
        assert asyncio.run(application()) == [True, True]
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
