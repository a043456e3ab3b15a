"""Answers of S3 to a request that no policy decides about: wrong headers, cut URLs, customer keys, closed accounts."""

from __future__ import annotations

import re
from dataclasses import replace

from .s3_errors import Cause, ProbeContext

_CLOSED = Cause(
    "account",
    "The account cannot use S3 at present.",
    "This concerns the account and its payment, not a policy.",
    "Ask the owner of the account.",
)
_UNREADABLE = Cause(
    "unreadable",
    "S3 could not read the request.",
    "The URL has characters that are not encoded, or was changed on its way.",
    "Use the URL exactly as it was minted.",
)
_BY_MESSAGE: dict[str, Cause] = {
    r"Only one auth mechanism allowed": Cause(
        "two-signatures",
        "The request carries a second signature beside that of the URL.",
        "A program or a proxy on the way added an Authorization header. S3 accepts one signature per request.",
        "Send the URL without an Authorization header: turn off AWS signing or the login of that client.",
    ),
    r"There were headers present in the request which were not signed": Cause(
        "unsigned-headers",
        "The request has headers that the signature of the URL does not cover.",
        "A client that adds x-amz-… headers on its own, or a proxy, is the usual cause.",
        "Send the URL without these headers, or mint it with them signed.",
    ),
    r"Query-string authentication (version 4 )?requires|Invalid date \(should be seconds since epoch\)"
    r"|Anonymous access is forbidden": Cause(
        "cut-url",
        "The URL is not whole: parameters of its signature are missing or damaged.",
        "A shell without quotes cuts a URL at its first &; mail and chat programs cut long lines.",
        "Copy the whole URL, and put it in quotes in a shell.",
    ),
    r"Requests specifying Server Side Encryption with AWS KMS": Cause(
        "signature-version",
        "The URL uses signature version 2, and the object is encrypted with a KMS key.",
        "S3 serves such objects to requests with signature version 4 only. boto3 and AWS CLI 1 write version 2 by "
        "default in some regions.",
        'Use Config(signature_version="s3v4") in boto3, or aws configure set default.s3.signature_version s3v4.',
    ),
    r"The object was stored using a form of Server Side Encryption"
    r"|Requests specifying Server Side Encryption with Customer provided keys": Cause(
        "customer-key",
        "The object is encrypted with a key that only its owner has (SSE-C).",
        "Every request must send that key in headers. A browser that shows an image cannot do that, and S3 refuses "
        "before any lock decides.",
        "Store the images with SSE-S3 or SSE-KMS: aws s3 cp --sse AES256 onto the same key.",
    ),
}
"""Causes by the beginning of S3's message."""
_BY_CODE: dict[str, Cause] = {
    "AllAccessDisabled": Cause(
        "disabled",
        "AWS has disabled all access to this bucket or object.",
        "A misspelled bucket name can lead to such a bucket of somebody else.",
        "Check the name of the bucket. If it is right, ask AWS Support.",
    ),
    "AccountProblem": _CLOSED,
    "NotSignedUp": _CLOSED,
    "InvalidURI": _UNREADABLE,
    "BadRequest": _UNREADABLE,
    "InvalidRange": Cause(
        "range",
        "The object has fewer bytes than the request asks for.",
        "The policies let the request through.",
        "Fetch it without a range.",
    ),
}
"""Causes by S3's code of the error."""


def request_fault(known: ProbeContext) -> Cause | None:
    """Return what is wrong with the request, or with the account that owns the bucket."""
    message = known.probe.error_message
    for beginning, cause in _BY_MESSAGE.items():
        if re.match(beginning, message):
            names = known.probe.details.get("HeadersNotSigned", "")[:200]
            named = cause.code == "unsigned-headers" and names
            return replace(cause, headline=f"{cause.headline[:-1]}: {names}.") if named else cause
    return _BY_CODE.get(known.probe.error_code)
