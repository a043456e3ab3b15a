"""The least-privilege policies, read by our own evaluator and linted by parliament."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source
from gt_secure.check import CheckFailed
from gt_secure.doctor import FEATURES, Scope, environment, policy_for
from gt_secure.doctor.diagnosis import Diagnosis, FeatureState
from gt_secure.doctor.features import Feature, Permission, choose
from gt_secure.doctor.probing import PermissionAnswer
from gt_secure.doctor.simulating import Simulator, _read, trusts
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
    assert {each.issue for each in found.findings} == known, [
        each.detail for each in found.findings
    ]
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


@pytest.mark.parametrize(
    ("result", "status", "word"),
    [
        ({"EvalDecision": "allowed"}, "yes", ""),
        ({"EvalDecision": "implicitDeny"}, "no", "No policy"),
        ({"EvalDecision": "explicitDeny"}, "no", "denies"),
        (
            {"EvalDecision": "implicitDeny", "MissingContextValues": ["aws:SourceIp"]},
            "unknown",
            "aws:SourceIp",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": False},
            },
            "no",
            "organization",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
            "no",
            "boundary",
        ),
    ],
)
def test_what_iam_says_is_read(result, status, word):
    said = _read({"EvalActionName": "x", "EvalResourceName": "*", **result})
    assert said[0] == status
    assert word in said[1]


CALLER = "arn:aws:sts::111122223333:assumed-role/Studio/me"


def trust(principal, effect="Allow", **more):
    statement = {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (trust({"AWS": "arn:aws:iam::111122223333:role/Studio"}), "yes"),
        (
            trust(
                {
                    "AWS": [
                        "arn:aws:iam::111122223333:role/Other",
                        "arn:aws:iam::111122223333:role/Studio",
                    ]
                }
            ),
            "yes",
        ),
        (trust({"AWS": CALLER}), "yes"),
        (trust({"AWS": "arn:aws:iam::111122223333:root"}), "yes"),
        (trust({"AWS": "111122223333"}), "yes"),
        (trust({"AWS": "444455556666"}), "no"),
        (trust({"AWS": "arn:aws:iam::111122223333:role/Other"}), "no"),
        (trust({"Service": "sagemaker.amazonaws.com"}), "no"),
        (trust({"AWS": "111122223333"}, effect="Deny"), "no"),
        (
            trust(
                {"AWS": "111122223333"}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}
            ),
            "unknown",
        ),
        ({"Version": "2012-10-17", "Statement": []}, "no"),
        ({"Version": "2012-10-17", "Statement": trust({"AWS": CALLER})["Statement"][0]}, "yes"),
    ],
)
def test_trust_policies_are_read(document, status):
    from gt_secure.doctor.simulating import decide

    assert decide(document, ROLE, CALLER, "111122223333")[0] == status


def test_an_action_that_iam_leaves_out_of_its_answer_is_unknown():
    result = {"EvalActionName": "s3:GetObject", "EvalDecision": "allowed"}
    iam = SimpleNamespace(simulate_principal_policy=lambda **_: {"EvaluationResults": [result]})
    aws = SimpleNamespace(
        identity=lambda: SimpleNamespace(arn=CALLER),
        own_role=lambda: None,
        caller_arn=CALLER,
        client=lambda name: iam,
    )
    told = Simulator(aws).ask(["s3:GetObject", "s3:PutObject"], "*")
    assert told == {
        "s3:GetObject": ("yes", ""),
        "s3:PutObject": ("unknown", "IAM returned no result for it."),
    }


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
    answers = (PermissionAnswer(GET, "*", get), PermissionAnswer(LIST, "*", listing))
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


@pytest.mark.parametrize(
    ("statuses", "passed"),
    [(["yes", "yes"], True), (["yes", "unknown"], None), (["unknown", "no"], False), ([], None)],
)
def test_a_diagnosis_with_an_unknown_feature_has_not_passed(statuses, passed):
    feature = Feature("read", "Read objects", (GET,))
    states = tuple(FeatureState(feature, (PermissionAnswer(GET, "*", each),)) for each in statuses)
    found = Diagnosis("arn", Scope("aws", "us-east-1", "111122223333"), states, ())
    assert found.passed is passed
    if passed:
        assert found.require() is found
    else:
        with pytest.raises(CheckFailed):
            found.require()


def test_a_trust_policy_that_cannot_be_read_is_unknown():
    def refused(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")

    aws = SimpleNamespace(client=lambda name: SimpleNamespace(get_role=refused))
    status, why = trusts(aws, ROLE)
    assert status == "unknown"
    assert why.startswith("The trust policy of GroundTruthExecution cannot be read: ")
