"""Verdicts for a stream of cases: one JSON object a line in, one a line out, in order,
whatever the input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias

from ...base.errors import InvalidInput, PolicyError
from .documents import PolicySource
from .evaluate import evaluate
from .request import Policies, PolicyLevel, Request
from .strict_json import JsonNumber, JsonObject, load_json, refuse_duplicates

_Case: TypeAlias = Mapping[str, object]
_REQUEST = ("action", "resource", "principal", "context")
_POLICIES = ("identityPolicies", "sessionPolicy", "resourcePolicy")


def run(lines: Iterable[str]) -> Iterator[str]:
    """Answer each line with ``{"id", "verdict", "reason"}``;
    a line that is no case gets the verdict ``invalid``.
    """
    for line in lines:
        identifier, decision, reason, depends_on = _answer(line)
        shown = str(identifier) if isinstance(identifier, JsonNumber) else json.dumps(identifier)
        more = f', "depends_on": {json.dumps(depends_on)}' if decision == "unknown" else ""
        yield (
            f'{{"id": {shown}, "verdict": {json.dumps(decision)}, "reason":'
            f" {json.dumps(reason)}{more}}}"
        )


def _answer(line: str) -> tuple[object, str, str, tuple[str, ...]]:
    identifier: object = None
    try:
        text = line.strip().removeprefix("\ufeff")
        # the id that a line begins with tells apart the answer to a line that is cut off
        with suppress(ValueError):
            identifier = json.loads(match[1]) if (match := _FIRST_ID.match(text)) else None
        case = load_json(text)
        if not isinstance(case, Mapping):
            raise PolicyError("The line is not a JSON object.", next_step="Give one case a line.")
        given = case.get("id")
        twice = isinstance(case, JsonObject) and "id" in case.duplicates
        identifier = given if isinstance(given, (str, bool)) and not twice else None
        refuse_duplicates(case)
        if identifier is None:
            raise _missing("id")
        verdict = evaluate(_request(case), _policies(case))
    except InvalidInput as error:
        return identifier, "invalid", str(error), ()
    except Exception as error:
        # A fault of ours must cost one line its verdict, and never all the lines after it theirs.
        return (
            identifier,
            "invalid",
            f"This case could not be decided ({type(error).__name__}).",
            (),
        )
    return identifier, verdict.decision, verdict.reason, verdict.depends_on


_FIRST_ID = re.compile(r'\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.){0,500}")\s*[,}]')


def _missing(field: str) -> InvalidInput:
    return InvalidInput(f"The case has no usable {field}.", next_step="Add it.", field=field)


def _request(case: _Case) -> Request:
    data = case.get("request")
    if not isinstance(data, Mapping):
        raise _missing("request")
    for name in _REQUEST:
        if not isinstance(data.get(name), Mapping if name == "context" else str):
            raise _missing(f"request.{name}")
    account = data.get("resourceAccount")
    if account is not None and not isinstance(account, str):
        raise _missing("request.resourceAccount")
    unknown = data.get("unknown", [])
    if not isinstance(unknown, list):
        raise _missing("request.unknown")
    return Request(
        str(data["action"]),
        str(data["resource"]),
        str(data["principal"]),
        data["context"],
        account,
        tuple(unknown),
    )


def _policies(case: _Case) -> Policies:
    for name in _POLICIES:
        if name not in case:
            raise _missing(name)
    identity = case["identityPolicies"]
    if not isinstance(identity, list):
        raise _missing("identityPolicies")
    return Policies(
        identity=tuple(_document(each, "identityPolicies") for each in identity),
        session=_optional(case, "sessionPolicy"),
        resource=_optional(case, "resourcePolicy"),
        boundary=_optional(case, "permissionsBoundary"),
        endpoint=_optional(case, "endpointPolicy"),
        rcp=_levels(case, "resourceControlPolicies"),
        scp=_levels(case, "serviceControlPolicies"),
        scp_account=_account(case, "serviceControlPoliciesOf"),
    )


def _levels(case: _Case, name: str) -> tuple[PolicyLevel, ...]:
    value = case.get(name)
    if value is not None and not isinstance(value, list):
        raise _missing(name)
    return tuple(
        tuple(_document(policy, name) for policy in each)
        if isinstance(each, list)
        else _document(each, name)
        for each in value or ()
    )


def _account(case: _Case, name: str) -> str | None:
    value = case.get(name)
    if value is not None and not (isinstance(value, str) and re.fullmatch(r"[0-9]{12}", value)):
        raise _missing(name)
    return value


def _optional(case: _Case, name: str) -> PolicySource | None:
    value = case.get(name)
    return None if value is None else _document(value, name)


def _document(value: object, name: str) -> PolicySource:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str) and not isinstance(value, JsonNumber):
        return value
    raise _missing(name)
