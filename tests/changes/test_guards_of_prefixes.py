"""Two people with a folder each in one bucket: applied, read, checked, found,
exported and undone one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from gt_secure import check
from gt_secure.base.errors import InvalidInput
from gt_secure.changes import Journal
from gt_secure.changes.applied import Applied
from gt_secure.changes.plan import Plan
from gt_secure.connection import Connection
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, Account

OFFICE, LAB = "203.0.113.0/24", "198.51.100.0/25"


def restriction(prefix: str, *addresses: str, **more: object) -> Restriction:
    return Restriction(bucket=BUCKET, prefix=prefix, addresses=addresses, **more)  # type: ignore[arg-type]


SCANS, MANIFESTS = restriction("scans/", OFFICE, age_limit="15m"), restriction("manifests/", LAB)


@pytest.fixture
def gt(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    account.reset(FOREIGN)
    yield Connection(account.aws, journal=Journal(tmp_path_factory.mktemp("journal")))
    account.reset(FOREIGN)


def agreed(gt: Connection, plan: Plan) -> Applied:
    return gt.apply(plan, confirm=[each.code for each in plan.asks])


def sids(policy: str | None) -> list[str]:
    return [
        str(each.get("Sid", "")) for each in json.loads(policy or '{"Statement":[]}')["Statement"]
    ]


def test_each_guard_is_changed_read_and_undone_alone(gt: Connection, account: Account) -> None:
    first = agreed(gt, gt.plan(SCANS))
    alone = account.policy()
    second = agreed(gt, gt.plan(MANIFESTS))
    assert gt.plan(SCANS).empty
    assert gt.plan(MANIFESTS).empty
    text = gt.who_can_open(BUCKET)
    assert text.at("192.0.2.1", "presigned").answer == "opened"  # outside both prefixes
    found = gt.findings(bucket=BUCKET)
    assert found.access is not None
    assert found.access.text == (
        f"Objects under scans/: only {OFFICE}. Objects under manifests/: only {LAB}. "
        f"Other objects of {BUCKET}: anyone with a URL."
    )
    assert [each.detail for each in found if each.code == "guard-narrower"] == [
        f'The guards cover "scans/", "manifests/", not all objects of {BUCKET}.'
    ]
    assert check.guard_is_in_place.look(gt, BUCKET, prefix="scans/", addresses=OFFICE).passed
    assert check.guard_is_in_place.look(gt, BUCKET, prefix="manifests/1", addresses=LAB).passed
    assert (
        "No guard covers all keys, only objects under scans/"
        in check.guard_is_in_place.look(gt, BUCKET).message
    )
    [exported, notices] = gt.export(bucket=f"s3://{BUCKET}/manifests/")
    assert exported.to_dict() == MANIFESTS.to_dict()
    assert "of objects under scans/" in str(notices[0])
    with pytest.raises(InvalidInput, match="manifests/, scans/"):
        gt.export(bucket=BUCKET)
    gt.undo(first)
    assert [each[-8:] for each in sids(account.policy()) if each.startswith("GtSecure")] == [
        sids(gt.plan(MANIFESTS).state.bucket.policy.value)[-1][-8:]  # type: ignore[union-attr]
    ]
    assert gt.plan(MANIFESTS).empty
    gt.undo(second)
    assert account.policy() == FOREIGN
    assert alone != FOREIGN


def test_drift_and_findings_name_the_guard_that_was_edited(
    gt: Connection, account: Account
) -> None:
    agreed(gt, gt.plan(SCANS))
    agreed(gt, gt.plan(MANIFESTS))
    data = json.loads(account.policy() or "")
    data["Statement"][-1]["Condition"]["NotIpAddressIfExists"]["aws:SourceIp"] = [
        LAB,
        "192.0.2.0/24",
    ]
    account.put_policy(json.dumps(data))
    assert gt.plan(SCANS).empty
    again = gt.plan(MANIFESTS)
    assert {"drifted", "guard-drops"} <= {each.code for each in again.notices}
    [found] = [each for each in gt.findings(bucket=BUCKET) if each.code == "guard-narrower"]
    assert found.detail == "The guard of objects under manifests/: It also admits 192.0.2.0/24."
    account.put_policy(json.dumps({**data, "Statement": data["Statement"][:-1]}))
    details = [each.detail for each in gt.findings(bucket=BUCKET) if each.code == "guard-missing"]
    assert details == ["No guard covers objects under manifests/."]


def test_a_removed_guard_is_not_wanted_any_more(gt: Connection) -> None:
    agreed(gt, gt.plan(SCANS))
    agreed(gt, gt.plan(MANIFESTS))
    off = gt.plan(Restriction(bucket=BUCKET, prefix="scans/", guard=False))
    assert "other guards stay, of objects under manifests/" in off.changes[0].after_text
    agreed(gt, off)
    assert not [each for each in gt.findings(bucket=BUCKET) if each.code == "guard-missing"]


def test_nested_guards_ask_and_state_who_is_left(gt: Connection) -> None:
    agreed(gt, gt.plan(SCANS))
    whole = gt.plan(restriction("", OFFICE, LAB))
    [asked] = [each for each in whole.notices if each.code == "guards-overlap"]
    assert asked.text == (
        f"Objects under scans/ would open only from {OFFICE}: their guards list {OFFICE}, and"
        f" {LAB}, {OFFICE}. A request must satisfy the lists of all guards that cover its object,"
        " here those of objects under scans/, all objects."
    )
    assert asked.fix.endswith(f"such as with 'gt-secure plan s3://{BUCKET}/scans/ --guard off'.")
    assert asked in whole.asks
    assert whole.after.at("198.51.100.9", "presigned").answer == "opened"
    assert gt.plan(restriction("scans/", OFFICE, age_limit="15m")).empty


def test_a_guard_of_the_whole_bucket_protects_the_rest_and_stays_when_another_one_goes(
    gt: Connection, account: Account
) -> None:
    first, second = agreed(gt, gt.plan(SCANS)), agreed(gt, gt.plan(MANIFESTS))
    whole = agreed(gt, gt.plan(restriction("", OFFICE, LAB)))
    found = gt.findings(bucket=BUCKET).access
    assert found is not None
    assert found.tone == "good"
    assert found.text == f"Only {LAB} and {OFFICE} can open presigned URLs of {BUCKET}."
    gt.undo(second)
    assert gt.who_can_open(BUCKET, "manifests/1").at("203.0.113.7", "presigned").answer == "opened"
    assert gt.who_can_open(BUCKET, "manifests/1").at("8.8.8.8", "presigned").answer == "refused"
    assert gt.who_can_open(BUCKET, "scans/1").at("198.51.100.9", "presigned").answer == "refused"
    gt.undo(first)
    gt.undo(whole)
    assert account.policy() == FOREIGN


def test_a_plan_counts_the_guards_that_fit_and_what_one_statement_would_save(
    gt: Connection,
) -> None:
    agreed(gt, gt.plan(restriction("scans/", OFFICE)))
    assert not [
        each for each in gt.plan(restriction("scans/", LAB)).notices if each.code == "guards-room"
    ]
    [apart] = [
        each
        for each in gt.plan(restriction("manifests/", LAB)).notices
        if each.code == "guards-room"
    ]
    assert re.search(
        r"With 2 guards the bucket policy has [0-9,]+ of 20,480 bytes: about \d\d more like",
        apart.text,
    )
    assert "less as one statement" not in apart.text
    [equal] = [
        each
        for each in gt.plan(restriction("manifests/", OFFICE)).notices
        if each.code == "guards-room"
    ]
    assert re.search(
        r"Guards with equal lists would take \d{3} bytes less as one statement\.", equal.text
    )


def test_a_guard_of_the_whole_bucket_names_the_folder_of_the_teams_jobs(gt: Connection) -> None:
    def fix(team: str) -> str:
        made = gt.plan(Restriction(team, bucket="gt-shared", addresses=OFFICE, url_lock=None))
        [wide] = [each for each in made.notices if each.code == "whole-bucket"]
        return wide.fix

    assert fix("north-team").endswith(
        "The manifests and labels of the team's jobs are under north/."
    )
    assert "manifests" not in fix("open-team")
