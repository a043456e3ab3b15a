"""A probe of each method: URLs of other methods are explained, and nothing is written on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.presign.probe import READS, WRITES, probe
from support.guards import merge_guard

from .conftest import ELSEWHERE, OFFICE, Box

BUCKET, KEY = "gt-images", "scans/0001.png"
GUARD = build_guard(BUCKET, networks=["203.0.113.0/24"])


@pytest.fixture
def guarded(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    box.use_environment(monkeypatch)
    s3 = box.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=merge_guard(None, GUARD))
    yield box
    s3.delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize("method", WRITES)
def test_nothing_is_written_on_aws(method: str) -> None:
    url = "https://b.s3.us-east-1.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20260101/us-east-1"
    url += "/s3/aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-Signature=a&X-Amz-SignedHeaders=host"
    with pytest.raises(InvalidInput, match="it writes nothing"):
        probe(url, method=method)


def presigned(box: Box, operation: str, version: str = "s3v4", **more: Any) -> str:
    s3 = box.session.client("s3", endpoint_url=box.url, config=Config(signature_version=version))
    params = {"Bucket": BUCKET, **({} if operation == "list_objects_v2" else {"Key": KEY}), **more}
    return str(s3.generate_presigned_url(operation, Params=params, ExpiresIn=60))


UPLOAD = {"UploadId": "x", "PartNumber": 1}
CASES = [
    ("head_object", "s3v4", {}, ""),
    ("head_object", "s3", {}, ""),
    ("put_object", "s3v4", {}, ""),
    ("put_object", "s3v4", {"ChecksumAlgorithm": "CRC32"}, "PUT"),
    ("upload_part", "s3v4", UPLOAD, "part"),
    ("delete_object", "s3v4", {}, ""),
    ("delete_object", "s3", {}, ""),
    ("list_objects_v2", "s3v4", {}, "LIST"),
    ("get_object", "s3v4", {"ResponseContentType": "a/b"}, "GET"),
]


@pytest.mark.parametrize(("operation", "version", "more", "named"), CASES)
def test_an_intact_url_of_another_method_is_not_called_altered(
    box: Box, operation: str, version: str, more: dict[str, Any], named: str
) -> None:
    url = presigned(box, operation, version, **more)
    assert box.gt.explain(probe(url), url=url).to_text().count("altered") == 0
    said = box.gt.explain(answer := probe(url), url=url)
    if named in READS:
        assert (answer.method, said.cause) == (named, "opened")
        return
    assert (said.cause, said.lock) == ("signature", "")
    expected = (
        f"The URL is signed for {named}, and the probe sent GET."
        if named
        else "signed for another method"
    )
    assert expected in said.headline
    if operation == "head_object":
        assert box.gt.explain(probe(url, method="HEAD"), url=url).cause == "opened"


def test_an_altered_url_is_still_called_so(box: Box) -> None:
    url = presigned(box, "get_object", ResponseContentType="a/b").replace("a%2Fb", "a%2Fc")
    said = box.gt.explain(probe(url), url=url)
    assert "was altered on its way" in said.headline


def test_a_refused_head_names_the_guard_where_it_is_certain(guarded: Box) -> None:
    url = presigned(guarded, "head_object")
    outside = guarded.gt.explain(guarded.gt.probe(url, ELSEWHERE, method="HEAD"), url=url)
    assert (outside.lock, "this one is predicted" in outside.why) == ("bucket guard", True)
    bad = url[:-4] + ("0000" if url[-4:] != "0000" else "1111")
    inside = guarded.gt.explain(guarded.gt.probe(bad, OFFICE, method="HEAD"), url=bad)
    assert (inside.cause, inside.lock) == ("no-reason", "")


def run(*words: str) -> int:
    return main(["probe", *words])


def test_the_command_shows_the_method(guarded: Box, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"s3://{BUCKET}/{KEY}"
    assert run(url, "--method", "HEAD", "--from", OFFICE, "--from", ELSEWHERE) == 3
    said = capsys.readouterr().out
    assert [line.split()[:3] for line in said.splitlines()[1:]] == [
        ["HEAD", OFFICE, "200"],
        ["HEAD", ELSEWHERE, "403"],
    ]
    assert run(url, "--method", "HEAD", "--json", "--from", OFFICE) == 0
    said = capsys.readouterr().out
    [found] = json.loads(said[said.index("{\n") :])["probes"]
    assert (found["method"], found["opened"]) == ("HEAD", True)


@pytest.mark.parametrize("method", WRITES)
def test_the_sandbox_accepts_writes(guarded: Box, method: str) -> None:
    operation = {"PUT": "put_object", "DELETE": "delete_object"}[method]
    url = presigned(guarded, operation, Key="probe/kept")
    outside = guarded.gt.probe(url, ELSEWHERE, method=method)
    inside = guarded.gt.probe(url, OFFICE, method=method)
    assert (inside.opened, outside.opened, outside.status) == (True, False, 403)
    guarded.client("s3").delete_object(Bucket=BUCKET, Key="probe/kept")
