"""Revocations: Deny statements that stop presigned requests signed with credentials issued before a
time.

A policy cannot name one URL, but the credentials behind it: temporary ones by the time of their
issue (``aws:TokenIssueTime``), which is before every URL that they signed; long-term keys only by
the user who owns them. A statement covers presigned URLs and POST forms of one object, a prefix or
a bucket. Its Sid holds the time at which the URLs that it stops expire: a plan for the bucket
removes it after that. What long-term keys sign may never expire (signature version 2 names any
time), so a statement against a user has no end unless a log shows it.

Source: IAM User Guide, *Disabling permissions for temporary security credentials*
(``aws:TokenIssueTime``) and *AWS global condition context keys* (the key is only in requests with
temporary credentials).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...base.errors import InvalidInput, refuse_url
from ...base.groups import as_list
from ...base.text import Json, JsonLike, printable, some
from ..iam.documents import StatementData
from ..iam.request_context import POST_FORM, PRESIGNED
from ..iam.variables import split_wildcards
from ..iam.wildcards import glob
from .bucket_guard import REVOKE, escape_key

_UNTIL = re.compile(rf"{REVOKE}Until(\d{{8}}T\d{{6}}Z)x[0-9a-f]{{8}}")
# Names as IAM accepts them. A wildcard or a policy variable would name others too.
_NAME = r"[A-Za-z0-9_+=,.@-]+"
_PATH = r"(?:[^/*?$:\s]+/)*"
_SESSION = re.compile(
    rf"arn:(aws[a-z-]*):sts::(\d{{12}}):assumed-role/({_NAME})(?:/[^/*?$\s]+)?", re.ASCII
)
_LONG_TERM = re.compile(rf"arn:aws[a-z-]*:iam::\d{{12}}:(?:user/{_PATH}{_NAME}|root)", re.ASCII)
_ROLE = re.compile(rf"arn:(aws[a-z-]*):iam::(\d{{12}}):role/{_PATH}({_NAME})", re.ASCII)
_FEDERATED = re.compile(rf"arn:aws[a-z-]*:sts::\d{{12}}:federated-user/{_NAME}", re.ASCII)

SignerKind: TypeAlias = Literal["everybody", "session", "user", "unknown"]
"""Everybody with temporary credentials; a role, its sessions or a federated user; a user or root;
cannot be named.
"""


def signer_kind(signer: str | None) -> SignerKind:
    """Return how a policy can name a signer: None is everybody with temporary credentials."""
    if signer is None:
        return "everybody"
    if _LONG_TERM.fullmatch(signer):
        return "user"
    return "session" if principal_patterns(signer) else "unknown"


def check_signer(signer: object) -> str:
    """Check the typed ARN of exactly one role, role session, federated user, user or root user."""
    refuse_url(signer, "signer", "the ARN of a role or user")
    text = signer.strip() if isinstance(signer, str) else ""
    if signer_kind(text) == "unknown":
        shown = (
            f'"{text[:120]}"'
            if text
            else "An empty signer"
            if isinstance(signer, str)
            else "The signer"
        )
        raise InvalidInput(
            f"{shown} is not the ARN of one role or user.",
            next_step=(
                "Write it in full and without wildcards: arn:aws:iam::111122223333:role/NAME or"
                " arn:aws:iam::111122223333:user/NAME. Leave the signer out for everybody with"
                " temporary credentials."
            ),
            field="signer",
            value=text,
        )
    return text


def is_signer(requester: str, signer: str) -> bool:
    """Return whether a requester of a log is this signer: any session of the same role,
    or the same user.
    """
    # a log names the session of a role without the role's path
    found = [_SESSION.fullmatch(each) or _ROLE.fullmatch(each) for each in (requester, signer)]
    roles = [(match[2], match[3]) for match in found if match]
    return requester == signer if len(roles) < 2 else roles[0] == roles[1]


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revocation as found in a bucket policy; ``until`` is UTC, None if it has no end."""

    sid: str
    until: dt.datetime | None
    statement: JsonLike

    def covers(self, bucket: str, key: str, *, is_prefix: bool = False) -> bool:
        """Return whether it is about an object of a bucket, or about some object under a prefix."""
        for text in as_list(self.statement.get("Resource", [])):
            place = str(text).partition(":::")[2]
            literal = place.partition("*")[0].partition("?")[0].partition("${")[0]
            if is_prefix and literal.startswith(f"{bucket}/{key}"):
                return True
            if glob(split_wildcards(place))(f"{bucket}/{key}"):
                return True
        return False

    @property
    def sentence(self) -> str:
        """The requests that it refuses, and until when;
        only the place if somebody has edited the statement.
        """
        return self.described()

    def described(self, viewer: str = "") -> str:
        """Return its sentence with the name of a viewer; the policy holds a digest of that name."""
        resource, conditions = self.statement.get("Resource", []), self.statement.get("Condition")
        places = some([str(each).partition(":::")[2] for each in as_list(resource)])
        # The Sid holds a digest of what was written.
        if (
            not isinstance(conditions, dict)
            or _statement(resource, self.until, conditions) != self.statement
        ):
            return printable(
                f"The revocation for {places} was edited: see {self.sid} in the bucket policy."
            )
        values = {
            name: as_list(value) for each in conditions.values() for name, value in each.items()
        }
        whose = "".join(
            f" for {viewer or each[2:]} by gt_secure" for each in values.get("aws:userid", [])
        )
        if signers := values.get("aws:PrincipalArn"):
            whose += f" by {' or '.join(signers)}"
        issued = values["aws:TokenIssueTime"][0]
        keys = (
            "long-term keys (new URLs too)"
            if issued == "true"
            else f"credentials issued before {issued}"
        )
        end = "without an end" if self.until is None else f"until {self.until:%Y-%m-%d %H:%M} UTC"
        return printable(
            f"A revocation refuses presigned requests for {places}, signed{whose} with {keys},"
            f" {end}."
        )


