"""AWS on loopback: S3, STS, IAM, SageMaker workteams and EC2 lookups that enforce a restriction.

Nothing outside the command line and the tests imports this package. It needs the extra ``sandbox``; importing it does
not: the emulator is loaded only by the server process.
"""

from __future__ import annotations

from .control import reset
from .gateway.source_mapping import SimulatedOrigin
from .portal.client import open_task, submit_task
from .private_environment import install
from .process import Sandbox
from .settings import Settings

__all__ = ["Sandbox", "Settings", "SimulatedOrigin", "install", "open_task", "reset", "submit_task"]
