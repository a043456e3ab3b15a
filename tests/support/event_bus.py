"""A second opinion on patterns of Amazon EventBridge, as its user guide describes them: what
matches an event.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import cache
from typing import Any

_ABSENT = object()


def bus_event(detail: Any) -> dict[str, Any]:
    """Return what EventBridge gets of a record of CloudTrail about S3."""
    return {"source": "aws.s3", "detail-type": "AWS API Call via CloudTrail", "detail": detail}


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether an event has what each member of a pattern asks for; ``$or`` asks for one."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(each, event) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            held = event.get(key)
            if not isinstance(held, dict) or not matches(wanted, held):
                return False
        elif not any(_is(each, event.get(key, _ABSENT)) for each in wanted):
            return False
    return True


def _is(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return value is not _ABSENT and value == wanted
    [(operator, operand)] = wanted.items()
    if operator == "exists":
        return operand is (value is not _ABSENT)
    if value is _ABSENT:
        return False  # the others ask about a value that is there
    if operator == "anything-but":
        return value not in operand
    if operator == "prefix":
        return isinstance(value, str) and value.startswith(operand)
    assert operator == "cidr", operator
    version, first, last = _ends(operand)
    own = _number(value)
    return own is not None and own[0] == version and first <= own[1] <= last


@cache
def _ends(cidr: str) -> tuple[int, int, int]:
    network = ipaddress.ip_network(cidr)
    return network.version, int(network[0]), int(network[-1])


@cache
def _number(text: str) -> tuple[int, int] | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # the name of a service
        return None
    return address.version, int(address)
