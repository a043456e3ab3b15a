"""Conditions on a row that name the outcome of a request, for every kind of log.

CloudTrail has no status: there a request without an error code was opened, and the error code names a refusal.
"""

from __future__ import annotations

REFUSAL_CODES = (
    "AccessDenied", "AccessDeniedException", "VpceAccessDenied", "AllAccessDisabled", "AccountProblem",
    "InvalidAccessKeyId", "InvalidSecurity", "NotSignedUp", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
    "UnauthorizedAccess", "UnauthorizedOperation", "Client.UnauthorizedOperation",
)  # fmt: skip
"""Error codes of a refusal: those of S3 with status 401 or 403, and those of CloudTrail for policies of endpoints."""

_CODES = ", ".join(f"'{code}'" for code in REFUSAL_CODES)
REFUSED = f"coalesce(http_status IN (401, 403), error_code IN ({_CODES}), false)"
OPENED = "coalesce(http_status BETWEEN 200 AND 399, source_kind = 'cloudtrail' AND error_code IS NULL, false)"
INTERNAL = (
    "(coalesce(operation LIKE 'S3.%', false) OR coalesce(requester = 'AmazonS3', false) "
    "OR coalesce(remote_ip IS NULL AND requester LIKE '%/s3-replication', false))"
)
"""Work of S3 itself: lifecycle, replication and the like. Nobody asked for it from outside."""
INTERNAL_KIND = (
    "CASE WHEN coalesce(requester LIKE '%/s3-replication', false) THEN 'S3 replication' "
    "WHEN coalesce(regexp_matches(operation, '^S3[.](EXPIRE|TRANSITION|CREATE[.]DELETEMARKER|DELETE[.]UPLOAD)'), "
    "false) "
    "THEN 'S3 lifecycle' ELSE 'S3 internal' END"
)
"""Name of the work of S3 itself, for rows that fulfil ``INTERNAL``."""
