"""Reading of the users and roles of an account."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws, aws_errors
from ..base.errors import AccessDenied
from ..engine.access.identities import Principals, principals_of

PAGE = 1000
"""Users, roles, groups and policies a page, the most that IAM gives."""


def read_principals(aws: Aws) -> Principals:
    """Read all users, roles, groups and policies of the account, a thousand a page; raises AccessDenied."""
    client: Any = aws.client("iam")
    kinds = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]
    with aws_errors("iam:GetAccountAuthorizationDetails"):
        pages = client.get_paginator("get_account_authorization_details")
        found = list(pages.paginate(Filter=kinds, PaginationConfig={"PageSize": PAGE}))
    longest: dict[str, int] = {}
    try:
        with aws_errors("iam:ListRoles"):
            for page in client.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": PAGE}):
                longest |= {each["Arn"]: each.get("MaxSessionDuration") for each in page["Roles"]}
    except AccessDenied:
        longest = {}  # how long sessions of roles can be is not known then
    for page in found:
        for role in page.get("RoleDetailList", ()):
            role["MaxSessionDuration"] = longest.get(role["Arn"])
    return principals_of([{**page, "IsTruncated": False} for page in found])
