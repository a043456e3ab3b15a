"""The credentials of the role of a report in each account; ``role.json`` is the role as a template
of CloudFormation.

Sources: STS API Reference, *AssumeRole*; IAM User Guide, *The confused deputy problem* (external
id).
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import Any, TypeAlias

from ..aws.client import aws_errors
from ..base.errors import GtSecureError, InvalidInput, Throttled
from ..base.text import Json
from .region import ReportedRegion

SESSION_NAME = "gt-secure-report"
TIMEOUT_S = 15.0
"""Seconds to wait for one response of an account."""
RoleLike: TypeAlias = "str | tuple[str, str]"
"""The name of a role, or its name and the external id that it asks for."""
SessionKeys: TypeAlias = tuple[str, str, str]
"""Access key, secret key and session token."""
_ROLE = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/\\-]{2,1224}")


class Members:
    """Credentials of the role in each account."""

    def __init__(self, gt: ReportedRegion, role: RoleLike) -> None:
        name, external_id = (role, "") if isinstance(role, str) else role
        self._gt: Any = gt
        self._hub = gt.aws
        self.role_name = name.strip().strip("/")
        if name and not _ROLE.fullmatch(self.role_name):
            raise InvalidInput(
                f"'{self.role_name[:70]}' is not the name of a role.",
                next_step="Write the name without the ARN, for example GtSecureReport.",
                field="role",
            )
        if external_id and not _EXTERNAL_ID.fullmatch(external_id):
            raise InvalidInput(
                "The external id has characters that AWS does not accept.",
                next_step="Use 2 to 1,224 letters, digits and + = , . @ : / -",
                field="role",
            )
        self.external_id = external_id
        self._keys: dict[str, SessionKeys | GtSecureError] = {}
        self._lock = threading.Lock()

    def role_arn(self, account: str) -> str:
        """Return the ARN of the role in a member account."""
        return f"arn:{self._hub.partition}:iam::{account}:role/{self.role_name}"

    def connect(self, account: str, region: str) -> tuple[ReportedRegion, list[str]]:
        """Return a connection, and the list to which it adds the name of each call; the role is
        assumed once. Without a role it is the own account.
        """
        if not self.role_name:
            return replace(self._gt, aws=self._hub.in_region(region)), []
        calls: list[str] = []
        aws = self._hub.with_keys(*self._of(account), region, timeout_s=TIMEOUT_S, calls=calls)
        return replace(self._gt, aws=aws, accepted=()), calls

    def _of(self, account: str) -> SessionKeys:
        with self._lock:  # the workers read the regions of few accounts at the same time
            if account not in self._keys:
                try:
                    self._keys[account] = self._assume(account)
                except Throttled:  # the next reading asks again
                    raise
                except GtSecureError as error:
                    self._keys[account] = error
        known = self._keys[account]
        if isinstance(known, GtSecureError):
            raise known
        return known

    def _assume(self, account: str) -> SessionKeys:
        role = self.role_arn(account)
        extra: Json = {"ExternalId": self.external_id} if self.external_id else {}
        with aws_errors("sts:AssumeRole", role):
            answer = self._hub.client("sts").assume_role(
                RoleArn=role, RoleSessionName=SESSION_NAME, **extra
            )
        keys = answer["Credentials"]
        return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
