"""Semantic equality of bucket policies: the one form of a statement that all its spellings share.

A policy comes back from S3, or out of a person's editor or a CloudFormation template, in another
spelling than it went in. Equal in meaning are: one value and a list of one, lists in any order,
``true`` and ``"true"``, action names and condition keys in any case, ``203.0.113.7`` and
``203.0.113.7/32`` (host bits are ignored), ``"*"`` and ``{"AWS": "*"}`` as principal, and a version
that is left out and 2008-10-17.

Sources: IAM User Guide, *AWS JSON policy elements: Principal* ("All principals": the two are
equivalent in resource-based policies), *Grammar of the IAM JSON policy language*, *Condition
operators*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...base.errors import PolicyError
from ...base.groups import as_list
from ...base.network import collapse
from ..iam.documents import StatementData
from ..iam.operators import policy_network


def policies_equal(one: str | None, other: str | None) -> bool:
    """Return whether two texts of a bucket policy (None: no policy) mean the same."""
    return one == other or _policy(one) == _policy(other)


def statements_equal(one: StatementData | None, other: StatementData | None) -> bool:
    """Return whether two statements (None: no statement) mean the same."""
    return one == other or (
        one is not None and other is not None and _statement(one) == _statement(other)
    )


def _policy(text: str | None) -> object:
    data = json.loads(text) if text is not None and text.strip() else None
    if not isinstance(data, dict):
        return data
    return {
        **data,
        "Version": data.get("Version", "2008-10-17"),
        "Statement": [_statement(each) for each in as_list(data.get("Statement", []))],
    }


def _statement(statement: object) -> object:
    if not isinstance(statement, Mapping):
        return statement
    return {str(name): _element(str(name), value) for name, value in statement.items()}


def _element(name: str, value: object) -> object:
    match name, value:
        case "Resource" | "NotResource", _:
            return _texts(value)
        case "Action" | "NotAction", _:
            return sorted({text.lower() for text in _texts(value)})
        case "Principal" | "NotPrincipal", Mapping():
            texts = {str(kind): _texts(names) for kind, names in value.items()}
            return "*" if texts == {"AWS": ["*"]} else texts
        case "Condition", Mapping():
            return {str(operator): _keys(str(operator), keys) for operator, keys in value.items()}
    return value


def _keys(operator: str, keys: object) -> object:
    if not isinstance(keys, Mapping):
        return keys
    addresses = operator.rpartition(":")[2].removesuffix("IfExists") in (
        "IpAddress",
        "NotIpAddress",
    )
    read = _networks if addresses else _texts
    return sorted((str(key).lower(), read(value)) for key, value in keys.items())


def _networks(value: object) -> list[str]:
    try:
        return [
            str(network)
            for network in collapse(policy_network(text, "$") for text in _texts(value))
        ]
    except PolicyError:
        return _texts(value)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return sorted({each if isinstance(each, str) else json.dumps(each) for each in values})
