"""Signers and applications behind requests, as far as a log names them.

Sources: S3 User Guide, *Writing Lambda functions for S3 Object Lambda* (a function fetches the object by a
presigned URL of its access point); published CloudTrail records of the S3 console (query authentication, a lifetime of
300 seconds, the agent of a browser or ``S3Console``).
"""

from __future__ import annotations

CONSOLE = "S3 console"
OBJECT_LAMBDA = "S3 Object Lambda or an access point"
BROWSER = "a browser"
NO_AGENT = "no user agent"

APPLICATION = (
    "CASE WHEN access_point_arn IS NOT NULL OR coalesce(host_header, '') LIKE '%.s3-object-lambda.%' "
    f"THEN '{OBJECT_LAMBDA}' "
    "WHEN coalesce(user_agent, '') ILIKE '%S3Console%' OR coalesce(expires_s = 300 AND user_agent LIKE '%Mozilla/%', "
    f"false) THEN '{CONSOLE}' "
    f"WHEN coalesce(user_agent, '') LIKE '%Mozilla/%' THEN '{BROWSER}' "
    f"ELSE coalesce(nullif(regexp_extract(user_agent, '([A-Za-z][A-Za-z0-9._-]*)', 1), ''), '{NO_AGENT}') END"
)
"""Expression: the application of a row. A lifetime of 300 seconds in a browser is taken for the S3 console."""


SIGNER = (
    "coalesce(nullif(regexp_extract(coalesce(requester, ''), "
    "'^arn:[^:]*:(?:iam|sts)::([0-9]*:(?:assumed-role/[^/]+|user/.+|federated-user/.+|root))', 1), ''), "
    "requester, 'credential ' || access_key, '')"
)
"""Expression: the signer of a row, one text for all sessions of a role."""


def signer_label(text: str) -> str:
    """Return a signer in words for a person."""
    account, _, name = text.partition(":")
    if not account.isdigit():
        return text or "unknown signer"
    return name.replace("assumed-role/", "role ", 1).replace("user/", "user ", 1)
