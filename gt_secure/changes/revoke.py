"""Plans that revoke URLs: a Deny for presigned requests whose credentials are older than the leak."""

# ruff: noqa: S608 - SQL is put together from our own names and times

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..access.facts import facts_for
from ..access.simulation import simulate
from ..account.snapshot import read_state
from ..aws.buckets import check_bucket, check_prefix, read_policy
from ..aws.client import Aws
from ..errors import InvalidInput, refuse_url
from ..logs.leaks import Leak
from ..logs.signers import SIGNER, signer_label
from ..logs.time_range import parse_time
from ..policies.bucket_guard import merge_guard, remove_statements
from ..policies.revocation import (
    build_revocations,
    expired_revocations,
    expired_text,
    find_revocations,
    object_resource,
    prefix_resource,
    principal_patterns,
)
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from ..text import count, printable
from .change import Call, Change, planned_values
from .plan import Plan
from .targets import BucketGuard

LONGEST = dt.timedelta(days=7)
"""Longest life of a URL of signature version 4."""

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Revoked:
    """URLs to revoke.

    Attributes
    ----------
    bucket, prefix : str
    key : str or None
        The one object that the URLs open; None for all under the prefix.
    signer : str or None
        ARN of who signed, as a log names it; None for everybody with temporary credentials.
    before : datetime
        UTC. Credentials issued before it are meant.
    until : datetime or None
        UTC. When the last of the URLs expires; None if that is not known.
    """

    bucket: str
    prefix: str
    key: str | None
    signer: str | None
    before: dt.datetime
    until: dt.datetime | None

    @property
    def words(self) -> str:
        """Return what is refused, in words."""
        what = f"of {self.key}" if self.key is not None else f"of objects under {self.prefix}" if self.prefix else ""
        who = f" signed by {signer_label_of(self.signer)}" if self.signer is not None else ""
        issued = f"with credentials issued before {self.before:%Y-%m-%d %H:%M:%S} UTC"
        end = f", until {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until is not None else ", until it is undone"
        return " ".join(f"presigned requests {what}{who} {issued} are refused{end}".split())


def signer_label_of(arn: str | None) -> str:
    """Return a signer's ARN in words."""
    parts = (arn or "").split(":", 5)
    return signer_label(f"{parts[4]}:{parts[5].rsplit('/', 1)[0] if 'assumed-role/' in parts[5] else parts[5]}") if (
        len(parts) == 6
    ) else (arn or "unknown signer")  # fmt: skip


def revoked_by_leak(leak: Leak) -> Revoked:
    """Return what stops a leaked URL: its credentials were issued before it was used for the first time."""
    if not leak.bucket:
        raise InvalidInput("The log does not name the bucket of this URL.", next_step="Pass bucket= and before=.")
    before = leak.users[0].first.replace(tzinfo=dt.UTC) + dt.timedelta(seconds=1)
    until = None
    if leak.minted is not None:
        lifetime = LONGEST if leak.expires_s is None else dt.timedelta(seconds=leak.expires_s)
        until = leak.minted.replace(tzinfo=dt.UTC) + min(lifetime, LONGEST)
    return Revoked(leak.bucket, "", leak.key, leak.signer or "", before, until)


def revoked_before(bucket: str, before: str | dt.datetime, prefix: str = "", signer: str | None = None) -> Revoked:
    """Return what stops all URLs of a bucket or prefix that were signed with credentials issued before a time."""
    moment = parse_time(before, "before")
    assert moment is not None
    refuse_url(signer, "signer", "the ARN of a role or user")
    cut = moment.replace(tzinfo=dt.UTC)
    if cut > dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1):
        raise InvalidInput(
            "The time is in the future: credentials issued until then would be refused too.",
            next_step="Give the time of the leak, or now.",
            field="before",
        )
    return Revoked(check_bucket(bucket), check_prefix(prefix), None, signer, cut, cut + LONGEST)


def plan_revoke(
    aws: Aws,
    revoked: Revoked,
    *,
    hits: Any = None,
    context: Mapping[str, str | Sequence[str]] | None = None,
) -> Plan:
    """Plan the Deny statements that revoke URLs, and take out those that have ended. Reads only.

    Raises
    ------
    AccessDenied
        If the bucket policy cannot be read.
    InvalidInput
        If the URLs have expired already.
    """
    now = dt.datetime.now(dt.UTC)
    if revoked.until is not None and revoked.until <= now:
        raise InvalidInput(
            f"There is nothing to revoke: the URLs expired at {revoked.until:%Y-%m-%d %H:%M:%S} UTC.",
            next_step="Use a later time, or change the credentials if their keys leaked.",
            field="before",
        )
    restriction = Restriction.for_reading(revoked.bucket, revoked.prefix).with_facts(context)
    state = read_state(aws, restriction)
    assert state.bucket is not None
    if not state.bucket.sees("s3:GetBucketPolicy"):
        read_policy(aws, state.bucket.name, state.bucket.region or None)  # raises with the permission that is missing
    change = _change(revoked, state.bucket.policy_text, state.bucket.region, state.partition, now, hits)
    changes = (change,) if change is not None else ()
    rows, stops = simulate(restriction, state, planned_values(changes), None, facts_for(aws, restriction, state))
    return Plan(restriction, state, changes, tuple(stops) + tuple(_notices(revoked)), simulation=rows)


