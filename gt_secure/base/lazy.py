"""Package faces that load what they list on first use (PEP 562): listing costs nothing, using costs
once.

A face lists its names once, as imports for type checkers, and gets the rest from :func:`attach`::

    if TYPE_CHECKING:
        from .plan import Plan as Plan

    __all__, __getattr__, __dir__ = attach(__name__)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

_IMPORT = re.compile(r"^    from (\.[\w.]*) import (?:\(([^)]*)\)|(.+))$", re.MULTILINE)
_NAME = re.compile(r"(\w+) as \w+")


def attach(package: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` for a package that lists its
    names for type checkers.
    """
    face: Any = sys.modules[package]
    with open(face.__file__, encoding="utf-8") as source:  # noqa: PTH123 - pathlib takes longer to import
        homes = dict(_listed(source.read()))

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        value = getattr(import_module(home, package), name, None) if home else None
        if value is None:  # a module
            value = import_module(f"{home}.{name}", package)
        setattr(face, name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*homes, *(name for name in vars(face) if name.startswith("__"))})

    _keep_names(face, frozenset(name for name, home in homes.items() if home == f".{name}"))
    return sorted(homes), __getattr__, __dir__


def _listed(source: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a face with the module that defines it; empty where the name is a module.

    The module ``ast`` would read the same, and take longer than everything else here.
    """
    for home, block, line in _IMPORT.findall(source):
        for name in _NAME.findall(block or line):
            yield name, home.rstrip(".")


def _keep_names(face: ModuleType, names: frozenset[str]) -> None:
    """Let a name stay what the face lists when the module of the same name is imported by somebody
    else.

    The import system writes each imported module into its package: ``changes.plan`` would turn from
    the function into the module. A module may have its own class for that
    (https://docs.python.org/3/reference/datamodel.html#customizing-module-attribute-access).
    """

    class Face(ModuleType):
        def __setattr__(self, name: str, value: object) -> None:
            if name in names and isinstance(value, ModuleType):
                value = getattr(value, name, value)
            super().__setattr__(name, value)

    if names:
        face.__class__ = Face
