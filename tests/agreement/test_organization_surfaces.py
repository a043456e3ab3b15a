"""Policies of the organization, read over HTTP: every surface obeys them,
or lists the same assumption once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from gt_secure import Connection, Restriction, check, connect, expect
from gt_secure.aws.client import Aws, make_client
from gt_secure.cli.main import main
from gt_secure.engine.iam.batch import run
from gt_secure.explain import refusal_decider
from support.box import ACCOUNT, ELSEWHERE, OFFICE
from support.organizations import INNER, RCP, ROOT, SCP, Organizations, serving
from support.rig import Rig
from support.sample import sample

BUCKET, KEY, TEAM = "gt-images", "scans/0001.png", "open-team"
ONLY = "192.0.2.0/24"
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {
        "NotIpAddress": {"aws:SourceIp": ONLY},
        "BoolIfExists": {"aws:ViaAWSService": "false"},
    },
}
PERIMETER = {"Version": "2012-10-17", "Statement": [{"Sid": "Perimeter", **DENY}]}
PERIMETER_OF_SIGNERS = {
    "Version": "2012-10-17",
    "Statement": [{k: v for k, v in DENY.items() if k != "Principal"}],
}
UNREAD = "a policy of the signer or the organization refuses it"
REFUSAL = {
    "remote_ip": OFFICE, "endpoint": None, "bucket": BUCKET, "key": KEY, "auth_type": "QueryString",
    "version_2": False, "age_s": 1, "expires_s": 600,
}  # fmt: skip


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(workforce_delay_s=0.1) as running:
        yield running


@pytest.fixture
def company(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organizations]:
    """An organization beside the sandbox, which has none."""
    with serving(Organizations(account=ACCOUNT)) as found:
        whole = Aws.client

        def client(self: Aws, service: Any, region: str | None = None) -> Any:
            if service != "organizations":
                return whole(self, service, region)
            return make_client(
                boto3.Session("AKIAEXAMPLE", "secret"), service, "us-east-1", found.url
            )

        monkeypatch.setattr(Aws, "client", client)
        for name, value in rig.sandbox.environment().items():
            monkeypatch.setenv(name, value)
        yield found


def opened(gt: Connection, kind: str) -> tuple[str, ...]:
    return gt.who_can_open(BUCKET, "scans/", team=TEAM).row(kind).opened.cidrs


def wish(address: str = "203.0.113.0/24", **more: Any) -> Restriction:
    return Restriction(TEAM, bucket=BUCKET, prefix="scans/", addresses=[address], **more)


@pytest.mark.parametrize("place", sample([ROOT, INNER, ACCOUNT], 3))
@pytest.mark.parametrize(("kind", "policy"), [(RCP, PERIMETER), (SCP, PERIMETER_OF_SIGNERS)])
def test_every_surface_obeys_them(
    company: Organizations,
    place: str,
    kind: str,
    policy: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    company.place(kind, place, policy)
    lock = {RCP: "resource control policy", SCP: "service control policy"}[kind]
    gt = connect()
    for request in ("worker", "forwarded", "presigned"):
        assert opened(gt, request) == (ONLY,)
    exposure = gt.who_can_open(BUCKET, KEY, team=TEAM)
    answer = exposure.at(OFFICE, "worker")
    assert answer.answer == "refused"
    assert answer.lock.startswith(lock)
    assert "organization" not in "".join(exposure.row("presigned").opened.unless)
    plan = gt.plan(wish())
    assert "opens-nobody" in {notice.code for notice in plan.blockers}
    assert plan.after.row("worker").opened.cidrs == ()
    assert "opens-nobody" not in {notice.code for notice in gt.plan(wish("192.0.2.0/25")).blockers}
    held = check.expectations_hold.look(gt, wish(expectations=[expect.allowed(OFFICE)]))
    assert held.passed is False
    assert lock in held.message
    proved = gt.prove(Restriction(bucket=BUCKET, prefix="scans/", addresses=[ONLY]))
    assert proved.proved is (True if kind == RCP else proved.proved)
    assert str(refusal_decider(gt.aws)(REFUSAL)).startswith(lock)
    capsys.readouterr()
    assert main(["who", f"s3://{BUCKET}/{KEY}", "--team", TEAM, "--from", OFFICE, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["requests"][0]["opened"]["cidrs"] == [ONLY]
    assert data["answers"][0]["answer"] == "refused"
    assert data["answers"][0]["lock"].startswith(lock)


def named(sid: str, **more: Any) -> dict[str, Any]:
    """A service control policy of one statement."""
    return {"Version": "2012-10-17", "Statement": [{"Sid": sid, "Resource": "*", **more}]}


EVERY_SOURCE = ("0.0.0.0/0", "::/0")
OTHER = named("Statement1", Effect="Deny", Action="ec2:*")


@pytest.mark.parametrize("place", sample([ROOT, INNER, ACCOUNT], 2))
def test_policies_of_one_level_may_use_one_sid(
    company: Organizations, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    company.place(
        SCP,
        place,
        OTHER,
        named("Statement1", **{k: v for k, v in DENY.items() if k != "Principal"}),
    )
    gt = connect()
    exposure = gt.who_can_open(BUCKET, KEY, team=TEAM)
    assert exposure.row("presigned").opened.cidrs == (ONLY,)
    assert exposure.at(OFFICE, "presigned").lock.startswith("service control policy")
    assert "organization" not in "".join(exposure.row("presigned").opened.unless)
    assert gt.prove(Restriction(bucket=BUCKET, addresses=[ONLY])).proved is True
    capsys.readouterr()
    assert main(["who", f"s3://{BUCKET}/{KEY}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"]


@pytest.mark.parametrize("place", sample([ROOT, INNER, ACCOUNT], 2))
def test_a_level_without_an_allow_refuses_everything(company: Organizations, place: str) -> None:
    company.place(SCP, place, OTHER)
    assert opened(connect(), "presigned") == EVERY_SOURCE  # beside the full access
    everywhere = Restriction(bucket=BUCKET, addresses=[ONLY])
    case = connect().prove(everywhere).counterexample or {}
    (line,) = run([json.dumps(case)])
    assert json.loads(line)["verdict"] == "allow"
    company.detached.add((place, SCP))
    gt = connect()
    exposure = gt.who_can_open(BUCKET, KEY, team=TEAM)
    assert exposure.row("presigned").opened.cidrs == ()
    answer = exposure.at(OFFICE, "presigned")
    assert answer.answer == "refused"
    assert answer.lock.startswith("service control policy")
    held = check.expectations_hold.look(gt, wish(expectations=[expect.allowed(OFFICE)]))
    assert held.passed is False
    assert gt.prove(everywhere).proved is True
    (line,) = run(
        [
            json.dumps(
                {**case, "serviceControlPolicies": gt.state(bucket=BUCKET).organization.scp.value}
            )
        ]
    )
    assert json.loads(line)["verdict"] == "implicit-deny"
    company.place(SCP, place, named("Statement1", Effect="Allow", Action="s3:*"))
    assert opened(connect(), "presigned") == EVERY_SOURCE


def test_they_do_not_hold_for_the_management_account(company: Organizations) -> None:
    company.management = ACCOUNT
    company.place(RCP, ROOT, PERIMETER)
    gt = connect()
    assert opened(gt, "worker") == ("0.0.0.0/0", "::/0")
    assert "opens-nobody" not in {notice.code for notice in gt.plan(wish()).blockers}


@pytest.mark.parametrize(
    "operation",
    sample(["DescribeOrganization", "ListParents", "ListPoliciesForTarget", "DescribePolicy"], 2),
)
@pytest.mark.parametrize(
    "fault", [(400, "AccessDeniedException"), (400, "TooManyRequestsException")]
)
def test_every_surface_lists_the_same_assumption_where_they_are_not_read(
    company: Organizations,
    operation: str,
    fault: tuple[int, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    company.place(RCP, ROOT, PERIMETER)
    company.faults[operation] = fault
    gt = connect()
    exposure = gt.who_can_open(BUCKET, KEY, team=TEAM)
    assert exposure.at(ELSEWHERE, "worker").unless == (UNREAD,)
    behind = UNREAD.replace(" or the organization", ", the organization or the VPC endpoint")
    assert exposure.row("worker").opened.unless == (behind,)
    plan = gt.plan(wish(expectations=[expect.allowed(OFFICE)]))
    assert plan.to_dict()["expectations"][0]["unless"] == [UNREAD]
    for text in (plan.to_text(full=True), plan.to_html(), plan.to_html(standalone=True)):
        assert UNREAD in " ".join(text.split())
    held = check.expectations_hold.look(gt, wish(expectations=[expect.allowed(ELSEWHERE)]))
    assert held.message == f"The expectation holds, unless {UNREAD}."
    capsys.readouterr()
    assert main(["who", f"s3://{BUCKET}/{KEY}", "--json"]) == 0
    presigned = json.loads(capsys.readouterr().out)["requests"][0]
    assert presigned["unless"]["opened"] == [UNREAD]
