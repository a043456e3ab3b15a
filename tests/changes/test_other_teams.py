"""Plans on a bucket that several teams use: what is read, who is named, what is confirmed, and what the others keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.account import reader
from gt_secure.account.reader import read_state
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.apply import apply
from gt_secure.changes.plan import plan
from gt_secure.changes.undo import undo
from gt_secure.engine.access.exposure import ANY_VPC, Exposure
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.logs import read_hits
from gt_secure.sandbox import open_task
from logs.test_records import EVENT
from support.account import Account
from support.answers import ENDPOINT, S3_ENDPOINT, team_locks
from support.box import BUCKET, VPCE

OFFICE, WORKER = "203.0.113.0/24", "203.0.113.7"


@contextmanager
def counted(aws: Any) -> Iterator[list[str]]:
    """Note the operations that the clients of a connection send."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    services = ("sagemaker", "s3", "ec2", "sts", "organizations")
    for service in services:
        aws.client(service).meta.events.register("before-call", note)
    yield calls
    for service in services:
        aws.client(service).meta.events.unregister("before-call", note)


def vpc_alone(**more: Any) -> Restriction:
    return Restriction("vpc-team", bucket=BUCKET, endpoints=VPCE, **more)


def test_a_plan_for_one_team_names_the_other_its_job_and_source(account: Account) -> None:
    made = plan(account.aws, vpc_alone(), journal=account.journal)
    [stop] = made.blockers
    assert stop.code == "refuses-team"
    assert "labeling job chest-scans of radiology-team (all addresses" in stop.text
    [guard] = made.changes
    assert "labeling job chest-scans of radiology-team, which uses the bucket" in guard.affects
    rows = {each.request: each for each in made.exposure}
    assert rows["worker of radiology-team"].after.word == "refused"
    for shown in (made.to_text(None), made.to_html(standalone=True)):
        assert "own URL (radiology-team)" in shown
    with pytest.raises(InvalidInput, match="refuses-team"):
        apply(account.aws, made, journal=account.journal)


def test_one_guard_for_two_teams_stops_neither(account: Account) -> None:
    account.set_toggles(True, name="radiology-team")
    made = plan(account.aws, vpc_alone(addresses=OFFICE), journal=account.journal)
    assert made.blockers == ()
    done = apply(account.aws, made, journal=account.journal)
    url = open_task(account.aws, "radiology-team", "scans/0001.png", WORKER)
    assert account.rig.gt.probe(url, WORKER).status == 200
    undo(account.aws, done.id, journal=account.journal)


def test_a_restriction_in_the_journal_counts_and_is_joined(account: Account) -> None:
    office = Restriction("open-team", bucket=BUCKET, addresses=OFFICE, url_lock=None)
    done = apply(account.aws, plan(account.aws, office), journal=account.journal)
    made = plan(account.aws, vpc_alone(), journal=account.journal)
    [stop] = made.blockers
    assert f"workteam open-team with its restriction ({OFFICE}" in stop.text
    assert made.keeping == vpc_alone(addresses=OFFICE)
    joined = plan(account.aws, made.keeping, journal=account.journal)
    assert (joined.blockers, joined.keeping) == ((), None)
    undo(account.aws, done.id, journal=account.journal)
    assert "open-team" not in "".join(
        each.text for each in plan(account.aws, vpc_alone(), journal=account.journal).blockers
    )


def test_bucket_mode_names_jobs_and_meets_the_portal_lock_of_the_teams(account: Account) -> None:
    account.set_cidrs([OFFICE])
    made = plan(account.aws, Restriction(bucket=BUCKET, addresses="198.51.100.0/24"), journal=account.journal)
    assert "labeling job chest-scans of radiology-team, which uses the bucket" in made.changes[0].affects
    assert [each.code for each in made.blockers] == ["refuses-team"]
    assert made.state.workforce.value is None  # it is nobody's but the teams': no finding is about it
    assert "portal-lock" not in "".join(each.code for each in made.findings)


def test_few_calls_read_every_team_and_what_is_not_read_is_unknown(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = vpc_alone()
    with counted(account.aws) as calls:
        read_state(account.aws, wish)
    asked = [each for each in calls if each in ("ListLabelingJobsForWorkteam", "DescribeLabelingJob", "ListWorkforces")]
    assert len(asked) <= reader.MAX_CALLS
    assert calls.count("ListLabelingJobsForWorkteam") == len(account.sagemaker.list_workteams()["Workteams"]) + 1
    monkeypatch.setattr(reader, "MAX_CALLS", 3)  # a list for each team, and no description
    seen = read_state(account.aws, wish)
    [missing] = [part for part in seen.missing() if part.what == "labeling jobs of radiology-team"]
    assert missing.text == "sagemaker:ListLabelingJobsForWorkteam was not called for all of them"
    assert seen.users == ()
    made = plan(account.aws, wish)
    assert "could not read: labeling jobs of radiology-team" in made.to_text()
    assert any("labeling jobs of radiology-team that could not be listed" in each for each in made.changes[0].affects)


def test_a_private_address_in_another_vpc_is_unknown_where_the_log_calls_it_a_leak(tmp_path: Path) -> None:
    other = "vpce-0fedcba9876543210"
    locks = team_locks(url_lock=UrlLock(False, True), portal_vpc=S3_ENDPOINT.vpc_id)
    exposure = Exposure(locks, "scans/0001.png")
    found = exposure.at(f"10.0.3.4 via {other}", "forwarded")
    assert (found.answer, found.depends_on) == ("unknown", (ANY_VPC,))
    assert exposure.at(f"10.0.3.4 via {ENDPOINT}", "forwarded").answer == "refused"
    assert exposure.row("forwarded").unknown.other_endpoints
    assert exposure.row("forwarded").refused.endpoints == (ENDPOINT,)
    assert Exposure(replace(locks, portal_vpc=""), "scans/0001.png").row("forwarded").refused.endpoints == ()
    uses = [{**EVENT, "vpcEndpointId": each, "requestID": each} for each in (ENDPOINT, other)]
    (tmp_path / "trail.json").write_text(json.dumps({"Records": uses}))
    with read_hits(tmp_path) as hits:
        [leak] = hits.leaks()
    assert leak.kind == "leak"
