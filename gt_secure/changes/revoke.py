"""Plans that revoke URLs: a Deny for presigned requests whose credentials are
older than the leak.
"""

# ruff: noqa: S608 - SQL is put together from our own names and times

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..account.reader import read_state
from ..aws.buckets import check_bucket, check_prefix, place_of, whole_bucket
from ..aws.client import Aws
from ..base.clock import aws_ahead, utc_now
from ..base.errors import InvalidInput, refuse_url
from ..base.text import count, printable
from ..base.viewers import viewer_session
from ..engine.policies.age_limit import LONGEST_S
from ..engine.policies.bucket_guard import prefix_resource
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.revocation import (
    SignerKind,
    build_revocations,
    check_signer,
    expired_text,
    has_ended,
    is_signer,
    object_resource,
    read_revocation,
    signer_kind,
)
from ..engine.policies.signer_limit import without_session
from ..logs.hits import Hits
from ..logs.leaks import Leak
from ..logs.sql.literals import literal
from ..logs.sql.log_columns import SIGNER, signer_label
from ..logs.time_range import parse_time
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from .case import Case
from .change import Change
from .diff import policy_calls, policy_of
from .plan import Plan
from .rules.log import facts, services
from .targets import BucketGuard

LONGEST = dt.timedelta(seconds=LONGEST_S)
"""Longest life of a URL of signature version 4."""

_NAMED = 5
_OF_USER = "coalesce(requester, '') LIKE 'arn:%:iam::%'"
_OF_SESSION = "coalesce(requester, '') LIKE 'arn:%:sts::%'"
"""Conditions: a log names the user or root of long-term keys,
and the session of temporary credentials.
"""


@dataclass(frozen=True, slots=True)
class Revoked:
    """URLs to revoke: of one object, or of all under a prefix; of one signer, or of all with
    temporary credentials.

    Only temporary credentials issued before ``before`` count; long-term keys have no time of issue.
    ``until`` is when the last of the URLs expires; None if it is unknown, or never. Both are UTC.
    ``leaked`` is one URL of a log. The sessions of a ``viewer`` are stopped as well as the signer,
    and alone without one.
    """

    bucket: str
    prefix: str
    key: str | None
    signer: str | None
    before: dt.datetime
    until: dt.datetime | None
    leaked: bool = False
    viewer: str | None = None

    @property
    def kind(self) -> SignerKind:
        """The way in which a policy can name the signer."""
        return signer_kind(self.signer)

    @property
    def whole_bucket(self) -> bool:
        """True if the bucket itself is meant, with every object in it."""
        return self.key is None and not self.prefix


def revoked_by_leak(leak: Leak) -> Revoked:
    """Return what stops a leaked URL: its credentials were issued before it was used for the first
    time.

    A request without an object, such as a listing, is stopped for the bucket and every object in
    it. Raises InvalidInput if the log does not name the bucket.
    """
    if not isinstance(leak, Leak):
        raise InvalidInput(
            f"This is not a leak, but {type(leak).__name__}.",
            next_step="Pass a leak of gt.hits(...).leaks(), or before= with bucket=.",
            field="leak",
        )
    if leak.kind == "person":
        raise InvalidInput(
            "This is not one URL, but the URLs of one person.",
            next_step="Pass viewer= and bucket= to stop them.",
            field="leak",
        )
    if not leak.bucket:
        raise InvalidInput(
            "The log does not name the bucket of this URL.", next_step="Pass bucket= and before=."
        )
    if check_bucket(leak.bucket) != leak.bucket:  # a log names buckets, neither by URL nor by ARN
        raise InvalidInput(
            "The log does not name the bucket of this URL as S3 does.",
            next_step="Pass bucket= and before=.",
        )
    signer = leak.signer or ""
    before = leak.users[0].first.replace(tzinfo=dt.UTC) + dt.timedelta(seconds=1)
    until = before + LONGEST if signer_kind(signer) == "session" else None
    if leak.signed_at is not None:
        lifetime = LONGEST if leak.expires_s is None else dt.timedelta(seconds=leak.expires_s)
        until = leak.signed_at.replace(tzinfo=dt.UTC) + min(lifetime, LONGEST)
    return Revoked(leak.bucket, "", leak.key or None, signer, before, until, leaked=True)


