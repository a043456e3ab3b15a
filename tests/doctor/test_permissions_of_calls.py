"""The table of permissions has what the features call. These tests compare the table with the actions
that the program names, with the calls that each feature makes in the sandbox, and with what each
feature does without one action.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure import Restriction
from gt_secure.base.errors import GtSecureError
from gt_secure.connection import Connection
from gt_secure.doctor import FEATURES, examine, policy_for
from gt_secure.doctor.features import choose

from .conftest import TEAM, Account
from .test_doctor import GIVEN, READ, log_something, scope, trusting, use

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
NAMED = {each.action for feature in FEATURES.values() for each in feature.permissions}
NOTES = {
    action
    for each in FEATURES.values()
    for action in re.findall(r"\b[a-z0-9]+:[A-Z]\w+", each.note)
}
OF_NO_FEATURE = {
    # every principal may call it
    "sts:GetCallerIdentity",
    # a probe of other methods, which asks before it makes an object of its own
    *("s3:PutObject", "s3:DeleteObject", "s3:ListBucketVersions"),
    # the caller's own Studio domain names its role
    *("sagemaker:DescribeDomain", "sagemaker:DescribeUserProfile"),
    # a report on many accounts
    "organizations:ListAccounts",
    # temporary keys of a user, who has no role
    "sts:GetFederationToken",
    # tags that a condition of a policy asks for
    *("s3:GetBucketAbac", "s3:GetObjectTagging", "iam:ListRoleTags"),
    # a job of the sandbox's own workers
    "sagemaker:CreateLabelingJob",
    # the log of a bucket of the sandbox
    "s3:PutBucketLogging",
}
OPERATIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListBuckets": "s3:ListAllMyBuckets",
    "GetBucketCors": "s3:GetBucketCORS",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketReplication": "s3:GetReplicationConfiguration",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
"""Calls whose action has another name."""


def test_each_action_that_a_call_names_is_in_the_table() -> None:
    """An error names the action of its call, so the program names each of them."""
    found = set[str]()
    for path in Path(gt_secure.__file__).parent.rglob("*.py"):
        if not {"sandbox", "iam", "doctor"} & {*path.parts}:
            text = path.read_text(encoding="utf-8")
            found |= set(
                re.findall(
                    r'(?:aws_errors|part_of|_Reading|not_read|NotRead)\([^()]*?"(\w+:[A-Z]\w+)"',
                    text,
                )
            )
            found |= set(
                re.findall(r'"((?:athena|organizations|kms|bedrock|ec2|wafv2):[A-Z]\w+)"', text)
            )
    assert len(found) > 40, found
    assert found - NAMED - NOTES - OF_NO_FEATURE - {"kms:GenerateDataKey"} == set()
    page = PAGE.read_text(encoding="utf-8")
    assert [each for each in sorted(NAMED | NOTES) if f"{each}" not in page] == []
    assert {"kms:Decrypt", "s3:GetBucketTagging", "athena:StartQueryExecution"} <= NAMED | NOTES


@contextmanager
def traced(account: Account) -> Iterator[tuple[Connection, set[str]]]:
    """Yield a connection whose only denied action is to delete the team, and the actions of its calls."""
    called = set[str]()

    def note(model: Any, **_: Any) -> None:
        service = model.service_model
        if service.service_name == "s3control" and model.name == "GetPublicAccessBlock":
            called.add("s3:GetAccountPublicAccessBlock")
            return
        prefix = service.metadata.get("signingName") or service.endpoint_prefix
        called.add(OPERATIONS.get(model.name, f"{prefix}:{model.name}"))

    deny = {"Effect": "Deny", "Action": "sagemaker:DeleteWorkteam", "Resource": "*"}
    keys = account.keys({"Effect": "Allow", "Action": "*", "Resource": "*"}, deny)
    session = account.session_of(keys)
    session.events.register("before-call", note)
    gt = gt_secure.connect(boto3_session=session, endpoint_url=account.url)
    with trusting(account, gt.aws.caller_arn):
        yield gt, called


BESIDE = {
    each.action for name in ("teams", "signers", "findings") for each in FEATURES[name].permissions
}
"""What a plan and an answer also read, as a note says."""
ANSWERS = ("url-lock", "portal-lock", "guard", "signers")
NOT_CALLED = {
    # the bucket has a policy before the guard and after its undo, or has none
    "guard": {"s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
    # IAM checks it within the call of another service
    "render": {"iam:PassRole"},
    # the request of the URL itself, which no client makes
    "sign": {"s3:GetObject"},
    # a setting that is turned off fits every portal: the case without it shows its use
    "url-lock": {"sagemaker:ListWorkforces"},
    # another library reads the objects
    "hits": {"s3:GetObject"},
}


@pytest.mark.check
@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_calls_what_its_row_has(account: Account, name: str) -> None:
    log_something(account)
    with traced(account) as (gt, called):
        use(gt, name, account)
        if name in READ:
            examine(gt, team=TEAM, features=[name])
    row = {each.action for each in FEATURES[name].permissions}
    needed = {each.action for each in FEATURES[name].permissions if not each.optional}
    called -= {"sts:GetCallerIdentity", "sagemaker:DeleteWorkteam"}
    beside = BESIDE if name in ANSWERS else set()
    assert called - row - beside - NOTES == set()
    assert needed - called - NOT_CALLED.get(name, set()) == set()


EACH = [
    f"{name} without {each.action}"
    for name, feature in FEATURES.items()
    for each in feature.permissions
    if not each.optional
    # the role signs here: without one the caller's own permission decides
    if (name, each.action) != ("sign", "s3:GetObject")
]


def read_by(gt: Connection, name: str, account: Account, taken: str) -> list[str]:
    """Use a feature, and return what it says that it could not read."""
    if name == "url-lock":  # which setting fits depends on the portal
        unread = gt.plan(Restriction(TEAM, addresses="203.0.113.0/24")).state.unread()
        return [missing.text for _, missing in unread if missing.action == taken]
    if name == "history":
        return [*gt.history(team=GIVEN["team"], since="1h").unread]
    if name in READ:
        found = examine(gt, **GIVEN, features=[name])
        return [each.reason for each in found.state(name).answers if each.status == "no"]
    use(gt, name, account)
    return []


@pytest.mark.check
@pytest.mark.parametrize("case", EACH)
def test_without_one_action_a_feature_fails_or_says_what_it_did_not_read(
    account: Account, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, taken = case.split()
    monkeypatch.setenv("GT_SECURE_CACHE", str(tmp_path))  # no object that another test has read
    log_something(account)
    allowed = policy_for(choose([name]), scope())["Statement"]
    deny = {"Effect": "Deny", "Action": taken, "Resource": "*"}
    gt = account.user(*allowed, deny)
    with trusting(account, gt.aws.caller_arn):
        try:
            unread = read_by(gt, name, account, taken)
        except (GtSecureError, AssertionError, TypeError):
            return  # an answer that is unknown is neither true nor false
    assert unread, f"{name} works without {taken}"
