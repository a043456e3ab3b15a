"""Answers of S3 to a request that no policy decides about: wrong headers, cut URLs, customer keys, closed accounts."""

from __future__ import annotations

import re

from .s3_errors import Cause, ProbeContext, cause_of

_BY_MESSAGE = {
    "two-signatures": r"Only one auth mechanism allowed",
    "unsigned-headers": r"There were headers present in the request which were not signed",
    "cut-url": r"Query-string authentication (version 4 )?requires|Anonymous access is forbidden"
    r"|Invalid date \(should be seconds since epoch\)",
    "signature-version/kms": r"Requests specifying Server Side Encryption with AWS KMS",
    "customer-key": r"The object was stored using a form of Server Side Encryption"
    r"|Requests specifying Server Side Encryption with Customer provided keys",
}
"""The beginning of S3's message for each cause."""
_BY_CODE = {
    "AllAccessDisabled": "disabled",
    "AccountProblem": "account",
    "NotSignedUp": "account",
    "InvalidURI": "unreadable",
    "BadRequest": "unreadable",
    "InvalidRange": "range",
}
"""Causes by S3's code of the error."""


def request_fault(known: ProbeContext) -> Cause | None:
    """Return what is wrong with the request, or with the account that owns the bucket."""
    names = known.probe.details.get("HeadersNotSigned", "")[:200]
    for key, beginning in _BY_MESSAGE.items():
        if re.match(beginning, known.probe.error_message):
            return cause_of(key, names=f": {names}" if names else "")
    key = _BY_CODE.get(known.probe.error_code, "")
    return cause_of(key) if key else None
