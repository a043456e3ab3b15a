"""The role that this code runs as, with its path.

Sources: *Using the Studio metadata file* (``/opt/ml/metadata/resource-metadata.json``); IAM User
Guide, *IAM identifiers*: the ARN of a role session leaves the role's path out, and roles of the
SageMaker console are under ``/service-role/``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import GtSecureError
from ..base.text import Json
from .client_errors import aws_errors

STUDIO_METADATA = Path("/opt/ml/metadata/resource-metadata.json")
"""Studio's description of the space; newer images name the execution role in it."""

_ClientOf = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class ExecutionRole:
    """A role from Studio's ``metadata`` file or settings, from ``iam``,
    or without its path from the ``session``.
    """

    arn: str
    how: str

    @property
    def exact(self) -> bool:
        """True if the ARN is certain, and not derived from that of a session."""
        return self.how != "session"


def find_execution_role(session_role: str, client: _ClientOf) -> ExecutionRole:
    """Find the full ARN of a session's role: the cheapest sure source first."""
    name = session_role.rsplit("/", 1)[-1]
    described = _described()
    sources: tuple[tuple[str, Callable[[], str]], ...] = (
        ("metadata", lambda: str(described.get("ExecutionRoleArn") or "")),
        ("iam", lambda: _from_iam(client, name)),
        ("metadata", lambda: _from_domain(client, described)),
    )
    for how, look in sources:
        try:
            arn = look()
        except (GtSecureError, KeyError, AttributeError, TypeError):
            # IAM may be out of reach in a VPC, and few roles may ask; the last resort is the
            # session's ARN
            continue
        if arn.rsplit("/", 1)[-1] == name:
            return ExecutionRole(arn, how)
    return ExecutionRole(session_role, "session")


def _described() -> Json:
    try:
        described = json.loads(STUDIO_METADATA.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return described if isinstance(described, dict) else {}


def _from_iam(client: _ClientOf, name: str) -> str:
    with aws_errors("iam:GetRole"):
        return str(client("iam").get_role(RoleName=name)["Role"]["Arn"])


def _from_domain(client: _ClientOf, described: Json) -> str:
    domain, profile_name = described["DomainId"], described.get("UserProfileName")
    sagemaker = client("sagemaker")
    if profile_name:
        with aws_errors("sagemaker:DescribeUserProfile"):
            profile = sagemaker.describe_user_profile(DomainId=domain, UserProfileName=profile_name)
        if (profile.get("UserSettings") or {}).get("ExecutionRole"):
            return str(profile["UserSettings"]["ExecutionRole"])
    with aws_errors("sagemaker:DescribeDomain"):
        settings = sagemaker.describe_domain(DomainId=domain)
    shared = described.get("SpaceName") and not profile_name
    return str(
        settings["DefaultSpaceSettings" if shared else "DefaultUserSettings"]["ExecutionRole"]
    )
