"""The 27 fields of a server access log record, in their order, and the columns derived from them.

Conditions on a row name the outcome of a request for every kind of log. CloudTrail has no status:
there a request without an error code was opened, and the error code names a refusal.

Source: Amazon S3 User Guide, *Amazon S3 server access log format*
(docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...base.errors import InvalidInput
from ...base.text import Texts, did_you_mean

REFUSAL_CODES = (
    "AccessDenied",
    "AccessDeniedException",
    "VpceAccessDenied",
    "AllAccessDisabled",
    "AccountProblem",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
    "Client.UnauthorizedOperation",
)
"""Error codes of a refusal: those of S3 with status 401 or 403,
and those of CloudTrail for policies of endpoints.
"""

_CODES = ", ".join(f"'{code}'" for code in REFUSAL_CODES)
REFUSED = f"coalesce(http_status IN (401, 403), error_code IN ({_CODES}), false)"
OPENED = (
    "coalesce(http_status BETWEEN 200 AND 399, source_kind = 'cloudtrail' AND error_code IS NULL,"
    " false)"
)
_OPERATIONS = {
    "GET": "REST.GET.OBJECT WEBSITE.GET.OBJECT GetObject",
    "HEAD": "REST.HEAD.OBJECT WEBSITE.HEAD.OBJECT HeadObject",
    "LIST": "REST.GET.BUCKET REST.GET.BUCKETVERSIONS ListObjects ListObjectsV2 ListObjectVersions",
    "PUT": "REST.PUT.OBJECT REST.COPY.OBJECT PutObject CopyObject",
    "part": "REST.PUT.PART REST.COPY.PART UploadPart UploadPartCopy",
    "DELETE": (
        "REST.DELETE.OBJECT REST.POST.MULTI_OBJECT_DELETE BATCH.DELETE.OBJECT DeleteObject"
        " DeleteObjects"
    ),
}
METHOD = "CASE WHEN auth_type = 'HtmlForm' THEN 'form' {} ELSE '' END".format(
    " ".join(
        "WHEN operation IN ({}) THEN '{}'".format(
            ", ".join(f"'{each}'" for each in names.split()), method
        )
        for method, names in _OPERATIONS.items()
    )
)
"""The method of a row: ``GET``, ``HEAD``, ``LIST``, ``PUT``, ``part``, ``DELETE`` or ``form``;
empty for others.
"""
UPLOAD = f"{METHOD} IN ('PUT', 'part', 'form')"
INTERNAL = (
    "(coalesce(operation LIKE 'S3.%', false) OR coalesce(requester = 'AmazonS3', false) "
    "OR coalesce(remote_ip IS NULL AND requester LIKE '%/s3-replication', false))"
)
"""Work of S3 itself: lifecycle, replication and the like. Nobody asked for it from outside."""
INTERNAL_KIND = (
    "CASE WHEN coalesce(requester LIKE '%/s3-replication', false) THEN 'S3 replication' WHEN"
    " coalesce(regexp_matches(operation,"
    " '^S3[.](EXPIRE|TRANSITION|CREATE[.]DELETEMARKER|DELETE[.]UPLOAD)'), false) THEN 'S3"
    " lifecycle' ELSE 'S3 internal' END"
)
"""Name of the work of S3 itself, for rows that fulfil ``INTERNAL``."""


FIELDS: dict[str, str] = {
    "bucket_owner": "VARCHAR",
    "bucket": "VARCHAR",
    "time": "TIMESTAMP",
    "remote_ip": "VARCHAR",
    "requester": "VARCHAR",
    "request_id": "VARCHAR",
    "operation": "VARCHAR",
    "key": "VARCHAR",
    "request_uri": "VARCHAR",
    "http_status": "INTEGER",
    "error_code": "VARCHAR",
    "bytes_sent": "BIGINT",
    "object_size": "BIGINT",
    "total_time": "BIGINT",
    "turn_around_time": "BIGINT",
    "referer": "VARCHAR",
    "user_agent": "VARCHAR",
    "version_id": "VARCHAR",
    "host_id": "VARCHAR",
    "signature_version": "VARCHAR",
    "cipher_suite": "VARCHAR",
    "auth_type": "VARCHAR",
    "host_header": "VARCHAR",
    "tls_version": "VARCHAR",
    "access_point_arn": "VARCHAR",
    "acl_required": "VARCHAR",
    "source_region": "VARCHAR",
}
"""Field name and its SQL type; ``time`` is UTC without a zone, times are milliseconds, sizes bytes,
absent is NULL.
"""

EXTRA: dict[str, str] = {
    "endpoint": "VARCHAR",
    "error_message": "VARCHAR",
    "refused_by": "VARCHAR",
    "policy_arn": "VARCHAR",
    "source_kind": "VARCHAR",
}
"""Columns beyond the access log: VPC endpoint, text of an error, the policy that it names,
and the kind of log.
"""

DERIVED: dict[str, str] = {
    "hour": "VARCHAR",
    "day": "VARCHAR",
    "presigned": "BOOLEAN",
    "refused": "BOOLEAN",
    "test": "BOOLEAN",
    "network": "VARCHAR",
    "fingerprint": "VARCHAR",
    "signed_at": "TIMESTAMP",
    "age_s": "BIGINT",
    "expires_s": "BIGINT",
    "application": "VARCHAR",
    "viewer": "VARCHAR",
}
"""Columns computed from the fields: see :mod:`gt_secure.logs.sql.derived_columns`."""

GROUPED: dict[str, tuple[str, str]] = {
    "hour": ("date_trunc('hour', time)", "strftime({}, '%Y-%m-%dT%H')"),
    "day": ("date_trunc('day', time)", "strftime({}, '%Y-%m-%d')"),
    "network": ("remote_ip", "addresses.network"),
}
"""Derived columns that are grouped by something cheaper first: what is grouped,
and how DuckDB shows it.
"""

STORED: dict[str, str] = {
    **FIELDS,
    **EXTRA,
    "access_key": "VARCHAR",
    "presigned": "BOOLEAN",
    "test_marker": "VARCHAR",
    "fingerprint": "VARCHAR",
    "signed_at": "TIMESTAMP",
    "expires_s": "BIGINT",
}
"""Columns of a parsed row as stored: secrets in ``request_uri`` are already hashed."""

COLUMNS: Texts = tuple(dict.fromkeys((*FIELDS, *EXTRA, *DERIVED)))
"""Every name that rows can be grouped by."""


def unknown_column(name: str, known: Sequence[str], field: str) -> InvalidInput:
    """Return the error for an unknown name, with the nearest column or all of them."""
    longer = [f"Did you mean {other}?" for other in known if name in other.split("_")]
    return InvalidInput(
        f'"{name[:40]}" is not a column of the hits.',
        next_step=did_you_mean(name, known, "".join(longer[:1])),
        field=field,
        value=name,
    )


TEST_MARKER = "x-gt-secure-test"
"""Query parameter that our own test URLs carry, added before signing."""


SIGNER = (
    "coalesce(nullif(regexp_extract(coalesce(requester, ''),"
    " '^arn:[^:]*:(?:iam|sts)::([0-9]*:(?:assumed-role/[^/]+|user/.+|federated-user/.+|root))', 1),"
    " ''), requester, 'credential ' || access_key, '')"
)
"""Expression: the signer of a row, one text for all sessions of a role."""


def signer_label(text: str) -> str:
    """Return a signer in words for a person."""
    account, _, name = text.partition(":")
    if not account.isdigit():
        return text or "unknown signer"
    kind, _, own = name.partition("/")
    return f"{kind.removeprefix('assumed-')} {own}".rstrip()
