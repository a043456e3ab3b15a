"""Viewers over real HTTP: ways to get rid of a tag or to wear another one, as the log and
everything made of it shows.

Every request goes to the sandbox, which checks signatures and writes the log.
"""

from __future__ import annotations

import datetime as dt
import json
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config

from gt_secure.connection import Connection
from gt_secure.logs import Viewers, count_hits, read_hits
from support import corpus

OBJECT = "s3://gt-images/scans/0001.png"
ANNA, BOB = "203.0.113.7", "198.51.100.9"


def fetch(
    url: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes | None = None
) -> int:
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def tagged(client: Any, operation: str, tag: str, key: str = "scans/0002.png") -> str:
    """Presign as the guide shows it for plain boto3."""

    def add(request: Any, **_: Any) -> None:
        request.params = {**(request.params or {}), "x-viewer": tag}

    name = f"before-sign.s3.{client.meta.method_to_api_mapping[operation]}"
    client.meta.events.register(name, add, unique_id="viewer")
    try:
        return str(
            client.generate_presigned_url(operation, Params={"Bucket": "gt-images", "Key": key})
        )
    finally:
        client.meta.events.unregister(name, add, unique_id="viewer")


def client(gt: Connection, own: Any, version: str) -> Any:
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    return own.client("s3", endpoint_url=gt.aws.endpoint_url, config=config)


WAYS: dict[str, str | None] = {
    "the URL itself": "anna",
    "another spelling of name and value": "anna",
    "a blank as plus": "anna b",
    "a doubled ampersand": "anna",
    "HEAD with the URL of a GET": "anna (claimed)",
    "without the tag": None,
    "another name": "bob (claimed)",
    "the tag twice, own first": "anna (claimed)",
    "the tag twice, own last": "bob (claimed)",
    "upper case": "anna (claimed)",
    "moved to another object": "anna (claimed)",
    "unsigned": "anna (claimed)",
    "version 2 with an added tag": "bob (claimed)",
    "version 2 by the code of the guide": None,
    "a header signature with a tag": "anna (claimed)",
    "an expired URL": "anna (claimed)",
    "a made-up key": "anna (claimed)",
    "no tag at all": None,
    "an upload": "anna",
}


def send(gt: Connection, session: Any, way: str) -> str:
    """Send one request of a way, and return the marker in its user agent."""
    import time

    marker = f"way-{[*WAYS].index(way)}"
    own = {"User-Agent": marker}
    url = gt.sign(OBJECT, viewer="anna b" if "blank" in way else "anna", expires_in=600).reveal()
    v4, v2 = client(gt, session, "s3v4"), client(gt, session, "s3")
    tag = "x-viewer=anna"
    changed = {
        "another spelling of name and value": (tag, "x%2Dviewer=%61nn%61"),
        "a blank as plus": ("x-viewer=anna%20b", "x-viewer=anna+b"),
        "a doubled ampersand": (f"&{tag}", f"&&{tag}"),
        "without the tag": (f"&{tag}", ""),
        "another name": (tag, "x-viewer=bob"),
        "the tag twice, own first": (tag, f"{tag}&x-viewer=bob"),
        "the tag twice, own last": (tag, f"x-viewer=bob&{tag}"),
        "upper case": (tag, "X-Viewer=anna"),
        "moved to another object": ("0001.png", "0002.png"),
    }
    if way in changed:
        fetch(url.replace(*changed[way]), own)
    elif way.startswith("HEAD"):
        fetch(url, own, "HEAD")
    elif way == "unsigned":
        fetch(f"{url.partition('?')[0]}?{tag}", own)
    elif way == "version 2 with an added tag":
        assert (
            fetch(f"{v2.generate_presigned_url('get_object', Params=PARAMS)}&x-viewer=bob", own)
            == 200
        )
    elif way == "version 2 by the code of the guide":  # boto3 leaves the tag out
        assert fetch(tagged(v2, "get_object", "anna"), own) == 200
    elif way == "a header signature with a tag":
        signed(session, f"{url.partition('?')[0]}?{tag}", own)
    elif way == "an expired URL":
        short = gt.sign(OBJECT, viewer="anna", expires_in=1).reveal()
        time.sleep(2.1)
        assert fetch(short, own) == 403
    elif way == "a made-up key":
        fetch(url.replace("X-Amz-Credential=", "X-Amz-Credential=AKIAMALLORY0000"), own)
    elif way == "no tag at all":
        assert fetch(v4.generate_presigned_url("get_object", Params=PARAMS), own) == 200
    elif way == "an upload":
        made = gt.sign("gt-images", "in/a.txt", viewer="anna", method="PUT")
        assert fetch(made.reveal(), own, "PUT", b"x") == 200
    else:
        assert fetch(url, own) == 200
    return marker


PARAMS = {"Bucket": "gt-images", "Key": "scans/0002.png"}


