"""Package faces that load what they list on first use (PEP 562): listing costs nothing, using costs once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def attach(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package whose names live in other modules.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    homes : mapping
        Public name to the module that defines it, relative to the package (``.plan``). A name whose module has the
        same last part and no such attribute is the module itself.

    Examples
    --------
    >>> get, names = attach("gt_secure", {"connect": ".connection"})
    >>> get("connect").__name__
    'connect'
    """

    def __getattr__(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(home, package)
        value = getattr(module, name, module) if home.rpartition(".")[2] == name else getattr(module, name)
        setattr(import_module(package), name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(import_module(package)), *homes})

    _keep_names(package, frozenset(name for name, home in homes.items() if home == f".{name}"))
    return __getattr__, __dir__


def _keep_names(package: str, names: frozenset[str]) -> None:
    """Let a name stay what the face lists when the module of the same name is imported by somebody else.

    The import system writes each imported module into its package: ``changes.plan`` would turn from the function into
    the module. A module may have its own class for that
    (https://docs.python.org/3/reference/datamodel.html#customizing-module-attribute-access).
    """

    class Face(ModuleType):
        def __setattr__(self, name: str, value: object) -> None:
            if name in names and isinstance(value, ModuleType):
                value = getattr(value, name, value)
            super().__setattr__(name, value)

    if names:
        sys.modules[package].__class__ = Face
