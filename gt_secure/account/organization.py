"""The organization of the account: its id, the account's path, and the organization policies that hold for it.

Every account may read the id of its organization. Paths and policies can only be read from the management account or a
delegated administrator, so that most roles get a missing permission for them.

Source: AWS Organizations API Reference, *DescribeOrganization*, *ListParents*, *ListPoliciesForTarget* and
*DescribePolicy*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..aws.client import Aws, aws_errors
from ..errors import GtSecureError
from .facts import Missing

PolicyFilter: TypeAlias = Literal["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"]
NOT_IN_USE = "AWSOrganizationsNotInUseException"
_DEEPEST = 8
"""Most levels above an account: the root and five levels of units, with room to spare."""


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization as far as it could be read.

    Attributes
    ----------
    id : str or None
        Its id; empty if the account belongs to none; None if it could not be read.
    path : str or None
        The account's path in the form of ``aws:PrincipalOrgPaths``; None if it could not be read.
    rcp, scp : tuple of dict or None
        Resource and service control policies, one document a level from the account to the root, each with all
        statements of its level; None if they could not be read.
    missing : tuple of Missing
        Missing permissions of the role.
    """

    id: str | None = None
    path: str | None = None
    rcp: tuple[dict[str, Any], ...] | None = None
    scp: tuple[dict[str, Any], ...] | None = None
    missing: tuple[Missing, ...] = ()


def read_organization(aws: Aws) -> Organization:
    """Read the organization; what may not be read is listed and never raised."""
    identifier, missing = _id(aws)
    if not identifier:
        nothing: tuple[dict[str, Any], ...] | None = () if identifier == "" else None
        return Organization(identifier, None, nothing, nothing, missing)
    try:
        levels = _levels(aws)
    except GtSecureError:
        return Organization(identifier, missing=(*missing, Missing("organizations:ListParents")))
    path = "/".join((identifier, *reversed(levels[1:]))) + "/"
    rcp, no_rcp = _policies(aws, levels, "RESOURCE_CONTROL_POLICY")
    scp, no_scp = _policies(aws, levels, "SERVICE_CONTROL_POLICY")
    return Organization(identifier, path, rcp, scp, tuple(dict.fromkeys((*missing, *no_rcp, *no_scp))))


def _id(aws: Aws) -> tuple[str | None, tuple[Missing, ...]]:
    try:
        with aws_errors("organizations:DescribeOrganization"):
            answer = aws.client("organizations").describe_organization()
    except GtSecureError as error:
        if error.details.get("code") == NOT_IN_USE:
            return "", ()
        return None, (Missing("organizations:DescribeOrganization"),)
    return str(answer["Organization"]["Id"]), ()


def _levels(aws: Aws) -> list[str]:
    """Return the account and what is above it, up to the root."""
    client = aws.client("organizations")
    levels = [aws.account_id]
    while not levels[-1].startswith("r-") and len(levels) <= _DEEPEST:
        with aws_errors("organizations:ListParents"):
            parents = client.list_parents(ChildId=levels[-1])["Parents"]
        if not parents:
            break
        levels.append(str(parents[0]["Id"]))
    return levels


def _policies(
    aws: Aws, levels: list[str], kind: PolicyFilter
) -> tuple[tuple[dict[str, Any], ...] | None, tuple[Missing, ...]]:
    client = aws.client("organizations")
    documents: list[dict[str, Any]] = []
    action = "organizations:ListPoliciesForTarget"
    try:
        for target in levels:
            action = "organizations:ListPoliciesForTarget"
            with aws_errors(action):
                pages = client.get_paginator("list_policies_for_target").paginate(TargetId=target, Filter=kind)
                ids = [str(policy["Id"]) for page in pages for policy in page["Policies"]]
            action = "organizations:DescribePolicy"
            with aws_errors(action):
                texts = [client.describe_policy(PolicyId=each)["Policy"]["Content"] for each in ids]
            if texts:
                documents.append(_merged(texts))
    except GtSecureError:
        return None, (Missing(action),)
    return tuple(documents), ()


def _merged(texts: list[str]) -> dict[str, Any]:
    """Put all policies of a level into one: within a level their Allows add up."""
    statements: list[Any] = []
    for text in texts:
        found = json.loads(text).get("Statement", [])
        statements += found if isinstance(found, list) else [found]
    return {"Version": "2012-10-17", "Statement": statements}


def principal_keys(organization: Organization) -> Mapping[str, str | tuple[str, ...]]:
    """Return the condition keys of a principal of the account; none where it belongs to no organization."""
    keys: dict[str, str | tuple[str, ...]] = {}
    if organization.id:
        keys["aws:PrincipalOrgID"] = organization.id
    if organization.path:
        keys["aws:PrincipalOrgPaths"] = (organization.path,)
    return keys
