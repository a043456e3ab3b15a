"""A second evaluator of requests to S3, by the words of AWS's guides: it shares no code with the
engine and none with the sandbox.

It decides one request whose keys are all known: identity policies, a permissions boundary, the
policies of a bucket, an access point and an endpoint, Block Public Access, Object Ownership, ACLs
and who pays. For any word that it does not know it raises, so that no answer rests on one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Statement = Mapping[str, Any]
Keys = Mapping[str, Any]
"""Condition keys in lower case: a text, or a list of the values of a multivalued key."""

EVERYBODY, SIGNED_IN = (
    f"http://acs.amazonaws.com/groups/global/{name}" for name in ("AllUsers", "AuthenticatedUsers")
)
_BY_ACL = {"s3:ListBucket": "READ", "s3:PutObject": "WRITE", "s3:DeleteObject": "WRITE"}
_NUMBERS = {"Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"}


@dataclass(frozen=True)
class Asker:
    """Who sends a request: an ARN, empty for nobody; the policies of a user or role."""

    arn: str = ""
    role: str = ""
    policies: Sequence[Statement] = ()
    boundary: Sequence[Statement] | None = None

    @property
    def account(self) -> str:
        return self.arn.split(":")[4] if self.arn else ""

    @property
    def names(self) -> set[str]:
        """The texts by which a policy names it directly."""
        return {self.arn, self.role} - {""}


@dataclass(frozen=True)
class Place:
    """A bucket with everything around it that decides."""

    name: str
    account: str
    policy: Sequence[Statement] = ()
    ownership: str = "BucketOwnerEnforced"
    block: Mapping[str, bool] = field(default_factory=dict)
    acl: Sequence[tuple[str, str]] = ()
    public_objects: frozenset[str] = frozenset()
    pays: bool = False
    points: Mapping[str, Sequence[Statement]] = field(default_factory=dict)
    endpoint: Sequence[Statement] | None = None
    kms: str = ""


def opens(place: Place, asker: Asker, action: str, key: str, keys: Keys) -> bool:
    """Return whether a request is answered; without a key it is one on the bucket."""
    if place.kms and action == "s3:GetObject" and not _decrypts(place, asker, keys):
        return False
    arn = f"arn:aws:s3:::{place.name}" + (f"/{key}" if key else "")
    point = keys.get("s3:dataaccesspointarn")
    asked = [(place.policy, arn)]
    if point:
        asked.append((place.points[point], f"{point}/object/{key}" if key else point))
    through = place.endpoint if keys.get("aws:sourcevpce") else None
    own = [each for each in (asker.policies, asker.boundary, through) if each is not None]
    if any(_any("Deny", each, asker, action, arn, keys) for each in own):
        return False
    if any(_any("Deny", each, asker, action, on, keys) for each, on in asked):
        return False
    if through is not None and not _any("Allow", through, asker, action, arn, keys):
        return False
    if not asker.arn:
        return not place.pays and _opens_to_strangers(place, asker, action, key, asked, keys)
    if asker.account != place.account:
        theirs = _any("Allow", asker.policies, asker, action, arn, keys)
        return theirs and _opens_to_strangers(place, asker, action, key, asked, keys)
    if asker.boundary is not None and not _any("Allow", asker.boundary, asker, action, arn, keys):
        return False
    if _any("Allow", asker.policies, asker, action, arn, keys):
        return True
    return all(_any("Allow", each, asker, action, on, keys, direct=True) for each, on in asked)


def _decrypts(place: Place, asker: Asker, keys: Keys) -> bool:
    """Return whether S3 may use the key for a caller: a key policy that leaves it to IAM, as the
    default one does, lets nobody else.
    """
    is_plain = keys["aws:securetransport"] == "false" or keys.get("s3:signatureversion") == "AWS"
    if is_plain or asker.account != place.account:
        return False
    by_s3 = {name: value for name, value in keys.items() if name.startswith("aws:principal")}
    by_s3 |= {"aws:viaawsservice": "true", "aws:securetransport": "true"}
    limits = [each for each in (asker.policies, asker.boundary) if each is not None]
    allowed = [_any("Allow", each, asker, "kms:Decrypt", place.kms, by_s3) for each in limits]
    return all(allowed) and not any(
        _any("Deny", each, asker, "kms:Decrypt", place.kms, by_s3) for each in limits
    )


def _opens_to_strangers(
    place: Place,
    asker: Asker,
    action: str,
    key: str,
    asked: Iterable[tuple[Sequence[Statement], str]],
    keys: Keys,
) -> bool:
    granted = all(_any("Allow", each, asker, action, on, keys) for each, on in asked)
    if granted and not (place.block.get("RestrictPublicBuckets") and _is_public(place.policy)):
        return True
    if place.ownership == "BucketOwnerEnforced" or "s3:dataaccesspointarn" in keys:
        return False
    groups = {EVERYBODY, SIGNED_IN} if asker.arn else {EVERYBODY}
    wanted = {_BY_ACL.get(action, ""), "FULL_CONTROL"}
    names = set() if place.block.get("IgnorePublicAcls") else groups
    if any(grantee in names and what in wanted for grantee, what in place.acl):
        return action in _BY_ACL
    return action == "s3:GetObject" and key in place.public_objects and bool(names)


def _is_public(policy: Sequence[Statement]) -> bool:
    """Return whether a policy grants something to everybody; those of the accounts here fix no
    address, account or endpoint in a grant, or plainly do.
    """
    fixing = (
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "s3:dataaccesspoint",
        "aws:principal",
    )
    return any(
        each["Effect"] == "Allow"
        and each["Principal"] == "*"
        and not any(
            name.lower().startswith(fixing) and not operator.startswith(("Not", "StringNot", "ArnNot", "Null"))
            for operator, names in each.get("Condition", {}).items()
            for name in names
        )
        for each in policy
    )  # fmt: skip


def _any(
    effect: str,
    statements: Sequence[Statement],
    asker: Asker,
    action: str,
    arn: str,
    keys: Keys,
    *,
    direct: bool = False,
) -> bool:
    return any(
        each["Effect"] == effect
        and _names(each, asker, direct=direct)
        and _matches(each, "Action", action.lower(), keys, fold=True)
        and _matches(each, "Resource", arn, keys)
        and all(_holds(*test, keys) for test in _tests(each))
        for each in statements
    )


def _names(statement: Statement, asker: Asker, *, direct: bool) -> bool:
    """Return whether a statement is about somebody; ``direct`` asks for more than the account."""
    assert not set(statement) & {"NotPrincipal"}, statement
    principal = statement.get("Principal", "*")
    if principal == "*":
        return True
    listed = _listed(principal.get("AWS", []))
    if "*" in listed or asker.names & set(listed):
        return True
    delegated = {asker.account, f"arn:aws:iam::{asker.account}:root"}
    is_named = bool(asker.account) and bool(delegated & set(listed))
    return is_named and (not direct or asker.arn.endswith(":root"))


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _tests(statement: Statement) -> Iterator[tuple[str, str, list[str]]]:
    for operator, names in statement.get("Condition", {}).items():
        for name, values in names.items():
            yield operator, name.lower(), [_text(each) for each in _listed_raw(values)]


def _listed_raw(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _matches(
    statement: Statement, element: str, text: str, keys: Keys, *, fold: bool = False
) -> bool:
    negated = f"Not{element}"
    assert (element in statement) != (negated in statement), statement
    patterns = _listed(statement.get(element, statement.get(negated)))
    found = any(_like(each.lower() if fold else each, text, keys) for each in patterns)
    return found != (negated in statement)


def _filled(pattern: str, keys: Keys) -> str | None:
    """Return a regular expression for a pattern; None where a variable has no value."""
    parts = re.split(r"(\$\{[^}]*\}|[*?])", pattern)
    made = []
    for part in parts:
        if part in ("*", "?"):
            made.append(".*" if part == "*" else ".")
        elif part.startswith("${"):
            name = part[2:-1]
            value = name if name in ("*", "?", "$") else keys.get(name.lower())
            if not isinstance(value, str):
                return None
            made.append(re.escape(value))
        else:
            made.append(re.escape(part))
    return "".join(made)


def _like(pattern: str, text: str, keys: Keys) -> bool:
    expression = _filled(pattern, keys)
    return expression is not None and re.fullmatch(expression, text, re.DOTALL) is not None


def _equals(wanted: str, value: str, keys: Keys) -> bool:
    expression = _filled(wanted.replace("*", "${*}").replace("?", "${?}"), keys)
    return expression is not None and re.fullmatch(expression, value, re.DOTALL) is not None


def _holds(operator: str, name: str, wanted: list[str], keys: Keys) -> bool:
    """Return whether one condition holds: its values are alternatives, and none of them may match
    where the operator is negated.
    """
    given = keys.get(name)
    if operator == "Null":
        return any((given is None) == (each.lower() == "true") for each in wanted)
    plain = operator.removesuffix("IfExists")
    of_set, _, rest = plain.rpartition(":")
    is_negated = rest.startswith(("StringNot", "ArnNot", "NumericNot", "DateNot", "NotIpAddress"))
    if given is None:
        if plain != operator or of_set == "ForAllValues":
            return True
        return is_negated and of_set != "ForAnyValue"
    positive = rest.replace("Not", "", 1) if is_negated else rest
    values = given if isinstance(given, list) else [given]
    found = [any(_one(positive, each, value, keys) for each in wanted) for value in values]
    held = [each != is_negated for each in found]
    return any(held) if of_set == "ForAnyValue" else all(held)


def _one(operator: str, wanted: str, value: str, keys: Keys) -> bool:
    if operator == "StringEquals":
        return _equals(wanted, value, keys)
    if operator == "StringEqualsIgnoreCase":
        return _equals(wanted.lower(), value.lower(), keys)
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return _like(wanted, value, keys)
    if operator == "Bool":
        return wanted.lower() == value.lower()
    if operator == "IpAddress":
        place, network = ip_address(value), ip_network(wanted, strict=False)
        return place.version == network.version and place in network
    kind = next((each for each in ("Numeric", "Date") if operator.startswith(each)), "")
    how = operator.removeprefix(kind)
    if not kind or how not in _NUMBERS:
        raise NotImplementedError(operator)
    left, right = (_number(each, kind) for each in (value, wanted))
    is_equal = how.endswith("Equals") and left == right
    is_less, is_more = (
        how.startswith("Less") and left < right,
        how.startswith("Gr") and left > right,
    )
    return is_equal or is_less or is_more


def _number(text: str, kind: str) -> float:
    return float(text) if kind == "Numeric" else dt.datetime.fromisoformat(text).timestamp()