def revoked_before(bucket: str, before: str | dt.datetime, signer: str | None = None) -> Revoked:
    """Return what stops all URLs of a bucket or prefix that were signed with credentials issued
    before a time.

    What temporary credentials signed has an end. What long-term keys sign may never expire. Raises
    InvalidInput if the time is in the future, or the signer is not the ARN of one role or user.
    """
    moment = parse_time(before, "before")
    assert moment is not None
    named = None if signer is None else check_signer(signer)
    cut = moment.replace(tzinfo=dt.UTC)
    if cut > utc_now() + dt.timedelta(minutes=1):
        raise InvalidInput(
            "The time is in the future: credentials issued until then would be refused too.",
            next_step="Give the time of the leak, or write now.",
            field="before",
        )
    until = None if signer_kind(named) == "user" else cut + LONGEST
    name, start = place_of(bucket)
    return Revoked(name, check_prefix(start), None, named, cut, until)


def revoked(
    leak: Leak | None,
    *,
    before: dt.datetime | str | None,
    bucket: str | None,
    signer: str | None,
    viewer: str | None = None,
) -> Revoked:
    """Return what to revoke: one leak, or what was signed before a time, for a viewer until now.

    Raises :class:`InvalidInput` for a leak with a time or a viewer, or none of them.
    """
    before = "now" if viewer is not None and before is None else before
    if (leak is None) == (before is None):
        raise InvalidInput(
            "A revocation is for one leak or for a time.",
            next_step="Pass a leak of gt.hits(...).leaks(), or before= with bucket=.",
            field="before",
        )
    if before is not None:
        if not bucket:
            raise InvalidInput("No bucket is named.", next_step="Pass bucket=.", field="bucket")
        refuse_url(bucket, "bucket", "the name of a bucket")
        return replace(revoked_before(bucket, before, signer), viewer=viewer)
    if signer is not None:
        raise InvalidInput(
            "A leak names its own object and signer.",
            next_step="Leave out signer=, or pass before= and bucket= instead of the leak.",
            field="signer",
        )
    assert leak is not None
    found = revoked_by_leak(leak)
    if bucket is not None and (named := whole_bucket(bucket)) != found.bucket:
        raise InvalidInput(
            f"The leak is of a URL of the bucket {found.bucket}, not {named}.",
            next_step="Leave the bucket out, or choose a leak of that bucket.",
            field="bucket",
        )
    return found


def plan_revoke(
    aws: Aws,
    revoked: Revoked,
    *,
    hits: Hits | None = None,
    context: Mapping[str, str | Sequence[str]] | None = None,
) -> Plan:
    """Plan the Deny statements that revoke URLs, and take out those that have ended. Reads only.

    Raises AccessDenied if the bucket policy cannot be read. Raises InvalidInput if the URLs have
    expired already, or these are no open hits.
    """
    _check_open(hits)
    _check_viewer(revoked, hits)
    now = utc_now()
    if revoked.until is not None and revoked.until <= now:
        what = "URL" if revoked.leaked else "URLs of temporary credentials"
        raise InvalidInput(
            f"There is nothing to revoke: the {what} expired at {revoked.until:%Y-%m-%d %H:%M:%S}"
            " UTC.",
            next_step=(
                "Change the credentials if their keys leaked."
                if revoked.leaked
                else "Use a later time, or name the user whose long-term keys leaked as signer."
            ),
            field="before",
        )
    restriction = Restriction.for_reading(revoked.bucket, revoked.prefix).with_facts(context)
    state = read_state(aws, restriction)
    assert state.bucket is not None
    _check_partition(revoked, state.partition)
    change = _change(revoked, policy_of(state), state.bucket.region, state.partition, now, hits)
    changes = (change,) if change is not None else ()
    case = Case(aws, restriction, state, changes)
    notices = (*case.notices((facts, services)), *_notices(revoked))
    return Plan(restriction, state, changes, *case.exposures, notices, simulation=case.simulation)


