"""Connections to the accounts of a sweep: one AssumeRole an account, one session for each of its regions.

Sources: STS API Reference, *AssumeRole*; IAM User Guide, *The confused deputy problem* (external id).
"""

from __future__ import annotations

import re
import threading
from typing import Any

from ..aws.client import Aws, aws_errors
from ..connection import Connection
from ..errors import GtSecureError, InvalidInput

SESSION_NAME = "gt-secure-sweep"
_ROLE = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/\\-]{2,1224}")


class Members:
    """Credentials of the role in each account."""

    def __init__(self, hub: Aws, role_name: str, external_id: str, timeout_s: float) -> None:
        self._hub = hub
        self.role_name = check_role_name(role_name)
        self._external_id = check_external_id(external_id)
        self._timeout_s = timeout_s
        self._locks: dict[str, threading.Lock] = {}
        self._keys: dict[str, dict[str, str] | GtSecureError] = {}
        self._guard = threading.Lock()

    def role_arn(self, account: str) -> str:
        return f"arn:{self._hub.partition}:iam::{account}:role/{self.role_name}"

    def connect(self, account: str, region: str) -> tuple[Connection, list[str]]:
        """Return a connection, and the list to which it adds the name of each call; the role is assumed once."""
        keys = self._of(account)
        three = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        calls: list[str] = []
        return Connection(self._hub.with_keys(*three, region, timeout_s=self._timeout_s, calls=calls)), calls

    def _of(self, account: str) -> dict[str, str]:
        with self._guard:
            lock = self._locks.setdefault(account, threading.Lock())
        with lock:
            if account not in self._keys:
                try:
                    self._keys[account] = self._assume(account)
                except GtSecureError as error:
                    self._keys[account] = error
            known = self._keys[account]
        if isinstance(known, GtSecureError):
            raise known
        return known

    def _assume(self, account: str) -> dict[str, str]:
        role = self.role_arn(account)
        extra: dict[str, Any] = {"ExternalId": self._external_id} if self._external_id else {}
        with aws_errors("sts:AssumeRole", role):
            answer = self._hub.client("sts").assume_role(RoleArn=role, RoleSessionName=SESSION_NAME, **extra)
        keys = answer["Credentials"]
        return {name: str(keys[name]) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}

    def forget(self, account: str) -> None:
        """Ask again for the credentials of an account, after a throttled or expired call."""
        with self._guard:
            self._keys.pop(account, None)


def check_role_name(name: str) -> str:
    word = str(name or "").strip().strip("/")
    if not _ROLE.fullmatch(word):
        raise InvalidInput(
            f"'{word[:70]}' is not the name of a role.",
            next_step="Write the name without the ARN, for example GtSecureSweep.",
            field="role_name",
        )
    return word


def check_external_id(text: str) -> str:
    if text and not _EXTERNAL_ID.fullmatch(text):
        raise InvalidInput(
            "The external id has characters that AWS does not accept.",
            next_step="Use 2 to 1,224 letters, digits and + = , . @ : / -",
            field="external_id",
        )
    return text
