"""Answers of S3 to a request that no policy decides about: wrong headers, cut URLs, customer keys, closed accounts."""

from __future__ import annotations

import re
from collections.abc import Callable

from .s3_errors import Cause, ProbeContext


def two_signatures(known: ProbeContext) -> Cause | None:
    """S3 allows one of header, query and form."""
    if not known.probe.error_message.startswith("Only one auth mechanism allowed"):
        return None
    return Cause(
        "two-signatures",
        "The request carries a second signature beside that of the URL.",
        "A program or a proxy on the way added an Authorization header. S3 accepts one signature per request.",
        "Send the URL without an Authorization header: turn off AWS signing or the login of that client.",
    )


def unsigned_headers(known: ProbeContext) -> Cause | None:
    """Headers such as ``x-amz-acl`` have to be signed with the URL."""
    if not known.probe.error_message.startswith("There were headers present in the request which were not signed"):
        return None
    names = known.probe.details.get("HeadersNotSigned", "")[:200]
    return Cause(
        "unsigned-headers",
        "The request has headers that the signature of the URL does not cover" + (f": {names}." if names else "."),
        "A client that adds x-amz-… headers on its own, or a proxy, is the usual cause.",
        "Send the URL without these headers, or mint it with them signed.",
    )


_CUT = re.compile(
    r"Query-string authentication (version 4 )?requires|Invalid date \(should be seconds since epoch\)"
    r"|Anonymous access is forbidden"
)


def cut_url(known: ProbeContext) -> Cause | None:
    """A part of the query is missing."""
    if not _CUT.match(known.probe.error_message):
        return None
    return Cause(
        "cut-url",
        "The URL is not whole: parameters of its signature are missing or damaged.",
        "A shell without quotes cuts a URL at its first &; mail and chat programs cut long lines.",
        "Copy the whole URL, and put it in quotes in a shell.",
    )


def kms_needs_version_4(known: ProbeContext) -> Cause | None:
    """S3 serves objects under KMS keys to SigV4 only."""
    if not re.match(r"Requests specifying Server Side Encryption with AWS KMS", known.probe.error_message):
        return None
    return Cause(
        "signature-version",
        "The URL uses signature version 2, and the object is encrypted with a KMS key.",
        "S3 serves such objects to requests with signature version 4 only. boto3 and AWS CLI 1 write version 2 by "
        "default in some regions.",
        'Use Config(signature_version="s3v4") in boto3, or aws configure set default.s3.signature_version s3v4.',
    )


_CUSTOMER_KEY = re.compile(
    r"The object was stored using a form of Server Side Encryption"
    r"|Requests specifying Server Side Encryption with Customer provided keys"
)


def customer_key(known: ProbeContext) -> Cause | None:
    """The object is encrypted with SSE-C."""
    if not _CUSTOMER_KEY.match(known.probe.error_message):
        return None
    return Cause(
        "customer-key",
        "The object is encrypted with a key that only its owner has (SSE-C).",
        "Every request must send that key in headers. A browser that shows an image cannot do that, and S3 refuses "
        "before any lock decides.",
        "Store the images with SSE-S3 or SSE-KMS: aws s3 cp --sse AES256 onto the same key.",
    )


def closed_account(known: ProbeContext) -> Cause | None:
    """AWS itself has turned access off."""
    code = known.probe.error_code
    if code == "AllAccessDisabled":
        return Cause(
            "disabled",
            "AWS has disabled all access to this bucket or object.",
            "A misspelled bucket name can lead to such a bucket of somebody else.",
            "Check the name of the bucket. If it is right, ask AWS Support.",
        )
    if code in {"AccountProblem", "NotSignedUp"}:
        why = "This concerns the account and its payment, not a policy."
        return Cause("account", "The account cannot use S3 at present.", why, "Ask the owner of the account.")
    return None


def unreadable(known: ProbeContext) -> Cause | None:
    """S3 cannot parse the request, or the object has no such bytes."""
    if known.probe.error_code in {"InvalidURI", "BadRequest"}:
        return Cause(
            "unreadable",
            "S3 could not read the request.",
            "The URL has characters that are not encoded, or was changed on its way.",
            "Use the URL exactly as it was minted.",
        )
    if known.probe.error_code == "InvalidRange":
        why = "The policies let the request through."
        return Cause("range", "The object has fewer bytes than the request asks for.", why, "Fetch it without a range.")
    return None


RULES: tuple[Callable[[ProbeContext], Cause | None], ...] = (
    two_signatures,
    unsigned_headers,
    cut_url,
    kms_needs_version_4,
    customer_key,
    closed_account,
    unreadable,
)