def _change(
    revoked: Revoked,
    before: BucketPolicy,
    region: str,
    partition: str,
    now: dt.datetime,
    hits: Hits | None,
) -> Change[BucketPolicy | None] | None:
    resource = (
        prefix_resource(partition, revoked.bucket, revoked.prefix)
        if revoked.key is None
        else object_resource(partition, revoked.bucket, revoked.key)
    )
    ended, after = before.expired(now), before.without_expired(now)
    statements = build_revocations(
        resource,
        before=revoked.before,
        # the latest end of what temporary credentials signed: they are long dead by then
        until=revoked.before + LONGEST if revoked.until is None else revoked.until,
        signer=revoked.signer,
        long_term_until=revoked.until,
        session="" if revoked.viewer is None else viewer_session(revoked.viewer),
    )
    sentences = []
    for statement in statements:
        if not has_ended(statement, now):
            after = after.with_statement(statement)
            written = read_revocation(str(statement["Sid"]), statement)
            sentences.append(written.described(revoked.viewer or ""))
    target = BucketGuard(revoked.bucket, region)
    if target.same(before or None, after or None):
        return None
    present = len(before.revocations)
    return Change(
        target=target,
        before=before or None,
        after=after or None,
        before_text=f"{count(present, 'revocation')} in the bucket policy"
        if present
        else "no URL is revoked",
        after_text=" ".join(sentences).removesuffix(".") + expired_text(ended),
        affects=tuple(_affects(revoked, hits, now)),
        calls=policy_calls(partition, revoked.bucket, after or None),
        seconds_typical=2,
    )


_LOSE = {
    "everybody": (
        "everybody who holds such a URL, and sessions issued before that time, until they are"
        " renewed"
    ),
    "session": (
        "everybody who holds such a URL of this signer, and its sessions issued before that time,"
        " until they are renewed"
    ),
    "user": "everybody who holds a presigned URL or form of this user, new ones too",
    "unknown": (
        "everybody who holds a presigned URL or form, whoever signed it, and new ones of long-term"
        " keys too"
    ),
}


def _affects(revoked: Revoked, hits: Hits | None, now: dt.datetime) -> list[str]:
    """Name who else loses access: other URLs of the same signers that would still work,
    as the log shows.
    """
    losses = [_LOSE[revoked.kind]]
    if revoked.viewer is not None and revoked.signer is None:
        return ["everybody who holds such a URL"]
    if revoked.leaked and revoked.whole_bucket:
        losses.append("every object in the bucket, because this URL names none")
    if hits is None:
        return losses
    chosen = hits.filter(presigned=True, test=False, refused=False, bucket=revoked.bucket)
    # Not filter(key=): it reads a * of a key as a wildcard.
    chosen = chosen.where(f"key = {literal(revoked.key)}") if revoked.key is not None else chosen
    chosen = chosen.filter(key_prefix=revoked.prefix) if revoked.prefix else chosen
    older = f"(signed_at <= TIMESTAMP '{_sql(revoked.before)}' OR signed_at IS NULL)"
    refused = {
        "everybody": f"{older} AND NOT {_OF_USER}",
        "session": older,
        "user": "true",
        "unknown": f"({older} OR NOT {_OF_SESSION})",
    }[revoked.kind]
    query = (
        f"SELECT {SIGNER} AS signer, any_value(requester), count(DISTINCT fingerprint),"
        f" count(DISTINCT remote_ip), count(DISTINCT viewer) FROM {{hits}} WHERE {refused} AND"
        f" {_alive(now)} GROUP BY 1 ORDER BY 3 DESC, 1"
    )
    rows, coverage = chosen.asked(lambda each: each.query(query), len)
    one = revoked.signer if revoked.kind in ("session", "user") else None
    meant = [row for row in rows if one is None or is_signer(row[1] or "", one)]
    losses += [
        f"{printable(signer_label(signer))}: {count(urls, 'URL')} in the log that may still work,"
        f" used from {count(addresses, 'address', 'addresses')}"
        + (f", of {count(viewers, 'viewer')}" if viewers else "")
        for signer, _, urls, addresses, viewers in meant[:_NAMED]
    ]
    losses += (
        [f"{count(len(meant) - _NAMED, 'more signer')} in the log"] if len(meant) > _NAMED else []
    )
    return losses + coverage.unread


