"""Requests through the access points of a bucket: what they ask for, and which policies must let
them through.

Both the access point and the bucket must permit a request, and the keys of the access point are in
its context for both (S3 User Guide, *Configuring IAM policies for using access points*). The bucket
can do so by delegation, a grant under ``s3:DataAccessPointAccount``. A VPC access point rejects
requests from outside its VPC (*Creating access points restricted to a virtual private cloud*), and
its policy is never public (*Blocking public access to your Amazon S3 storage*). The guide shows
that endpoint policies must cover both ARNs. It is inferred that identity policies, boundaries and
policies of the organization must do so as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

from ...base.errors import PolicyError
from ...base.text import Json, Texts, count, printable
from ..iam.documents import document_of, parse_document
from ..iam.request import Layer
from ..iam.request_keys import ConditionKey, key_facts
from ..iam.request_space import Dimension
from ..iam.statement_table import DimensionValue, StatementTable
from ..iam.three_valued import conditions_on, is_compared, key_values
from ..iam.variables import Keys
from ..iam.wildcards import TooManyClassesError
from ..policies.public_access import SETTING, is_surely_public, may_be_public
from .part import Part

BlockSettings: TypeAlias = Mapping[str, bool]
"""Block Public Access, by the name of a setting."""
ANY_WAY = (
    "A policy asks for access points: requests may go through any. Policies of access points are"
    " not looked at."
)

POINT_KEYS = ("s3:dataaccesspoint", "s3:accesspointnetworkorigin")
"""Prefixes of the keys that only requests through an access point have."""
_OF_POINT = ("s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:accesspointnetworkorigin")
_ACCOUNT, _ARN, _ORIGIN = _OF_POINT
_ORIGINS = {False: ("Internet",), True: ("Internet", "VPC")}
"""Origins of access points that accept requests past every endpoint, and through one."""
_MOST_WAYS = 1000
GRANT_READ: Json = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
}
"""A policy that was not read: it may grant reading to everybody."""
_BLOCKS = ("s3:GetBucketPublicAccessBlock", "s3:GetAccountPublicAccessBlock", "s3:GetAccessPoint")
_NO_POLICY: Part[Any] = Part.unasked("the policy of the access point", "s3:GetAccessPointPolicy")
_NO_BLOCK: Part[Any] = Part.unasked("Block Public Access of the access point", "s3:GetAccessPoint")
_OTHERS = (
    "S3 does not list access points that other accounts made. Who may create one is not looked at."
)
AccessPoints: TypeAlias = "tuple[AccessPoint, ...]"


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """An access point of a bucket.

    Attributes
    ----------
    name, arn : str
    vpc : str
        The only VPC whose requests it accepts; empty if it accepts those from the internet.
    policy : Part of str
    public_access_block : Part of mapping
        Its own four settings; read only where its policy may be public.
    """

    name: str
    arn: str
    vpc: str = ""
    policy: Part[str] = _NO_POLICY
    public_access_block: Part[BlockSettings] = _NO_BLOCK

    @property
    def keys(self) -> Keys:
        """The condition keys that requests through it have."""
        origin = "VPC" if self.vpc else "Internet"
        return {_ARN: (self.arn,), _ACCOUNT: (self.arn.split(":")[4],), _ORIGIN: (origin,)}

    @property
    def may_be_public(self) -> bool:
        """Return whether S3 may call the policy that was read public;
        it never does so for a VPC.
        """
        return not self.vpc and self.policy.missing is None and may_be_public(self.policy.value)


@dataclass(frozen=True)
class PointPath:
    """The way through an access point.

    Attributes
    ----------
    name, arn : str
        Empty for any access point, where they were not listed.
    policy : Layer or None
        Its policy, and the refusal of requests from outside its VPC.
    facts : mapping
        The keys that requests through it have.
    own_only : bool
        Whether Block Public Access, its own, the bucket's or the account's, refuses other accounts.
    unread, unread_of_others : tuple of str
        Actions that would have read more of it, and those that matter only for other accounts.
    """

    name: str = ""
    arn: str = ""
    policy: Layer | None = None
    facts: Keys = field(default_factory=dict)
    own_only: bool = False
    unread: Texts = ()
    unread_of_others: Texts = ()


def point_path(point: AccessPoint, blocks: tuple[bool | None, bool | None]) -> PointPath:
    """Return the way through an access point;
    ``blocks`` says whether bucket and account restrict, where read.
    """
    unread, no_block = point.policy.missing, point.public_access_block.missing
    text = GRANT_READ if unread else point.policy.value
    own = None if no_block else (point.public_access_block.value or {}).get(SETTING, False)
    restricting = dict(zip(_BLOCKS, (*blocks, own), strict=True)) if point.may_be_public else {}
    refusal: Json = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    refusal["Condition"] = {"StringNotEquals": {"aws:SourceVpc": point.vpc}}
    try:
        granted = parse_document(text, "resource").statements if text else ()
        actions = (unread.action,) if unread else ()
    except PolicyError:
        granted, actions = (
            parse_document(GRANT_READ, "resource").statements,
            ("s3:GetAccessPointPolicy",),
        )
    refused = parse_document({"Statement": refusal}, "resource").statements if point.vpc else ()
    document = document_of((*granted, *refused), "resource")
    return PointPath(
        point.name,
        point.arn,
        Layer("resource", f"policy of the access point {point.name}", document)
        if granted or refused
        else None,
        point.keys,
        True in restricting.values() and is_surely_public(text),
        actions,
        tuple(action for action, restricts in restricting.items() if restricts is None),
    )


def ways(
    table: StatementTable,
    partition: str,
    account: str = "",
    listed: AccessPoints | None = None,
) -> Dimension:
    """Return the ways of a request that statements tell apart: the bucket itself, and access points
    of any account.

    It is a fact, not a choice: only who made an access point, and what its policy says, lets a
    request go through it. There are too many where a policy variable is compared with one of its
    keys. Of the bucket's own ``account`` there are those ``listed``, where they were; S3 does not
    list those of others.
    """
    origins = _ORIGINS[table.endpoint]
    asked = [each for each in _OF_POINT if conditions_on(table, each)]
    name, keys = key_facts(asked[0] if asked else _ACCOUNT).name, frozenset(_OF_POINT)
    try:
        named = (
            []
            if any(is_compared(table, each) for each in _OF_POINT)
            else _named_points(table, partition)
        )
    except TooManyClassesError:
        named = []
    through = [
        DimensionValue({_ARN: (arn,), _ACCOUNT: (owner,), _ORIGIN: (origin,)})
        for arn, owner in named
        if listed is None or owner != account
        for origin in origins
    ]
    through += [
        DimensionValue(each.keys) for each in listed or () if each.keys[_ORIGIN][0] in origins
    ]
    return Dimension(name, keys, (DimensionValue(), *through) if named else (), chosen=False)


def _named_points(table: StatementTable, partition: str) -> list[tuple[str, str]]:
    """Return ARNs of access points that statements tell apart, each with its account."""
    listed = [value.split(":") for each in conditions_on(table, _ARN) for value in each.values]
    regions = {parts[3].replace("*", "x").replace("?", "x") for parts in listed if len(parts) > 3}
    regions |= {"", "some-region"}  # the ARN of one of several regions names none
    start = f"arn:{partition}:s3:"
    likes = [f"{start}{region}:????????????:accesspoint/?*" for region in sorted(regions)]
    arns = [
        arn.split(":", 5)
        for like in likes
        for arn in _values(table, ConditionKey(key_facts(_ARN).name, like=like))
    ]
    digits = ConditionKey(key_facts(_ACCOUNT).name, like="?" * 12, alphabet="0123456789")
    pairs = product(arns, ("", *_values(table, digits)))
    points = {
        (":".join([*parts[:4], account or parts[4], parts[5]]), account or parts[4])
        for parts, account in pairs
    }
    if len(points) > _MOST_WAYS:
        raise TooManyClassesError(
            "The policies tell more access points apart than can be compared."
        )
    return sorted(points)


def _values(table: StatementTable, facts: ConditionKey) -> list[str]:
    """Return values that conditions tell apart: those of a point have no wildcard,
    and its name has no colon.
    """
    values = (
        value
        for [value] in key_values(facts, conditions_on(table, facts.name.lower()), absent=False)
    )
    return [value for value in values if not set("*?") & set(value) and value.count(":") in (0, 5)]


def said_of_points(points: Part[AccessPoints]) -> str:
    """Return the sentence about access points among the assumptions."""
    if points.missing is not None:
        return f"{points.missing.text}, so it is unknown what access points open. {_OTHERS}"
    found = points.value or ()
    if not found:
        return f"The bucket has no access points. {_OTHERS}"
    unread = dict.fromkeys(
        f" {part.missing.text} for {printable(each.name)}."
        for each in found
        for part in (each.policy, *([each.public_access_block] if each.may_be_public else ()))
        if part.missing is not None
    )
    names = ", ".join(printable(each.name) for each in found)
    number = count(len(found), "access point")
    return f"URLs can go through {number} of the bucket, {names}, too.{''.join(unread)} {_OTHERS}"
