"""Every function that people call has the defaults that are written on a page: a default is an
answer that nobody was asked for.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gt_secure import Connection

PAGE = Path(__file__).parent / "signatures.md"
FACES = ("gt_secure", "gt_secure.check", "gt_secure.logs", "gt_secure.presign", "gt_secure.widgets",
         "gt_secure.changes", "gt_secure.account", "gt_secure.findings", "gt_secure.explain", "gt_secure.doctor",
         "gt_secure.report", "gt_secure.restriction", "gt_secure_agents")  # fmt: skip
HEAD = """# The parameters that have a default

Written by `GT_SECURE_UPDATE=1 pytest tests/test_signatures.py`. Read the diff.

```text
"""


def called(place: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions and classes of ours that a face lists."""
    for name in sorted(getattr(place, "__all__", ()) or vars(place)):
        found = getattr(place, name)
        if callable(found) and str(getattr(found, "__module__", "")).startswith(place.__name__):
            yield name, found


def lines() -> Iterator[str]:
    seen: set[int] = set()
    functions = [(f"Connection.{name}", each) for name, each in vars(Connection).items()
                 if inspect.isfunction(each) and not name.startswith("_")]  # fmt: skip
    for face in FACES:
        functions += [(f"{face}.{name}", each) for name, each in called(importlib.import_module(face))
                      if not name.startswith("_")]  # fmt: skip
    for name, each in functions:
        if id(each) in seen or (isinstance(each, type) and issubclass(each, BaseException)):
            continue
        seen.add(id(each))
        try:
            parameters = inspect.signature(each).parameters.values()
        except (ValueError, TypeError):
            continue
        given = [f"{one.name}={one.default!r}" for one in parameters
                 if isinstance(one.default, bool | int | str | float | tuple | type(None))
                 and " object at " not in repr(one.default) and "<function" not in repr(one.default)]  # fmt: skip
        if given:
            yield f"{name}: {', '.join(given)}"


def test_each_default_is_on_the_page() -> None:
    page = HEAD + "\n".join(lines()) + "\n```\n"
    if os.environ.get("GT_SECURE_UPDATE"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8"), "look at what changed, then GT_SECURE_UPDATE=1"