def signed(session: Any, url: str, headers: dict[str, str]) -> None:
    """Send a request that is signed in its header."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("GET", url, headers=headers)
    S3SigV4Auth(session.get_credentials(), "s3", "us-east-1").add_auth(request)
    assert fetch(url, dict(request.headers.items())) == 200


@pytest.fixture(scope="module")
def session(sandbox: Any) -> Any:
    env = sandbox.environment()
    return boto3.session.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )


@pytest.fixture(scope="module")
def gt(sandbox: Any, session: Any) -> Connection:
    from gt_secure.connection import connect

    return connect(boto3_session=session, endpoint_url=sandbox.endpoint_url, cache=False)


@pytest.fixture(scope="module")
def rows(gt: Connection, session: Any) -> dict[str, Any]:
    markers = {send(gt, session, way): way for way in WAYS}

    def all_there(hits: Any) -> bool:
        agents = {row[0] for row in hits.count("user_agent").rows}
        return set(markers) <= agents

    with gt.hits("gt-images", wait_for=all_there, wait_s=30) as hits:
        found = hits.rows(
            columns=["user_agent", "viewer", "http_status", "requester"], limit=None
        ).rows
        return {markers[row[0]]: row for row in found if row[0] in markers}


@pytest.mark.parametrize("way", WAYS)
def test_a_tag_cannot_be_lost_or_borrowed(way: str, rows: dict[str, Any]) -> None:
    assert rows[way][1] == WAYS[way], rows[way]


def test_only_signed_tags_opened_something_with_version_4(rows: dict[str, Any]) -> None:
    opened = {way for way, row in rows.items() if row[2] == 200}
    assert {way for way, tag in WAYS.items() if tag in ("anna", "anna b")} <= opened
    spoofed = {way for way in opened if str(WAYS[way]).endswith("(claimed)")}
    assert spoofed == {"version 2 with an added tag", "a header signature with a tag"}


def test_another_principals_signature_is_claimed(gt: Connection, rows: dict[str, Any]) -> None:
    own = rows["the URL itself"][3]
    for signers, viewer in (
        ((own,), "anna"),
        (("arn:aws:iam::111122223333:role/Other",), "anna (claimed)"),
    ):
        ours = replace(gt, viewers=Viewers(signers=signers))
        table, _ = ours.count_hits("gt-images", "viewer", filters={"presigned": True})
        names = [row[0] for row in table.rows]
        assert viewer in names
        assert ("anna" in names) == (viewer == "anna")


# What is made of the column


def line(viewer: str | None, ip: str, minute: int, **more: Any) -> str:
    tag = "" if viewer is None else f"&x-viewer={quote(viewer)}"
    uri = corpus.PRESIGNED["request_uri"].replace(
        "&X-Amz-SignedHeaders", f"{tag}&X-Amz-SignedHeaders"
    )
    time = dt.datetime(2026, 11, 20, 9, 14) + dt.timedelta(minutes=minute)
    return corpus.write(
        {**corpus.BASE, **corpus.PRESIGNED, "request_uri": uri, "remote_ip": ip, "time": time}
        | more
    )


LINES = [line("anna", ANNA, 0), line("anna", BOB, 4), line("bob", BOB, 1), line(None, ANNA, 2)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text("".join(each + "\n" for each in LINES), encoding="utf-8")
    return path


def test_a_leak_names_its_viewer(log: Path) -> None:
    with read_hits(log) as hits:
        [leak] = hits.leaks()
        [viewer, *_] = hits.leaks().to_table().column("viewer")
        assert (leak.viewer, leak.to_dict()["viewer"], viewer) == ("anna",) * 3
        assert leak.sentence == ("anna's URL for scans/0007.png, signed 20 Nov 09:14 UTC, first used from 203.0.113.7, "
                                 "then from 198.51.100.9 (once), within 4 min.")  # fmt: skip
        assert hits.filter(viewer="anna").count().rows == [(2,)]
    with read_hits(log, viewers=Viewers(signers=["arn:aws:iam::111122223333:role/Other"])) as hits:
        assert hits.leaks()[0].sentence.startswith(
            "anna (claimed)'s URL for scans/0007.png, signed 20 Nov"
        )


def test_rows_without_a_tag_are_counted(log: Path) -> None:
    assert dict(count_hits(log, "viewer")[0].rows) == {"anna": 2, "bob": 1, None: 1}


def test_a_trail_has_viewers(tmp_path: Path) -> None:
    asked = {"bucketName": "b", "key": "k", "X-Amz-Date": "20261120T090000Z", "X-Amz-Expires": "600",
             "x-viewer": "anna b", "x-amz-acl": "private"}  # fmt: skip
    event = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventTime": "2026-11-20T09:00:05Z",
             "sourceIPAddress": ANNA, "requestParameters": asked, "eventVersion": "1.11", "requestID": "A",
             "userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/App/x"},
             "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "QueryString"}}  # fmt: skip
    path = tmp_path / "trail.json"
    path.write_text(json.dumps({"Records": [event]}), encoding="utf-8")
    with read_hits(path) as hits:
        assert hits.rows(columns=["viewer"]).rows == [("anna b",)]
        assert "x-amz-acl" not in str(hits.rows(columns=["request_uri"]).rows)


@pytest.mark.parametrize(
    "parameter", ["viewer", "X-Viewer", "x-amz-viewer", "x-id", "x-a'b", "x-", "x-gt-secure-test"]
)
def test_a_parameter_that_cannot_hold_a_viewer(parameter: str) -> None:
    from gt_secure.base.errors import InvalidInput

    with pytest.raises(InvalidInput, match="cannot hold the viewer"):
        Viewers(parameter)
