"""Refusals by lock: what CloudTrail names is a fact,
what our own verdict says is marked as predicted.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.explain.refused_by import EXPIRED, OTHER, is_expired, lock_of
from gt_secure.logs import Hits, count_hits, plots, read_hits, refusals as module
from gt_secure.logs.refusals import Refusal
from support import corpus
from support.answers import exposed
from support.guards import merge_guards
from support.sample import sample

pytestmark = pytest.mark.usefixtures("known_texts")

SCP = "arn:aws:organizations::111122223333:policy/o-abc/service_control_policy/p-1"
WHO = (
    "User: arn:aws:iam::111122223333:user/x is not authorized to perform: s3:GetObject on resource:"
    ' "arn:aws:s3:::b/k" '
)
GUARDED = merge_guards(None, build_guard("gt-images", networks=["203.0.113.0/24"]), 900)


def trail(folder: Path, *events: dict[str, Any]) -> Hits:
    base = {
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventTime": "2026-11-20T09:00:00Z",
        "sourceIPAddress": "198.51.100.9", "requestParameters": {"bucketName": "gt-images", "key": "k"},
        "additionalEventData": {"AuthenticationMethod": "QueryString", "SignatureVersion": "SigV4"},
    }  # fmt: skip
    records = [{**base, "requestID": str(n), **event} for n, event in enumerate(events)]
    path = folder / "trail.json"
    path.write_text(json.dumps({"Records": records}), encoding="utf-8")
    return read_hits(path)


def denied(reason: str) -> dict[str, Any]:
    return {"errorCode": "AccessDenied", "errorMessage": WHO + reason}


@pytest.mark.parametrize(
    ("event", "lock", "arn"),
    sample([
        (denied("with an explicit deny in a resource-based policy"), "resource-based policy", None),
        (denied("because no session policy allows the s3:GetObject action"), "session policy", None),
        (denied(f"with an explicit deny in a service control policy: {SCP}"), "service control policy", SCP),
        (denied("because no identity-based policy allows the s3:GetObject action"), "identity-based policy", None),
        ({"errorCode": "AccessDenied", "errorMessage": "Access Denied"}, None, None),
        ({"errorCode": "NoSuchKey", "errorMessage": "with an explicit deny in a session policy"}, None, None),
        ({}, None, None),
        ({"errorCode": "VpceAccessDenied", "errorMessage": "The request was denied due to a VPC endpoint policy",
          "eventCategory": "NetworkActivity", "eventType": "AwsVpceEvent", "vpcEndpointId": "vpce-0a1b2c3d4e5f60718",
          "eventVersion": "1.11", "requestParameters": None, "additionalEventData": None}, "VPC endpoint policy", None),
    ], 3),
)  # fmt: skip
def test_cloudtrail_names_the_lock(
    tmp_path: Path, event: dict[str, Any], lock: str | None, arn: str | None
) -> None:
    hits = trail(tmp_path, event)
    assert hits.count(["refused_by", "policy_arn"]).rows == [(lock, arn, 1)]
    # A prediction never replaces a fact.
    if lock is not None:
        assert hits.with_refusals(lambda _: "guess").count("refused_by").rows == [(lock, 1)]


def log(folder: Path, *changes: dict[str, Any]) -> Path:
    refused = {**corpus.BASE, **corpus.PRESIGNED, "http_status": 403, "error_code": "AccessDenied"}
    path = folder / "a.log"
    text = [
        corpus.write({**refused, "request_id": str(n), **change})
        for n, change in enumerate(changes)
    ]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def test_the_fact_of_cloudtrail_explains_the_row_of_the_access_log(tmp_path: Path) -> None:
    log(tmp_path, {"request_id": "0"})
    trail(tmp_path, denied("with an explicit deny in a resource-based policy"))
    with read_hits(tmp_path) as hits:
        assert hits.count(["source_kind", "refused_by"]).rows == [
            ("access-log", "resource-based policy", 1)
        ]


def test_an_access_log_alone_has_no_fact(tmp_path: Path) -> None:
    table, _ = count_hits(log(tmp_path, {}), "refused_by,policy_arn,refused")
    assert table.rows == [(None, None, True, 1)]


def test_predictions_are_marked_and_one_for_each_kind(tmp_path: Path) -> None:
    seen: list[Refusal] = []

    def decide(refusal: Refusal) -> str | None:
        seen.append(refusal)
        return None if refusal["remote_ip"] == "198.51.100.10" else "bucket guard"

    path = log(tmp_path, {"remote_ip": "198.51.100.9"}, {"remote_ip": "198.51.100.9"}, {"remote_ip": "198.51.100.10"},
               {"http_status": 200, "error_code": None}, {"error_code": "SignatureDoesNotMatch"})  # fmt: skip
    with read_hits(path) as hits:
        judged = hits.with_refusals(decide)
        assert judged.count("refused_by").rows == [(None, 3), ("bucket guard (predicted)", 2)]
        assert len(judged) == len(hits)
        words = plots.alt_text(plots.draw(judged, "refused"))
    assert len(seen) == 2
    assert "198.51.100.9: 2 by bucket guard (predicted)." in words
    assert "198.51.100.10: 1 by not named by the log." in words


def test_what_is_not_predicted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 20)
    often = [{"key": "often", "request_id": f"o{n}"} for n in range(3)]
    rare = [{"key": f"k{n}", "request_id": f"r{n}"} for n in range(24)]
    with read_hits(log(tmp_path, *rare, *often)) as hits:
        judged = hits.with_refusals(lambda _: "bucket guard")
        assert judged.count("refused_by").rows == [("bucket guard (predicted)", 22), (None, 5)]
        assert judged.filter(key="often").count("refused_by").rows == [
            ("bucket guard (predicted)", 3)
        ]
        words = (
            "Only 20 kinds of refused requests were predicted, the most frequent ones: 5 requests"
            " of 5 more kinds have no predicted lock. Read a shorter time."
        )
        for each in (judged, judged.filter(refused=True)):
            assert words in each.coverage.limits()
            assert words in each.coverage.to_dict()["limits"]
        assert words not in hits.coverage.limits()
        fewer = hits.where("key <> 'often' AND key < 'k2'").with_refusals(lambda _: "bucket guard")
        assert fewer.coverage.limits() == hits.coverage.limits()
        none = hits.filter(refused=False).with_refusals(lambda _: "bucket guard")
        assert none.coverage.limits() == hits.coverage.limits()


def refusal(**more: Any) -> Refusal:
    values: dict[str, Any] = {
        "remote_ip": "203.0.113.7", "endpoint": None, "bucket": "gt-images", "key": "k", "auth_type": "QueryString",
        "version_2": False, "age_s": 1, "expires_s": 600, "requester": None,
    }  # fmt: skip
    return values | more


@pytest.mark.parametrize(
    ("change", "lock"),
    [
        ({}, OTHER),
        ({"remote_ip": "198.51.100.9"}, "bucket guard"),
        ({"age_s": 901, "expires_s": 3600}, "bucket guard"),
        ({"version_2": True, "age_s": None}, "bucket guard"),
        ({"auth_type": "HtmlForm", "remote_ip": "198.51.100.9", "age_s": None}, "bucket guard"),
        ({"auth_type": "HtmlForm", "age_s": None}, None),
        ({"auth_type": "HtmlForm", "age_s": None, "version_2": True}, "bucket guard"),
        ({"age_s": None, "expires_s": None}, None),
        ({"age_s": 899, "expires_s": 3600}, OTHER),
        ({"age_s": 900, "expires_s": 3600}, None),
        ({"auth_type": "AuthHeader", "remote_ip": "198.51.100.9"}, OTHER),
        ({"auth_type": None, "remote_ip": "198.51.100.9"}, "no permission"),
        ({"remote_ip": "10.0.0.9"}, None),
        ({"remote_ip": "::ffff:10.0.0.9"}, None),
        ({"remote_ip": "::ffff:198.51.100.9"}, "bucket guard"),
        ({"remote_ip": "::ffff:203.0.113.7"}, OTHER),
        ({"remote_ip": None}, None),
        ({"endpoint": "vpce-0a1b2c3d4e5f60718"}, "bucket guard"),
    ],
)
def test_the_lock_of_today(change: dict[str, Any], lock: str | None) -> None:
    assert lock_of(refusal(**change), exposed(GUARDED).locks) == lock


@pytest.mark.parametrize(
    ("address", "lock"), [("203.0.113.42", OTHER), ("198.51.100.9", "bucket guard")]
)
def test_no_policy_is_named_that_nobody_has_read(address: str, lock: str) -> None:
    """The policy of a session binds a test URL to one address, and no log shows that policy."""
    user = "arn:aws:sts::111122223333:federated-user/gt-secure-test"
    assert lock_of(refusal(requester=user, remote_ip=address), exposed(GUARDED).locks) == lock


def test_an_expired_url_needs_no_policy() -> None:
    assert is_expired(refusal(age_s=601))
    # 600 in the log is at least 600.0 seconds, and the request was refused.
    assert is_expired(refusal(age_s=600))
    assert not is_expired(refusal(age_s=599))
    assert EXPIRED == "expired URL"


def test_a_form_of_unknown_age_needs_an_age_only_where_a_policy_asks_for_it() -> None:
    unlimited = merge_guards(None, build_guard("gt-images", networks=["203.0.113.0/24"]), None)
    form = refusal(auth_type="HtmlForm", age_s=None, expires_s=None)
    assert lock_of(form, exposed(unlimited).locks) == OTHER
    young = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    for operator, value, lock in (
        ("NumericLessThan", "1", None),
        ("NumericEquals", "1500", None),
        ("NumericGreaterThanEquals", "0", "bucket policy"),
    ):
        statement = {**young, "Condition": {operator: {"s3:signatureAge": value}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        assert lock_of(form, exposed(policy).locks) == lock
        exact = {"NumericEquals": None, "NumericLessThan": OTHER}.get(operator, "bucket policy")
        assert lock_of(refusal(age_s=1), exposed(policy).locks) == exact


def test_an_unknown_key_stays_unknown() -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
         "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-abc"}}}]})  # fmt: skip
    assert lock_of(refusal(), exposed(policy).locks) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/GroundTruth*"}},
        {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/uploader"}},
        {"StringNotEquals": {"aws:PrincipalType": "User"}},
    ],
)
def test_a_signer_that_the_log_does_not_name_stays_unknown(condition: dict[str, Any]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
         "Condition": condition}]})  # fmt: skip
    assert lock_of(refusal(), exposed(policy).locks) is None
    assert lock_of(refusal(auth_type=None), exposed(policy).locks) == "bucket policy"


OWN = "arn:aws:iam::111122223333:"
OF_SESSION = "arn:aws:sts::111122223333:assumed-role/{}/x"


def sparing(**condition: Any) -> str:
    """Return a policy that refuses everybody but those whom a condition spares."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*",
                 "Condition": condition}  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


