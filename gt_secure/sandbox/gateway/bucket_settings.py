"""Bucket settings that S3 refuses and the emulator would store, and what is new to the emulator:
``GetBucketPolicyStatus``, and that a bucket whose requesters pay refuses anonymous requests.
"""

from __future__ import annotations

import contextvars
from typing import Any

from .. import emulator
from ..accesslog.delivery import parse
from . import auth, policy_principals, query_auth as presigned, sent_keys
from .http import HttpRequest, Reply, parsed_json

MAX_POLICY_BYTES = 20 * 1024
_VERSIONS = ("2012-10-17", "2008-10-17")
_OWN = "bucket-owner-full-control"
_NO_TARGET = (
    "The target bucket for logging does not exist, is not owned by you, or does not have the"
    " appropriate grants for the log-delivery group."
)


async def refusal(request: HttpRequest) -> Reply | None:
    """Return the error for a setting that S3 would reject, if the caller has the permission;
    or a policy's status.
    """
    bucket, key = request.bucket, request.key
    if request.method == "POST" and key and "uploads" in request.query:
        return _without_acl(request)
    if not bucket:
        return None
    for name, action in _READINGS.items() if request.method == "GET" and not key else ():
        if name in request.query:
            if not await _may(request, bucket, action):
                return presigned.error(request, 403, "AccessDenied", "Access Denied")
            if name == "policyStatus":
                return await _policy_status(request, bucket)
            return Reply(200, await _payer(bucket), {"content-type": "application/xml"})
    if not request.mechanisms and b">Requester<" in await _payer(bucket):
        return presigned.error(request, 403, "AccessDenied", "Access Denied")
    return await _fault(request, bucket) if request.method == "PUT" and not key else None


_READINGS = {
    "policyStatus": "s3:GetBucketPolicyStatus",
    "requestPayment": "s3:GetBucketRequestPayment",
}
"""Actions of the settings that the emulator does not read."""


async def _fault(request: HttpRequest, bucket: str) -> Reply | None:
    """Return the error for a policy or a logging setting that S3 would reject,
    or for one that the sandbox would drop.
    """
    if "abac" in request.query:
        return presigned.error(
            request, 501, "NotImplemented", "The sandbox has no access by tags of a bucket."
        )
    if "policy" in request.query:
        fault = policy_fault(request.body, bucket)
        if fault is None or not await _may(request, bucket, "s3:PutBucketPolicy"):
            return None
        return presigned.error(request, 400, "MalformedPolicy", fault)
    if "logging" in request.query:
        target = parse(request.body)
        if (
            target is None
            or await exists(target.bucket)
            or not await _may(request, bucket, "s3:PutBucketLogging")
        ):
            return None
        return presigned.error(
            request, 400, "InvalidTargetBucketForLogging", _NO_TARGET, TargetBucket=target.bucket
        )
    return None


def _without_acl(request: HttpRequest) -> Reply | None:
    """Refuse a multipart upload with an ACL, which the emulator would drop in silence."""
    given = sent_keys.sent(request)
    is_own = given.get("s3:x-amz-acl", _OWN) == _OWN
    if is_own and not any(name.startswith("s3:x-amz-grant-") for name in given):
        return None
    message = "The sandbox keeps no ACL of a multipart upload."
    return presigned.error(request, 501, "NotImplemented", message)


async def _payer(bucket: str) -> bytes:
    """Return who pays for requests, which the emulator has under another name."""
    return (await emulator.s3("GET", f"/{bucket}", query={"request-payment": [""]}))[2]


async def _may(request: HttpRequest, bucket: str, action: str) -> bool:
    if not await exists(bucket):
        return False
    refusal = contextvars.copy_context().run(
        auth.authorize, request, "s3", action, f"arn:aws:s3:::{bucket}"
    )
    return refusal is None


async def exists(bucket: str) -> bool:
    """Return whether a bucket exists."""
    status, _, _ = await emulator.s3("HEAD", f"/{bucket}")
    return status == 200


def policy_fault(body: bytes, bucket: str) -> str | None:
    """Return what is wrong with a bucket policy, in the words of S3, or None."""
    if len(body) > MAX_POLICY_BYTES:
        return "Policy exceeds the maximum allowed document size."
    document = parsed_json(body) if body else None
    if not isinstance(document, dict):
        return "Policies must be valid JSON and the first byte must be '{'"
    if document.get("Version", _VERSIONS[1]) not in _VERSIONS:
        return "The policy must contain a valid version string"
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        return "Missing required field Statement"
    sids = [s["Sid"] for s in statements if isinstance(s, dict) and s.get("Sid")]
    if len(sids) != len(set(map(str, sids))):
        return "Statement IDs (SID) in a single policy must be unique."
    return next((fault for s in statements if (fault := _statement_fault(s, bucket))), None) or (
        policy_principals.fault(document)
    )


def _statement_fault(statement: Any, bucket: str) -> str | None:
    if not isinstance(statement, dict):
        return "Invalid policy syntax."
    if statement.get("Effect") not in ("Allow", "Deny"):
        return (
            "Missing required field Effect"
            if "Effect" not in statement
            else "Invalid effect in policy"
        )
    for name in ("Principal", "Action", "Resource"):
        if (name in statement) == (f"Not{name}" in statement):
            return f"Missing required field {name}"
    condition = statement.get("Condition", {})
    if not isinstance(condition, dict) or not all(
        isinstance(block, dict) and block for block in condition.values()
    ):
        return "Invalid policy syntax."
    resources = statement.get("Resource", statement.get("NotResource"))
    for resource in resources if isinstance(resources, list) else [resources]:
        name = str(resource).removeprefix("arn:aws:s3:::").split("/", 1)[0]
        if not str(resource).startswith("arn:aws:s3:::") or (
            name != bucket and "*" not in name and "?" not in name
        ):
            return "Policy has invalid resource"
    return None


async def _policy_status(request: HttpRequest, bucket: str) -> Reply:
    from ministack.services import s3

    status, _, body = await emulator.s3("GET", f"/{bucket}", query={"policy": [""]})
    if status != 200:
        return presigned.error(
            request,
            404,
            "NoSuchBucketPolicy",
            "The bucket policy does not exist",
            BucketName=bucket,
        )
    public = str(
        s3._policy_is_public(body.decode())
    ).lower()  # by which it also blocks public access
    xml = f"<PolicyStatus><IsPublic>{public}</IsPublic></PolicyStatus>"
    return Reply(
        200,
        f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode(),
        {"content-type": "application/xml"},
    )
