"""Signature Version 2 for S3, in a header or in the query, with sub-resources and response headers.

The emulator's own check fails for both, so a request whose signature is proven here is signed again
for it, with Signature Version 4 and the same credentials. What policies see (``s3:authType``,
``s3:signatureversion``) stays that of the original (Amazon S3 User Guide, *Signing and
authenticating REST requests (AWS signature version 2)*).
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from ..settings import REGION
from . import auth
from .conditions import first
from .http import AsgiScope, HttpRequest
from .mechanisms import QUERY

_COPY_SOURCE = b"x-amz-copy-source"
_OWN = frozenset(
    {
        "awsaccesskeyid",
        "signature",
        "expires",
        "x-amz-security-token",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-amz-signature",
    }
)


def is_signed_by(request: HttpRequest, secret_key: str, token: str | None) -> bool:
    """Return whether a request has the version 2 signature of a secret key."""
    from botocore.auth import HmacV1Auth
    from botocore.awsrequest import HTTPHeaders
    from botocore.credentials import Credentials

    in_query = request.mechanism is not None and request.mechanism.kind == QUERY
    date = first(request.query, "Expires") if in_query else request.headers.get("date", "")
    given = (
        first(request.query, "Signature")
        if in_query
        else request.headers["authorization"].rpartition(":")[2].strip()
    )

    class Signer(HmacV1Auth):
        def _get_date(self) -> str:
            return date

    headers: Any = HTTPHeaders()
    for name, value in request.headers.items():
        headers[name] = value
    signer = Signer(Credentials(request.access_key, secret_key, token))
    # the bucket is always signed, and its path with or without a slash
    bucket = request.virtual_bucket
    path = f"/{bucket}{request.raw_path}" if bucket else request.raw_path
    resources = [path, f"{path}/"] if path.count("/") == 1 and path != "/" else [path]
    expected = [
        signer.get_signature(
            request.method, urlsplit(f"http://host{resource}?{request.raw_query}"), headers
        )
        for resource in resources
    ]
    return any(
        hmac.compare_digest(given.encode(), str(signature).encode()) for signature in expected
    )


def token_of(request: HttpRequest) -> str:
    """Return the session token of a request; empty without one."""
    if request.mechanism is not None and request.mechanism.kind == QUERY:
        return first(request.query, "X-Amz-Security-Token")
    return request.headers.get("x-amz-security-token", "")


def signed_again(scope: AsgiScope, request: HttpRequest) -> AsgiScope:
    """Return the request with a version 4 signature, which the emulator understands."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    credential: Any = auth.credential(request.access_key, token_of(request))
    parts = [
        part
        for part in request.raw_query.split("&")
        if unquote_plus(part.partition("=")[0]).lower() not in _OWN
    ]
    query = "&".join(part for part in parts if part)
    url = f"http://{request.headers['host']}{request.raw_path}"
    parameters: Any = parse_qsl(query, keep_blank_values=True)
    given = AWSRequest(request.method, url, params=parameters)
    given.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    signer = Credentials(request.access_key, credential.secret_access_key, credential.session_token)
    S3SigV4Auth(signer, "s3", REGION).add_auth(given)
    added = [(name.lower().encode(), str(value).encode()) for name, value in given.headers.items()]
    replaced = {name for name, _ in added} | {b"date"}
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in replaced]
    return {**scope, "query_string": query.encode("latin-1"), "headers": [*kept, *added]}


def with_blanks_in_source(scope: AsgiScope) -> AsgiScope | None:
    """Return the scope with blanks for ``+`` in the source of a copy, as S3 reads it;
    None without such a source.
    """
    headers = [
        (name, value.replace(b"+", b"%20") if name == _COPY_SOURCE else value)
        for name, value in scope["headers"]
    ]
    return None if headers == list(scope["headers"]) else {**scope, "headers": headers}
