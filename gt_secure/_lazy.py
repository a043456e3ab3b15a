"""Package faces that load what they list on first use (PEP 562): listing costs nothing, using costs once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
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

    return __getattr__, __dir__
