"""Sign a presigned URL that carries the same condition as Ground Truth's own URLs, and the tag of a
viewer.

The condition is in the policy behind a URL: from a notebook that takes ``sts:AssumeRole`` with a
session policy. The session cannot allow more than the role does, and role chaining limits it to one
hour. Ground Truth itself signs with ``grant_read_access`` for RenderUiTemplate, which names neither
a workteam nor a worker: no URL lock binds such a URL (inferred from its request). It shows host,
lifetime and signer of workers' URLs, and tests role, policy and CORS.

Sources: STS API reference, *AssumeRole* and *GetFederationToken*; S3 User Guide, *Presigned URLs*;
SageMaker API reference, *RenderUiTemplate*.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ..aws.buckets import bucket_region, check_key, place_of, read_policy
from ..aws.client import Aws, aws_errors
from ..base.clock import utc_now
from ..base.errors import (
    AccessDenied,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    NotFound,
    refuse_url,
)
from ..base.network import Source, SourceLike
from ..base.text import Json, printable
from ..base.url_journal import UrlJournal
from ..base.viewers import trial_tag, viewer_session
from ..engine.policies.age_limit import AGE_SID, read_age_limit
from ..engine.policies.bucket_guard import covered_prefixes, own_kind
from ..engine.policies.bucket_policy import BucketPolicy
from ..engine.policies.session_policy import session_policy
from ..logs.sql.log_columns import TEST_MARKER
from ..logs.sql.viewers import Viewers
from .inspect import inspect
from .probe import check_lifetime
from .signed_url import TestUrl

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SESSION_NAME = "gt-secure-test"
"""Name of the sessions that sign test URLs."""

SignWith: TypeAlias = Literal["session", "own-keys", "ground-truth"]
"""Signer of a test URL: a session of the role under a session policy, the caller's own keys,
or Ground Truth.
"""
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
    bound_to: SourceLike | None = None,
    role_arn: str | None = None,
    version_id: str | None = None,
    sign_with: SignWith = "session",
    viewer: str | None = None,
    viewers: Viewers | None = None,
    trial: str | None = None,
    method: str = "GET",
    test_urls: UrlJournal | None = None,
) -> TestUrl:
    """Sign a presigned URL for one object;
    see :meth:`gt_secure.Connection.sign` for the parameters.
    """
    name, object_key = place_of(bucket, key)
    check_key(object_key)
    refuse_url(role_arn, "role_arn", "the ARN of a role")
    refuse_url(version_id, "version_id", "the id of a version")
    operation = _operation(method)
    names = viewers or Viewers()
    tag = None if viewer is None else names.tag(viewer)
    usual_s = DEFAULT_LIFE_S
    if trial is not None:
        tag = trial_tag(trial, tag)
        usual_s = CHAINED_LIMIT_S  # people need some time, and a role signs for no longer than this
    source = None if bound_to is None else Source.parse(bound_to)
    other = None if method == "GET" else method
    _check_options(
        sign_with, source, expires_in=expires_in, version_id=version_id, viewer=tag, method=other
    )
    if sign_with == "ground-truth":
        return _by_ground_truth(aws, name, object_key, role_arn)
    use_session = sign_with == "session"
    most = CHAINED_LIMIT_S if use_session else 604_800
    seconds = check_lifetime(usual_s if expires_in is None else expires_in, most=most)
    region = bucket_region(aws, name)
    if tag is None:
        marker = (test_urls or UrlJournal()).new_marker()
        added = {TEST_MARKER: marker}
    else:
        # a test URL may outlive the limit: it tests that too
        seconds = min(seconds, _age_limit(aws, name, object_key, method, region) or seconds)
        # The URL of a viewer is no test: its requests count in every log.
        marker, added = "", {names.parameter: tag}
    kms_key = None if method == "PUT" else _must_exist(aws, name, object_key, version_id, region)
    if use_session:
        policy = session_policy(
            name,
            object_key,
            version_id=version_id,
            source=source,
            kms_key=kms_key,
            partition=aws.partition,
            upload=method == "PUT",
        )
        client, signer, principal = _session(aws, policy, role_arn, seconds, region, tag)
    else:
        client, signer, principal = (
            aws.client("s3", region),
            aws.caller_arn,
            aws.own_role() or aws.caller_arn,
        )
    parameters: Json = {"Bucket": name, "Key": object_key}
    parameters |= {"VersionId": version_id} if version_id else {}
    # signed into the URL: whatever browser opens it keeps the object in no cache
    parameters |= {"ResponseCacheControl": "no-store"} if method == "GET" else {}
    url = presigned(client, operation, parameters, seconds, added)
    return TestUrl(
        url,
        bucket=name,
        key=object_key,
        version_id=version_id,
        expires_at=utc_now() + dt.timedelta(seconds=seconds),
        bound_to=source,
        signer=signer,
        principal=principal,
        marker=marker,
        viewer=tag,
        method=method,
    )


OPERATIONS = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object"}
"""Operations of boto3 that an HTTP method asks for."""


def _operation(method: str) -> str:
    """Return the operation of boto3 that a method asks for."""
    if method not in OPERATIONS:
        form = (
            "A POST form has no signed query, and its fields are not in the access log: it cannot"
            " carry a viewer."
        )
        raise InvalidInput(
            form
            if method == "POST"
            else f"A URL cannot be signed for the method {str(method)[:20]!r}.",
            next_step=f"Choose {', '.join(OPERATIONS)}.",
            field="method",
            value=method,
        )
    return OPERATIONS[method]


def _age_limit(aws: Aws, bucket: str, key: str, method: str, region: str) -> int | None:
    """Return the shortest age limit of our guards for an object in seconds;
    None without one that can be read.
    """
    try:
        own = BucketPolicy.of(read_policy(aws, bucket, region)).own
    except GtSecureError:
        return None
    covering = [
        own[sid]
        for sid in own
        if own_kind(sid) == AGE_SID
        and key.startswith(covered_prefixes(own[sid]))
        and not (method == "PUT" and "NotAction" in own[sid])
    ]
    return min(filter(None, map(read_age_limit, covering)), default=None)


def _check_options(way: SignWith, source: Source | None, **options: object) -> None:
    """Raise InvalidInput for an option that this way to sign has no use for."""
    if way not in SIGN_WITH:
        step = f"Choose from {', '.join(SIGN_WITH)}."
        raise InvalidInput(
            f"'{str(way)[:40]}' signs no URL.", next_step=step, field="sign_with", value=way
        )
    if source is not None and way != "session":
        raise InvalidInput(
            "A URL can be bound to a source only through a session policy.",
            next_step="Leave sign_with out, or give no bound_to.",
            field="bound_to",
        )
    unread = [name for name, value in options.items() if value is not None]
    if way == "ground-truth" and unread:
        raise InvalidInput(
            "Ground Truth chooses the lifetime of its URLs, signs for reading the newest version,"
            " and names no viewer.",
            next_step=f"Leave {unread[0]} out.",
            field=unread[0],
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
                UiTemplate={"Content": "{{ task.input.src | grant_read_access }}"},
                Task={"Input": task},
                RoleArn=role,
            )
    except AccessDenied as denied:
        if "iam:PassRole" not in str(denied.__cause__):
            raise
        raise AccessDenied(
            f"{aws.caller_arn} may not pass {role} to Ground Truth.",
            action="iam:PassRole",
            resource=role,
        ) from denied
    if answer["Errors"]:
        raise GtSecureError(
            f"Ground Truth signed no URL: {printable(answer['Errors'][0]['Message'])}",
            next_step="Check the bucket and the key, and that the role may read the object.",
        )
    url = html.unescape(answer["RenderedContent"]).strip()
    facts = inspect(url)
    ends = facts.expires_at or utc_now()
    return TestUrl(
        url, bucket=bucket, key=key, expires_at=ends, bound_to=None, signer=role, marker=""
    )


def _check_role(role: str) -> None:
    if not _ROLE.fullmatch(role):
        raise InvalidInput(
            f'"{role[:100]}" is not a role ARN.',
            next_step="Write arn:aws:iam::ACCOUNT:role/NAME.",
            field="role_arn",
        )


def _must_exist(aws: Aws, bucket: str, key: str, version_id: str | None, region: str) -> str | None:
    """Return the ARN of the KMS key of the object, if one encrypts it;
    a caller who may not look learns nothing.
    """
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


def _session(
    aws: Aws, policy: str, role_arn: str | None, seconds: int, region: str, tag: str | None
) -> tuple[S3Client, str, str]:
    """Return a client of the session, the session's ARN,
    and what ``aws:PrincipalArn`` is for it.
    """
    name = SESSION_NAME if tag is None else viewer_session(tag)
    role = role_arn or aws.own_role()
    if role is None:
        # An IAM user gets a federated session: the user's permissions, cut by the session policy.
        with aws_errors("sts:GetFederationToken"):
            federated: Any = aws.client("sts").get_federation_token(
                Name=name, Policy=policy, DurationSeconds=max(_SHORTEST_SESSION_S, seconds)
            )
        arn = str(federated["FederatedUser"]["Arn"])
        return aws.s3_with(federated["Credentials"], region), arn, arn
    _check_role(role)
    try:
        with aws_errors("sts:AssumeRole", role):
            answer: Any = aws.client("sts").assume_role(
                RoleArn=role,
                RoleSessionName=name,
                Policy=policy,
                DurationSeconds=max(_SHORTEST_SESSION_S, seconds),
            )
    except AccessDenied as denied:
        raise _may_not_assume(denied, role, aws.own_role() or aws.caller_arn) from denied
    return aws.s3_with(answer["Credentials"], region), str(answer["AssumedRoleUser"]["Arn"]), role


def _may_not_assume(denied: AccessDenied, role: str, caller: str) -> AccessDenied:
    trust = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    own = (
        "A role may assume itself only if its own trust policy says so. " if caller == role else ""
    )
    return AccessDenied(
        f"{caller} may not assume {role}.",
        action="sts:AssumeRole",
        resource=role,
        next_step=(
            f"{own}Check the ARN (with its path, such as role/service-role/NAME); then hand the"
            " policy for the caller and the statement for the role's trust policy to an"
            " administrator. Or sign with sign_with='own-keys': this tests the bucket guard, not"
            " the URL lock."
        ),
        details={**denied.details, "trust_statement": trust},
    )


def presigned(
    client: S3Client, operation: str, params: Json, seconds: int, added: dict[str, str]
) -> str:
    """Return a presigned URL of an operation, such as ``get_object``,
    with query parameters that S3 only logs.
    """

    def mark(request: Any, **_: Any) -> None:
        # Before signing: a parameter added later would break the signature.
        request.params = {**(request.params or {}), **added}

    event = f"before-sign.s3.{client.meta.method_to_api_mapping[operation]}"
    events, mine = client.meta.events, f"{added}"
    events.register(event, mark, unique_id=mine)
    try:
        with aws_errors(f"s3:{client.meta.method_to_api_mapping[operation]}"):
            url = client.generate_presigned_url(operation, Params=params, ExpiresIn=seconds)
    finally:
        events.unregister(event, mark, unique_id=mine)
    if "X-Amz-Signature=" not in url or any(f"{name}=" not in url for name in added):
        raise CredentialsError(
            "boto3 did not sign the URL as expected (version 4, with the added parameter).",
            next_step="Update boto3, and check that no plug-in changes its signing.",
        )
    return url
