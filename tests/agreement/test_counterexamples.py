"""Every counterexample of a proof, carried out over HTTP, is opened;
a proved claim holds for the same requests.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config

from gt_secure.engine.access import locks_of_policies
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.policies.bucket_guard import build_guard
from support.guards import without_forms

from .conftest import IN_VPC, VPCE, Box
from .test_guard_forms import send_form

RANGE = "203.0.113.0/24"
WHOLE = build_guard("gt-images", networks=[RANGE], endpoints=[VPCE])
SCANS = build_guard("gt-images", prefix="scans/", networks=[RANGE])


def with_condition(guard: dict[str, Any], **more: Any) -> dict[str, Any]:
    condition = guard["Condition"]
    assert isinstance(condition, dict)
    return {**guard, "Condition": {**condition, **more}}


HOLES: dict[str, tuple[list[dict[str, Any]], str, list[str]]] = {
    "no guard": ([], "", []),
    "no forms": ([without_forms(WHOLE)], "", [VPCE]),
    "no forms with a prefix": ([without_forms(SCANS)], "scans/", []),
    "a prefix narrower than the claim": ([SCANS], "", []),
    "an endpoint that is not allowed": ([WHOLE], "", []),
    "a wider range": ([build_guard("gt-images", networks=["203.0.112.0/23"])], "", []),
    "every IPv6 address": (
        [with_condition(SCANS, NotIpAddressIfExists={"aws:SourceIp": [RANGE, "::/0"]})], "scans/", []),
    "reads only": ([{**WHOLE, "Action": "s3:GetObject"}], "", [VPCE]),
    "reads and lists only": ([{**WHOLE, "Action": ["s3:Get*", "s3:List*"]}], "", [VPCE]),
    "another role only": (
        [{**WHOLE, "Principal": {"AWS": "arn:aws:iam::111122223333:role/GtSecureReport"}}], "", [VPCE]),
    "no signature version 2": (
        [with_condition(SCANS, StringEquals={"s3:authType": ["REST-QUERY-STRING", "POST"],
                                             "s3:signatureversion": "AWS4-HMAC-SHA256"})], "scans/", []),
}  # fmt: skip
CALLS = {
    "s3:GetObject": ("get_object", "GET"), "s3:PutObject": ("put_object", "PUT"),
    "s3:DeleteObject": ("delete_object", "DELETE"), "s3:ListBucket": ("list_objects_v2", "GET"),
    "s3:GetBucketPolicy": ("get_bucket_policy", "GET"),
}  # fmt: skip


def counterexample(
    statements: list[dict[str, Any]], prefix: str, endpoints: list[str]
) -> dict[str, Any] | None:
    policy = {"Version": "2012-10-17", "Statement": statements} if statements else None
    proof = prove(
        locks_of_policies("gt-images", policy, "111122223333"), Claim(prefix, (RANGE, *endpoints))
    )
    assert proof.proved is (proof.counterexample is None)
    return proof.counterexample


def carry_out(box: Box, case: dict[str, Any], *, more: str = "") -> int:
    """Send the request of a counterexample, signed by the role of the sandbox;
    returns the status.
    """
    request, source = case["request"], case["source"]
    source = IN_VPC if source == VPCE else source
    key = request["resource"].partition("/")[2]
    key += more if key else ""
    s3 = box.client("s3", box.assume())
    if case["form"] == "post-form":
        return send_form(
            box, s3.generate_presigned_post("gt-images", key, ExpiresIn=60), source
        ).status
    if key:
        box.client("s3").put_object(Bucket="gt-images", Key=key, Body=b"x")
    if request["context"].get("s3:signatureversion") == "AWS":
        session = box.session_of(box.assume())
        s3 = session.client("s3", endpoint_url=box.url, config=Config(signature_version="s3"))
    method, verb = CALLS[request["action"]]
    params = {"Bucket": "gt-images", **({"Key": key} if key else {})}
    return box.fetch(
        s3.generate_presigned_url(method, Params=params, ExpiresIn=60), source, verb
    ).status


@pytest.mark.parametrize("hole", HOLES)
def test_a_counterexample_is_opened(box: Box, guard: Any, hole: str) -> None:
    statements, prefix, endpoints = HOLES[hole]
    case = counterexample(statements, prefix, endpoints)
    assert case is not None
    if statements:
        guard(*statements)
    try:
        assert carry_out(box, case) in (200, 204), json.dumps(case)[:500]
        guard(WHOLE if not prefix else SCANS)
        if endpoints == [VPCE] or case["source"] != VPCE:
            # The emulator authorizes a key that ends in a slash as the key without it, so another
            # one is asked for.
            assert carry_out(box, case, more="x") == 403
    finally:
        box.client("s3").delete_bucket_policy(Bucket="gt-images")


@pytest.mark.parametrize(
    ("statement", "prefix", "endpoints"), [(WHOLE, "", [VPCE]), (SCANS, "scans/", [])]
)
def test_the_guard_of_today_is_proved(
    statement: dict[str, Any], prefix: str, endpoints: list[str]
) -> None:
    assert counterexample([statement], prefix, endpoints) is None
