"""The worker portal, and the story that the quickstart tells."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import quote

import pytest

from support.box import job_request

from .conftest import ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, OTHER_IN_VPC

JSON = {"Accept": "application/json"}


def open_task(box, team, source, key="scans/0001.png"):
    return box.fetch(f"/_gt_secure/portal/tasks/{team}?key={key}", source, headers=JSON)


def url_of(task):
    """Return the only URL of a task."""
    [url] = task.json()["urls"].values()
    return url


@pytest.fixture(scope="module", autouse=True)
def jobs(box):
    box.start_jobs("open-team", "vpc-team")


@pytest.fixture
def portal_lock(box):
    sm = box.client("sagemaker")

    def state():
        return (
            sm.describe_workforce(WorkforceName="private-workforce")["Workforce"]["Status"]
            == "Active"
        )

    def lock(*cidrs):
        box.until(state)
        sm.update_workforce(
            WorkforceName="private-workforce", SourceIpConfig={"Cidrs": list(cidrs)}
        )
        box.until(state)

    yield lock
    lock()


@pytest.mark.parametrize(
    ("team", "worker", "constraint", "opens"),
    [
        ("open-team", OFFICE, {}, {OFFICE, ELSEWHERE, IN_VPC, OTHER_IN_VPC}),
        ("open-team", IN_VPC, {}, {OFFICE, ELSEWHERE, IN_VPC, OTHER_IN_VPC}),
        ("radiology-team", OFFICE, {"aws:SourceIp": OFFICE}, {OFFICE}),
        ("radiology-team", ELSEWHERE, {"aws:SourceIp": ELSEWHERE}, {ELSEWHERE}),
        ("radiology-team", OFFICE_V6, {"aws:SourceIp": OFFICE_V6}, {OFFICE_V6}),
        ("radiology-team", IN_VPC, {"aws:SourceIp": "10.0.3.4"}, set()),
        ("vpc-team", IN_VPC, {"aws:VpcSourceIp": "10.0.3.4"}, {IN_VPC}),
        ("vpc-team", OFFICE, {"aws:VpcSourceIp": OFFICE}, set()),
    ],
)
def test_image_url_carries_the_workers_address(box, team, worker, constraint, opens):
    task = open_task(box, team, worker)
    assert task.status == 200
    facts = task.json()
    assert (facts["worker"], facts["constraint"]) == (worker, constraint)
    for source in (OFFICE, ELSEWHERE, IN_VPC, OTHER_IN_VPC, OFFICE_V6):
        expected = 200 if source in opens or (not constraint) else 403
        assert box.fetch(url_of(task), source).status == expected, source


def test_the_story(box, portal_lock):
    sm = box.client("sagemaker")
    before = url_of(open_task(box, "open-team", OFFICE))
    assert box.fetch(before, ELSEWHERE).status == 200, "before: a forwarded URL opens anywhere"
    on = {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}}}
    off = {
        "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}}
    }
    try:
        sm.update_workteam(WorkteamName="open-team", WorkerAccessConfiguration=on)
        portal_lock("203.0.113.0/24")
        after = url_of(open_task(box, "open-team", OFFICE))
        assert box.fetch(after, OFFICE).status == 200
        assert box.fetch(after, ELSEWHERE).status == 403
        assert box.fetch(after, IN_VPC).status == 403
        assert box.fetch(before, ELSEWHERE).status == 200, (
            "URLs signed before keep their policy until they expire"
        )
        assert open_task(box, "open-team", ELSEWHERE).status == 404
    finally:
        sm.update_workteam(WorkteamName="open-team", WorkerAccessConfiguration=off)


def test_portal_lock_holds_for_every_team_but_not_inside_the_vpc(box, portal_lock):
    portal_lock("203.0.113.0/24", "2001:db8:113::/48")
    for team in ("open-team", "radiology-team", "vpc-team"):
        seen = {
            source: open_task(box, team, source).status
            for source in (OFFICE, OFFICE_V6, ELSEWHERE, IN_VPC)
        }
        assert seen == {OFFICE: 200, OFFICE_V6: 200, ELSEWHERE: 404, IN_VPC: 200}
    portal_lock("10.0.0.0/16")
    assert open_task(box, "open-team", OFFICE).status == 404, (
        "the documented way to close the public portal"
    )
    assert open_task(box, "open-team", IN_VPC).status == 200
    portal_lock("203.0.113.0/24")
    assert open_task(box, "open-team", OFFICE_V6).status == 404, (
        "an IPv4-only list locks out IPv6 workers"
    )


def test_the_page_shows_the_image(box):
    page = box.fetch("/_gt_secure/portal/tasks/radiology-team?key=scans/0002.png")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    url = html.unescape(re.search('<img src="([^"]+)"', page.text)[1])
    assert box.fetch(url).body.startswith(b"\x89PNG")
    assert "aws:SourceIp 203.0.113.7" in page.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("tasks/nobody", 404, "NoSuchWorkteam"),
        ("tasks/imaging-annotators", 404, "NoSuchWorkteam"),
        ("tasks/open-team?key=scans/none.png", 404, "NotInTheManifest"),
        ("tasks/open-team?key=manifests/chest-scans.manifest", 404, "NotInTheManifest"),
        ("tasks/open-team?key=templates/bounding-box.liquid.html", 404, "NotInTheManifest"),
        ("tasks/open-team/more", 404, "NotFound"),
        ("elsewhere", 404, "NotFound"),
    ],
)
def test_what_the_portal_does_not_have(box, path, status, code):
    answer = box.fetch(f"/_gt_secure/portal/{path}", headers=JSON)
    assert (answer.status, answer.json()["error"]) == (status, code)


def test_hostile_names_are_escaped(box):
    key = 'x"><script>alert(1)</script>.png'
    box.client("s3").put_object(Bucket="gt-images", Key=key, Body=b"x")
    box.client("s3").put_object(
        Bucket="gt-images",
        Key="manifests/hostile.manifest",
        Body=json.dumps({"source-ref": f"s3://gt-images/{key}"}),
    )
    source = {
        "DataSource": {
            "S3DataSource": {"ManifestS3Uri": "s3://gt-images/manifests/hostile.manifest"}
        }
    }
    box.client("sagemaker").create_labeling_job(
        **job_request("<b>") | {"LabelingJobName": "b", "InputConfig": source}
    )
    for path in (
        f"tasks/open-team?key={quote(key)}",
        f"tasks/{quote('<script>alert(1)</script>', safe='')}",
    ):
        page = box.fetch(f"/_gt_secure/portal/{path}")
        assert "<script" not in page.text
    assert page.status == 404


def test_only_the_methods_that_there_are(box):
    assert box.fetch("/_gt_secure/portal", method="DELETE").status == 405
    assert box.fetch("/_gt_secure/flush-logs").status == 405
    assert box.fetch("/_gt_secure/nothing").status == 404
    index = box.fetch("/_gt_secure/portal", headers=JSON).json()
    assert index["tasks"]["open-team"][:2] == ["scans/0001.png", "scans/0002.png"]
