"""gt_secure: restrict, test and watch who can open SageMaker Ground Truth images.

Start with :func:`connect` in Python, :func:`panel` in a notebook, or ``gt-secure`` on the command line. Importing the
package costs nothing: boto3, matplotlib, duckdb and ipywidgets are loaded when they are first needed.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connection import Connection, connect
    from .errors import GtSecureError
    from .logs import Hits, read_hits
    from .network import Source
    from .presign import Scenes, TestUrl, inspect
    from .restriction import Plan, Restriction, expect
    from .widgets import AllowEditor, HitsStep, Panel, ReviewStep, TeamPicker, TestUrlStep, panel

__version__ = "0.1.0"

_HOMES = {
    "AllowEditor": "widgets",
    "Connection": "connection",
    "GtSecureError": "errors",
    "Hits": "logs",
    "HitsStep": "widgets",
    "Panel": "widgets",
    "Plan": "restriction",
    "Restriction": "restriction",
    "ReviewStep": "widgets",
    "Scenes": "presign",
    "Source": "network",
    "TeamPicker": "widgets",
    "TestUrl": "presign",
    "TestUrlStep": "widgets",
    "connect": "connection",
    "expect": "restriction",
    "inspect": "presign",
    "panel": "widgets",
    "read_hits": "logs",
}

__all__ = [
    "AllowEditor",
    "Connection",
    "GtSecureError",
    "Hits",
    "HitsStep",
    "Panel",
    "Plan",
    "Restriction",
    "ReviewStep",
    "Scenes",
    "Source",
    "TeamPicker",
    "TestUrl",
    "TestUrlStep",
    "connect",
    "expect",
    "inspect",
    "panel",
    "read_hits",
]

logging.getLogger("gt_secure").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def load_ipython_extension(ipython: Any) -> None:
    """Register the line magic ``%gt_secure``; IPython calls this for ``%load_ext gt_secure``."""
    from . import magics

    magics.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magic away; IPython calls this for ``%unload_ext gt_secure``."""
    from . import magics

    magics.unload_ipython_extension(ipython)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
