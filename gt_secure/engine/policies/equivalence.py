"""Semantic equality of bucket policies: the one form of a statement that all its spellings share.

A policy comes back from S3, or out of a person's editor or a CloudFormation template, in another
spelling than it went in. Equal in meaning are: one value and a list of one, lists in any order,
``true`` and ``"true"``, action names and condition keys in any case, ``203.0.113.7`` and
``203.0.113.7/32`` (host bits are ignored), ``"*"`` and ``{"AWS": "*"}`` as principal, and a version
that is left out and 2008-10-17.

Sources: IAM User Guide, *AWS JSON policy elements: Principal* ("All principals": the two are
equivalent in resource-based policies), *Grammar of the IAM JSON policy language*, *Condition
operators*.

When a user or role is deleted, the policies that named it show its unique id (``AIDA...``,
``AROA...``) instead of its ARN; the id is never used again. S3 then refuses every new version of
such a policy as a whole with "Invalid principal in policy", whatever the change was. Sources: IAM
User Guide, *IAM identifiers*; AWS Knowledge Center, *Why am I getting the error
"Invalid principal in policy" when I try to update my Amazon S3 bucket policy?*
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TypeAlias

from ...base.errors import PolicyError
from ...base.groups import as_list
from ...base.network import collapse
from ..iam.operators import policy_network
from ..iam.principals import is_unique_id
from ..iam.strict_json import parse_json

TextSpan: TypeAlias = tuple[int, int]
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """The text of a policy and the places of its statements.

    ``value`` is the start and end of the value of ``Statement``, which ``is_list`` or one statement
    without brackets. A missing version is 2008-10-17. ``statements`` are starts and ends, ``data``
    the statements themselves.
    """

    text: str
    version: str
    is_list: bool
    value: TextSpan
    statements: tuple[TextSpan, ...]
    data: tuple[Mapping[str, object], ...]

    def with_sid(self, sid: str) -> tuple[int, ...]:
        """Return the positions of the statements that have this Sid."""
        return tuple(
            index for index, statement in enumerate(self.data) if statement.get("Sid") == sid
        )


def lay_out(text: str) -> Layout:
    """Find the statements of a policy; raises PolicyError if the text is none."""
    document = parse_json(text)
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise PolicyError(
            "The policy is not an object with a Statement.",
            place="$",
            next_step="Correct the policy.",
        )
    found = document["Statement"]
    statements = as_list(found)
    if not all(isinstance(statement, Mapping) for statement in statements):
        raise PolicyError(
            "A statement must be an object.", place="$.Statement", next_step="Correct the policy."
        )
    value = _value_of(text, "Statement")
    spans = _items(text, value[0]) if isinstance(found, list) else (value,)
    return Layout(
        text,
        str(document.get("Version", "2008-10-17")),
        isinstance(found, list),
        value,
        spans,
        tuple(statements),
    )


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _value_end(text: str, at: int) -> int:
    return json.JSONDecoder().raw_decode(text, at)[1]


def _value_of(text: str, name: str) -> TextSpan:
    at = _skip(text, 0) + 1
    while True:
        key, at = scanstring(text, _skip(text, at) + 1)
        start = _skip(text, _skip(text, at) + 1)
        end = _value_end(text, start)
        if key == name:
            return start, end
        at = _skip(text, end) + 1


def _items(text: str, at: int) -> tuple[TextSpan, ...]:
    spans = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _value_end(text, at)
        spans.append((at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return tuple(spans)


def deleted_principals(policy_text: str | None) -> tuple[str, ...]:
    """Return the deleted principals with their statements,
    such as ``AROA... in statement 2 "Team"``.
    """
    if policy_text is None or not policy_text.strip():
        return ()
    try:
        layout = lay_out(policy_text)
    except PolicyError:
        return ()
    return tuple(
        f"{name} in statement {number}" + (f' "{statement["Sid"]}"' if statement.get("Sid") else "")
        for number, statement in enumerate(layout.data, start=1)
        for name in _ids(statement)
    )


def _ids(statement: Mapping[str, object]) -> Iterator[str]:
    for element in ("Principal", "NotPrincipal"):
        value = statement.get(element)
        names = value.get("AWS") if isinstance(value, Mapping) else None
        yield from (name for name in as_list(names) if is_unique_id(name))


def policies_equal(one: str | None, other: str | None) -> bool:
    """Return whether two texts of a bucket policy (None: no policy) mean the same."""
    return one == other or _policy(one) == _policy(other)


def statements_equal(one: Mapping[str, object] | None, other: Mapping[str, object] | None) -> bool:
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
