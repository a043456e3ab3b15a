"""The table of proofs, each with the answer that AWS documentation gives."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

import pytest

from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.iam.batch import run
from support.answers import exposed
from support.case_tables import PROOFS, check_proof


def test_every_case_names_its_page_and_they_differ() -> None:
    assert (
        len({json.dumps({**case, "id": "", "title": ""}) for case in PROOFS}) == len(PROOFS) >= 50
    )
    assert all(case["doc"].startswith("https://docs.aws.amazon.com/") for case in PROOFS)
    assert {case["proved"] for case in PROOFS} == {True, False, None}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in PROOFS])
def test_proof(case: dict[str, Any]) -> None:
    layers = {name: case.get(name, []) for name in ("rcp", "scp")}
    locks = exposed(case["policy"], facts=case["facts"], **layers).locks
    networks = tuple(ip_network(each, strict=False) for each in case["allow"])
    proof = prove(locks, Claim(case["prefix"], (*networks, *case["endpoints"])))
    check_proof(case, proof.to_dict())
    if proof.counterexample is not None:
        [verdict] = map(json.loads, run([json.dumps(proof.counterexample)]))
        assert verdict["verdict"] == "allow"


def test_a_bucket_of_any_partition_is_decided() -> None:
    grant = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws-cn:s3:::gt-images/*",
    }
    assert exposed(json.dumps({"Statement": [grant]})).locks.partition == "aws-cn"
