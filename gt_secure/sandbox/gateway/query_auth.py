"""Authentication of S3 requests before any policy is asked, in the order and with the words of S3.

The emulator asks the policies first and checks a presigned URL afterwards. S3 authenticates first, so that an altered
or expired URL is told so from wherever it is fetched. The signature itself is computed by the emulator's code.
"""

from __future__ import annotations

import datetime as dt
import time
from xml.sax.saxutils import escape

from . import auth
from .conditions import first
from .http import Reply, Request

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
MAX_EXPIRES_S = 604_800
"""Longest life of a SigV4 presigned URL, in seconds (S3 User Guide, *Download and upload objects with presigned
URLs*)."""


def error(request: Request, status: int, code: str, message: str, **extra: str) -> Reply:
    """Return an S3 error document."""
    members = "".join(
        f"<{name.replace('_', '-')}>{escape(value)}</{name.replace('_', '-')}>" for name, value in extra.items()
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{members}"
        f"<RequestId>{request.id}</RequestId><HostId>{request.id}</HostId></Error>"
    )
    return Reply(status, body.encode(), {"content-type": "application/xml"})


async def refusal(request: Request) -> Reply | None:
    """Return the error that S3 gives for bad query authentication or an unknown key, or None when it may go on."""
    key = _claimed_key(request)
    if auth.is_root_key(key):
        return _unknown_key(request, key)
    if first(request.query, "X-Amz-Signature") and not request.headers.get("authorization"):
        return _sigv4(request)
    if first(request.query, "AWSAccessKeyId") and first(request.query, "Expires"):
        return _sigv2_expiry(request)
    return None


def _claimed_key(request: Request) -> str:
    scope = auth.signed_scope(request)
    if scope is not None:
        return scope[0]
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("AWS "):
        return authorization[4:].split(":", 1)[0].strip()
    return first(request.query, "AWSAccessKeyId") or first(request.query, "X-Amz-Credential").split("/")[0]


def _unknown_key(request: Request, key: str) -> Reply:
    message = "The AWS Access Key Id you provided does not exist in our records."
    return error(request, 403, "InvalidAccessKeyId", message, AWSAccessKeyId=key)


def _sigv2_expiry(request: Request) -> Reply | None:
    expires = first(request.query, "Expires")
    if expires.isdigit() and int(expires) < time.time():
        return _expired(request, dt.datetime.fromtimestamp(int(expires), dt.UTC), None)
    return None


def _expired(request: Request, at: dt.datetime, seconds: str | None) -> Reply:
    extra = {"X_Amz_Expires": seconds} if seconds is not None else {}
    extra["Expires"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    extra["ServerTime"] = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return error(request, 403, "AccessDenied", "Request has expired", **extra)


def _bad_parameters(request: Request, message: str) -> Reply:
    return error(request, 400, "AuthorizationQueryParametersError", message)


def _sigv4(request: Request) -> Reply | None:
    query = request.query
    if first(query, "X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        return _bad_parameters(request, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
    needed = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
    if not all(first(query, name) for name in needed):
        return _bad_parameters(
            request,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    expires = first(query, "X-Amz-Expires")
    if not expires.isdigit() or int(expires) > MAX_EXPIRES_S:
        return _bad_parameters(
            request, f"X-Amz-Expires must be less than a week (in seconds) that is {MAX_EXPIRES_S} seconds"
        )
    try:
        signed = dt.datetime.strptime(first(query, "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return _bad_parameters(request, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    now = dt.datetime.now(dt.UTC)
    if signed > now + dt.timedelta(minutes=15):
        return error(request, 403, "AccessDenied", "Request is not yet valid")
    end = signed + dt.timedelta(seconds=int(expires))
    if now >= end:
        return _expired(request, end, expires)
    return _signature(request)


def _signature(request: Request) -> Reply | None:
    from ministack.core import iam_evaluator, sigv4

    signature = sigv4.parse_query_signature(request.query)
    if isinstance(signature, tuple):
        return _bad_parameters(request, signature[1])
    if signature.service != "s3":
        return _bad_parameters(
            request, f'Error parsing the X-Amz-Credential parameter; incorrect service "{signature.service}".'
        )
    session = _session_account(signature.access_key_id)
    account = session or iam_evaluator.find_iam_access_key_account(signature.access_key_id)
    token = first(request.query, "X-Amz-Security-Token")
    credential = iam_evaluator.resolve_credential(signature.access_key_id, account, token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        return _bad_credential(request, credential.code, signature.access_key_id)
    failure = sigv4.header_signature_failure(
        signature, credential.secret_access_key, request.method, request.raw_path, request.query, request.headers,
        b"", presigned=True,
    )  # fmt: skip
    if failure is None:
        return None
    return error(
        request, 403, "SignatureDoesNotMatch", MISMATCH,
        AWSAccessKeyId=signature.access_key_id, SignatureProvided=signature.signature,
    )  # fmt: skip


def _session_account(access_key: str) -> str | None:
    """Return the account of temporary credentials, or None for an IAM user's key."""
    arn = auth.caller_arn(access_key) if access_key.startswith("ASIA") else None
    return arn.split(":")[4] if arn else None


def _bad_credential(request: Request, code: str, key: str) -> Reply:
    if code == "ExpiredTokenException":
        return error(request, 400, "ExpiredToken", "The provided token has expired.")
    if code == "InvalidToken":
        return error(request, 400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
    return _unknown_key(request, key)
