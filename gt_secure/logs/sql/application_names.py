"""The application of a request, as far as a log names it; one expression for DuckDB, Athena and
Spark.

A product is named only by a shape that nobody else has. A lifetime alone is no such shape: many
programs choose 300 seconds. A link preview is one before it is a request of a product. Sources: S3
User Guide, *Writing Lambda functions for S3 Object Lambda* (a function fetches the object by a
presigned URL of its access point); published CloudTrail records of the S3 console (a person's
session, query authentication, a lifetime of 300 seconds, a content disposition, the agent of a
browser or ``S3Console``); the sources that ``applications.json`` names, where runs and models of
MLflow are random UUIDs; LFS objects of GitLab (app/uploaders/lfs_object_uploader.rb) and Gitea
(modules/lfs/pointer.go); presigned URLs of AWS SDK for JavaScript 3 (``x-id`` with
``X-Amz-Content-Sha256``: other SDKs of AWS write ``x-id`` alone). Inferred: Redshift Spectrum reads
in the session RedshiftIamRoleSession, and the source half of a copy across Regions is a copy with
query authentication.
"""

from __future__ import annotations

import re

from .dialects import DUCKDB, Dialect

CONSOLE = "S3 console"
OBJECT_LAMBDA = "S3 Object Lambda or an access point"
BROWSER = "a browser"
NO_AGENT = "no user agent"
PREVIEW = "a link preview"
MLFLOW, DAGSTER, GIT_LFS, JAVASCRIPT = "MLflow", "Dagster", "Git LFS", "AWS SDK for JavaScript"
SPECTRUM, COPY = "Redshift Spectrum", "CopyObject across Regions"

PREFETCHERS = (
    "facebookexternalhit",
    "Slackbot",
    "Slack-ImgProxy",
    "Discordbot",
    "Twitterbot",
    "LinkedInBot",
    "WhatsApp",
    "TelegramBot",
    "SkypeUriPreview",
    "GoogleImageProxy",
    "BingPreview",
    "Outlook-SafeLink",
    "SafeLinks",
    "Mimecast",
    "Proofpoint",
    "Barracuda",
    "Google-Safety",
    "Applebot",
    "Iframely",
    "Embedly",
)
"""Names in the user agent of programs that look at a link somebody was sent (that is news too, of
another kind), in any case.
"""
PREFETCHES = "|".join(map(re.escape, PREFETCHERS)).lower()
"""Regular expression of these names in a lower-case user agent."""

_HEX = "[0-9a-f]"
_RANDOM = f"{_HEX}{{12}}4{_HEX}{{3}}[89ab]{_HEX}{{15}}"
"""A random UUID without hyphens: of 64 digests in hexadecimal one looks so."""
_RUN = f"(^|/)[0-9]{{1,20}}/(models/m-{_RANDOM}|traces/(tr-)?{_HEX}{{32}}|{_RANDOM})/artifacts/"
_MLFLOW_AGENT = "Mozilla/|^python-requests/"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_LOGS = f"(^|/)storage/{_UUID}/compute_logs/[^/]+[.](out|err)$"
_OBJECT = f"(^|/)({_HEX}{{64}}|{_HEX}{{2}}/{_HEX}{{2}}/{_HEX}{{60}})$"
_PERSON = ":assumed-role/AWSReservedSSO_|:root$"
_MAIL = ":assumed-role/[^/]+/[^/]*@"
"""A session that is named by mail: a person by SAML, or a program that signs for a person."""
_USER = ":user/"
"""A user is a person at the console only with a session:
programs sign with the long-term keys of users.
"""


def application(d: Dialect = DUCKDB) -> str:
    """Expression: the application of a row that has the masked texts,
    ``presigned`` and ``expires_s``.
    """

    def has(text: str, pattern: str) -> str:
        return f"coalesce({d.extract.format(text, pattern, 0)}, '') <> ''"

    agent, asked, signer = (
        "coalesce(user_agent, '')",
        "coalesce(request_uri, '')",
        "coalesce(requester, '')",
    )
    is_get = "operation IN ('REST.GET.OBJECT', 'GetObject')"
    is_trail = "source_kind = 'cloudtrail'"
    disposition = f"{asked} LIKE '%response-content-disposition=%'"
    by_person = (
        f"({has(signer, _PERSON)} OR {has(signer, _USER)} AND {asked} LIKE"
        " '%X-Amz-Security-Token=%')"
    )
    in_console = f"{agent} LIKE '%S3Console%' AND ({by_person} OR {has(signer, _MAIL)})"
    lives = f"CASE WHEN {is_get} THEN 300 WHEN {asked} LIKE '%uploadId=%' THEN 3600 ELSE 900 END"
    in_page = f"expires_s = 300 AND {agent} LIKE '%Mozilla/%' AND ({disposition} OR {is_trail})"
    by_javascript = (
        f"{has(asked, '[?&]x-id=[A-Za-z]')} AND {asked} LIKE"
        " '%X-Amz-Content-Sha256=UNSIGNED-PAYLOAD%'"
    )
    presigned = {
        SPECTRUM: f"{has(signer, ':assumed-role/[^/]+/RedshiftIamRoleSession$')}",
        COPY: "operation LIKE 'REST.COPY.%_GET'",
        CONSOLE: f"{is_get} AND ({in_console} OR {by_person} AND {in_page})",
        MLFLOW: (
            f"{has('key', _RUN)} AND {has(agent, _MLFLOW_AGENT)} AND coalesce(expires_s = {lives},"
            f" true) AND (NOT {is_get} OR {disposition}) AND NOT {has(asked, '[?&]x-id=')}"
        ),
        DAGSTER: f"{is_get} AND {has('key', _LOGS)}",
        GIT_LFS: f"{agent} LIKE 'git-lfs/%' AND {has('key', _OBJECT)}",
        JAVASCRIPT: by_javascript,
    }
    shapes = " ".join(
        f"WHEN coalesce(presigned AND {condition}, false) THEN '{name}'"
        for name, condition in presigned.items()
    )
    word = d.extract.format(agent, "[A-Za-z][A-Za-z0-9._-]*", 0)
    return (
        "CASE WHEN access_point_arn IS NOT NULL OR coalesce(host_header, '') LIKE"
        f" '%.s3-object-lambda.%' THEN '{OBJECT_LAMBDA}' WHEN"
        f" {has(f'lower({agent})', PREFETCHES)} THEN '{PREVIEW}' {shapes} WHEN {agent}"
        f" LIKE '%Mozilla/%' THEN '{BROWSER}' ELSE coalesce(nullif({word}, ''), '{NO_AGENT}') END"
    )
