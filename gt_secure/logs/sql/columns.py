"""The 27 fields of a server access log record, in their order, and the columns derived from them.

Source: Amazon S3 User Guide, *Amazon S3 server access log format*
(docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html).
"""

from __future__ import annotations

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
"""Field name and its SQL type; ``time`` is UTC without a zone, times are milliseconds, sizes bytes, absent is NULL."""

EXTRA: dict[str, str] = {
    "endpoint": "VARCHAR",
    "error_message": "VARCHAR",
    "refused_by": "VARCHAR",
    "policy_arn": "VARCHAR",
    "source_kind": "VARCHAR",
}
"""Columns beyond the access log: VPC endpoint, text of an error, the policy that it names, and the kind of log."""

DERIVED: dict[str, str] = {
    "hour": "VARCHAR",
    "day": "VARCHAR",
    "presigned": "BOOLEAN",
    "refused": "BOOLEAN",
    "test": "BOOLEAN",
    "network": "VARCHAR",
    "fingerprint": "VARCHAR",
    "minted": "TIMESTAMP",
    "age_s": "BIGINT",
    "expires_s": "BIGINT",
}
"""Columns computed from the fields: see :mod:`gt_secure.logs.sql.derived_columns`."""

STORED: dict[str, str] = {
    **FIELDS,
    **EXTRA,
    "access_key": "VARCHAR",
    "presigned": "BOOLEAN",
    "test_marker": "VARCHAR",
    "fingerprint": "VARCHAR",
    "minted": "TIMESTAMP",
    "expires_s": "BIGINT",
}
"""Columns of a parsed row as stored: secrets in ``request_uri`` are already hashed."""

COLUMNS: tuple[str, ...] = tuple(dict.fromkeys((*FIELDS, *EXTRA, *DERIVED)))
"""Every name that rows can be grouped by."""

TEST_MARKER = "x-gt-secure-test"
"""Query parameter that our own test URLs carry, added before signing."""
