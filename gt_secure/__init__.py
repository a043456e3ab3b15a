"""gt_secure: restrict, test and watch who can open SageMaker Ground Truth images.

Start with :func:`connect` in Python, :func:`panel` in a notebook, or ``gt-secure`` on the command line. Importing the
package costs nothing: boto3, matplotlib, duckdb and ipywidgets are loaded when they are first needed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ._lazy import attach
from ._version import __version__

if TYPE_CHECKING:
    from .access.explain import Scenes
    from .access.explain.explanation import Explanation
    from .audit import Audit
    from .aws.teams import Workteam
    from .changes.plan import Plan
    from .changes.transaction import Applied
    from .connection import Connection, connect
    from .demonstration import demo
    from .errors import GtSecureError
    from .findings.model import Finding
    from .logs import Coverage, Hits, Table, read_hits
    from .network import Source
    from .presign import Probe, TestUrl, inspect
    from .restriction.expectations import expect
    from .restriction.model import Restriction
    from .sweeps import Sweep, sweep
    from .widgets import AllowEditor, HitsStep, Panel, ReviewStep, SweepView, TeamPicker, TestUrlStep
    from .widgets.panel import panel

__all__ = [
    "AllowEditor",
    "Applied",
    "Audit",
    "Connection",
    "Coverage",
    "Explanation",
    "Finding",
    "GtSecureError",
    "Hits",
    "HitsStep",
    "Panel",
    "Plan",
    "Probe",
    "Restriction",
    "ReviewStep",
    "Scenes",
    "Source",
    "Sweep",
    "SweepView",
    "Table",
    "TeamPicker",
    "TestUrl",
    "TestUrlStep",
    "Workteam",
    "__version__",
    "check",
    "connect",
    "demo",
    "doctor",
    "errors",
    "expect",
    "inspect",
    "logs",
    "panel",
    "plots",
    "read_hits",
    "sandbox",
    "sweep",
]

logging.getLogger("gt_secure").addHandler(logging.NullHandler())


__getattr__, __dir__ = attach(
    __name__,
    {
        "AllowEditor": ".widgets",
        "Applied": ".changes",
        "Audit": ".audit",
        "Connection": ".connection",
        "Coverage": ".logs",
        "Explanation": ".access.explain.explanation",
        "Finding": ".findings.model",
        "GtSecureError": ".errors",
        "Hits": ".logs",
        "HitsStep": ".widgets",
        "Panel": ".widgets",
        "Plan": ".changes",
        "Probe": ".presign",
        "Restriction": ".restriction",
        "ReviewStep": ".widgets",
        "Scenes": ".access.explain.expectation_log",
        "Source": ".network",
        "Sweep": ".sweeps",
        "SweepView": ".widgets",
        "Table": ".logs",
        "TeamPicker": ".widgets",
        "TestUrl": ".presign",
        "TestUrlStep": ".widgets",
        "Workteam": ".aws.teams",
        "check": ".check",
        "connect": ".connection",
        "demo": ".demonstration",
        "doctor": ".doctor",
        "errors": ".errors",
        "expect": ".restriction",
        "inspect": ".presign",
        "logs": ".logs",
        "panel": ".widgets",
        "plots": ".plots",
        "read_hits": ".logs",
        "sandbox": ".sandbox",
        "sweep": ".sweeps",
    },
)


def load_ipython_extension(ipython: Any) -> None:
    """Register the line magic ``%gt_secure``; IPython calls this for ``%load_ext gt_secure``."""
    from . import magics

    magics.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magic away; IPython calls this for ``%unload_ext gt_secure``."""
    from . import magics

    magics.unload_ipython_extension(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell ``jupyter labextension develop gt_secure`` where the built extension is in a checkout."""
    return [{"src": "labextension", "dest": "gt_secure"}]
