"""Permissions that neither a call nor IAM decides are unknown, with the reason,
and nothing green is said of them.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from gt_secure.base.errors import AccessDenied, PolicyError, Throttled
from gt_secure.doctor import Scope, environment, probing, simulating
from gt_secure.doctor.diagnosis import Diagnosis, FeatureState
from gt_secure.doctor.features import Feature, Permission
from gt_secure.doctor.probing import PermissionAnswer
from gt_secure.doctor.simulating import Simulator, decide

ACCOUNT = "111122223333"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio/me"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/GroundTruthExecution"
PLACE = Scope("aws", "us-east-1", ACCOUNT, bucket="gt-images", role=ROLE)
NO_PLACE = Scope("aws", "us-east-1", ACCOUNT)
LIST = Permission("s3:ListBucket", "bucket")
TEAMS = Permission("sagemaker:ListWorkteams", "*")
PUT = Permission("s3:PutBucketPolicy", "bucket")
DEPENDS = ("unknown", "It depends on aws:SourceIp.")
THROTTLED, MISSING, DENIED = "ThrottlingException", "NoSuchBucket", "AccessDenied"


def called(code):
    """A call that AWS answers with this error; without a code it is permitted."""

    def call():
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")

    return call


@pytest.mark.parametrize(
    ("permission", "scope", "code", "predicted", "status", "how"),
    [
        (LIST, PLACE, "", DEPENDS, "yes", "called"),
        (LIST, PLACE, DENIED, ("yes", ""), "no", "called"),
        (LIST, PLACE, THROTTLED, DEPENDS, "unknown", "called"),
        (LIST, PLACE, THROTTLED, ("yes", ""), "yes", "predicted"),
        (LIST, PLACE, THROTTLED, ("no", "No policy allows it."), "no", "predicted"),
        (LIST, PLACE, MISSING, DEPENDS, "unknown", "called"),
        (LIST, PLACE, MISSING, ("no", "No policy allows it."), "no", "predicted"),
        (TEAMS, PLACE, "ResourceNotFound", DEPENDS, "yes", "called"),
        (PUT, PLACE, None, DEPENDS, "unknown", ""),
        (PUT, PLACE, None, ("no", "No policy allows it."), "no", "predicted"),
        (PUT, NO_PLACE, None, ("yes", ""), "unknown", ""),
    ],
)
def test_a_call_decides_then_a_prediction_and_else_nothing(
    monkeypatch, permission, scope, code, predicted, status, how
):
    monkeypatch.setattr(probing, "_call", lambda *_: None if code is None else called(code))
    simulator = SimpleNamespace(ask=lambda actions, resource: dict.fromkeys(actions, predicted))
    monkeypatch.setattr(probing, "Simulator", lambda aws: simulator)
    [answer] = probing.ask(None, scope, [permission])
    assert (answer.status, answer.how) == (status, how)
    assert bool(answer.reason) == (status != "yes")
    feature = FeatureState(Feature("one", "Do it", (permission,)), (answer,))
    assert feature.status == status
    found = Diagnosis("arn", scope, (feature,), ())
    assert ("unknown: one" in found.headline) == (status == "unknown")
    assert found.headline.startswith(f"{int(status == 'yes')} of 1 features")
    if status == "unknown":
        assert answer.reason in feature.why


def test_an_unknown_permission_without_a_reason_says_so():
    state = FeatureState(
        Feature("one", "Do it", (LIST,)), (PermissionAnswer(LIST, "arn", "unknown"),)
    )
    assert state.why == "s3:ListBucket: unknown"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Throttled("AWS is throttling."), "IAM does not predict it: AWS is throttling."),
        (
            AccessDenied("No.", action="x"),
            "Missing permission for the prediction: iam:SimulatePrincipalPolicy.",
        ),
    ],
)
def test_what_iam_does_not_predict_is_unknown_and_a_refusal_ends_the_calls(
    monkeypatch, error, reason
):
    calls = []

    def refused(*_):
        calls.append(1)
        raise error

    monkeypatch.setattr(Simulator, "_simulate", refused)
    simulator = Simulator(SimpleNamespace(identity=lambda: SimpleNamespace(arn=CALLER)))
    for _ in range(2):
        assert simulator.ask(["s3:GetObject"], "*") == {"s3:GetObject": ("unknown", reason)}
    assert len(calls) == (1 if isinstance(error, AccessDenied) else 2)


@pytest.mark.parametrize("outcome", ["error", "invalid"])
def test_a_trust_policy_that_cannot_be_evaluated_is_unknown(monkeypatch, outcome):
    def evaluate(*_):
        if outcome == "error":
            raise PolicyError("It is not a policy.")
        return SimpleNamespace(allowed=False, decision="invalid")

    monkeypatch.setattr(simulating, "evaluate", evaluate)
    status, why = decide({"Statement": []}, ROLE, CALLER, ACCOUNT)
    assert status == "unknown"
    assert why.startswith("The trust policy of the role cannot be evaluated")
    assert ("It is not a policy." in why) == (outcome == "error")


@pytest.mark.parametrize("headers", [{}, {"date": None}, {"date": "yesterday"}])
def test_a_clock_without_a_time_of_aws_is_unknown(headers):
    sts = SimpleNamespace(
        get_caller_identity=lambda: {"ResponseMetadata": {"HTTPHeaders": headers}}
    )
    fact = environment._clock(SimpleNamespace(client=lambda name: sts))
    assert (fact.value, fact.mark, fact.said) == ("unknown", "note", "AWS returned no time.")


def test_members_that_the_sdk_does_not_have_are_unknown():
    facts = {
        each.name: each for each in environment._members(SimpleNamespace(knows=lambda *_: False))
    }
    lock = facts["UpdateWorkteam.WorkerAccessConfiguration"]
    assert (lock.value, lock.mark, lock.said) == (
        "unknown",
        "wrong",
        "Update boto3 for the URL lock.",
    )
    assert {each.value for each in facts.values()} == {"unknown"}
