"""The ways in which a request names its caller: a header, the query, or a form. S3 allows one of
them at a time.

The guard of a bucket rests on this rule: a presigned URL that could be replayed as a header-signed
request would not be presigned any more (Amazon S3 API Reference, *Error responses*,
``InvalidArgument``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SIGV4, SIGV2 = "AWS4-HMAC-SHA256", "AWS"
HEADER, QUERY, FORM = "REST-HEADER", "REST-QUERY-STRING", "POST"
"""Values of ``s3:authType``."""

AUTHENTICATION = {HEADER: "AuthHeader", QUERY: "QueryString", FORM: "HtmlForm"}
VERSION = {SIGV4: "SigV4", SIGV2: "SigV2"}
"""Their names in access logs and data events, and those of the versions."""

_V4 = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})
_V2 = frozenset({"awsaccesskeyid", "signature"})


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way in which a request names its caller: ``s3:authType``,
    ``s3:signatureversion`` and the access key id.
    """

    kind: str
    version: str
    access_key: str


def mechanisms(
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    form: Mapping[str, str] | None = None,
) -> tuple[Mechanism, ...]:
    """List every trace of authentication, complete or not, valid or not."""
    given = {name.lower(): values[0] if values else "" for name, values in query.items()}
    found = [_header(headers.get("authorization", "")), _named(QUERY, given)]
    if form is not None:
        found.append(_named(FORM, form))
    return tuple(item for item in found if item is not None)


def _header(authorization: str) -> Mechanism | None:
    if not authorization:
        return None
    if authorization.startswith("AWS "):
        return Mechanism(HEADER, SIGV2, authorization[4:].split(":", 1)[0].strip())
    credential = authorization.partition("Credential=")[2].split(",")[0]
    return Mechanism(HEADER, SIGV4, credential.split("/")[0].strip())


def _named(kind: str, given: Mapping[str, str]) -> Mechanism | None:
    if _V4 & given.keys():
        return Mechanism(kind, SIGV4, given.get("x-amz-credential", "").split("/")[0])
    if _V2 & given.keys():
        return Mechanism(kind, SIGV2, given.get("awsaccesskeyid", ""))
    return None


def form_fields(method: str, headers: Mapping[str, str], body: bytes) -> dict[str, str] | None:
    """Return the fields of a form upload without its file, as the emulator reads them;
    None for other requests.
    """
    content_type = headers.get("content-type", "")
    if method != "POST" or not content_type.startswith("multipart/form-data"):
        return None
    from ministack.services import s3

    parts = s3._parse_multipart_form(content_type, body)
    fields = {
        name.lower(): value.decode("utf-8", "replace")
        for name, _, _, value in parts
        if name != "file"
    }
    filename = next((given or "" for name, given, _, _ in parts if name == "file"), "")
    return {
        **fields,
        **({"key": fields["key"].replace("${filename}", filename)} if "key" in fields else {}),
    }
