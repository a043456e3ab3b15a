"""Authorization ids of the sandbox: in the refusal, with IAM's details, and beside the prediction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import botocore.session
import pytest
from botocore.exceptions import ClientError

from gt_secure import Restriction
from gt_secure.access import explain_probe
from gt_secure.account.authorization_details import read_authorization_details
from gt_secure.aws.denials import parse_denial
from gt_secure.policies.bucket_guard import GUARD_SID
from gt_secure.presign import Probe
from support.rig import BUCKET, ELSEWHERE, OFFICE, Rig

pytestmark = pytest.mark.skipif(
    "iam-toolbox" not in botocore.session.get_session().get_available_services(), reason="this botocore has no client"
)
KEY = "scans/0001.png"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(workforce_delay_s=0.1, authorization_ids=True) as running:
        running.gt.apply(running.gt.plan(Restriction(bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"])))
        yield running


@pytest.fixture(scope="module")
def refused(rig: Rig) -> Probe:
    url = rig.gt.test_url(BUCKET, KEY, bound_to=ELSEWHERE)
    return rig.gt.probe(url, ELSEWHERE)


def test_a_refusal_names_an_id_whose_details_iam_returns(rig: Rig, refused: Probe) -> None:
    denial = parse_denial(refused.error_message)
    assert denial is not None
    assert (denial.kind, denial.explicit) == ("resource", True)
    assert re.fullmatch(r"[0-9a-z]{32}", denial.authorization_id)
    details = read_authorization_details(rig.aws(), denial.authorization_id)
    assert not details.problem
    assert details.value("aws:SourceIp") == ELSEWHERE
    assert details.value("s3:authType") == "REST-QUERY-STRING"
    check = details.deciding
    assert check is not None
    assert (check.action, check.decision, check.kind) == ("s3:GetObject", "explicit-deny", "resource")
    assert check.resource == f"arn:aws:s3:::{BUCKET}/{KEY}"
    assert check.statement == GUARD_SID


def test_the_statement_of_an_identity_policy_is_named_and_an_implicit_deny_has_none(rig: Rig) -> None:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Sid": "NoScans", "Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    for statements, decision, sid in (((allow, deny), "explicit-deny", "NoScans"), ((), "implicit-deny", "")):
        with pytest.raises(ClientError, match="not authorized") as caught:
            rig.client("s3", rig.keys(*statements), OFFICE).get_object(Bucket=BUCKET, Key=KEY)
        denial = parse_denial(caught.value.response["Error"]["Message"])
        assert denial is not None
        check = read_authorization_details(rig.aws(), denial.authorization_id).deciding
        assert check is not None
        assert (check.decision, check.statement) == (decision, sid)


def test_the_context_is_shown_beside_the_prediction_and_agrees(rig: Rig, refused: Probe) -> None:
    url = rig.gt.test_url(BUCKET, KEY, bound_to=ELSEWHERE)
    explanation = explain_probe(rig.aws(), refused, url=url)
    assert explanation.authorization is not None
    assert explanation.cause == "bucket-guard"
    text = str(explanation)
    assert "IAM decided: explicit-deny for s3:GetObject" in text
    assert f"aws:SourceIp={ELSEWHERE}" in text
    assert explanation.differences == ()


def test_a_disagreement_is_shown(rig: Rig, refused: Probe) -> None:
    url = rig.gt.test_url(BUCKET, KEY, bound_to=OFFICE)
    opened = replace(refused, source=rig.gt.probe(url, OFFICE).source)
    explanation = explain_probe(rig.aws(), opened, url=url)
    assert any(f"aws:SourceIp is {ELSEWHERE} for IAM" in each for each in explanation.differences)
    assert any("IAM decided explicit-deny" in each for each in explanation.differences)


def test_details_need_the_permission_and_an_id_that_exists(rig: Rig, refused: Probe) -> None:
    denial = parse_denial(refused.error_message)
    assert denial is not None
    keys = rig.keys({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert "may not call" in read_authorization_details(rig.aws(keys), denial.authorization_id).problem
    none = read_authorization_details(rig.aws(), "0" * 32, sleep=lambda _: None)
    assert "no details" in none.problem


def test_without_the_option_no_refusal_has_an_id() -> None:
    with Rig.running(seed="demo") as plain:
        keys = plain.keys({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
        with pytest.raises(ClientError, match="not authorized") as caught:
            plain.client("s3", keys).get_object(Bucket=BUCKET, Key=KEY)
        assert "authorization id" not in str(caught.value)
