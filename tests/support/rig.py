"""A box with connections: of its administrator, and of users with chosen permissions."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import gt_secure
from gt_secure import Connection
from gt_secure.aws.client import Aws, connect_aws
from gt_secure.changes import Journal
from support.box import Box, Keys, Statement, allowing


class Rig(Box):
    """A running sandbox, and connections to it."""

    @property
    def gt(self) -> Connection:
        """The administrator's connection, with the journal that the variables name now."""
        return replace(self._gt, journal=Journal())

    @cached_property
    def _gt(self) -> Connection:
        return self.connect()

    def connect(self, keys: Keys | None = None) -> Connection:
        """Connect with these keys, or as the administrator."""
        session = self.session if keys is None else self.session_of(keys)
        return gt_secure.connect(boto3_session=session, endpoint_url=self.url)

    def aws(self, keys: Keys | None = None, **options: Any) -> Aws:
        """Connect below the public face, as the modules of the package do."""
        return connect_aws(boto3_session=self.session_of(keys), endpoint_url=self.url, **options)

    def user(self, *statements: Statement) -> Connection:
        """Connect as a new user whom only these statements allow anything."""
        return self.connect(self.keys(*statements))

    def user_with(self, *actions: str) -> Connection:
        """Connect as a new user who may call only these actions."""
        return self.user(*allowing(*actions))
