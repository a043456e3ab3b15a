"""The one way into ministack's policy evaluation: a private function is wrapped only where its caller still uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import Unsupported


def wrap(name: str, caller: str, make: Callable[[Callable[..., Any]], Callable[..., Any]], lost: str) -> None:
    """Wrap a private function of the emulator's evaluator, once.

    Parameters
    ----------
    name, caller : str
        The function, and the one that must call it.
    make : callable
        Returns the function that replaces the original.
    lost : str
        Sentence for a ministack in which this no longer works.

    Raises
    ------
    Unsupported
        If the installed ministack has no such function, or its evaluation no longer calls it.
    """
    from ministack.core import iam_evaluator

    check(iam_evaluator, name, caller, lost)
    original = getattr(iam_evaluator, name)
    if not getattr(original, "gt_secure", False):
        wrapped = make(original)
        wrapped.gt_secure = True  # type: ignore[attr-defined]
        setattr(iam_evaluator, name, wrapped)


def check(module: Any, name: str, caller: str, lost: str) -> None:
    """Raise :class:`Unsupported` unless the module has the function, and its caller calls it."""
    used = getattr(getattr(getattr(module, caller, None), "__code__", None), "co_names", ())
    if not callable(getattr(module, name, None)) or name not in used:
        raise Unsupported(lost, next_step="Run it with the pinned version: gt-secure sandbox install")
