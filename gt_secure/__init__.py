"""gt_secure: restrict, test and watch who can open objects through presigned URLs.

Start with :func:`connect` in Python, :func:`panel` in a notebook, or ``gt-secure`` on the command
line. Importing the package costs nothing: boto3, matplotlib, duckdb and ipywidgets are loaded when
they are first needed.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from .base.handed import hand_in
from .base.lazy import attach
from .base.version import __version__ as __version__

if TYPE_CHECKING:
    from . import (
        check as check,
        doctor as doctor,
        errors as errors,
        logs as logs,
        sandbox as sandbox,
    )
    from .base.errors import GtSecureError as GtSecureError
    from .base.network import Source as Source
    from .changes.plan import Plan as Plan
    from .cli.demonstration import demo as demo
    from .connection import Connection as Connection, connect as connect
    from .explain.expectation_log import Scenes as Scenes
    from .logs import Hits as Hits, plots as plots, read_hits as read_hits
    from .presign import TestUrl as TestUrl, inspect as inspect
    from .report import AccountReport as AccountReport
    from .restriction.expectations import expect as expect
    from .restriction.model import Restriction as Restriction
    from .secrets import redact as redact
    from .widgets import (
        AllowEditor as AllowEditor,
        HitsStep as HitsStep,
        Panel as Panel,
        ReviewStep as ReviewStep,
        TeamPicker as TeamPicker,
        TestUrlStep as TestUrlStep,
    )
    from .widgets.panel import panel as panel


logging.getLogger("gt_secure").addHandler(logging.NullHandler())


def _mask() -> Any:
    from .secrets import masks

    return masks


def _opener() -> Any:
    from .aws.s3_opener import AwsOpener

    return AwsOpener


def _athena() -> Any:
    from .aws.athena_client import athena_client

    return athena_client


hand_in("mask", _mask)
hand_in("opener", _opener)
hand_in("athena", _athena)
__all__, __getattr__, __dir__ = attach(__name__)
if "ipykernel" in sys.modules:
    # before the first command of the notebook, which adds its record to a file of the kernel
    from .check.ledger import open_file

    open_file()


def load_ipython_extension(ipython: Any) -> None:
    """Register the line magic ``%gt_secure``; IPython calls this for ``%load_ext gt_secure``."""
    from . import magics

    magics.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magic away; IPython calls this for ``%unload_ext gt_secure``."""
    from . import magics

    magics.unload_ipython_extension(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell ``jupyter labextension develop gt_secure`` where the built
    extension is in a checkout.
    """
    return [{"src": "labextension", "dest": "gt_secure"}]