BY_USER = sparing(ArnNotEquals={"aws:PrincipalArn": f"{OWN}user/uploader"})
BY_NAME = sparing(StringNotEquals={"aws:username": "uploader"})
BY_TYPE = sparing(StringNotEquals={"aws:PrincipalType": "User"})
BY_ROLE = sparing(ArnNotEquals={"aws:PrincipalArn": f"{OWN}role/web/Signer"})
BY_ANY_PATH = sparing(ArnNotLike={"aws:PrincipalArn": f"{OWN}role/*/Signer"})
BY_TAG = sparing(StringNotEquals={"aws:PrincipalTag/team": "vision"})


@pytest.mark.parametrize(
    ("policy", "requester", "lock"),
    [
        (BY_USER, f"{OWN}user/uploader", OTHER),
        (BY_USER, f"{OWN}user/anna", "bucket policy"),
        (BY_USER, f"{OWN}user/web/uploader", "bucket policy"),
        (BY_USER, OF_SESSION.format("uploader"), "bucket policy"),
        (BY_NAME, f"{OWN}user/web/uploader", OTHER),
        (BY_NAME, OF_SESSION.format("uploader"), "bucket policy"),
        (BY_TYPE, f"{OWN}user/anna", OTHER),
        (BY_TYPE, OF_SESSION.format("Signer"), "bucket policy"),
        (BY_TYPE, "arn:aws:sts::111122223333:federated-user/anna", "bucket policy"),
        (BY_ROLE, OF_SESSION.format("Other"), "bucket policy"),
        (BY_ROLE, OF_SESSION.format("Signer"), None),  # a log leaves the role's path out
        (BY_ANY_PATH, OF_SESSION.format("Signer"), None),
        (BY_ANY_PATH, OF_SESSION.format("Other"), "bucket policy"),
        (BY_USER, "arn:aws:iam::999988887777:user/uploader", "bucket policy"),
        (BY_TAG, f"{OWN}user/uploader", None),
        (BY_USER, None, None),
        (BY_USER, "79a59df900b949e55d96a1e698fb", None),
        (GUARDED, "arn:aws:iam::999988887777:user/uploader", "no permission"),
    ],
)
def test_a_request_is_judged_by_the_signer_that_the_log_names(
    policy: str, requester: str | None, lock: str | None
) -> None:
    assert lock_of(refusal(requester=requester), exposed(policy).locks) == lock