def _change(
    revoked: Revoked, before: str | None, region: str, partition: str, now: dt.datetime, hits: Any
) -> Change[str | None] | None:
    resource = (
        prefix_resource(partition, revoked.bucket, revoked.prefix)
        if revoked.key is None
        else object_resource(partition, revoked.bucket, revoked.key)
    )
    ended = expired_revocations(before, now)
    after = before if before is None else remove_statements(before, ended)
    for statement in build_revocations(resource, before=revoked.before, until=revoked.until, signer=revoked.signer):
        after = merge_guard(after, statement)
    target = BucketGuard(revoked.bucket, region)
    if target.same(before, after):
        return None
    arn = f"arn:{partition}:s3:::{revoked.bucket}"
    present = len(find_revocations(before))
    return Change(
        target=target,
        before=before,
        after=after,
        before_text=f"{count(present, 'revocation')} in the bucket policy" if present else "no URL is revoked",
        after_text=revoked.words + expired_text(ended),
        affects=tuple(_affects(revoked, hits, now)),
        calls=(
            Call("s3:GetBucketPolicy", arn, "GetBucketPolicy", {"Bucket": revoked.bucket}),
            Call("s3:PutBucketPolicy", arn, "PutBucketPolicy", {"Bucket": revoked.bucket, "Policy": after}),
        ),
        seconds_typical=2,
    )


def _affects(revoked: Revoked, hits: Any, now: dt.datetime) -> list[str]:
    """Name who else loses access: other URLs of the same signers that would still work, as the log shows."""
    found = ["everybody who holds such a URL, and sessions issued before that time, until they are renewed"]
    if hits is None or not hasattr(hits, "query"):
        return found
    chosen = hits.filter(presigned=True, test=False, refused=False, bucket=revoked.bucket)
    chosen = chosen.filter(key=revoked.key) if revoked.key is not None else chosen
    chosen = chosen.filter(key_prefix=revoked.prefix) if revoked.prefix else chosen
    rows = chosen.query(
        f"SELECT {SIGNER} AS signer, any_value(requester), count(DISTINCT fingerprint), count(DISTINCT remote_ip) "
        f"FROM {{hits}} WHERE coalesce(minted <= TIMESTAMP '{_sql(revoked.before)}' AND "
        f"minted + to_seconds(coalesce(expires_s, 604800)) > TIMESTAMP '{_sql(now)}', minted IS NULL) "
        "GROUP BY 1 ORDER BY 3 DESC, 1"
    )
    meant = [row for row in rows if revoked.signer is None or not principal_patterns(revoked.signer)
             or principal_patterns(row[1] or "") == principal_patterns(revoked.signer)]  # fmt: skip
    found += [
        f"{printable(signer_label(signer))}: {count(urls, 'URL')} in the log that may still work, used from "
        f"{count(addresses, 'address', 'addresses')}"
        for signer, _, urls, addresses in meant[:_NAMED]
    ]
    return found


def _sql(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _notices(revoked: Revoked) -> list[Notice]:
    found = [
        Notice(
            "revoke-credentials",
            "info",
            "A revocation stops presigned requests only. Whoever has the keys themselves can still sign in the header.",
            "If keys leaked, deactivate them, or revoke the sessions of the role in IAM.",
        )
    ]
    if revoked.signer is None:
        found.append(
            Notice(
                "revoke-long-term",
                "warning",
                "URLs signed with the long-term keys of a user keep working: they have no time of issue.",
                "Revoke them by their user: pass signer= with the ARN of the user.",
            )
        )
    elif revoked.until is None:
        found.append(
            Notice(
                "revoke-no-end",
                "warning",
                "The log does not show when the URL expires, so no later plan removes the statement.",
                "Undo it when the URL no longer matters.",
            )
        )
    if revoked.signer is not None and not principal_patterns(revoked.signer) and ":user/" not in revoked.signer:
        found.append(
            Notice(
                "revoke-every-signer",
                "warning",
                "The log does not name the signer as a policy can, so every signer of this object is refused.",
                "Undo it when the URL has expired.",
            )
        )
    return found
