"""Each method that an application presigns: opened inside, refused outside,
and the probe leaves nothing behind.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.presign import own_object
from gt_secure.presign.own_object import CODE, NAME
from gt_secure.presign.probe import READS, WRITES, Probe, probe
from gt_secure.restriction.applications import applications
from support.guards import merge_guard

from .conftest import ELSEWHERE, OFFICE, Box

ROOT = Path(__file__).parents[2]
BUCKET, PREFIX, KEY = "gt-images", "s3://gt-images/probe/", "scans/0001.png"
GUARD = build_guard(BUCKET, networks=["203.0.113.0/24"])
METHODS = (*READS, *WRITES)


@pytest.fixture
def guarded(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    box.use_environment(monkeypatch)
    s3 = box.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=merge_guard(None, GUARD))
    yield box
    s3.delete_bucket_policy(Bucket=BUCKET)


def left(box: Box) -> list[Any]:
    s3 = box.client("s3")
    found = s3.list_object_versions(Bucket=BUCKET, Prefix="probe/")
    uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [*found.get("Versions", []), *found.get("DeleteMarkers", []), *uploads]


@pytest.fixture(scope="module")
def answers(box: Box) -> dict[tuple[str, str], Probe]:
    """Return the answers of all methods, inside and outside, under the guard."""
    s3 = box.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=merge_guard(None, GUARD))
    try:
        return {
            (method, source): box.gt.probe(PREFIX, source, method=method)
            for method in METHODS
            for source in (OFFICE, ELSEWHERE)
        }
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_opened_inside_and_refused_outside(box: Box, answers: Any, method: str) -> None:
    inside, outside = answers[method, OFFICE], answers[method, ELSEWHERE]
    assert (inside.opened, outside.opened, outside.status) == (True, False, 403), inside
    assert (inside.left, outside.left) == ("", "")
    assert box.gt.explain(inside).cause == "opened"
    assert inside.to_dict()["method"] == method
    assert left(box) == []


def table() -> str:
    """Return the rows of the guide: the methods of each application that presigns."""
    rows = [
        f"| {profile.name} | {', '.join(profile.methods)} | {len(profile.methods)} of"
        f" {len(profile.methods)} | {len(profile.methods)} of {len(profile.methods)} |"
        for profile in applications().values()
        if profile.methods
    ]
    return "\n".join(
        ["| application | methods | opened inside | refused outside |", "|---|---|---|---|", *rows]
    )


def test_each_application_has_its_row(answers: Any) -> None:
    numbers = []
    for profile in applications().values():
        inside = sum(answers[method, OFFICE].opened for method in profile.methods)
        outside = sum(answers[method, ELSEWHERE].status == 403 for method in profile.methods)
        assert inside == outside == len(profile.methods), profile.name
        assert set(profile.uploads) <= set(profile.methods)
        numbers.append(len(profile.methods))
    assert (sum(map(bool, numbers)), sum(numbers)) == (22, 33)
    page = (ROOT / "docs" / "how-to" / "any-application.md").read_text(encoding="utf-8")
    assert table() in page, table()


@pytest.mark.parametrize("versions", ["Enabled", "Suspended"])
def test_a_bucket_with_versions_is_left_as_it_was(box: Box, versions: str) -> None:
    s3 = box.client("s3")
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": versions})
    for method in METHODS:
        assert box.gt.probe("s3://versioned/probe/", method=method).opened, method
    found = s3.list_object_versions(Bucket="versioned")
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def test_what_cannot_be_removed_is_named(
    box: Box, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(own_object, "_removed", lambda *_: False)
    answer = box.gt.probe(PREFIX, method="PUT")
    assert answer.left.startswith(f"{PREFIX}{NAME}")
    s3 = box.client("s3")
    for each in s3.list_objects_v2(Bucket=BUCKET, Prefix="probe/")["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])


def test_removal_is_read_back(box: Box) -> None:
    s3 = box.client("s3")
    s3.put_object(Bucket=BUCKET, Key="probe/kept", Body=b"")
    assert own_object._removed(s3, BUCKET, "probe/kept", "")
    s3.put_object(Bucket=BUCKET, Key="probe/kept", Body=b"")

    class Deaf:
        def __getattr__(self, name: str) -> Any:
            return (lambda **_: {}) if name == "delete_object" else getattr(s3, name)

    assert not own_object._removed(Deaf(), BUCKET, "probe/kept", "")  # type: ignore[arg-type]
    s3.delete_object(Bucket=BUCKET, Key="probe/kept")


@pytest.mark.parametrize("method", [*WRITES, "GET", "HEAD"])
def test_on_aws_an_object_is_made_only_with_consent(
    box: Box, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(box.gt.aws), "is_local", False)
    with pytest.raises(InvalidInput, match="makes an object under s3://gt-images/probe/"):
        box.gt.probe(PREFIX, method=method)
    assert left(box) == []
    assert box.gt.probe(PREFIX, method=method, confirm=[CODE]).opened
    assert left(box) == []


@pytest.mark.parametrize("method", WRITES)
def test_a_write_goes_to_nobody_elses_object(method: str) -> None:
    url = "https://b.s3.us-east-1.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20260101/us-east-1"
    url += "/s3/aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-Signature=a&X-Amz-SignedHeaders=host"
    with pytest.raises(InvalidInput, match=r"did not make|no URL"):
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


def test_the_command_shows_a_table(guarded: Box, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(PREFIX, "--application", "mlflow", "--from", OFFICE, "--from", ELSEWHERE)
    said = capsys.readouterr().out
    assert code == 3
    assert [line.split()[:3] for line in said.splitlines()[1:]] == [
        [method, source, status]
        for method in ("GET", "PUT", "part")
        for source, status in ((OFFICE, "200"), (ELSEWHERE, "403"))
    ]
    assert (
        run(
            PREFIX,
            "--method",
            "form",
            "--method",
            "DELETE",
            "--from",
            ELSEWHERE,
            "--expect",
            "refused",
        )
        == 0
    )
    assert run(PREFIX, "--method", "HEAD", "--json", "--from", OFFICE) == 0
    said = capsys.readouterr().out
    [found] = json.loads(said[said.index("{\n") :])["probes"]
    assert (found["method"], found["left"]) == ("HEAD", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["s3://gt-images/scans/0001.png", "--method", "PUT"],
            "object that the probe makes itself",
        ),
        (
            ["s3://gt-images/scans/0001.png", "--application", "mlflow"],
            "object that the probe makes itself",
        ),
        (["s3://gt-images/scans/0001.png", "--confirm", CODE], "--confirm would not be read"),
        ([PREFIX, "--bound-to", OFFICE], "--bound-to would not be read"),
        ([PREFIX, "--sign-with", "own-keys"], "--sign-with would not be read"),
        ([PREFIX, "--application", "metaflow"], "presigns nothing"),
        ([PREFIX, "--application", "mlflow", "--method", "PUT"], "cannot be combined"),
    ],
)
def test_what_would_not_be_read_is_an_error(
    guarded: Box, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 64
    assert says in capsys.readouterr().err


def test_the_command_asks_on_aws(
    box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    box.use_environment(monkeypatch)
    monkeypatch.setattr(Aws, "is_local", False)
    assert run(PREFIX, "--method", "PUT") == 64
    assert f"--confirm {CODE}" in capsys.readouterr().err
    terminal = io.StringIO("n\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    assert run(PREFIX, "--method", "PUT") == 1
    assert left(box) == []
    assert run(PREFIX, "--method", "PUT", "--confirm", CODE) == 0
    assert left(box) == []
