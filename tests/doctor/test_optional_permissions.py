"""Each optional action of the table is needed: with it all is read, and without it an answer says
what was not read, or loses what the action shows.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure import Restriction
from gt_secure.account.principals import read_principals
from gt_secure.account.reader import read_state, with_signers
from gt_secure.account.state import EVERYTHING, OTHERS
from gt_secure.aws.athena_client import AthenaClient
from gt_secure.aws.buckets import buckets_here
from gt_secure.base.errors import AccessDenied, GtSecureError, LogError
from gt_secure.changes import Journal
from gt_secure.changes.change import Change
from gt_secure.changes.engine import Clock, Engine
from gt_secure.changes.targets import BucketGuard
from gt_secure.changes.transaction import begin_lines, run
from gt_secure.doctor import FEATURES, policy_for
from gt_secure.doctor.features import choose
from gt_secure.engine.policies.bucket_guard import build_guard
from support.lagging_account import LaggingAccount
from support.organizations import Organizations
from support.shared_account import Region, denied
from support.surveyed_account import BUCKET, KEYS, REGION, Drawn, SurveyedAccount, draw

from .conftest import BUCKET as SANDBOX_BUCKET, LOGS, TEAM, Account
from .test_doctor import log_something, scope
from .test_permissions_of_calls import NOTES, OPERATIONS

ARN = f"arn:aws:sagemaker:{REGION}:111122223333"
OPTIONAL = {
    each.action for feature in FEATURES.values() for each in feature.permissions if each.optional
}


def action_of(service: str, name: str) -> str:
    """Return the action of a call."""
    if name == "GetPublicAccessBlock" and service == "s3control":
        return "s3:GetAccountPublicAccessBlock"
    prefix = "s3" if service == "s3control" else service
    return OPERATIONS.get(name, f"{prefix}:{name}")


class Whole(SurveyedAccount):
    """An account with a subject for each reader, in which one action may be denied."""

    def __init__(self, drawn: Drawn, taken: str) -> None:
        super().__init__(drawn)
        self.taken, self.called, self.company = taken, set[str](), Organizations()
        self.regions[REGION] = here = Region(endpoints=self.regions[REGION].endpoints)
        here.workforce = {
            "WorkforceName": "default",
            "WorkforceArn": f"{ARN}:workforce/private-crowd/default",
            "Status": "Active",
            "SourceIpConfig": {"Cidrs": []},
        }
        self.team = self.add_team(REGION, "night", {})
        self.add_job(REGION, "scans", "night", f"s3://{BUCKET}/in/")
        flow = {
            "FlowDefinitionName": "review",
            "FlowDefinitionArn": f"{ARN}:flow-definition/review",
        }
        human = {"humanWorkflowConfig": {"flowDefinitionArn": flow["FlowDefinitionArn"]}}
        job = {"jobName": "eval", "jobArn": f"{ARN}:evaluation-job/a", "status": "InProgress"}
        self.more: dict[str, Any] = {
            "get_bucket_policy_status": {"PolicyStatus": {"IsPublic": False}},
            "list_flow_definitions": {"FlowDefinitionSummaries": [flow]},
            "describe_flow_definition": {
                **flow,
                "FlowDefinitionStatus": "Active",
                "HumanLoopConfig": {"WorkteamArn": self.team},
                "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"},
            },
            "list_evaluation_jobs": {
                "jobSummaries": [{**job, "jobType": "Human", "creationTime": dt.datetime.now()}]
            },
            "get_access_point_policy": {
                "Policy": json.dumps(
                    {
                        "Statement": [
                            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
                        ]
                    }
                )
            },
            "get_evaluation_job": {**job, "evaluationConfig": {"human": human}},
        }

    def answer(self, service: str, region: str, operation: str, asked: Any) -> Any:
        name = "".join(part.title() for part in operation.split("_"))
        action = action_of(service, name)
        self.called.add(action)
        if action == self.taken:
            raise denied(name)
        if service == "organizations":
            return self.company.answer(name, asked)[1]
        return self.more.get(operation) or super().answer(service, region, operation, asked)


def said(drawn: Drawn, taken: str, folder: Path) -> tuple[str, set[str]]:
    """Return what all answers say that they did not read, and the actions that were called."""
    world = Whole(drawn, taken)
    gt = world.connect(REGION, folder)
    needs = EVERYTHING | OTHERS
    signers = with_signers(gt.aws, read_state(gt.aws, bucket=BUCKET, needs=needs))
    states = [signers, read_state(gt.aws, team="night", bucket=BUCKET, needs=needs)]
    texts = [missing.action for each in states for _, missing in each.unread()]
    wish = Restriction("night", bucket=BUCKET, addresses="203.0.113.0/24")
    points = signers.bucket.access_points.if_read or () if signers.bucket else ()
    parts = [part for each in points for part in (each.policy, each.public_access_block)]
    for ask in (
        lambda: gt.plan(wish).to_dict()["unseen"],
        lambda: gt.who_can_open(BUCKET, KEYS[0]).to_dict(),
        lambda: [each.to_dict() for each in gt.findings(bucket=BUCKET)],
    ):
        try:
            texts.append(json.dumps(ask(), default=str))
        except AccessDenied as error:  # of what a change writes
            texts.append(f"{error} {error.policy}")
    texts += [part.missing.action for part in parts if part.missing is not None and part.was_asked]
    return " ".join(texts), world.called


@cache
def whole(number: int) -> tuple[str, set[str]]:
    return said(draw(number), "", Path("/nonexistent"))


ELSEWHERE = {
    "iam:ListRoles": "how long a URL of a role may live",
    "cloudtrail:LookupEvents": "a change",
    "ec2:DescribeVpcs": "names of VPCs",
    "iam:GetRole": "the path of a role",
    "s3:GetObject": "task templates, on the sandbox",
    "s3:GetBucketObjectLockConfiguration": "a log bucket, on the sandbox",
    "s3:GetBucketPolicyStatus": "a policy of which only S3 knows whether it is public",
    "s3:ListAllMyBuckets": "a report of many buckets",
}
"""Actions that what is asked here does not call, and what calls them: a test of its own below."""


@pytest.mark.check
@pytest.mark.parametrize("taken", sorted(OPTIONAL - ELSEWHERE.keys()))
def test_without_an_optional_action_an_answer_says_what_was_not_read(
    taken: str, tmp_path: Path
) -> None:
    """In one of the first accounts of the draw that have all answers with it, and call it."""
    accounts = (
        each for each in range(40) if taken in whole(each)[1] and taken not in whole(each)[0]
    )
    assert any(
        taken in said(draw(each), taken, tmp_path / str(each))[0] for each in islice(accounts, 6)
    )


@pytest.mark.check
@pytest.mark.parametrize("taken", ["", "iam:ListRoles"])
def test_the_longest_sessions_of_roles_have_their_action(taken: str, tmp_path: Path) -> None:
    people = read_principals(Whole(draw(0), taken).connect(REGION, tmp_path).aws).value
    assert people is not None
    roles = [each for each in people.all if ":role/" in each.arn]
    assert {each.max_session_s for each in roles} == {None if taken else 3600}


@pytest.mark.check
@pytest.mark.parametrize("taken", ["s3:GetObject", "s3:GetBucketObjectLockConfiguration"])
def test_what_only_the_sandbox_has(account: Account, taken: str) -> None:
    log_something(account)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    for statements in ([], [{"Effect": "Deny", "Action": taken, "Resource": "*"}]):
        gt = account.user(everything, *statements)
        state = read_state(gt.aws, team=TEAM, bucket=SANDBOX_BUCKET, needs=EVERYTHING)
        assert (taken in {each.action for _, each in state.unread()}) == bool(statements)


@pytest.mark.check
def test_names_of_vpcs_are_shown_with_their_action_alone(account: Account) -> None:
    row = policy_for(choose(["endpoints"]), scope())["Statement"]
    assert account.user(*row).endpoints()[0].vpc_name
    deny = {"Effect": "Deny", "Action": "ec2:DescribeVpcs", "Resource": "*"}
    [first, *_] = account.user(*row, deny).endpoints()
    assert (first.vpc_name, bool(first.vpc_id)) == ("", True)


@pytest.mark.check
def test_logs_under_a_kms_key_need_its_action(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note of the row names it: S3 asks IAM about the key when it reads the object."""
    assert "kms:Decrypt" in NOTES
    monkeypatch.setenv("GT_SECURE_CACHE", str(tmp_path))
    log_something(account)
    s3 = account.client("s3")
    key = s3.list_objects_v2(Bucket="gt-logs", Prefix="s3/")["Contents"][0]["Key"]
    body = s3.get_object(Bucket="gt-logs", Key=key)["Body"].read()
    kms = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    s3.put_object(
        Bucket="gt-logs", Key=key, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=kms
    )
    row = policy_for(choose(["hits"]), scope())["Statement"]
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": kms}
    with account.user(*row, decrypt).hits(logs=LOGS) as hits:
        assert len(hits) > 0
        assert hits.coverage.unread == []
    monkeypatch.setenv("GT_SECURE_CACHE", str(tmp_path / "empty"))
    try:
        with account.user(*row).hits(logs=LOGS) as hits:
            unread = " ".join(hits.coverage.unread)
    except LogError as error:  # it was the only object
        unread = str(error)
    assert key in unread
    assert "could" in unread
    assert "be read" in unread


