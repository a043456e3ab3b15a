"""The least-privilege policies, read by our own evaluator and linted by parliament."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source
from gt_secure.doctor import FEATURES, Scope, environment, policy_for
from gt_secure.doctor.diagnosis import NOT_TRIED, FeatureState, PermissionAnswer
from gt_secure.doctor.features import Feature, Permission, choose
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import header_context

ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
FULL = Scope(
    "aws", "us-east-1", "111122223333", team="radiology-team", workforce="default", bucket="gt-images", prefix="scans/",
    log_bucket="gt-logs", log_prefix="s3/", role=ROLE,
)  # fmt: skip
COMBINATIONS = [
    pytest.param(names, id="+".join(names) or "all")
    for names in [
        *((name,) for name in FEATURES),
        ("guard", "hits"),
        ("url-lock", "portal-lock", "guard"),
        tuple(FEATURES),
    ]
]


def allowed(policy, action, resource):
    source = Source.parse("192.0.2.10")
    context = header_context(source, principal_arn=ROLE)
    request = Request(action, resource, ROLE, context, resource_account="111122223333")
    return evaluate(request, Policies(identity=(policy,))).allowed


@pytest.mark.parametrize("names", COMBINATIONS)
def test_each_permission_is_granted_on_its_own_resource_and_nowhere_else(names):
    features = choose(names)
    policy = policy_for(features, FULL)
    wanted = {(p.action, FULL.arn(p.target)) for feature in features for p in feature.permissions}
    for action, resource in wanted:
        assert allowed(
            policy, action, str(resource).replace("*", "x") if resource != "*" else "*"
        ), action
    resources = {
        FULL.arn(p.target) for feature in FEATURES.values() for p in feature.permissions
    } - {"*"}
    actions = {p.action for feature in FEATURES.values() for p in feature.permissions}
    wide = {action for action, resource in wanted if resource == "*"}
    for action, resource in itertools.product(sorted(actions - wide), sorted(map(str, resources))):
        if (action, resource) not in wanted and not overlaps(wanted, action, resource):
            assert not allowed(policy, action, resource.replace("*", "x")), (action, resource)
    for action in (
        "s3:DeleteObject",
        "s3:PutObject",
        "iam:PassRole",
        "sagemaker:DeleteWorkteam",
        "s3:PutBucketAcl",
    ):
        assert not allowed(policy, action, "arn:aws:s3:::gt-images/scans/x")
    for action, resource in wanted:
        if resource not in ("*", None) and resource.startswith("arn:aws:s3:::"):
            assert not allowed(policy, action, resource.replace("gt-", "other-").replace("*", "x"))


def overlaps(wanted, action, resource):
    """An ARN with a wildcard holds others."""
    return any(
        a == action and str(r).endswith("*") and resource.startswith(str(r)[:-1]) for a, r in wanted
    )


@pytest.mark.needs("parliament")
@pytest.mark.parametrize("names", COMBINATIONS)
def test_parliament_finds_nothing(names):
    import parliament

    text = json.dumps(policy_for(choose(names), FULL))
    found = parliament.analyze_policy_string(text)
    # Who may write a bucket's policy can grant themselves the rest: true, said in the feature's
    # note, and unavoidable.
    known = {"RESOURCE_POLICY_PRIVILEGE_ESCALATION"} if "guard" in names else set()
    # which policies an organization has is not known before they are listed
    issues = {
        each.issue
        for each in found.findings
        if "organizations:DescribePolicy" not in str(each.detail)
    }
    assert issues == known, [each.detail for each in found.findings]
    assert not known or any(feature.note for feature in choose(names))


@pytest.mark.needs("parliament")
def test_parliament_would_find_something():
    import parliament

    policy = policy_for(choose(["guard"]), FULL)
    policy["Statement"][0]["Resource"] = "arn:aws:s3:::gt-images/*"
    assert parliament.analyze_policy_string(json.dumps(policy)).findings


@pytest.mark.parametrize("names", COMBINATIONS)
def test_policies_are_small_and_their_sids_differ(names):
    policy = policy_for(choose(names), FULL)
    assert len(json.dumps(policy, separators=(",", ":"))) < 6144, (
        "a managed policy holds 6,144 characters"
    )
    sids = [each["Sid"] for each in policy["Statement"]]
    assert len(set(sids)) == len(sids)


@pytest.mark.parametrize(
    ("feature", "lacking", "said"),
    [
        ("guard", {"bucket": None}, "s3://NAME"),
        ("hits", {"log_bucket": None}, "--logs"),
        ("sign", {"role": None}, "--role-arn"),
    ],
)
def test_a_wildcard_is_never_put_where_a_name_is_lacking(feature, lacking, said):
    import dataclasses

    with pytest.raises(InvalidInput) as caught:
        policy_for(choose([feature]), dataclasses.replace(FULL, **lacking))
    assert said in caught.value.next_step


def test_partitions():
    import dataclasses

    china = dataclasses.replace(FULL, partition="aws-cn", region="cn-north-1")
    text = json.dumps(policy_for(choose(["teams", "guard"]), china))
    assert "arn:aws:" not in text
    assert "arn:aws-cn:s3:::gt-images" in text


GET, LIST = (
    Permission("s3:GetObject", "objects"),
    Permission("s3:ListBucket", "bucket", optional=True),
)


@pytest.mark.parametrize(
    ("get", "listing", "status", "why"),
    [
        ("yes", "yes", "yes", ""),
        ("yes", "no", "yes", "works without optional s3:ListBucket"),
        ("yes", "unknown", "yes", ""),
        ("no", "no", "no", "s3:GetObject"),
        ("unknown", "no", "unknown", "s3:GetObject"),
    ],
)
def test_only_needed_permissions_decide_and_are_named_first(get, listing, status, why):
    answers = tuple(
        PermissionAnswer(each, "*", status, NOT_TRIED if status == "unknown" else "")
        for each, status in ((GET, get), (LIST, listing))
    )
    state = FeatureState(Feature("read", "Read objects", (GET, LIST)), answers)
    assert state.status == status
    assert why in state.why
    assert ("s3:ListBucket" in state.why) == ("s3:ListBucket" in why)
    assert state.to_dict()["feature"] == "read"


def test_a_policy_leaves_out_what_is_optional_and_has_no_resource():
    nowhere = Scope("aws", "us-east-1", "111122223333")
    feature = Feature("read", "Read", (Permission("sts:GetCallerIdentity", "*"), LIST))
    assert [each["Action"] for each in policy_for([feature], nowhere)["Statement"]] == [
        "sts:GetCallerIdentity"
    ]
    with pytest.raises(InvalidInput, match="needs s3:GetObject"):
        policy_for([Feature("read", "Read", (GET,))], nowhere)


@pytest.mark.parametrize(("off_s", "mark"), [(5, "ok"), (100, "note"), (1200, "wrong")])
def test_a_clock_that_is_off_says_what_to_do(monkeypatch, off_s, mark):
    now = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(environment, "_now", lambda: now + dt.timedelta(seconds=off_s))
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(now, usegmt=True)}}}
    sts = SimpleNamespace(get_caller_identity=lambda: answer)
    fact = environment._clock(SimpleNamespace(client=lambda name: sts))
    said = "" if mark == "ok" else "Set the clock: signatures depend on it."
    assert fact.to_dict() == {
        "name": "clock",
        "value": f"{off_s} s off",
        "mark": mark,
        "said": said,
    }
