"""Requests decided under policy texts by the words of the IAM reference alone: a Deny that applies
refuses, an Allow of the caller's own account opens.

It reads the few operators that guards and other people's statements have, shares no code with the
engine, and raises for any other word, so that no answer rests on a word that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

Context = Mapping[str, str]
_MEMBERS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "Condition"}


def refuses(policy: str | None, action: str, resource: str, context: Context) -> bool:
    """Return whether some Deny of a policy for everybody applies to a request."""
    statements = [] if policy is None else json.loads(policy)["Statement"]
    return any(
        each["Effect"] == "Deny" and _applies(each, action, resource, context)
        for each in statements
    )


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    assert set(statement) <= _MEMBERS, statement
    assert statement.get("Principal", "*") in ("*", {"AWS": "*"}), statement
    acts = (
        matches(statement["Action"], action)
        if "Action" in statement
        else not matches(statement["NotAction"], action)
    )
    tests = [
        (operator, key, values)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]
    return (
        acts
        and matches(statement["Resource"], resource)
        and all(holds(operator, context.get(key), values) for operator, key, values in tests)
    )


def matches(patterns: str | list[str], text: str) -> bool:
    """Return whether a pattern of a policy matches a text."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(text, each.replace("[", "[[]")) for each in listed)


def holds(operator: str, value: str | None, wanted: str | list[str]) -> bool:
    """Return whether one condition holds for the value of a key, which may be absent."""
    listed = [wanted] if isinstance(wanted, str) else wanted
    if operator == "Null":
        return (value is None) == (listed == ["true"])
    plain = operator.removesuffix("IfExists")
    if value is None:  # a negated operator holds where its key is absent
        return plain != operator or plain.startswith(("Not", "StringNot"))
    if plain in ("IpAddress", "NotIpAddress"):
        inside = any(ip_address(value) in ip_network(each) for each in listed)
        return inside == (plain == "IpAddress")
    if plain in ("StringEquals", "StringNotEquals"):
        return (value in listed) == (plain == "StringEquals")
    if plain == "Bool":
        return [value] == listed
    raise NotImplementedError(operator)
