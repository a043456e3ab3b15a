"""Sign a test URL: a presigned GET that carries the same condition as Ground Truth's own URLs.

The condition is in the policy behind a URL: from a notebook that takes ``sts:AssumeRole`` with a session policy. The
session cannot allow more than the role does, and role chaining limits it to one hour.

Sources: STS API reference, *AssumeRole* and *GetFederationToken*; S3 User Guide, *Presigned URLs*.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from ..aws.buckets import bucket_region, check_key, place_of
from ..aws.client import Aws, aws_errors
from ..base.errors import AccessDenied, CredentialsError, InvalidInput, NotFound, refuse_url
from ..base.network import Source
from ..base.url_journal import UrlJournal
from ..engine.policies.session_policy import session_policy
from .probe import check_lifetime
from .signed_url import TestUrl

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MARKER = "x-gt-secure-test"
"""S3 ignores query parameters that begin with ``x-`` but logs them (S3 User Guide, *LogFormat*, custom information)."""

SESSION_NAME = "gt-secure-test"
"""Name of the sessions that sign test URLs."""

CHAINED_LIMIT_S = 3600
_SHORTEST_SESSION_S = 900
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")


def sign(
    aws: Aws,
    bucket: str,
    key: str,
    *,
    expires_in: int = 600,
    bound_to: Source | str | None = None,
    role_arn: str | None = None,
    version_id: str | None = None,
    use_session: bool = True,
    test_urls: UrlJournal | None = None,
) -> TestUrl:
    """Sign a presigned GET for one object; see :meth:`gt_secure.Connection.sign` for the parameters."""
    name, object_key = place_of(bucket, key)
    check_key(object_key)
    refuse_url(role_arn, "role_arn", "the ARN of a role")
    refuse_url(version_id, "version_id", "the id of a version")
    source = None if bound_to is None else Source.parse(bound_to)
    if source is not None and not use_session:
        raise InvalidInput(
            "A URL can be bound to a source only through a session policy.",
            next_step="Leave use_session on, or give no bound_to.",
            field="bound_to",
        )
    seconds = check_lifetime(expires_in, most=CHAINED_LIMIT_S if use_session else 604_800)
    region = bucket_region(aws, name)
    kms_key = _must_exist(aws, name, object_key, version_id, region)
    if use_session:
        policy = session_policy(
            name, object_key, version_id=version_id, source=source, kms_key=kms_key, partition=aws.partition
        )
        client, signer, principal = _session(aws, policy, role_arn, seconds, region)
    else:
        client, signer, principal = aws.client("s3", region), aws.caller_arn, aws.own_role() or aws.caller_arn
    marker = (test_urls or UrlJournal()).new_marker()
    url = _presign(client, name, object_key, version_id, seconds, marker)
    return TestUrl(
        url,
        bucket=name,
        key=object_key,
        version_id=version_id,
        expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds),
        bound_to=source,
        signer=signer,
        principal=principal,
        marker=marker,
    )


def _must_exist(aws: Aws, bucket: str, key: str, version_id: str | None, region: str) -> str | None:
    """Return the ARN of the KMS key of the object, if one encrypts it; a caller who may not look learns nothing."""
    extra = {"VersionId": version_id} if version_id else {}
    action = "s3:GetObjectVersion" if version_id else "s3:GetObject"
    try:
        with aws_errors(action, f"arn:{aws.partition}:s3:::{bucket}/{key}"):
            head: Any = aws.client("s3", region).head_object(Bucket=bucket, Key=key, **extra)  # type: ignore[arg-type]
    except NotFound as error:
        raise NotFound(
            f'There is no object "{key[:80]}" in {bucket}.',
            next_step="Choose one that exists; keys are case-sensitive.",
        ) from error
    except AccessDenied:
        return None
    kms = str(head.get("ServerSideEncryption") or "").startswith("aws:kms")
    return str(head["SSEKMSKeyId"]) if kms and head.get("SSEKMSKeyId") else None


def _session(aws: Aws, policy: str, role_arn: str | None, seconds: int, region: str) -> tuple[S3Client, str, str]:
    """Return a client of the session, the session's ARN, and what ``aws:PrincipalArn`` is for it."""
    role = role_arn or aws.own_role()
    if role is None:
        return _federated(aws, policy, seconds, region)
    if not _ROLE.fullmatch(role):
        raise InvalidInput(
            f'"{role[:100]}" is not a role ARN.',
            next_step="Write arn:aws:iam::ACCOUNT:role/NAME.",
            field="role_arn",
        )
    try:
        with aws_errors("sts:AssumeRole", role):
            answer: Any = aws.client("sts").assume_role(
                RoleArn=role,
                RoleSessionName=SESSION_NAME,
                Policy=policy,
                DurationSeconds=max(_SHORTEST_SESSION_S, seconds),
            )
    except AccessDenied as denied:
        raise _may_not_assume(denied, role, aws.own_role() or aws.caller_arn) from denied
    return aws.s3_with(answer["Credentials"], region), str(answer["AssumedRoleUser"]["Arn"]), role


def _may_not_assume(denied: AccessDenied, role: str, caller: str) -> AccessDenied:
    trust = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    own = "A role may assume itself only if its own trust policy says so. " if caller == role else ""
    return AccessDenied(
        f"{caller} may not assume {role}.",
        action="sts:AssumeRole",
        resource=role,
        next_step=f"{own}Check the ARN (with its path, such as role/service-role/NAME); then hand the policy for the "
        "caller and the statement for the role's trust policy to an administrator. Or sign with use_session=False: "
        "this tests the bucket guard, not the URL lock.",
        details={**denied.details, "trust_statement": trust},
    )


def _federated(aws: Aws, policy: str, seconds: int, region: str) -> tuple[S3Client, str, str]:
    """An IAM user gets a federated session: the user's permissions, cut by the session policy."""
    with aws_errors("sts:GetFederationToken"):
        answer: Any = aws.client("sts").get_federation_token(
            Name=SESSION_NAME, Policy=policy, DurationSeconds=max(_SHORTEST_SESSION_S, seconds)
        )
    arn = str(answer["FederatedUser"]["Arn"])
    return aws.s3_with(answer["Credentials"], region), arn, arn


def _presign(client: S3Client, bucket: str, key: str, version_id: str | None, seconds: int, marker: str) -> str:
    # Signed into the URL: whatever browser opens it keeps the object in no cache.
    params: dict[str, Any] = {"Bucket": bucket, "Key": key, "ResponseCacheControl": "no-store"}
    if version_id:
        params["VersionId"] = version_id
    return presigned(client, "get_object", params, seconds, marker)


def presigned(client: S3Client, operation: str, params: dict[str, Any], seconds: int, marker: str) -> str:
    """Return a presigned URL of an operation, such as ``get_object``, that carries the marker of our own requests."""

    def mark(request: Any, **_: Any) -> None:
        # Before signing: a parameter added later would break the signature.
        request.params = {**(request.params or {}), MARKER: marker}

    events = client.meta.events
    event = f"before-sign.s3.{client.meta.method_to_api_mapping[operation]}"
    events.register(event, mark, unique_id=marker)
    try:
        with aws_errors("s3:GetObject"):
            url = client.generate_presigned_url(operation, Params=params, ExpiresIn=seconds)
    finally:
        events.unregister(event, mark, unique_id=marker)
    if MARKER not in url or "X-Amz-Signature=" not in url:
        raise CredentialsError(
            "boto3 did not sign the URL as expected (SigV4 with the marker).",
            next_step="Update boto3, and check that no plug-in changes its signing.",
        )
    return url