def _alive(now: dt.datetime) -> str:
    """Condition: the URL of a row may still work."""
    return (
        f"coalesce(signed_at + to_seconds(coalesce(expires_s, {LONGEST_S})) > TIMESTAMP"
        f" '{_sql(now)}', true)"
    )


def _check_viewer(revoked: Revoked, hits: Hits | None) -> None:
    """Refuse to stop a viewer of whom others signed URLs:
    no condition key holds a parameter of the query.
    """
    if hits is None or revoked.viewer is None or revoked.signer is not None:
        return
    rows = hits.filter(
        presigned=True, refused=False, bucket=revoked.bucket, key_prefix=revoked.prefix or None
    ).query(
        f"SELECT {SIGNER} AS signer, any_value(requester), count(DISTINCT fingerprint) FILTER"
        " (mine) AS n, min(fingerprint) FILTER (mine), count(DISTINCT fingerprint), count(DISTINCT"
        f" viewer) FROM (SELECT *, coalesce(viewer = {literal(revoked.viewer)}, false) AS mine FROM"
        f" {{hits}}) WHERE {_alive(utc_now())} AND NOT suffix(requester,"
        f" {literal(viewer_session(revoked.viewer))}) GROUP BY 1 HAVING n > 0 ORDER BY n DESC, 1"
    )
    if rows:
        signer, requester, number, fingerprint, urls, viewers = rows[0]
        others = (
            f"also stops {count(urls - number, 'other URL')} in the log, of"
            f" {count(viewers, 'viewer')} in all"
        )
        raise InvalidInput(
            f"{count(number, 'URL')} of {printable(revoked.viewer)} that may still work cannot be"
            f" told from the other URLs of {printable(signer_label(signer))}: S3 has no condition"
            " key for a parameter of the query.",
            next_step=(
                f"Stop the signer's older URLs with signer {without_session(requester)}: this"
                f" {others}. Or stop one URL by its fingerprint, such as {fingerprint}."
            ),
            field="signer",
        )


def _check_open(hits: Hits | None) -> None:
    import duckdb

    try:
        if hits is not None:
            hits.query("SELECT 1")
    except duckdb.ConnectionException as error:
        step = "Pass what gt.hits(...) returns, and close it after the plan."
        raise InvalidInput("These hits are closed.", next_step=step, field="logs") from error


def _check_partition(revoked: Revoked, partition: str) -> None:
    """Refuse a signer of another partition: the statement would stop nobody."""
    if revoked.signer and revoked.kind != "unknown" and revoked.signer.split(":")[1] != partition:
        raise InvalidInput(
            f"The signer is not in the partition of the bucket, {partition}.",
            next_step=(
                f"Write its ARN as arn:{partition}:iam::111122223333:role/NAME or :user/NAME."
            ),
            field="signer",
            value=revoked.signer,
        )


def _sql(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _notices(revoked: Revoked) -> Iterator[Notice]:
    yield notice("revoke-credentials")
    if ahead_s := round(aws_ahead().total_seconds()):
        way = "behind" if ahead_s > 0 else "ahead of"
        yield notice("clock-off", off=f"{count(abs(ahead_s), 'second')} {way}")
    if revoked.viewer is not None:
        yield notice("revoke-viewer")
    elif revoked.kind == "everybody":
        yield notice("revoke-long-term")
    if revoked.until is None:
        unknown, never = (
            "The log does not show when the URL expires",
            "URLs of long-term keys may never expire",
        )
        yield notice("revoke-no-end", why=unknown if revoked.leaked else never)
    if revoked.kind == "unknown":
        yield notice("revoke-every-signer", what="bucket" if revoked.whole_bucket else "object")
    if revoked.leaked and revoked.whole_bucket:
        yield notice("revoke-whole-bucket")
