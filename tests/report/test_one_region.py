"""The report of a region on the sandbox: what it finds, what it could not read, and its renderings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

import gt_secure
from gt_secure import AccountReport, Connection, Restriction
from gt_secure.account import bucket_access
from gt_secure.base.errors import AccessDenied, InvalidInput
from gt_secure.base.files import package_data
from gt_secure.cli import report as report_command
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import BucketChoice
from gt_secure.report.region import read_region
from gt_secure.report.rows import ReportRow
from gt_secure.sandbox import Sandbox
from support.box import ACCOUNT
from support.consents import AGREED
from support.guards import merge_guard
from support.rig import Rig


@pytest.fixture(scope="module")
def gt(sandbox):
    return gt_secure.connect(sandbox=sandbox)


def row(made: AccountReport, name: str) -> ReportRow:
    return next(each for each in made.buckets if each.name == name)


def test_it_reports_teams_buckets_findings_and_leaks(gt, tmp_path) -> None:
    url = gt.sign("gt-images", "scans/0001.png")
    for source in ("203.0.113.7", "198.51.100.9"):
        gt.probe(url, source)
    gt.hits("gt-images", filters={"presigned": True}, wait_for=2).close()
    made = gt.report(buckets="gt-images")
    assert isinstance(made, AccountReport)
    assert "radiology-team" in {row.name for row in made.teams}
    assert "gt-images" in made.hits
    assert "portal-public-beside-vpc" in {finding.code for finding in made.findings}
    assert made.findings == tuple(dict.fromkeys(made.findings)), "each finding once"
    pairs = [(finding.code, finding.subject) for finding in made.findings]
    assert len(pairs) == len({*pairs}), "one finding for one cause"
    assert {each.partition(":")[0] for each in made.unread} <= {"log of gt-shared"}, (
        "its log has no request yet"
    )
    data = json.loads(json.dumps(made.to_dict()))
    jsonschema.validate(data, package_data("gt_secure.report", "report.schema.json"))
    assert data["leaks"] or any(len(hits) for hits in made.hits.values())
    for word in ("radiology-team", "gt-images", "portal-public-beside-vpc", made.headline):
        assert word in str(made)
        assert word in made._repr_html_()
    assert row(made, "gt-images").access.startswith("Anyone with a URL")
    assert row(made, "gt-images").tone == "open"
    done = gt.apply(
        gt.plan(Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")),
        confirm=AGREED,
    )
    again = row(gt.report(buckets=["gt-images"], since=None), "gt-images")
    assert "203.0.113.0/24" in again.access
    assert "203.0.113.0/24" in again.locks
    assert again.allowed == ("203.0.113.0/24",)
    assert again.tone == "good"
    gt.undo(done)


def test_what_cannot_be_read_is_unread_and_never_fine(gt, monkeypatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise AccessDenied("No.", action="s3:GetBucketPolicy")

    monkeypatch.setattr(Connection, "findings", denied)
    made = gt.report(buckets=["gt-images"], since=None)
    assert made.unread
    with pytest.raises(AssertionError, match="Not read or not decided"):
        made.require("high")


PRESIGNED = {"StringNotEquals": {"s3:authType": "REST-HEADER"}}
BY_HAND = {
    "whole": ("", PRESIGNED | {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "good"),
    "in part": ("scans/", {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "part"),
    "by a fact": (
        "",
        {"StringNotEquals": PRESIGNED["StringNotEquals"] | {"aws:PrincipalOrgID": "o-abcde12345"}},
        "unknown",
    ),
    "of another method": ("", {"StringEquals": {"s3:signatureversion": "AWS"}}, "open"),
}


@pytest.mark.parametrize(("prefix", "condition", "tone"), BY_HAND.values(), ids=BY_HAND)
def test_the_word_on_the_guard_never_contradicts_who_can_open(
    gt: Connection, prefix: str, condition: Any, tone: str
) -> None:
    """A lock that somebody wrote by hand is no guard, and no URL works from anywhere under it."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": condition}
    whole = ["arn:aws:s3:::gt-images"] if not prefix else []
    deny["Resource"] = [*whole, f"arn:aws:s3:::gt-images/{prefix}*"]
    s3 = gt.aws.client("s3")
    s3.put_bucket_policy(
        Bucket="gt-images", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    try:
        found = row(gt.report(buckets="gt-images", since=None), "gt-images")
    finally:
        s3.delete_bucket_policy(Bucket="gt-images")
    assert found.tone == tone, found.access
    assert ("works from anywhere" in found.locks) == (found.tone == "open")


def test_a_bucket_that_is_not_there_is_unknown(gt) -> None:
    made = gt.report(buckets=["gt-imagse"], since=None)
    assert row(made, "gt-imagse").access == "unknown"
    assert any("Did you mean gt-images?" in text for text in made.unread)


def test_the_command_fails_on_findings(gt, monkeypatch, capsys) -> None:
    monkeypatch.setattr("gt_secure.cli.report.connection", lambda *_, **__: gt)
    assert main(["report", "--no-logs", "--fail-on", "info", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["findings"]
    assert main(["report", "--no-logs"]) == 0
    assert "Findings" in capsys.readouterr().out


def test_it_starts_from_guarded_buckets_and_names_the_others(
    gt: Connection, sandbox: Sandbox
) -> None:
    s3 = gt.aws.client("s3")
    for name in ("law-guarded", "law-by-sid", "law-other"):
        s3.create_bucket(Bucket=name)
    done = gt.apply(gt.plan(Restriction(bucket="law-guarded", addresses=["203.0.113.0/24"])))
    statement = build_guard("law-by-sid", networks=["203.0.113.0/24"])
    s3.put_bucket_policy(Bucket="law-by-sid", Policy=merge_guard(None, statement))
    try:
        made = gt.report(since=None)
        access = {bucket.name: bucket.access for bucket in made.buckets}
        for name in ("law-guarded", "law-by-sid"):
            assert access[name] == f"Only 203.0.113.0/24 can open presigned URLs of {name}."
        assert "law-other" not in access
        assert "law-other" in made.others_text
        assert "Not looked at: " in str(made)
        assert "law-other" in made.to_dict()["rows"][-1]["not_looked_at"]
        every = gt.report(buckets="all", since=None)
        assert {"law-guarded", "law-by-sid", "law-other", "gt-images"} <= {
            bucket.name for bucket in every.buckets
        }
        assert every.others_text == ""
        named = gt.report(buckets="law-other", since=None)
        weights = {
            (is_all, row.name, row.tone): each.severity
            for is_all, made in ((True, every), (False, named))
            for row in made.buckets
            for each in row.findings
            if each.code == "presigned-from-anywhere"
        }
        assert weights[True, "law-other", "open"] == "info", "nobody is known to use it"
        assert weights[False, "law-other", "open"] == "high", "somebody asked for it"
        assert weights[True, "gt-images", "open"] == "high", "a team uses it"
        own = {each["Name"] for each in s3.list_buckets()["Buckets"]}
        for words in (None, "used", "law-other", "tag:project=other", "all"):
            choice = words and BucketChoice.parse(words)
            rows = read_region(gt, Account(gt.aws.account_id), choice, many=True) or ()
            if words == "used":
                assert {"law-guarded", "law-by-sid"} <= {row.name for row in rows}
            looked = {row.name for row in rows if row.kind == "bucket"}
            assert {name for row in rows for name in row.not_looked_at} == own - looked
            assert tuple(ReportRow.from_dict(row.to_dict()) for row in rows) == rows
            text = str(replace(made, rows=rows, places=2, places_read=2))
            assert ("Not looked at: 111122223333/us-east-1/" in text) == (words != "all")
        blind = Rig(sandbox).user(
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        )
        made = replace(blind, journal=gt.journal).report(since=None)
        access = {bucket.name: bucket.access for bucket in made.buckets}
        assert (
            access["law-guarded"] == "Only 203.0.113.0/24 can open presigned URLs of law-guarded."
        )
        assert "law-by-sid" not in access
        assert any("s3:ListAllMyBuckets" in text for text in made.unread)
        assert made.others_text == ""
        for words in ("used", "law-guarded"):
            there = replace(blind, journal=gt.journal)
            rows = read_region(there, Account(ACCOUNT), BucketChoice.parse(words), many=True) or []
            assert "law-guarded" in {row.name for row in rows}
            assert any("s3:ListAllMyBuckets" in text for row in rows for text in row.unread)
    finally:
        gt.undo(done)
        for name in ("law-guarded", "law-by-sid", "law-other"):
            s3.delete_bucket(Bucket=name)


def test_a_bucket_that_cannot_be_read_ends_in_3(gt: Connection, monkeypatch, capsys) -> None:
    monkeypatch.setattr(report_command, "connection", lambda *_, **__: gt)
    assert main(["report", "--buckets", "gt-images", "--no-logs"]) == 0
    assert main(["report", "--buckets", "gt-imagse", "--no-logs"]) == 3
    with pytest.raises(InvalidInput):
        gt.report(buckets="all,gt-images")


def test_who_can_open_a_bucket_is_decided_once_for_its_findings(
    gt: Connection, monkeypatch
) -> None:
    asked = []
    decide = bucket_access.access_under
    monkeypatch.setattr(
        bucket_access, "access_under", lambda *a, **k: asked.append(a) or decide(*a, **k)
    )
    found = gt.findings(bucket="gt-images")
    assert found.access is not None
    assert len(asked) == 1


@pytest.mark.parametrize("denied", ["*", "*/templates/*", "*/manifests/*"])
def test_each_object_that_was_denied_is_named_as_not_read(
    sandbox: Sandbox, gt: Connection, denied: str
) -> None:
    """Templates and manifests are objects that a report reads, so a denied one is counted."""
    blind = Rig(sandbox).user(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{denied}"},
    )
    asked: list[str] = []
    refused: list[str] = []

    def note(http_response: Any, **_: object) -> None:
        refused.extend(asked[-1:] if http_response.status_code == 403 else ())

    events = blind.aws.client("s3").meta.events
    events.register(
        "before-call.s3.GetObject", lambda params, **_: asked.append(params["url_path"])
    )
    events.register("after-call.s3.GetObject", note)
    made = replace(blind, journal=gt.journal).report(buckets="gt-images", since=None)
    assert refused
    for path in refused:
        job = (
            "north-scans"
            if "north" in path
            else "south-scans"
            if "south" in path
            else "chest-scans"
        )
        what = f"the manifest of {job}" if "manifest" in path else path
        assert any(what in line for line in made.unread), "an object that was denied is not read"
    assert f"Not read: {len(made.unread)}." in made.headline
    by_templates = any("template-without-grant" in line for line in made.doubts("unknown"))
    assert by_templates == (denied != "*/manifests/*"), "their page shows granted images alone"
