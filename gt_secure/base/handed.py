"""Objects of the product for parts that do not import it, loaded when a part first needs one.

The parts below the product can be copied and used without it. Importing :mod:`gt_secure` hands them
a mask of secrets and access to S3 and Athena.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_loaders: dict[str, Callable[[], Any]] = {}
_loaded: dict[str, Any] = {}


def hand_in(name: str, load: Callable[[], Any]) -> None:
    """Name what a part may ask for; ``load`` imports it, once."""
    _loaders[name] = load
    _loaded.pop(name, None)


def handed(name: str) -> Any:
    """Return what was handed in under a name, or None."""
    if name not in _loaded and name in _loaders:
        _loaded[name] = _loaders[name]()
    return _loaded.get(name)
