"""Checks of AssumeRole that the emulator does not make: the role's path, and the maximum session duration.

At most the role's ``MaxSessionDuration`` (one hour unless it says more), and one hour when a role assumes a role (STS
API Reference, *AssumeRole*).
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from .. import emulator
from . import auth
from .http import HttpRequest

CHAINED_S = 3600
SHORTEST_S, LONGEST_S = 900, 43_200
_ARN = re.compile(rb"<Arn>([^<]*)</Arn>")
_MAXIMUM = re.compile(rb"<MaxSessionDuration>(\d+)</MaxSessionDuration>")


async def fault(request: HttpRequest) -> str | None:
    """Return why an AssumeRole request asks for too long or too short a session, or None."""
    form = parse_qs(request.body.decode("utf-8", "replace"))
    given = (form.get("DurationSeconds") or [""])[0]
    if (form.get("Action") or [""])[0] != "AssumeRole" or not given:
        return None
    seconds = int(given) if given.isdigit() else -1
    if not SHORTEST_S <= seconds <= LONGEST_S:
        word = "greater than or equal to 900" if seconds < SHORTEST_S else "less than or equal to 43200"
        return (
            f"1 validation error detected: Value '{given[:20]}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value {word}"
        )
    scope = auth.signed_scope(request)
    caller = auth.caller_arn(scope[0]) if scope else None
    if caller and ":assumed-role/" in caller and seconds > CHAINED_S:
        return "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    if seconds > await _maximum((form.get("RoleArn") or [""])[0]):
        return "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    return None


async def wrong_path(request: HttpRequest) -> str | None:
    """Return the refusal for a role ARN whose path is not the role's, or None: to AWS such a role does not exist."""
    form = parse_qs(request.body.decode("utf-8", "replace"))
    wanted = (form.get("RoleArn") or [""])[0]
    if (form.get("Action") or [""])[0] != "AssumeRole" or not wanted:
        return None
    from ministack.services import iam

    status, body = await emulator.query_call_raw(iam, "GetRole", {"RoleName": wanted.rsplit("/", 1)[-1]})
    found = _ARN.search(body)
    if status != 200 or found is None or found[1].decode() == wanted:
        return None
    scope = auth.signed_scope(request)
    caller = auth.caller_arn(scope[0]) if scope else None
    return f"User: {caller or 'unknown'} is not authorized to perform: sts:AssumeRole on resource: {wanted}"


async def _maximum(role_arn: str) -> int:
    from ministack.services import iam

    _, body = await emulator.query_call_raw(iam, "GetRole", {"RoleName": role_arn.rsplit("/", 1)[-1]})
    found = _MAXIMUM.search(body)
    return int(found[1]) if found else LONGEST_S
