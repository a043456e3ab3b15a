"""Filters, sorting and pages, the same for every List operation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from ..state import Record
from .model import validation

DEFAULT_PAGE = 10


def listed(member: str, records: list[Record], request: Record) -> Record:
    """Return the answer with the page that was asked for,
    and the token of the next one if there is one.
    """
    start = _start(request)
    end = start + int(request.get("MaxResults", DEFAULT_PAGE))
    answer: Record = {member: records[start:end]}
    if end < len(records):
        answer["NextToken"] = base64.urlsafe_b64encode(
            json.dumps([end, _digest(request)]).encode()
        ).decode()
    return answer


def _digest(request: Record) -> str:
    """A token belongs to one query: the same filters and order, any page size."""
    same = {
        name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")
    }
    return hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _start(request: Record) -> int:
    token = request.get("NextToken")
    if not token:
        return 0
    try:
        offset, digest = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if digest == _digest(request) and isinstance(offset, int) and offset > 0:
            return offset
    except (ValueError, TypeError, binascii.Error):
        pass
    raise validation("Invalid NextToken: it was not returned for this request.")


def select(
    records: Iterable[Record], request: Record, *, name: str, created: str, modified: str = ""
) -> list[Record]:
    """Return the records that a List request asks for, in its order."""
    contains = str(request.get("NameContains", "")).lower()
    chosen = [record for record in records if contains in str(record.get(name, "")).lower()]
    for member, prefix in ((created, "CreationTime"), (modified, "LastModifiedTime")):
        if not member:
            continue
        after, before = request.get(f"{prefix}After"), request.get(f"{prefix}Before")
        if after is not None:
            chosen = [record for record in chosen if record[member] >= after]
        if before is not None:
            chosen = [record for record in chosen if record[member] <= before]
    keys: dict[str, Callable[[Record], Any]] = {
        "Name": lambda record: str(record[name]).lower(),
        "Status": lambda record: (str(record.get("LabelingJobStatus", "")), record[created]),
    }
    key = keys.get(request.get("SortBy", ""), lambda record: (record[created], str(record[name])))
    return sorted(chosen, key=key, reverse=request.get("SortOrder") == "Descending")
