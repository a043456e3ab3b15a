"""The application of a request: a product only for a form that nobody else has,
the same with every engine's text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gt_secure.logs import Hits, count_hits, read_hits
from support import corpus

RUN, UUID, SHA = (
    "0af31b2c4d5e4f708192a3b4c5d6e7f8",
    "0af31b2c-4d5e-6f70-8192-a3b4c5d6e7f8",
    "ab" * 32,
)
BROWSER, CONSOLE = "Mozilla/5.0 (X11; Linux x86_64)", "[S3Console/0.4, aws-internal/3]"
ROLE = "arn:aws:sts::111122223333:assumed-role"
PERSON = f"{ROLE}/AWSReservedSSO_Admin_0123456789abcdef/jane"
SERVER, USER = f"{ROLE}/mlflow-server/i-0123456789abcdef0", "arn:aws:iam::111122223333:user/jane"
TOKEN, PART = "&X-Amz-Security-Token=x", "&partNumber=1&uploadId=u"
FILE = "&response-content-disposition=attachment%3B%20filename%3D%22a%22"
REQUESTS = "python-requests/2.34"
JAVASCRIPT = "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-id="
FORM = {"auth_type": "HtmlForm", "operation": "REST.POST.OBJECT", "uri": "POST / HTTP/1.1"}
PUT, UPLOAD_PART = {"operation": "REST.PUT.OBJECT"}, {"operation": "REST.PUT.PART"}
SIGV2 = {
    "signature_version": "SigV2",
    "uri": "GET /{key}?AWSAccessKeyId=AKIA&Expires=1&Signature=a HTTP/1.1",
}

ROWS: list[tuple[str, dict[str, Any]]] = [
    (
        "MLflow",
        {
            "key": f"mlflow/1/{RUN}/artifacts/model.pkl",
            "more": FILE,
            "user_agent": BROWSER,
            "lifetime": 300,
        },
    ),
    (
        "MLflow",
        {"key": f"0/{RUN}/artifacts/a", "more": FILE, "user_agent": REQUESTS, "lifetime": 300},
    ),
    (
        "MLflow",
        {
            "key": f"m/1/models/m-{RUN}/artifacts/MLmodel",
            "more": FILE,
            "user_agent": REQUESTS,
            "lifetime": 300,
        },
    ),
    (
        "MLflow",
        {
            "key": f"m/1/{RUN}/artifacts/big",
            "more": PART,
            "user_agent": REQUESTS,
            "lifetime": 3600,
            **UPLOAD_PART,
        },
    ),
    ("MLflow", {"key": f"m/1/{RUN}/artifacts/big", "user_agent": REQUESTS, **PUT}),
    ("a browser", {"key": "artifacts/a", "more": FILE, "user_agent": BROWSER, "lifetime": 300}),
    (
        "a browser",
        {
            "key": f"jobs/{RUN}/artifacts/a.pdf",
            "more": FILE,
            "user_agent": BROWSER,
            "lifetime": 300,
        },
    ),
    (
        "curl",
        {
            "key": f"mlflow/1/{RUN}/artifacts/model.pkl",
            "user_agent": "curl/8.5",
            "auth_type": "AuthHeader",
        },
    ),
    (
        "Dagster",
        {"key": f"d/storage/{UUID}/compute_logs/abcdefgh.err", "user_agent": BROWSER, **SIGV2},
    ),
    ("a browser", {"key": f"d/storage/{UUID}/abcdefgh.err", "user_agent": BROWSER, **SIGV2}),
    (
        "Git LFS",
        {
            "key": f"lfs/org/repo/{SHA}",
            "user_agent": "git-lfs/3.4 (GitHub; linux amd64)",
            "more": FILE,
        },
    ),
    ("Git LFS", {"key": f"lfs/org/repo/{SHA}", "user_agent": "git-lfs/3.4 (GitHub)", **PUT}),
    ("a browser", {"key": f"blobs/{SHA}", "user_agent": BROWSER}),
    ("git-lfs", {"key": "lfs/other", "user_agent": "git-lfs/3.4 (GitHub)"}),
    (
        "AWS SDK for JavaScript",
        {"more": f"{JAVASCRIPT}UploadPart{PART}", "user_agent": BROWSER, **UPLOAD_PART},
    ),
    ("a browser", {"more": "&x-id=GetObject", "user_agent": BROWSER}),  # the SDKs for Go and Rust
    ("a browser", {"user_agent": BROWSER, **FORM}),
    (
        "S3 console",
        {"user_agent": BROWSER, "lifetime": 300, "requester": PERSON, "more": FILE + TOKEN},
    ),
    (
        "S3 console",
        {"user_agent": BROWSER, "lifetime": 300, "requester": USER, "more": FILE + TOKEN},
    ),
    ("S3 console", {"user_agent": CONSOLE, "requester": f"{ROLE}/Team/jane@example.com"}),
    ("a browser", {"user_agent": BROWSER, "lifetime": 300, "requester": USER, "more": FILE}),
    ("a browser", {"user_agent": BROWSER, "lifetime": 300, "requester": SERVER, "more": FILE}),
    (
        "a browser",
        {"user_agent": BROWSER, "lifetime": 300, "requester": PERSON, "more": TOKEN, **PUT},
    ),
    ("S3Console", {"user_agent": CONSOLE, "requester": SERVER}),
    ("a browser", {"user_agent": BROWSER, **SIGV2}),
    ("python-requests", {"user_agent": "python-requests/2.34"}),
    ("no user agent", {"user_agent": None}),
    ("Git LFS", {"key": f"lfs/ab/ab/{'ab' * 30}", "user_agent": "git-lfs/3.4 (GitHub)"}),  # Gitea
    # GitLab
    (
        "Git LFS",
        {"key": f"ab/ab/{'ab' * 30}", "user_agent": "git-lfs/3.4 (GitHub)", **PUT},
    ),
    (
        "Redshift Spectrum",
        {"requester": f"{ROLE}/cluster/RedshiftIamRoleSession", "user_agent": "aws-sdk-cpp/1.9"},
    ),
    (
        "CopyObject across Regions",
        {"operation": "REST.COPY.OBJECT_GET", "uri": "GET /k?X-Amz-Expires=300 HTTP/1.1"},
    ),
    (
        "S3 Object Lambda or an access point",
        {"access_point_arn": "arn:aws:s3:us-east-1:1:accesspoint/a"},
    ),
]

MD5, SLACK = (
    "0cc175b9c0f1b6a831c399e269772661",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
)
DISCORD = "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"
MAIL = f"{ROLE}/portal-download/jane@example.com"
GITLAB, CHROME = "GitLab/17.4", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130"
_RUN_OF_MLFLOW = {"key": f"mlflow/1/{RUN}/artifacts/model.pkl", "more": FILE, "lifetime": 300}
LOOK_ALIKES: list[tuple[str, dict[str, Any]]] = [
    # A store of builds, by the review.
    ("curl", {"key": f"builds/20261129/{MD5}/artifacts/app.zip", "user_agent": "curl/8.5", **PUT}),
    ("GitLab", {"key": f"12/{MD5}/artifacts/job.log", "more": FILE, "user_agent": GITLAB}),
    ("curl", {"key": f"2026/{MD5}/artifacts/x.zip", "user_agent": "curl/8.5", "more": FILE}),
    (
        "a browser",
        {"user_agent": BROWSER, "lifetime": 300, "requester": MAIL, "more": FILE + TOKEN},
    ),
    ("a link preview", {**_RUN_OF_MLFLOW, "user_agent": SLACK}),
    ("a link preview", {"key": "media/a.pdf", "more": FILE, "user_agent": SLACK}),
    # Others.
    (
        "a browser",
        {"key": f"2026/{MD5}/artifacts/x.zip", "user_agent": CHROME, "more": FILE, "lifetime": 300},
    ),
    (
        "a browser",
        {
            "key": f"12/{RUN}/artifacts/job.log",
            "user_agent": CHROME,
            "more": FILE,
            "lifetime": 3600,
        },
    ),
    (
        "python-requests",
        {
            "key": f"12/{RUN}/artifacts/job.log",
            "user_agent": REQUESTS,
            "more": FILE,
            "lifetime": 3600,
        },
    ),
    (
        "python-requests",
        {"key": f"12/{RUN}/artifacts/job.log", "user_agent": REQUESTS, "lifetime": 300},
    ),
    (
        "GitLab",
        {"key": f"12/{RUN}/artifacts/job.log", "more": FILE, "user_agent": GITLAB, "lifetime": 300},
    ),
    ("curl", {"key": f"12/{RUN}/artifacts/app.zip", "user_agent": "curl/8.5", **PUT}),
    (
        "Wget",
        {
            "key": f"12/{RUN}/artifacts/app.zip",
            "user_agent": "Wget/1.21",
            "more": FILE,
            "lifetime": 300,
        },
    ),
    (
        "python-requests",
        {
            "key": f"9/{MD5}/artifacts/big",
            "more": PART,
            "user_agent": REQUESTS,
            "lifetime": 3600,
            **UPLOAD_PART,
        },
    ),
    (
        "python-requests",
        {"key": f"12/{RUN}/artifacts/a", "user_agent": REQUESTS, "lifetime": 3600, **PUT},
    ),
    (
        "python-requests",
        {"key": f"12/{RUN}/artifacts/a", "user_agent": REQUESTS, "more": "&x-id=PutObject", **PUT},
    ),
    (
        "a link preview",
        {"user_agent": DISCORD, "lifetime": 300, "requester": PERSON, "more": FILE + TOKEN},
    ),
    (
        "a link preview",
        {"user_agent": "WhatsApp/2.23", "key": f"d/storage/{UUID}/compute_logs/a.err", **SIGV2},
    ),
    (
        "a browser",
        {
            "user_agent": CHROME,
            "lifetime": 300,
            "requester": f"{ROLE}/app/a.b@corp.example",
            "more": FILE,
        },
    ),
    (
        "a browser",
        {
            "user_agent": CHROME,
            "lifetime": 300,
            "requester": f"{ROLE}/sso-proxy/x",
            "more": FILE + TOKEN,
        },
    ),
    (
        "aws-sdk-cpp",
        {"requester": f"{ROLE}/cluster/RedshiftIamRoleSession2", "user_agent": "aws-sdk-cpp/1.9"},
    ),
    ("curl", {"key": f"ab/cd/{'ab' * 30}", "user_agent": "curl/8.5"}),
    ("a browser", {"key": f"cache/ab/cd/{'ab' * 30}", "user_agent": BROWSER}),
    ("git-lfs", {"key": f"ab/cd/{'ab' * 29}", "user_agent": "git-lfs/3.4 (GitHub)"}),
    ("a browser", {"key": f"storage/{UUID}/compute_logs/a/b.txt", "user_agent": BROWSER}),
]
"""Requests that share a part of the shape of a product, and their honest names."""
ROWS += LOOK_ALIKES


def line(number: int, fields: dict[str, Any]) -> str:
    fields = {"key": "docs/a.pdf", "requester": SERVER, **fields}
    query = f"X-Amz-Date=20261120T091400Z&X-Amz-Expires={fields.pop('lifetime', 900)}{fields.pop('more', '')}"
    method = fields.get("operation", "REST.GET.OBJECT").split(".")[1]
    uri = fields.pop("uri", "{method} /{key}?{query}&X-Amz-Signature=a HTTP/1.1")
    uri = uri.format(method=method, key=fields["key"], query=query)
    record = {
        **corpus.BASE,
        **corpus.PRESIGNED,
        "request_uri": uri,
        "request_id": f"ID{number:04}",
        **fields,
    }
    return corpus.write(record) + "\n"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names") / "log"
    path.write_text(
        "".join(line(number, dict(fields)) for number, (_, fields) in enumerate(ROWS)),
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def hits(log: Path) -> Hits:
    return read_hits(log)


def test_each_request_has_its_name(hits: Hits) -> None:
    found = {
        row["request_id"]: row["application"]
        for row in hits.rows(columns=["request_id", "application"])
    }
    wrong = {
        n: (found[f"ID{n:04}"], name)
        for n, (name, _) in enumerate(ROWS)
        if found[f"ID{n:04}"] != name
    }
    assert wrong == {}


def test_a_look_alike_has_no_name_of_a_product() -> None:
    products = {
        "Redshift Spectrum",
        "CopyObject across Regions",
        "MLflow",
        "Dagster",
        "Git LFS",
        "S3 console",
        "AWS SDK for JavaScript",
    }
    assert len(LOOK_ALIKES) == 25
    assert not products & {name for name, _ in LOOK_ALIKES}


def test_counting_without_rows_gives_the_same(hits: Hits, log: Path) -> None:
    assert count_hits(log, "application")[0].rows == hits.count("application").rows
    table, _ = count_hits(log, "http_status", filters={"application": ["MLflow", "Dagster"]})
    assert table.column("hits") == [6] == [len(hits.filter(application=["MLflow", "Dagster"]))]
