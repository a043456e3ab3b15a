"""Sign a test URL: a presigned GET that carries the same condition as Ground Truth's own URLs, or one of these.

The condition is in the policy behind a URL: from a notebook that takes ``sts:AssumeRole`` with a session policy. The
session cannot allow more than the role does, and role chaining limits it to one hour. Ground Truth itself signs with
``grant_read_access`` for RenderUiTemplate, which names neither a workteam nor a worker: no URL lock binds such a URL
(inferred from its request). It shows host, lifetime and signer of workers' URLs, and tests role, policy and CORS.

Sources: STS API reference, *AssumeRole* and *GetFederationToken*; S3 User Guide, *Presigned URLs*; SageMaker API
reference, *RenderUiTemplate*.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ..aws.buckets import bucket_region, check_key, place_of
from ..aws.client import Aws, aws_errors
from ..base.errors import AccessDenied, CredentialsError, GtSecureError, InvalidInput, NotFound, refuse_url
from ..base.network import Source
from ..base.text import printable
from ..base.url_journal import UrlJournal
from ..engine.policies.session_policy import session_policy
from .inspect import inspect
from .probe import check_lifetime
from .signed_url import TestUrl

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MARKER = "x-gt-secure-test"
"""S3 ignores query parameters that begin with ``x-`` but logs them (S3 User Guide, *LogFormat*, custom information)."""

SignWith: TypeAlias = Literal["session", "own-keys", "ground-truth"]
"""Signer of a test URL: a session of the role under a session policy, the caller's own keys, or Ground Truth."""
SIGN_WITH: tuple[SignWith, ...] = get_args(SignWith)

CHAINED_LIMIT_S, DEFAULT_LIFE_S = 3600, 600
_SHORTEST_SESSION_S = 900
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")


def sign(
    aws: Aws,
    bucket: str,
    key: str,
    *,
    expires_in: int | None = None,
    bound_to: Source | str | None = None,
    role_arn: str | None = None,
    version_id: str | None = None,
    sign_with: SignWith = "session",
    test_urls: UrlJournal | None = None,
) -> TestUrl:
    """Sign a presigned GET for one object; see :meth:`gt_secure.Connection.sign` for the parameters."""
    name, object_key = place_of(bucket, key)
    check_key(object_key)
    refuse_url(role_arn, "role_arn", "the ARN of a role")
    refuse_url(version_id, "version_id", "the id of a version")
    source = None if bound_to is None else Source.parse(bound_to)
    _check_options(sign_with, expires_in, source, version_id)
    if sign_with == "ground-truth":
        return _by_ground_truth(aws, name, object_key, role_arn)
    use_session = sign_with == "session"
    most = CHAINED_LIMIT_S if use_session else 604_800
    seconds = check_lifetime(DEFAULT_LIFE_S if expires_in is None else expires_in, most=most)
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


def _check_options(way: SignWith, expires_in: int | None, source: Source | None, version_id: str | None) -> None:
    """Raise InvalidInput for an option that this way to sign has no use for."""
    if way not in SIGN_WITH:
        step = f"Choose from {', '.join(SIGN_WITH)}."
        raise InvalidInput(f"'{str(way)[:40]}' signs no URL.", next_step=step, field="sign_with", value=way)
    if source is not None and way != "session":
        raise InvalidInput(
            "A URL can be bound to a source only through a session policy.",
            next_step="Leave sign_with out, or give no bound_to.",
            field="bound_to",
        )
    if way == "ground-truth" and (expires_in is not None or version_id):
        name = "version_id" if version_id else "expires_in"
        raise InvalidInput(
            "Ground Truth chooses the lifetime of its URLs, and signs for the current version of an object.",
            next_step=f"Leave {name} out.",
            field=name,
        )


def _by_ground_truth(aws: Aws, bucket: str, key: str, role_arn: str | None) -> TestUrl:
    """Let Ground Truth render a template of one URL, under a role that it can assume."""
    role = role_arn or aws.own_role()
    if role is None:
        raise InvalidInput(
            "Ground Truth signs with a role, and the caller is none.",
            next_step="Name the role of the labeling job with role_arn=.",
            field="role_arn",
        )
    _check_role(role)
    task = json.dumps({"src": f"s3://{bucket}/{key}"})
    try:
        with aws_errors("sagemaker:RenderUiTemplate"):
            answer = aws.client("sagemaker").render_ui_template(
                UiTemplate={"Content": "{{ task.input.src | grant_read_access }}"}, Task={"Input": task}, RoleArn=role
            )
    except AccessDenied as denied:
        if "iam:PassRole" not in str(denied.__cause__):
            raise
        raise AccessDenied(
            f"{aws.caller_arn} may not pass {role} to Ground Truth.", action="iam:PassRole", resource=role
        ) from denied
    if answer["Errors"]:
        raise GtSecureError(
            f"Ground Truth signed no URL: {printable(answer['Errors'][0]['Message'])}",
            next_step="Check the bucket and the key, and that the role may read the object.",
        )
    url = html.unescape(answer["RenderedContent"]).strip()
    facts = inspect(url)
    ends = facts.expires_at or dt.datetime.now(dt.UTC)
    return TestUrl(url, bucket=bucket, key=key, expires_at=ends, bound_to=None, signer=role, marker="")


def _check_role(role: str) -> None:
    if not _ROLE.fullmatch(role):
        raise InvalidInput(
            f'"{role[:100]}" is not a role ARN.',
            next_step="Write arn:aws:iam::ACCOUNT:role/NAME.",
            field="role_arn",
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
    _check_role(role)
    try:
        with aws_errors("sts:AssumeRole", role):
            answer: Any = aws.client("sts").assume_role(
                RoleArn=role,
                RoleSessionName="gt-secure-test",
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
        "caller and the statement for the role's trust policy to an administrator. Or sign with sign_with='own-keys': "
        "this tests the bucket guard, not the URL lock.",
        details={**denied.details, "trust_statement": trust},
    )


def _federated(aws: Aws, policy: str, seconds: int, region: str) -> tuple[S3Client, str, str]:
    """An IAM user gets a federated session: the user's permissions, cut by the session policy."""
    with aws_errors("sts:GetFederationToken"):
        answer: Any = aws.client("sts").get_federation_token(
            Name="gt-secure-test", Policy=policy, DurationSeconds=max(_SHORTEST_SESSION_S, seconds)
        )
    arn = str(answer["FederatedUser"]["Arn"])
    return aws.s3_with(answer["Credentials"], region), arn, arn


def _presign(client: S3Client, bucket: str, key: str, version_id: str | None, seconds: int, marker: str) -> str:
    # Signed into the URL: whatever browser opens it keeps the object in no cache.
    params: dict[str, Any] = {"Bucket": bucket, "Key": key, "ResponseCacheControl": "no-store"}
    if version_id:
        params["VersionId"] = version_id

    def mark(request: Any, **_: Any) -> None:
        # Before signing: a parameter added later would break the signature.
        request.params = {**(request.params or {}), MARKER: marker}

    events = client.meta.events
    events.register("before-sign.s3.GetObject", mark, unique_id=marker)
    try:
        with aws_errors("s3:GetObject"):
            url = client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
    finally:
        events.unregister("before-sign.s3.GetObject", mark, unique_id=marker)
    if MARKER not in url or "X-Amz-Signature=" not in url:
        raise CredentialsError(
            "boto3 did not sign the URL as expected (SigV4 with the marker).",
            next_step="Update boto3, and check that no plug-in changes its signing.",
        )
    return url
