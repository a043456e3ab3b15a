"""The role that this notebook runs as."""

from __future__ import annotations

from pathlib import Path

from ..aws.execution_role import STUDIO_METADATA, ExecutionRole, find_execution_role
from ..connection import ConnectionLike, connection_of
from ..errors import NotFound

__all__ = ["ExecutionRole", "execution_role"]


def execution_role(gt: ConnectionLike, *, metadata: Path = STUDIO_METADATA) -> ExecutionRole:
    """Find the role that this code runs as.

    Parameters
    ----------
    gt : Connection, boto3 session or SageMaker session
    metadata : Path, optional
        Studio's metadata file.

    Raises
    ------
    NotFound
        If the caller is a user or the root of the account.
    """
    aws = connection_of(gt).aws
    session_role = aws.identity().role_arn
    if session_role is None:
        raise NotFound(
            "The caller is not a role, so there is no execution role.",
            next_step="Name the role that signs workers' URLs with role_arn=, or run in SageMaker Studio.",
        )
    return find_execution_role(session_role, aws.client, metadata=metadata)
