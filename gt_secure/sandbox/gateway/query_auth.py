"""Authentication of S3 requests before any policy is asked, in the order and with the words of S3.

The emulator asks the policies first and checks a presigned URL afterwards. S3 authenticates first,
so that the error of an altered or expired URL says so wherever it is fetched from. The emulator's
code computes the signature itself.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any
from xml.sax.saxutils import escape

from ...base.clock import utc_now
from ..settings import REGION
from . import auth, denials, sigv2
from .conditions import first
from .http import HttpRequest, Reply
from .mechanisms import FORM, HEADER, QUERY, SIGV2, SIGV4

ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query"
    " string parameter or the Authorization header should be specified"
)
_NEED_NO_SIGNATURE = frozenset({"x-amz-content-sha256"})


def error(request: HttpRequest, status: int, code: str, message: str, **extra: str) -> Reply:
    """Return an error of S3 as XML."""
    members = "".join(
        f"<{name.replace('_', '-')}>{escape(value)}</{name.replace('_', '-')}>"
        for name, value in extra.items()
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{members}"
        f"<RequestId>{request.id}</RequestId><HostId>{request.host_id}</HostId></Error>"
    )
    return Reply(status, body.encode(), {"content-type": "application/xml"})


async def refusal(request: HttpRequest) -> Reply | None:
    """Return the error that S3 gives for a caller who is not proven,
    or None when the request may go on.
    """
    if len(request.mechanisms) > 1:
        return error(
            request,
            400,
            "InvalidArgument",
            ONE_MECHANISM,
            ArgumentName="Authorization",
            ArgumentValue=request.headers.get("authorization", ""),
        )
    mechanism = request.mechanism
    if mechanism is None:
        return None
    if auth.is_root_key(request.access_key):
        return _refused(request, auth.UNKNOWN_KEY)
    if mechanism.kind != FORM and mechanism.version == SIGV2:
        return (_sigv2_query(request) if mechanism.kind == QUERY else None) or _sigv2(request)
    if mechanism.kind == HEADER:
        return _header(request)
    if mechanism.kind == QUERY:
        return _sigv4(request)
    return None  # the emulator checks the policy document of a form and its signature in one go


def _header(request: HttpRequest) -> Reply | None:
    authorization = request.headers["authorization"]
    if not authorization.startswith((f"{SIGV4} ", "AWS4-ECDSA-P256-SHA256 ")):
        return error(
            request,
            400,
            "InvalidArgument",
            "Unsupported Authorization Type",
            ArgumentName="Authorization",
            ArgumentValue=authorization,
        )
    scope = auth.signed_scope(request)
    if scope is None:
        return _refused(request, auth.AuthRefusal("IncompleteSignature", ""))
    if scope[2] != "s3":
        message = (
            f'The authorization header is malformed; incorrect service "{scope[2]}". This endpoint'
            ' belongs to "s3".'
        )
        return error(request, 400, "AuthorizationHeaderMalformed", message)
    fault = auth.authentication_fault(request, "s3")
    return None if fault is None else _refused(request, fault)


def _refused(request: HttpRequest, fault: Any) -> Reply:
    status, code, message = auth.answer_to(request, "s3", fault)
    more = (
        {"AWSAccessKeyId": request.access_key}
        if code == "InvalidAccessKeyId"
        else getattr(fault, "details", {})
    )
    return error(request, status, code, message, **more)


def _sigv2_query(request: HttpRequest) -> Reply | None:
    query = request.query
    if not all(first(query, name) for name in ("AWSAccessKeyId", "Signature", "Expires")):
        message = (
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId"
            " parameters"
        )
        return error(request, 403, "AccessDenied", message)
    expires = first(query, "Expires")
    if not expires.isdecimal():
        return error(
            request, 403, "AccessDenied", f"Invalid date (should be seconds since epoch): {expires}"
        )
    if int(expires) < time.time():
        return _expired(request, dt.datetime.fromtimestamp(int(expires), dt.UTC), None)
    return None


def _sigv2(request: HttpRequest) -> Reply | None:
    credential = auth.credential(request.access_key, sigv2.token_of(request))
    if (reply := _bad_credential(request, credential)) is not None:
        return reply
    if sigv2.is_signed_by(request, credential.secret_access_key, credential.session_token):
        return None
    return _mismatch(request, first(request.query, "Signature"))


def _expired(request: HttpRequest, at: dt.datetime, seconds: str | None) -> Reply:
    extra = {"X_Amz_Expires": seconds} if seconds is not None else {}
    extra["Expires"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    extra["ServerTime"] = utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return error(request, 403, "AccessDenied", "Request has expired", **extra)


def _bad_parameters(request: HttpRequest, message: str) -> Reply:
    return error(request, 400, "AuthorizationQueryParametersError", message)


def _sigv4(request: HttpRequest) -> Reply | None:
    from ministack.services import s3

    query = request.query
    if first(query, "X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        return _bad_parameters(
            request, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'
        )
    needed = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
    if not all(first(query, name) for name in needed):
        return _bad_parameters(
            request,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential,"
            " X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    expires = first(query, "X-Amz-Expires")
    if not expires.isascii():
        return _bad_parameters(request, "X-Amz-Expires should be a number")
    fault = s3._presign_time_error(first(query, "X-Amz-Date"), expires, request.raw_path)
    if fault is not None:
        status, headers, body = fault
        return Reply(status, denials.with_ids(request, body), headers)
    now = utc_now()
    signed = dt.datetime.strptime(first(query, "X-Amz-Date"), "%Y%m%dT%H%M%SZ").replace(
        tzinfo=dt.UTC
    )
    end = signed + dt.timedelta(seconds=int(expires))
    if now >= end:
        return _expired(request, end, expires)
    return _signature(request)


def _signature(request: HttpRequest) -> Reply | None:
    from ministack.core import sigv4

    signature = sigv4.parse_query_signature(request.query)
    if isinstance(signature, tuple):
        return _bad_parameters(request, signature[1])
    if (reply := _scope_fault(request, signature)) is not None:
        return reply
    credential = auth.credential(
        signature.access_key_id, first(request.query, "X-Amz-Security-Token")
    )
    if (reply := _bad_credential(request, credential)) is not None:
        return reply
    parts = signature, request.method, request.raw_path, request.query, request.headers, b""
    failure = sigv4.header_signature_failure(
        signature, credential.secret_access_key, *parts[1:], presigned=True
    )
    if failure is not None:
        canonical, to_sign = sigv4.header_signing_documents(*parts, presigned=True)
        return _mismatch(request, signature.signature, to_sign, canonical)
    names = {*signature.signed_headers.lower().split(";"), *_NEED_NO_SIGNATURE}
    unsigned = sorted(n for n in request.headers if n.startswith("x-amz-") and n not in names)
    if not unsigned:
        return None
    message = "There were headers present in the request which were not signed"
    return error(request, 403, "AccessDenied", message, HeadersNotSigned=", ".join(unsigned))


def _scope_fault(request: HttpRequest, signature: Any) -> Reply | None:
    start = "Error parsing the X-Amz-Credential parameter; "
    if signature.service != "s3":
        return _bad_parameters(
            request,
            f'{start}incorrect service "{signature.service}". This endpoint belongs to "s3".',
        )
    if signature.region != REGION:
        message = f"{start}the region '{signature.region}' is wrong; expecting '{REGION}'"
        return error(request, 400, "AuthorizationQueryParametersError", message, Region=REGION)
    return None


def _mismatch(
    request: HttpRequest, signature: str, to_sign: str = "", canonical: str = ""
) -> Reply:
    extra = {"AWSAccessKeyId": request.access_key, "SignatureProvided": signature}
    if to_sign:
        extra |= {
            "StringToSign": to_sign,
            "StringToSignBytes": to_sign.encode().hex(" "),
            "CanonicalRequest": canonical,
            "CanonicalRequestBytes": canonical.encode().hex(" "),
        }
    return _refused(request, auth.AuthRefusal("SignatureDoesNotMatch", "", extra))


def _bad_credential(request: HttpRequest, credential: Any) -> Reply | None:
    from ministack.core.iam_evaluator import CredentialResolutionError

    return (
        _refused(request, credential) if isinstance(credential, CredentialResolutionError) else None
    )