def build_revocations(
    resource: str | list[str],
    *,
    before: dt.datetime,
    until: dt.datetime | None,
    signer: str | None = None,
    long_term_until: dt.datetime | None = None,
    session: str = "",
) -> tuple[Json, ...]:
    """Return the statements that stop URLs of a signer for ``resource``, one or more ARN patterns.

    Temporary credentials issued before ``before`` no longer open anything by a presigned request;
    the last of their URLs expires at ``until``, and the last one of long-term keys at
    ``long_term_until`` (None: never, as far as is known). The signer is the ARN of a role, a
    session or a user, as a log names it. None is everybody with temporary credentials. If a policy
    cannot name it, every signer is meant. ``session`` stops the sessions of this name as well,
    whoever began them, and without a signer these alone.
    """
    issued = f"{before.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    of_sessions = {
        "DateLessThan": {"aws:TokenIssueTime": issued},
        "StringLike": {"aws:userid": f"*:{session}"},
    }
    sessions = (_statement(resource, until, of_sessions),) if session else ()
    if session and signer is None:
        return sessions
    kind = signer_kind(signer)
    named: Json = {}
    if kind == "user":
        named = {"ArnEquals": {"aws:PrincipalArn": signer}}
    elif kind == "session":
        named = {"ArnLike": {"aws:PrincipalArn": principal_patterns(signer or "")}}
    temporary = {"DateLessThan": {"aws:TokenIssueTime": issued}, **named}
    long_term = {"Null": {"aws:TokenIssueTime": "true"}, **named}
    made = _statement(resource, until, temporary)
    more = (
        ()
        if kind in ("everybody", "session")
        else (_statement(resource, long_term_until, long_term),)
    )
    return (*sessions, made, *more)


def principal_patterns(signer: str) -> list[str]:
    """Return the values of ``aws:PrincipalArn`` for temporary credentials of a signer;
    empty if it cannot be named.
    """
    session = _SESSION.fullmatch(signer)
    if session:
        start = f"arn:{session[1]}:iam::{session[2]}:role/"
        return [f"{start}{session[3]}", f"{start}*/{session[3]}"]
    return [signer] if _ROLE.fullmatch(signer) or _FEDERATED.fullmatch(signer) else []


def object_resource(partition: str, bucket: str, key: str) -> str:
    """Return the ARN of one object, every character taken literally."""
    return f"arn:{partition}:s3:::{bucket}/{escape_key(key)}"


def read_revocation(sid: str, statement: JsonLike) -> Revocation:
    """Return the revocation of a statement."""
    return Revocation(sid, _until(sid), statement)


def expired_text(sids: Iterable[str]) -> str:
    """Return the revocations that a plan takes out, in words."""
    number = len(tuple(sids))
    if not number:
        return ""
    return f"; {number} ended revocation{'s are' if number > 1 else ' is'} removed"


def has_ended(statement: StatementData, now: dt.datetime) -> bool:
    """Return whether all URLs that a statement stops have expired."""
    until = _until(str(statement["Sid"]))
    return until is not None and until < now


def _statement(
    resource: str | list[str], until: dt.datetime | None, condition: StatementData
) -> Json:
    full = {"StringEquals": {"s3:authType": [PRESIGNED, POST_FORM]}, **condition}
    text = json.dumps([resource, full], sort_keys=True)
    name = "" if until is None else f"Until{until.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}x"
    sid = f"{REVOKE}{name}{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": resource,
        "Condition": full,
    }


def _until(sid: str) -> dt.datetime | None:
    match = _UNTIL.fullmatch(sid)
    try:
        return (
            dt.datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
            if match
            else None
        )
    except ValueError:
        return None
