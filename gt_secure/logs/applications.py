"""Applications behind presigned requests, as far as a log tells: S3 console, Object Lambda, browsers, other programs.

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