def test_a_log_is_judged_signer_by_signer(tmp_path: Path) -> None:
    locks = exposed(BY_USER).locks
    names = (f"{OWN}user/uploader", f"{OWN}user/anna", OF_SESSION.format("Signer"))
    with read_hits(log(tmp_path, *({"requester": each} for each in names))) as hits:
        judged = hits.with_refusals(lambda each: lock_of(each, locks))
        assert sorted(judged.count(["requester", "refused_by"]).rows) == sorted(
            (each, f"{OTHER if each == names[0] else 'bucket policy'} (predicted)", 1)
            for each in names
        )


@pytest.mark.parametrize(
    "requester",
    ["arn:", "x:assumed-role/y", "arn:aws:sts::1:assumed-role/", "arn:aws:sts::111122223333:assumed-role/*/x", "arn:aws:iam::*:user/*",
     "arn:aws:sts::111122223333:assumed-role//", "arn:a:b:c:d:e", "\ud800", "svc:logging.s3.amazonaws.com", "*"],
)  # fmt: skip
def test_an_odd_signer_in_a_log_stays_unknown(requester: str) -> None:
    for policy in (BY_USER, BY_ANY_PATH):
        assert lock_of(refusal(requester=requester), exposed(policy).locks) in (
            None,
            "bucket policy",
        )
    broken = replace(exposed(None).locks, policy="{")
    assert lock_of(refusal(requester=requester), broken) is None
