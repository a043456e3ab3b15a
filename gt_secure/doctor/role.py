"""The role that this notebook runs as.

Sources: *Using the Studio metadata file* (``/opt/ml/metadata/resource-metadata.json``); IAM User Guide, *IAM
identifiers*: the ARN of a role session leaves the role's path out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..aws.client import aws_errors
from ..connection import Connection, ConnectionLike, connection_of
from ..errors import GtSecureError, NotFound

METADATA = Path("/opt/ml/metadata/resource-metadata.json")


@dataclass(frozen=True, slots=True)
class ExecutionRole:
    """A role, and the way it was found.

    Attributes
    ----------
    arn : str
    how : str
        ``iam`` (its exact ARN), ``metadata`` (the file that Studio writes, or the settings that it names), or
        ``session`` (from the caller's session; the path, if the role has one, is unknown).
    """

    arn: str
    how: str

    @property
    def exact(self) -> bool:
        """True if the ARN contains the role's path."""
        return self.how != "session"


def execution_role(gt: ConnectionLike, *, metadata: Path = METADATA) -> ExecutionRole:
    """Find the role that this code runs as.

    Raises
    ------
    NotFound
        If the caller is a user or the root of the account.
    """
    gt = connection_of(gt)
    session = gt.aws.identity().role_arn
    if session is None:
        raise NotFound(
            "The caller is not a role, so there is no execution role.",
            next_step="Name the role that signs workers' URLs with role_arn=, or run in SageMaker Studio.",
        )
    name = session.rsplit("/", 1)[-1]
    for how, look in (("iam", _from_iam), ("metadata", _from_metadata(metadata))):
        try:
            arn = look(gt, name)
        except (GtSecureError, OSError, ValueError, KeyError, AttributeError, TypeError):
            continue  # each way may be denied; the last resort is the session's ARN
        if arn and arn.rsplit("/", 1)[-1] == name:
            return ExecutionRole(arn, how)
    return ExecutionRole(session, "session")


def _from_iam(gt: Connection, name: str) -> str:
    with aws_errors("iam:GetRole"):
        return str(gt.aws.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def _from_metadata(path: Path) -> Callable[[Connection, str], str]:
    def look(gt: Connection, _: str) -> str:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if said.get("ExecutionRoleArn"):
            return str(said["ExecutionRoleArn"])
        client = gt.aws.client("sagemaker")
        domain = said["DomainId"]
        if said.get("UserProfileName"):
            with aws_errors("sagemaker:DescribeUserProfile"):
                profile = client.describe_user_profile(DomainId=domain, UserProfileName=said["UserProfileName"])
            if (profile.get("UserSettings") or {}).get("ExecutionRole"):
                return str(profile["UserSettings"]["ExecutionRole"])
        with aws_errors("sagemaker:DescribeDomain"):
            settings = client.describe_domain(DomainId=domain)
        part = (
            "DefaultSpaceSettings"
            if said.get("SpaceName") and not said.get("UserProfileName")
            else "DefaultUserSettings"
        )
        return str(settings[part]["ExecutionRole"])  # type: ignore[literal-required]

    return look
