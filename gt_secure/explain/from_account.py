"""Read what is needed to explain a probe, predict its answer, and explain the difference.

What cannot be read is not guessed: without the bucket policy there is no prediction. That the
signer's own policies allow the object is assumed, since reading them needs IAM permissions that a
notebook role hardly ever has; where S3 then says otherwise, the explanation names the identity
policy. Expectations are tried on the wire in the same way, with a test URL as the team's lock would
make it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from ..account.locks import locks_of
from ..account.part_reader import part_of
from ..account.reader import read_state
from ..account.state import LOCKS
from ..aws.buckets import list_keys
from ..aws.client import Aws
from ..aws.endpoints import in_its_vpc
from ..aws.teams import get_workteam
from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.network import Source, SourceLike
from ..base.text import Texts
from ..base.url_journal import UrlJournal
from ..engine.access.locks import READ_POLICY, EffectiveLocks
from ..engine.iam.request import Request
from ..engine.iam.request_context import presigned_context
from ..engine.iam.verdict import Verdict
from ..engine.policies.bucket_guard import UPLOAD
from ..engine.policies.bucket_policy import BucketPolicy, guard_around
from ..engine.policies.session_policy import session_policy
from ..presign.inspect import inspect
from ..presign.origin import probe_origin_for
from ..presign.probe import Probe, probe
from ..presign.sign import SESSION_NAME, sign
from ..presign.signed_url import TestUrl
from .explanation import Explanation, explain


def explain_probe(
    aws: Aws, probe: Probe, *, url: TestUrl | str | None = None, origin: str = ""
) -> Explanation:
    """Explain one answer with what this role can read.

    ``url`` is what was fetched: it names the signer and what the session policy demands. ``origin``
    is the web page that asked, if one did.
    """
    locks, kms = _locks(aws, probe.bucket)
    test_url = url if isinstance(url, TestUrl) else None
    signed = None if url is None else inspect(test_url.reveal() if test_url else str(url))
    policy = BucketPolicy.of(locks.policy if locks else None)
    endpoints = locks.endpoints if locks else {}
    source, bound = (
        None if each is None else in_its_vpc(Source.parse(each), endpoints)
        for each in (probe.source, test_url.bound_to if test_url else None)
    )
    verdict = None
    if locks and test_url and probe.source and ":" in test_url.signer:
        verdict = predict(aws, test_url, probe.source, locks)
    return explain(
        replace(probe, source=source),
        verdict=verdict,
        signed=signed,
        bound_to=bound,
        guard=guard_around(policy.guards, probe.key),
        kms=kms,
        origin=origin,
        revocations=policy.revocations_of(probe.bucket, probe.key),
    )


def predict(aws: Aws, url: TestUrl, source: SourceLike, locks: EffectiveLocks) -> Verdict:
    """Predict the answer to a test URL from a source under the locks."""
    where = in_its_vpc(Source.parse(source), locks.endpoints)
    is_upload = url.method == "PUT"
    reading = "s3:GetObjectVersion" if url.version_id else "s3:GetObject"
    session = session_policy(
        url.bucket,
        url.key,
        version_id=url.version_id,
        source=url.bound_to,
        partition=aws.partition,
        upload=is_upload,
    )
    is_session = ":assumed-role/" in url.signer or ":federated-user/" in url.signer
    signed_at = None
    with suppress(InvalidInput):  # it is forgotten
        signed_at = inspect(url.reveal()).signed_at
    age = dt.timedelta() if signed_at is None else utc_now() - signed_at
    context = presigned_context(
        where,
        age_ms=max(0, int(age.total_seconds() * 1000)),
        secure=not aws.is_local,
        principal_arn=url.principal,
        region=aws.region,
        extra={
            "aws:PrincipalAccount": url.signer.split(":")[4],
            **({"s3:VersionId": url.version_id} if url.version_id else {}),
        },
    )
    request = Request(
        UPLOAD if is_upload else reading,
        f"{locks.arn}/{url.key}",
        url.signer,
        {**context, **_issue(url, signed_at)},
    )
    return locks.verdict(request, session=session if is_session else None)


def _issue(url: TestUrl, signed_at: dt.datetime | None) -> dict[str, str | Texts]:
    """Return when the credentials of a test URL were issued: a user's keys never,
    its own session just before it.
    """
    if ":user/" in url.signer:
        return {"aws:TokenIssueTime": ()}
    own = url.signer.endswith(f"/{SESSION_NAME}") and signed_at is not None
    return {"aws:TokenIssueTime": f"{signed_at:%Y-%m-%dT%H:%M:%SZ}"} if own else {}


def _locks(aws: Aws, bucket: str) -> tuple[EffectiveLocks | None, bool]:
    """Return the locks where the bucket policy was read, and whether the bucket uses a KMS key."""
    needs = LOCKS | {"bucket.encryption"}
    found = part_of(
        f"the bucket {bucket}", "s3:ListBucket", lambda: read_state(aws, bucket=bucket, needs=needs)
    )
    state = found.if_read
    if state is None or state.bucket is None:
        return None, False  # somebody else's bucket, or no network: the answer itself must do
    locks = locks_of(state)
    return None if READ_POLICY in locks.not_read else locks, bool(
        state.bucket.default_kms_key.if_read
    )


def expectation_probe(
    aws: Aws, team: str | None, test_urls: UrlJournal | None = None
) -> Callable[[Source, str, str], bool | None]:
    """Return a predicate for whether a worker at a source opens an object of a bucket, under a
    prefix.

    It gives None where that source cannot be reached from here (always on AWS, where a kernel
    cannot choose its address), or there is no object to try. The URL lock of the team, at that
    time, goes into the URL.
    """

    def opened(source: Source, bucket: str, prefix: str) -> bool | None:
        try:
            origin = probe_origin_for(aws, source)
        except InvalidInput:
            return None
        keys = list_keys(aws, bucket, prefix, most=10)
        if not keys:
            return None
        bound = _bound(aws, team, source)
        url = sign(aws, bucket, keys[0], expires_in=60, bound_to=bound, test_urls=test_urls)
        answer = probe(url, origin, test_urls=test_urls)
        return None if answer.answer == "unknown" else answer.opened

    return opened


def _bound(aws: Aws, team: str | None, source: Source) -> Source | None:
    """Return the address that Ground Truth would put into the URL for a worker there,
    under the key that is on.
    """
    lock = get_workteam(aws, team).url_lock if team and not team.startswith("arn:") else None
    if lock is None or not lock.on or source.address is None:
        return None
    if lock.mode == "SourceIp":
        return Source(source.address)
    return source if source.is_endpoint else Source(source.address, "vpce-00000000000000000")