CALLS: dict[str, Callable[[AthenaClient], object]] = {
    "athena:GetTableMetadata": lambda client: client.table(),
    "athena:StartQueryExecution": lambda client: client.start(),
    "athena:GetQueryExecution": lambda client: client.execution("q"),
    "athena:GetQueryResults": lambda client: client.results(),
    "athena:StopQueryExecution": lambda client: client.stop("q"),
}


@pytest.mark.quick
@pytest.mark.parametrize("taken", sorted(each for each in NOTES if each.startswith("athena:")))
def test_a_denied_call_of_athena_names_its_action(taken: str) -> None:
    class Client:
        meta = SimpleNamespace(partition="aws", region_name=REGION)

        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> Any:
                raise denied(name)

            return call

    with pytest.raises(AccessDenied) as error:
        CALLS[taken](AthenaClient(Client(), "primary"))
    assert taken in f"{error.value} {error.value.policy}"


@pytest.mark.quick
def test_a_report_of_many_buckets_names_the_action_that_lists_them() -> None:
    def listing(_: str) -> Any:
        raise denied("ListBuckets")

    aws = SimpleNamespace(
        region=REGION, client=lambda _: SimpleNamespace(get_paginator=listing, list_buckets=listing)
    )
    with pytest.raises(AccessDenied, match="s3:ListAllMyBuckets"):
        buckets_here(cast(Any, aws))


@pytest.mark.quick
@pytest.mark.parametrize(("trail", "unasked"), [("read", 0), ("denied", 1)])
def test_a_change_says_that_nobody_was_asked_who_wrote(
    trail: str, unasked: int, tmp_path: Path
) -> None:
    account = LaggingAccount(random.Random(1), trail=trail)
    account.policies.append((0.0, None))
    guard = json.dumps(
        {"Version": "2012-10-17", "Statement": [build_guard(BUCKET, "203.0.113.0/24")]}
    )
    change = Change(BucketGuard(BUCKET), None, guard, "off", "on")
    lines = begin_lines("apply", account, "1" * 12, "anna", [change])  # type: ignore[arg-type]
    writer = Journal(tmp_path).begin(lines)
    clock = Clock(60, account.sleep, lambda: account.now)
    with suppress(GtSecureError):
        run(Engine(account, writer, [change], clock), "applied")  # type: ignore[arg-type]
    assert len(Journal(tmp_path).find(writer.id).named("not-asked")) == unasked
