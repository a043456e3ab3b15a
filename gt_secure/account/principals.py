"""Reading of the users and roles of an account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..aws.client import Aws
from ..engine.access.identities import Principals, principals_of
from ..engine.access.part import Part
from .part_reader import part_of
from .state import WHAT

PAGE = 1000
"""Users, roles, groups and policies a page, the most that IAM gives."""
KINDS = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]


def read_principals(aws: Aws) -> Part[Principals]:
    """Read all users, roles, groups and policies of the account, a thousand a page."""

    def pages(operation: str, **asked: Any) -> Iterator[dict[str, Any]]:
        client: Any = aws.client("iam")
        yield from client.get_paginator(operation).paginate(PaginationConfig={"PageSize": PAGE}, **asked)

    def sessions() -> Mapping[str, int]:
        roles = (role for page in pages("list_roles") for role in page["Roles"])
        return {role["Arn"]: role.get("MaxSessionDuration") for role in roles}

    def read() -> Principals:
        found = list(pages("get_account_authorization_details", Filter=KINDS))
        longest = part_of("the longest sessions of roles", "iam:ListRoles", sessions)
        known = {} if longest.missing else longest.value or {}  # without an answer nothing is known of them
        for page in found:
            for role in page.get("RoleDetailList", ()):
                role["MaxSessionDuration"] = known.get(role["Arn"])
        return principals_of([{**page, "IsTruncated": False} for page in found])

    return part_of(*WHAT["principals"], read)
