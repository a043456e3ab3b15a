"""Reading the account: what cannot be read is listed, what must be read stops,
and what is not there is said.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.account.fact_reader import BLOCKS
from gt_secure.account.reader import _evaluations_of, read_state
from gt_secure.aws.client import Aws
from gt_secure.base.errors import AccessDenied, Conflict, InvalidInput, NotFound
from gt_secure.changes.plan import plan
from gt_secure.connection import Connection
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, TEAM, Account
from support.consents import AGREED
from support.states import data_bucket, state

EVERYTHING = ["s3:Get*", "s3:List*", "sagemaker:List*", "sagemaker:Describe*", "ec2:Describe*"]


def caller(account: Account, *denied: str) -> Aws:
    """Connect as a user who may read everything but some actions."""
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": EVERYTHING, "Resource": "*"}]
    if denied:
        statements.append({"Effect": "Deny", "Action": list(denied), "Resource": "*"})
    return account.rig.user(*statements).aws


def wish(**more: Any) -> Restriction:
    return Restriction(TEAM, **({"addresses": ["203.0.113.0/24"], "bucket": BUCKET} | more))


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("sagemaker:ListWorkteams", "workteams"),
        ("ec2:DescribeVpcEndpoints", "VPC endpoints"),
        ("sagemaker:ListLabelingJobsForWorkteam", "labeling jobs"),
        ("s3:GetBucketLogging", "the log target of gt-images"),
    ],
)
def test_what_is_only_looked_at_may_be_unseen(account: Account, action: str, what: str) -> None:
    seen = read_state(caller(account, action), wish())
    part = next(part for part in seen.missing() if part.what == what)
    assert part.action == action
    assert part.policy is None  # no Allow helps against a Deny
    assert part.why == "denied"


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("s3:GetBucketPolicy", {}),
        ("sagemaker:DescribeWorkteam", {}),
        ("sagemaker:DescribeWorkforce", {"portal_lock": True}),
    ],
)
def test_what_would_be_written_must_be_readable(
    account: Account, action: str, more: dict[str, Any]
) -> None:
    with pytest.raises(AccessDenied) as caught:
        read_state(caller(account, action), wish(**more))
    assert caught.value.action == action


def test_teams_that_cannot_be_listed_are_said_in_the_portal_warning(account: Account) -> None:
    made = plan(caller(account, "sagemaker:ListWorkteams"), wish(portal_lock=True))
    assert any(
        "is unknown" in notice.text
        for notice in made.notices
        if notice.code == "portal-affects-all"
    )


def test_a_vendor_team_is_found_by_its_arn(account: Account) -> None:
    sold = account.sagemaker.list_subscribed_workteams()["SubscribedWorkteams"][0]["WorkteamArn"]
    made = plan(account.aws, Restriction(sold, addresses=["203.0.113.0/24"], bucket=BUCKET))
    team = made.state.team.value
    assert team is not None
    assert team.kind == "vendor"
    assert [change.kind for change in made.changes] == ["bucket-guard"]
    assert "presigned" in made.after.requests
    assert "worker" not in made.after.requests
    missing = "arn:aws:sagemaker:us-east-1:111122223333:workteam/vendor-crowd/nobody"
    with pytest.raises(NotFound):
        plan(account.aws, Restriction(missing, addresses=["203.0.113.0/24"], bucket=BUCKET))


def test_what_is_not_there(account: Account) -> None:
    with pytest.raises(NotFound, match="no-such-team"):
        read_state(account.aws, Restriction("no-such-team"))
    with pytest.raises(NotFound, match="no-such-bucket"):
        read_state(account.aws, Restriction(addresses=["203.0.113.7"], bucket="no-such-bucket"))


@pytest.mark.parametrize(
    "action", ["sagemaker:DescribeWorkteam", "sagemaker:DescribeWorkforce", "s3:GetBucketPolicy"]
)
def test_what_is_only_looked_at_for_findings_never_stops_them(
    account: Account, action: str
) -> None:
    gt = Connection(caller(account, action))
    found = gt.findings(team=TEAM, bucket=BUCKET)
    blind = [finding for finding in found if finding.code == "not-checked"]
    assert {finding.could_not_see for finding in blind} == {(action,)}
    assert all("Not known: " in finding.detail for finding in blind)
    assert any(finding.code != "not-checked" for finding in found)


def test_a_subject_is_named_in_every_usual_way(account: Account) -> None:
    sold = account.sagemaker.list_subscribed_workteams()["SubscribedWorkteams"][0]["WorkteamArn"]
    gt = Connection(account.aws)
    own = gt.workteam(TEAM)
    vendor = next(team for team in gt.workteams() if team.arn == sold)
    for team, arn in (
        (TEAM, own.arn),
        (own, own.arn),
        (own.arn, own.arn),
        (sold, sold),
        (vendor, sold),
    ):
        seen = read_state(account.aws, team=team, bucket=f"s3://{BUCKET}")
        assert seen.team.value is not None
        assert (seen.team.value.arn, seen.bucket and seen.bucket.name) == (arn, BUCKET)
    assert read_state(account.aws, team=sold).workforce.value is None
    assert Restriction(vendor, addresses=["203.0.113.7"], bucket=BUCKET).team == sold


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "team"),
        ({"team": 7}, "team"),
        ({"team": "a b"}, "team"),
        ({"bucket": "No_Bucket"}, "bucket"),
    ],
)
def test_a_subject_must_be_named(account: Account, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Connection(account.aws).findings(**wrong)
    assert caught.value.field == field
    assert caught.value.next_step


def test_a_state_is_of_a_whole_bucket_and_findings_are_of_a_part_too(account: Account) -> None:
    gt = Connection(account.aws)
    with pytest.raises(InvalidInput, match="whole bucket"):
        gt.state(bucket="s3://gt-images/scans/")
    part = Restriction(bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"])
    gt.apply(gt.plan(part), confirm=AGREED)
    outcomes = {
        place: {each.code: each.outcome for each in gt.findings(bucket=place).checked}
        for place in (BUCKET, f"s3://{BUCKET}/scans/")
    }
    for code in ("presigned-from-anywhere", "guard-narrower"):
        assert [outcomes[place][code] for place in outcomes] == ["found", "clean"]


def test_a_plan_needs_a_restriction(account: Account) -> None:
    with pytest.raises(InvalidInput, match="A Restriction is needed, not"):
        plan(account.aws, {"team": TEAM})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="A Restriction is needed, not str") as error:
        account.rig.gt.prove("open-team.json")  # type: ignore[arg-type]
    assert "load_restriction" in error.value.next_step


def test_hits_name_labelers_and_other_readers(account: Account) -> None:
    """Rows of a real log: two labelers, one of them elsewhere, a refused one,
    and a header-signed reader.
    """
    from gt_secure.logs import read_hits

    def row(address: str, status: int, auth: str, number: int) -> str:
        query = (
            f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600&X-Amz-Credential=K{number}"
            if auth == "QueryString"
            else ""
        )
        return (
            f"79a5 {BUCKET} [24/Nov/2026:10:00:0{number} +0000] {address}"
            " arn:aws:sts::111122223333:assumed-role/R/s "
            f'ID{number} REST.GET.OBJECT scans/1.png "GET /scans/1.png{query} HTTP/1.1" {status} '
            f'{"-" if status == 200 else "AccessDenied"} 10 10 5 4 "-" "agent" - hostid SigV4'
            f" cipher {auth} "
            f"{BUCKET}.s3.amazonaws.com TLSv1.2 - -\n"
        )

    log = account.journal.path.with_name("log")
    log.write_text(
        row("203.0.113.40", 200, "QueryString", 1)
        + row("198.51.100.23", 200, "QueryString", 2)
        + row("192.0.2.66", 403, "QueryString", 3)
        + row("192.0.2.67", 200, "AuthHeader", 4)
        + row("10.0.3.4", 200, "QueryString", 5)
    )
    with read_hits(log) as hits:
        made = plan(account.aws, wish(), hits=hits)
    logged = {row.source for row in made.simulation if row.why == "seen in the access log"}
    assert logged == {"203.0.113.40", "198.51.100.23", "10.0.3.4"}  # the guard admits no endpoint
    assert [notice.code for notice in made.blockers] == ["refuses-labeler"]


def test_the_plan_of_another_account_is_refused(account: Account) -> None:
    from dataclasses import replace

    from support.consents import apply_agreed as apply

    made = plan(account.aws, wish())
    other = replace(made, state=replace(made.state, account_id="999988887777"))
    with pytest.raises(Conflict, match="999988887777"):
        apply(account.aws, other, journal=account.journal)


class Bedrock:
    """Three evaluation jobs in progress: people of two workflows do the first two,
    and nobody does the third.
    """

    JOBS = (
        ("ratings", "Human", "invoice-review"),
        ("other", "Human", "not-ours"),
        ("automatic", "Automated", ""),
    )

    def get_paginator(self, name: str) -> Bedrock:
        assert name == "list_evaluation_jobs"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        assert asked == {"statusEquals": "InProgress"}
        return [
            {"jobSummaries": [{"jobArn": name, "jobName": name, "jobType": kind}]}
            for name, kind, _ in self.JOBS
        ]

    def get_evaluation_job(self, jobIdentifier: str) -> dict[str, Any]:
        flow = {name: flow for name, _, flow in self.JOBS}[jobIdentifier]
        arn = f"arn:aws:sagemaker:us-east-1:111122223333:flow-definition/{flow}"
        return {"evaluationConfig": {"human": {"humanWorkflowConfig": {"flowDefinitionArn": arn}}}}


def test_evaluation_jobs_of_bedrock_use_a_team_by_a_workflow() -> None:
    aws = cast(Aws, SimpleNamespace(client=lambda _: Bedrock()))
    assert _evaluations_of(aws, ("invoice-review",)) == ("ratings",)


@pytest.mark.parametrize(
    ("text", "shown"), [("{}", "{}"), ("{\n}", "3 bytes"), ("x" * 61, "61 bytes")]
)
def test_a_state_shows_short_texts_and_the_size_of_others(text: str, shown: str) -> None:
    [row] = [
        row for row in state(bucket=data_bucket(policy=text)).rows() if row[0] == "bucket.policy"
    ]
    assert row[-1] == shown


def test_block_public_access_of_the_account_is_read_where_the_bucket_lacks_some_of_it(
    account: Account,
) -> None:
    s3, needs = account.aws.client("s3"), frozenset({"bucket.public_access_block", "account_block"})
    for own in (False, True):
        setting = {**dict.fromkeys(BLOCKS, True), "RestrictPublicBuckets": own}
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=setting)
        found = read_state(account.aws, bucket=BUCKET, needs=needs)
        assert found.account_block.was_asked is not own
    s3.delete_public_access_block(Bucket=BUCKET)
