"""The audit report on the sandbox: what it finds, what it could not read, and its renderings."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

import gt_secure
from gt_secure import Audit, Connection, Restriction
from gt_secure.account import bucket_access
from gt_secure.base.errors import AccessDenied, InvalidInput
from gt_secure.cli import sweep as sweep_commands
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.fleet.data_buckets import BucketChoice
from gt_secure.fleet.sweeps.accounts import Account
from gt_secure.fleet.sweeps.region_reader import read_region
from gt_secure.fleet.sweeps.sweep_rows import Sweep, SweepRow
from gt_secure.sandbox import Sandbox
from support.box import ACCOUNT
from support.consents import AGREED
from support.guards import merge_guard
from support.rig import Rig


@pytest.fixture(scope="module")
def gt(sandbox):
    return gt_secure.connect(sandbox=sandbox)


def test_it_reports_teams_buckets_findings_and_leaks(gt, tmp_path) -> None:
    url = gt.sign("gt-images", "scans/0001.png")
    for source in ("203.0.113.7", "198.51.100.9"):
        gt.probe(url, source)
    gt.hits("gt-images", filters={"presigned": True}, wait_for=2).close()
    audit = gt.audit(buckets="gt-images")
    assert isinstance(audit, Audit)
    assert "radiology-team" in {team.name for team in audit.teams}
    assert "gt-images" in {bucket.name for bucket in audit.buckets}
    assert "portal-public-beside-vpc" in {finding.code for finding in audit.findings}
    assert audit.findings == tuple(dict.fromkeys(audit.findings)), "each finding once"
    assert {each.partition(":")[0] for each in audit.unread} <= {"log of gt-shared"}, (
        "its log has no request yet"
    )
    data = json.loads(json.dumps(audit.to_dict(), default=str))
    assert data["leaks"] or any(len(hits) for hits in audit.hits.values())
    for word in ("radiology-team", "gt-images", "portal-public-beside-vpc", audit.headline):
        assert word in str(audit)
        assert word in audit._repr_html_()
    assert {bucket.name: bucket.access_text for bucket in audit.buckets}["gt-images"].startswith(
        "Anyone with a URL"
    )
    done = gt.apply(
        gt.plan(Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")),
        confirm=AGREED,
    )
    again = gt.audit(buckets=["gt-images"], logs=False)
    assert (
        "203.0.113.0/24"
        in {bucket.name: bucket.access_text for bucket in again.buckets}["gt-images"]
    )
    gt.undo(done)


def test_what_cannot_be_read_is_unread_and_never_fine(gt, monkeypatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise AccessDenied("No.", action="s3:GetBucketPolicy")

    monkeypatch.setattr(Connection, "findings", denied)
    audit = gt.audit(buckets=["gt-images"], logs=False)
    assert audit.unread
    with pytest.raises(AssertionError, match="Not read or not decided"):
        audit.require("high")


def test_a_bucket_that_is_not_there_is_unknown(gt) -> None:
    audit = gt.audit(buckets=["gt-imagse"], logs=False)
    assert {bucket.name: bucket.access_text for bucket in audit.buckets}["gt-imagse"] == "unknown"
    assert any("Did you mean gt-images?" in text for text in audit.unread)


def test_the_command_fails_on_findings(gt, monkeypatch, capsys) -> None:
    monkeypatch.setattr("gt_secure.cli.sweep.connection", lambda _: gt)
    assert main(["audit", "--no-logs", "--fail-on", "info", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["findings"]
    assert main(["audit", "--no-logs"]) == 0
    assert "Findings" in capsys.readouterr().out


def _sweep_of(rows: list[SweepRow]) -> Sweep:
    now = dt.datetime.now(dt.UTC)
    return Sweep(
        at=now,
        accounts=(Account(ACCOUNT),),
        regions=("us-east-1",),
        rows=tuple(rows),
        regions_read=1,
    )


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
        audit = gt.audit(logs=False)
        access = {bucket.name: bucket.access_text for bucket in audit.buckets}
        for name in ("law-guarded", "law-by-sid"):
            assert access[name] == f"Only 203.0.113.0/24 can open presigned URLs of {name}."
        assert "law-other" not in access
        assert "law-other" in audit.others
        assert "Not looked at: " in str(audit)
        assert audit.to_dict()["not_looked_at"] == list(audit.others)
        every = gt.audit(buckets="all", logs=False)
        assert {"law-guarded", "law-by-sid", "law-other", "gt-images"} <= {
            bucket.name for bucket in every.buckets
        }
        assert every.others == ()
        rows = read_region(gt, Account(gt.aws.account_id), BucketChoice.parse("used")) or []
        assert {"law-guarded", "law-by-sid"} <= {row.bucket for row in rows}
        own = {each["Name"] for each in s3.list_buckets()["Buckets"]}
        for words in (None, "used", "law-other", "tag:project=other", "all"):
            rows = (
                read_region(gt, Account(gt.aws.account_id), words and BucketChoice.parse(words))
                or []
            )
            looked = {name for row in rows for name in row.buckets}
            assert [row.not_looked_at for row in rows[:-1]] == [()] * (len(rows) - 1)
            assert {*rows[-1].not_looked_at} == own - looked
            assert bool(rows[-1].not_looked_at) == (words != "all")
            assert SweepRow.from_dict(rows[-1].to_dict()) == rows[-1]
            text = str(_sweep_of(rows))
            assert ("Not looked at in 111122223333/us-east-1: " in text) == (words != "all")
            assert ("--buckets all looks at all." in _sweep_of(rows)._repr_html_()) == (
                words != "all"
            )
        blind = Rig(sandbox).user(
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        )
        audit = replace(blind, journal=gt.journal).audit(logs=False)
        access = {bucket.name: bucket.access_text for bucket in audit.buckets}
        assert (
            access["law-guarded"] == "Only 203.0.113.0/24 can open presigned URLs of law-guarded."
        )
        assert "law-by-sid" not in access
        assert any("s3:ListAllMyBuckets" in text for text in audit.unread)
        assert audit.others == ()
        for words in ("used", "law-guarded"):
            rows = (
                read_region(
                    replace(blind, journal=gt.journal), Account(ACCOUNT), BucketChoice.parse(words)
                )
                or []
            )
            assert "law-guarded" in {row.bucket for row in rows}
            assert any("s3:ListAllMyBuckets" in text for row in rows for text in row.unread)
    finally:
        gt.undo(done)
        for name in ("law-guarded", "law-by-sid", "law-other"):
            s3.delete_bucket(Bucket=name)


def test_a_bucket_that_cannot_be_read_ends_in_3(gt: Connection, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sweep_commands, "connection", lambda _: gt)
    assert main(["audit", "--buckets", "gt-images", "--no-logs"]) == 0
    assert main(["audit", "--buckets", "gt-imagse", "--no-logs"]) == 3
    with pytest.raises(InvalidInput):
        gt.audit(buckets="all,gt-images")


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
