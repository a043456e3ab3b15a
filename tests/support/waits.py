"""Deadlines of changes that do not depend on how fast the machine is."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

import gt_secure.changes.transaction as transaction
from gt_secure.changes.engine import Clock


@contextmanager
def counted_waits(rollback_s: float) -> Iterator[None]:
    """Let only the waits between two attempts use up a deadline, or that of the rollback, and let
    none of them last.

    How far a change comes until its deadline then depends on its calls alone.
    """
    waited = 0.0

    def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "ROLLBACK_S", rollback_s)
        for name in ("apply", "undo"):  # as modules: the package has functions of these names
            module = importlib.import_module(f"gt_secure.changes.{name}")
            patch.setattr(module, "Clock", partial(Clock, sleep=sleep, now=lambda: waited))
        yield
