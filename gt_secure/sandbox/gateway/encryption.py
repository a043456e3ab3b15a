"""Decisions of KMS for objects that are encrypted with a KMS key (SSE-KMS).

S3 calls KMS with the caller's session: the identity policy, a boundary and the session policies
must allow ``kms:Decrypt`` to read and ``kms:GenerateDataKey`` to write. The call comes from S3, so
it has no source address and ``aws:ViaAWSService`` is true (IAM User Guide, *Forward access
sessions*). The sandbox stores no keys: each key counts as one whose policy leaves the decision to
IAM, as the default key policy does.
"""

from __future__ import annotations

from ..settings import REGION, account_id
from . import conditions, denials, query_auth
from .http import AsgiScope, HttpRequest, Message, Reply, Send, respond
from .mechanisms import SIGV4

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_OF_CALLER = "x-amz-server-side-encryption-customer-algorithm"
_KINDS = frozenset({"aws:kms", "aws:kms:dsse"})
_NEEDS_V4 = (
    "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature"
    " Version 4."
)


def with_key(scope: AsgiScope) -> AsgiScope | None:
    """Return the scope with the AWS managed key, as S3 adds it,
    where a KMS key is asked for and not named; or None.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if headers.get(_ALGORITHM.encode()) not in _KINDS or headers.get(_KEY.encode()):
        return None
    return {
        **scope,
        "headers": [*scope["headers"], (_KEY.encode(), _key_arn("alias/aws/s3").encode())],
    }


def refusal(request: HttpRequest) -> Reply | None:
    """Return the refusal of an upload that KMS does not permit; None for others.

    The key is the one that the upload names, or that of the bucket's default encryption. A form is
    not looked at.
    """
    from ministack.core.iam_actions import _s3_action
    from ministack.services import s3

    given = request.headers
    if _s3_action(request.method, request.arn, request.query) != "PutObject" or not request.key:
        return None
    if _ALGORITHM not in given and _OF_CALLER not in given:
        given = s3._bucket_default_sse_headers(request.bucket)
    refused, _ = denials.refused_by_caller(request, "s3:PutObject", request.arn)
    if refused or given.get(_ALGORITHM) not in _KINDS:  # S3 refuses it before it asks KMS
        return None
    return _refused(request, "kms:GenerateDataKey", given.get(_KEY, "alias/aws/s3"))


def guarded(request: HttpRequest, send: Send) -> Send:
    """Return a send function that refuses an object that the caller may not decrypt."""
    if request.method not in ("GET", "HEAD") or not request.key:
        return send
    replaced = False

    async def through(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] < 300:
            reply = _reading(request, message)
            if reply is not None:
                replaced = True
                await respond(send, reply, head=request.method == "HEAD")
        if not replaced:
            await send(message)

    return through


def _reading(request: HttpRequest, start: Message) -> Reply | None:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]
    }
    if headers.get(_ALGORITHM) not in _KINDS:
        return None
    return _refused(request, "kms:Decrypt", headers.get(_KEY, "alias/aws/s3"))


def _refused(request: HttpRequest, action: str, key: str) -> Reply | None:
    if request.mechanism is None or request.mechanism.version != SIGV4:
        return query_auth.error(
            request, 400, "InvalidArgument", _NEEDS_V4, ArgumentName="Authorization"
        )
    arn = _key_arn(key)
    as_s3 = {
        **conditions.NO_PLACE,
        "aws:viaawsservice": "true",
        "aws:calledviafirst": "s3.amazonaws.com",
        "aws:calledvialast": "s3.amazonaws.com",
        "aws:securetransport": "true",
        "aws:principalisawsservice": "false",
        "kms:viaservice": f"s3.{REGION}.amazonaws.com",
        "kms:calleraccount": account_id(),
        "kms:encryptioncontext:aws:s3:arn": request.arn,
    }
    with conditions.of(as_s3):
        reason, caller = denials.refused_by_caller(request, action, arn)
    if not reason:
        return None
    message = f"User: {caller} is not authorized to perform: {action} on resource: {arn} {reason}"
    return query_auth.error(request, 403, "AccessDenied", message)


def _key_arn(key: str) -> str:
    if key.startswith("arn:"):
        return key
    return (
        f"arn:aws:kms:{REGION}:{account_id()}:{key if key.startswith('alias/') else f'key/{key}'}"
    )
