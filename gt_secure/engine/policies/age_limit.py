"""The age limit: two statements beside the bucket guard that refuse presigned requests with an old
signature.

One refuses requests whose signature is older than the limit. For signature version 2 S3 reports the
age 0 whatever it is, so the other refuses that version as a whole. Both cover presigned URLs and
POST forms of what the guard covers.

Source: S3 API Reference, *Amazon S3 Signature Version 4 authentication-specific policy keys*
(``s3:signatureAge`` works for presigned URLs and presigned POST, and is always 0 in Signature
Version 2).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from ...base.errors import InvalidInput
from ...base.text import Json
from ..iam.documents import StatementData
from ..iam.request_context import POST_FORM, PRESIGNED, SIGV2

AGE_SID = "GtSecurePresignAge"
SIGV2_SID = "GtSecurePresignSigV2"
"""The Sids by which we know the two statements. The second one may stand alone:
the version limit.
"""

LONGEST_S = 7 * 24 * 3600
"""Longest life of a presigned URL: a longer limit would refuse nothing."""

USUAL_LIMITS_S = (900, 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400)
"""Caps that are proposed."""

_FORMS = {"s3:authType": [PRESIGNED, POST_FORM]}
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_AGE = re.compile(r"([0-9]{1,7}) *(s|m|min|h|d)", re.IGNORECASE)


def parse_age(value: str | dt.timedelta) -> int:
    """Return an age such as ``15m`` in seconds;
    raises InvalidInput outside of one second to less than 7 days.
    """
    seconds: int | None = None
    if isinstance(value, dt.timedelta):
        seconds = (
            int(value.total_seconds())
            if value == dt.timedelta(seconds=int(value.total_seconds()))
            else None
        )
    elif isinstance(value, str) and (match := _AGE.fullmatch(value.strip())):
        seconds = int(match[1]) * _UNITS[match[2].lower()]
    if seconds is None:
        raise InvalidInput(
            f"{str(value)[:40]!r} is not an age of URLs.",
            next_step="Write a number and its unit: 90s, 15m, 12h or 2d.",
            field="age_limit",
            value=value,
        )
    if not 1 <= seconds < LONGEST_S:
        raise InvalidInput(
            f"A maximum age of {str(value)[:40]} protects nothing: it must be at least 1s and less"
            " than 7d.",
            next_step=(
                "A presigned URL lives 7 days at most. Write 15m, or set no limit (age_limit=None)."
            ),
            field="age_limit",
            value=value,
        )
    return seconds


def age_text(seconds: int) -> str:
    """Return an age as people write it: ``15m``."""
    unit, size = next(
        (unit, size)
        for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
        if seconds % size == 0
    )
    return f"{seconds // size}{unit}"


def build_age_limit(guard: StatementData, age_limit_s: int) -> tuple[Json, Json]:
    """Return the two statements for what a guard statement covers."""
    version = build_version_limit(guard)
    age = {
        "StringEquals": _FORMS,
        "NumericGreaterThan": {"s3:signatureAge": str(age_limit_s * 1000)},
    }
    return {**version, "Sid": AGE_SID, "Condition": age}, version


def build_version_limit(guard: StatementData) -> Json:
    """Return the statement that refuses signature version 2 for what a statement covers."""
    covered = {key: guard[key] for key in ("NotAction", "Action") if key in guard}
    condition = {"StringEquals": {**_FORMS, "s3:signatureversion": SIGV2}}
    shared = {
        "Sid": SIGV2_SID,
        "Effect": "Deny",
        "Principal": "*",
        **covered,
        "Resource": guard.get("Resource"),
    }
    return {**shared, "Condition": condition}


def read_age_limit(statement: StatementData | None) -> int | None:
    """Return the limit of an age statement in seconds; None where it cannot be read."""
    condition = statement.get("Condition") if statement is not None else None
    numeric = condition.get("NumericGreaterThan") if isinstance(condition, Mapping) else None
    values = (
        [v for k, v in numeric.items() if k.lower() == "s3:signatureage"]
        if isinstance(numeric, Mapping)
        else []
    )
    text = (
        str(values[0][0] if isinstance(values[0], list) and values[0] else values[0])
        if values
        else ""
    )
    return (
        int(text) // 1000
        if text.isascii() and text.isdigit() and int(text) % 1000 == 0 and int(text)
        else None
    )
