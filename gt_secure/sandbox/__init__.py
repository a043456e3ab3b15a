"""AWS on loopback: S3, STS, IAM, SageMaker workteams and EC2 lookups that enforce a restriction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from ..presign.worker import (
        create_job as create_job,
        open_task as open_task,
        submit_task as submit_task,
    )
    from .private_environment import install as install, require as require
    from .process import (
        Sandbox as Sandbox,
        check_answers as check_answers,
        reset as reset,
        run_in_foreground as run_in_foreground,
        shared_sandbox as shared_sandbox,
    )
    from .settings import Settings as Settings


__all__, __getattr__, __dir__ = attach(__name__)
