"""Reading of the users and roles of an account."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws, all_pages
from ..base.text import Json
from ..engine.access.identities import Principals, principals_of
from ..engine.access.part import Part
from .part_reader import part_of
from .state import WHAT

KINDS = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]
LARGE: Any = {"PageSize": 1000}
"""Users, roles, groups and policies a page, the most that IAM gives."""


def read_principals(aws: Aws) -> Part[Principals]:
    """Read all users, roles, groups and policies of the account,
    and the longest sessions of roles, if it may.
    """

    def pages(operation: str, **asked: Any) -> list[Json]:
        return list(all_pages(aws.client("iam"), operation, PaginationConfig=LARGE, **asked))

    def read() -> Principals:
        found = pages("get_account_authorization_details", Filter=KINDS)
        roles = part_of(
            "the longest sessions of roles", "iam:ListRoles", lambda: pages("list_roles")
        )
        listed = [] if roles.missing else roles.value or []
        longest = {
            role["Arn"]: role.get("MaxSessionDuration") for page in listed for role in page["Roles"]
        }
        for page in found:
            for role in page.get("RoleDetailList", ()):
                role["MaxSessionDuration"] = longest.get(role["Arn"])
        return principals_of([{**page, "IsTruncated": False} for page in found])

    return part_of(*WHAT["principals"], read)
