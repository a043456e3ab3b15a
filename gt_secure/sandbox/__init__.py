"""AWS on loopback: S3, STS, IAM, SageMaker workteams and EC2 lookups that enforce a restriction.

Nothing outside the command line and the tests imports this package. It needs the extra ``sandbox``; importing it does
not: the emulator is loaded only by the server process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .command import shell_lines
    from .control import reset
    from .gateway.source_mapping import SimulatedOrigin
    from .portal.client import open_task, submit_task
    from .private_environment import install, require
    from .process import Sandbox
    from .settings import Settings

__all__ = [
    "Sandbox",
    "Settings",
    "SimulatedOrigin",
    "install",
    "open_task",
    "require",
    "reset",
    "shell_lines",
    "submit_task",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Sandbox": ".process",
        "Settings": ".settings",
        "SimulatedOrigin": ".gateway.source_mapping",
        "install": ".private_environment",
        "open_task": ".portal.client",
        "require": ".private_environment",
        "reset": ".control",
        "shell_lines": ".command",
        "submit_task": ".portal.client",
    },
)
