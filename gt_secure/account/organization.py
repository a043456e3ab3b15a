"""The organization of the account: its id, the account's path, and the organization policies that
hold for it.

Every account may read the id of its organization. Paths and policies can only be read from the
management account or a delegated administrator, so that most roles get a missing permission for
them. Organization policies do not affect the management account.

Source: AWS Organizations API Reference, *DescribeOrganization*, *ListParents*,
*ListPoliciesForTarget* and *DescribePolicy*; AWS Organizations User Guide, *Service control
policies* and *Resource control policies*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

from ..aws.answers import is_policy
from ..aws.client import Aws, all_pages, aws_errors
from ..base.clock import utc_now
from ..base.text import Json, Texts
from ..engine.access.part import NotRead, Part
from .part_reader import part_of

PolicyFilter: TypeAlias = Literal["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"]
Levels: TypeAlias = tuple[Texts, ...]
NOT_IN_USE = "AWSOrganizationsNotInUseException"
KEEP_S = 600
"""Seconds for which a connection keeps the organization that it read."""
_kept: WeakKeyDictionary[Aws, tuple[float, Organization]] = WeakKeyDictionary()

_DEEPEST = 8
"""Most levels above an account: the root and five levels of units, with room to spare."""

_DESCRIBE, _LIST_POLICIES = (
    "organizations:DescribeOrganization",
    "organizations:ListPoliciesForTarget",
)
_NOT_ASKED: Part[Any] = Part.unasked("the organization", _DESCRIBE)


@dataclass(frozen=True)
class Organization:
    """The organization as far as it could be read.

    ``path`` has the form of ``aws:PrincipalOrgPaths``. ``rcp`` and ``scp`` have the texts of all
    policies of each level from the account to the root; both are empty for the management account.
    """

    id: Part[str] = _NOT_ASKED
    path: Part[str] = _NOT_ASKED
    rcp: Part[Levels] = _NOT_ASKED
    scp: Part[Levels] = _NOT_ASKED
    is_management: Part[bool] = _NOT_ASKED
    at: datetime = field(default_factory=utc_now, compare=False)

    def named_parts(self) -> tuple[tuple[str, Part[Any]], ...]:
        """Return each part with its name."""
        names = ("id", "path", "rcp", "scp", "is_management")
        return tuple((name, getattr(self, name)) for name in names)

    def missing(self) -> tuple[NotRead, ...]:
        """Return what could not be read, each reason once."""
        found = (part.missing for _, part in self.named_parts() if part.was_asked)
        return tuple(dict.fromkeys(filter(None, found)))


def read_organization(aws: Aws) -> Organization:
    """Return the organization, which a connection reads once in ten minutes;
    what AWS did not answer is read again.
    """
    until, found = _kept.get(aws, (0.0, None))
    if found is None or time.monotonic() >= until:
        found = _read(aws)
        if all(each.why == "denied" for each in found.missing()):
            _kept[aws] = time.monotonic() + KEEP_S, found
    return found


def _read(aws: Aws) -> Organization:
    described = part_of("the organization", _DESCRIBE, lambda: _describe(aws), absent=NOT_IN_USE)

    is_management = part_of(
        "the management account",
        _DESCRIBE,
        lambda: (
            described.value is not None
            and str(described.value["MasterAccountId"]) == aws.account_id
        ),
    )
    levels = part_of(
        "the account's place in the organization",
        "organizations:ListParents",
        lambda: None if described.value is None else _levels(aws),
    )
    identifier = described.map(lambda found: str(found["Id"]))
    path = levels.map(lambda names: f"{'/'.join((str(identifier.value), *names[:0:-1]))}/")

    @cache
    def text_of(policy: str) -> str:
        with aws_errors("organizations:DescribePolicy"):
            answer = aws.client("organizations").describe_policy(PolicyId=policy)
            text = str(answer["Policy"]["Content"])
            if not is_policy(text):
                raise ValueError("the content is not a policy")
        return text

    def policies(what: str, kind: PolicyFilter) -> Part[Levels]:
        def read() -> Levels:
            if is_management.value:
                return ()
            return tuple(_texts(aws, levels.value or [], kind, text_of))

        return part_of(what, _LIST_POLICIES, read)

    rcp = policies("resource control policies", "RESOURCE_CONTROL_POLICY")
    scp = policies("service control policies", "SERVICE_CONTROL_POLICY")
    return Organization(identifier, path, rcp, scp, is_management)


def _describe(aws: Aws) -> Json:
    found: Json = aws.client("organizations").describe_organization()["Organization"]
    _ = found["Id"]
    return found


def _levels(aws: Aws) -> list[str]:
    client = aws.client("organizations")
    levels = [aws.account_id]
    while not levels[-1].startswith("r-") and len(levels) <= _DEEPEST:
        levels.append(str(client.list_parents(ChildId=levels[-1])["Parents"][0]["Id"]))
    return levels


def _texts(
    aws: Aws, levels: list[str], kind: PolicyFilter, text_of: Callable[[str], str]
) -> Iterator[Texts]:
    """Yield the policies of a kind, level by level;
    none are attached where policies of the kind are not enabled.
    """
    client = aws.client("organizations")
    for target in levels:
        pages = all_pages(client, "list_policies_for_target", TargetId=target, Filter=kind)
        if ids := [str(policy["Id"]) for page in pages for policy in page["Policies"]]:
            yield tuple(map(text_of, ids))
