"""Revocations: Deny statements that stop presigned requests signed with credentials issued before a time.

A policy cannot name one URL, but the credentials behind it: temporary ones by the time of their issue
(``aws:TokenIssueTime``), which is before every URL that they signed; long-term keys only by the user who owns them. A
statement covers presigned URLs and POST forms of one object, a prefix or a bucket. Its Sid holds the time at which the
URLs that it stops expire: a plan for the bucket removes it after that.

Source: IAM User Guide, *Disabling permissions for temporary security credentials* (``aws:TokenIssueTime``) and *AWS
global condition context keys* (the key is only in requests with temporary credentials).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..iam.request_context import POST_FORM, PRESIGNED
from .bucket_guard import OWN, escape_key, own_statements

REVOKE = f"{OWN}Revoke"
"""Start of the Sids of revocations."""

_UNTIL = re.compile(rf"{REVOKE}Until(\d{{8}}T\d{{6}}Z)x[0-9a-f]{{8}}")
_SESSION = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)(?:/.*)?")
_LONG_TERM = re.compile(r"arn:[a-z-]+:iam::\d{12}:(?:user/.+|root)")
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")
_FEDERATED = re.compile(r"arn:[a-z-]+:sts::\d{12}:federated-user/.+")


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revocation as found in a bucket policy; ``until`` is UTC, None if it has no end."""

    sid: str
    until: dt.datetime | None
    statement: Mapping[str, object]


def build_revocations(
    resource: str | list[str], *, before: dt.datetime, until: dt.datetime | None, signer: str | None = None
) -> tuple[dict[str, object], ...]:
    """Return the statements that stop URLs of a signer.

    Parameters
    ----------
    resource : str or list of str
        ARN patterns of what the URLs open.
    before : datetime
        UTC. Credentials issued before it no longer open anything by a presigned request.
    until : datetime or None
        UTC. When the last of these URLs expires.
    signer : str, optional
        ARN of a role, a role session, a federated user, a user or the root user, as a log names it. None: everybody
        with temporary credentials. Other texts cannot be named in a policy: then every signer is meant.
    """
    temporary = {"DateLessThan": {"aws:TokenIssueTime": _iso(before)}}
    long_term: dict[str, object] = {"Null": {"aws:TokenIssueTime": "true"}}
    if signer is None:
        return (_statement(resource, until, temporary),)
    if _LONG_TERM.fullmatch(signer):
        return (_statement(resource, until, {**long_term, "ArnEquals": {"aws:PrincipalArn": signer}}),)
    named = principal_patterns(signer)
    if named:
        return (_statement(resource, until, {**temporary, "ArnLike": {"aws:PrincipalArn": named}}),)
    return (_statement(resource, until, temporary), _statement(resource, until, long_term))


def principal_patterns(signer: str) -> list[str]:
    """Return the values of ``aws:PrincipalArn`` for a signer with temporary credentials; empty if it cannot be named.

    A log names the session of a role without the role's path.
    """
    session = _SESSION.fullmatch(signer)
    if session:
        start = f"arn:{session[1]}:iam::{session[2]}:role/"
        return [f"{start}{session[3]}", f"{start}*/{session[3]}"]
    return [signer] if _ROLE.fullmatch(signer) or _FEDERATED.fullmatch(signer) else []


def object_resource(partition: str, bucket: str, key: str) -> str:
    """Return the ARN of one object, every character taken literally."""
    return f"arn:{partition}:s3:::{bucket}/{escape_key(key)}"


def prefix_resource(partition: str, bucket: str, prefix: str) -> str | list[str]:
    """Return the ARN patterns of a prefix, or of a whole bucket with the bucket itself."""
    arn = f"arn:{partition}:s3:::{bucket}"
    return f"{arn}/{escape_key(prefix)}*" if prefix else [arn, f"{arn}/*"]


def find_revocations(policy_text: str | None) -> tuple[Revocation, ...]:
    """Return the revocations in a bucket policy.

    Raises
    ------
    PolicyError
        If the text is not a policy.
    """
    found = own_statements(policy_text)
    return tuple(Revocation(sid, _until(sid), found[sid]) for sid in found if sid.startswith(REVOKE))


def expired_revocations(policy_text: str | None, now: dt.datetime) -> tuple[str, ...]:
    """Return the Sids of revocations that stop nothing any more: all their URLs have expired."""
    return tuple(each.sid for each in find_revocations(policy_text) if each.until is not None and each.until < now)


def expired_text(sids: Iterable[str]) -> str:
    """Return the revocations that a plan takes out, in words."""
    number = len(tuple(sids))
    if not number:
        return ""
    return f"; {number} ended revocation{'s are' if number > 1 else ' is'} removed"


def _statement(
    resource: str | list[str], until: dt.datetime | None, condition: Mapping[str, object]
) -> dict[str, object]:
    full = {"StringEquals": {"s3:authType": [PRESIGNED, POST_FORM]}, **condition}
    text = json.dumps([resource, full], sort_keys=True)
    name = "" if until is None else f"Until{until.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}x"
    sid = f"{REVOKE}{name}{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource, "Condition": full}


def _until(sid: str) -> dt.datetime | None:
    match = _UNTIL.fullmatch(sid)
    try:
        return dt.datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC) if match else None
    except ValueError:
        return None


def _iso(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
