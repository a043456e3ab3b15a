"""The table of organization keys, organization policies and tags: each present,
absent and not known.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gt_secure.engine.iam import batch
from support.subjects import subjects

DATA = Path(__file__).parents[2] / "data"
LINES = (DATA / "organization-cases.ndjson").read_text(encoding="utf-8").splitlines()
CASES: list[dict[str, Any]] = subjects(map(json.loads, LINES), 140)
OPTIONAL = ("endpointPolicy", "permissionsBoundary")


def document(value: str | dict[str, Any]) -> dict[str, Any]:
    """A policy, or the sample of AWS that is named."""
    text = (
        value
        if isinstance(value, dict)
        else json.loads((DATA / "data-perimeter" / value).read_text("utf-8"))
    )
    return dict(text)


def as_line(case: dict[str, Any]) -> str:
    """The case as ``gt-secure verdict`` reads it;
    the service control policies are those of the own account.
    """
    line = {
        name: case[name] for name in ("id", "identityPolicies", "sessionPolicy", "resourcePolicy")
    }
    line |= {name: case[name] for name in OPTIONAL if name in case}
    return json.dumps(
        {
            **line,
            "request": {**case["request"], "unknown": case["unknown"]},
            "resourceControlPolicies": [document(each) for each in case["rcp"]],
            "serviceControlPolicies": [document(each) for each in case["scp"]],
            "serviceControlPoliciesOf": "111122223333",
        }
    )


ANSWERS = dict(
    zip(
        (case["id"] for case in CASES), map(json.loads, batch.run(map(as_line, CASES))), strict=True
    )
)


def test_every_case_is_new_and_names_its_page() -> None:
    assert len({json.dumps({**case, "id": "", "title": ""}) for case in CASES}) == len(CASES) >= 140
    assert all(
        case["doc"].startswith("https://docs.aws.amazon.com/") and case["reason"] for case in CASES
    )
    assert [case["id"] for case in CASES] == [
        f"org-{number:03d}" for number in range(1, len(CASES) + 1)
    ]


def test_every_group_has_each_answer_and_the_samples_of_aws_are_in_it() -> None:
    answers = Counter((case["group"], case["expect"]) for case in CASES)
    assert all(
        answers[group, "unknown"] and answers[group, "allow"]
        for group in {case["group"] for case in CASES}
    )
    used = {
        name for case in CASES for name in (*case["rcp"], *case["scp"]) if isinstance(name, str)
    }
    assert used == {path.name for path in (DATA / "data-perimeter").glob("*.json")}
    assert len(used) == 6


def test_an_unknown_case_depends_on_keys_that_are_not_known() -> None:
    for case in CASES:
        assert set(case["depends_on"]) <= set(case["unknown"])
        assert bool(case["depends_on"]) == (case["expect"] == "unknown")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_documented_answer(case: dict[str, Any]) -> None:
    answer = ANSWERS[case["id"]]
    assert answer["verdict"] in [case["expect"], *case.get("accept", [])], (
        case["title"],
        answer["reason"],
    )
    assert [key.lower() for key in answer.get("depends_on", [])] == [
        key.lower() for key in case["depends_on"]
    ]


VALUES = {
    "aws:MultiFactorAuthPresent": ["true", "false"], "aws:PrincipalOrgID": ["o-a1b2c3d4e5", "o-zzzzzzzzzz"],
    "aws:PrincipalOrgPaths": [["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-2/"], ["o-zzzzzzzzzz/r-1/"]],
    "aws:PrincipalTag/dp:exclude:network": ["true", "no"], "aws:PrincipalTag/dp:exclude:resource": ["true", "no"],
    "aws:PrincipalTag/dp:include:network": ["true", "no"], "aws:PrincipalTag/prefix": ["scans", "other"],
    "aws:PrincipalTag/team": ["radiology", "x"], "aws:RequestedRegion": ["us-east-1", "eu-west-1"],
    "aws:ResourceAccount": ["111122223333", "444455556666"], "aws:ResourceOrgID": ["o-a1b2c3d4e5", "o-zzzzzzzzzz"],
    "aws:ResourceTag/dp:exclude:identity": ["true", "no"], "aws:SourceIp": ["203.0.113.7", "198.51.100.9", "2001::1"],
    "aws:SourceOrgID": ["o-a1b2c3d4e5", "o-zzzzzzzzzz"], "aws:SourceVpc": ["vpc-0a1b2c3d", "vpc-0b2c3d4e", "vpc-9"],
    "aws:SourceVpcArn": [f"arn:aws:ec2:us-east-1:{who}:vpc/vpc-1" for who in ("111122223333", "444455556666")],
    "aws:ViaAWSService": ["true", "false"], "aws:VpceAccount": ["111122223333", "444455556666", "777788889999"],
    "aws:VpceOrgID": ["o-a1b2c3d4e5", "o-zzzzzzzzzz"], "aws:VpceOrgPaths": [["o-a1b2c3d4e5/r-ab12/ou-1/"], ["o-z/"]],
    "s3:ExistingObjectTag/class": ["secret", "x"], "s3:ExistingObjectTag/public": ["yes", "no"],
    "s3:ExistingObjectTag/team": ["radiology", "x"],
}  # fmt: skip


def filled(case: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The case with values for unknown keys; None is for absent."""
    present = {key: value for key, value in values.items() if value is not None}
    context = {**case["request"]["context"], **present}
    left = [key for key in case["unknown"] if key not in values]
    return {**case, "request": {**case["request"], "context": context}, "unknown": left}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in CASES if case["unknown"]]
)
def test_filling_a_key_never_changes_a_certain_answer_and_settles_an_unknown_one(
    case: dict[str, Any],
) -> None:
    keys = case["unknown"]
    rows = [*product(*(VALUES[key] for key in keys)), (None,) * len(keys)]
    variants = [filled(case, dict(zip(keys, row, strict=True))) for row in rows]
    steps = [filled(case, {key: value}) for key in keys for value in VALUES[key]]
    answers = [json.loads(line)["verdict"] for line in batch.run(map(as_line, [*variants, *steps]))]
    certain = ANSWERS[case["id"]]["verdict"]
    assert "unknown" not in answers[: len(variants)]
    opened = {answer == "allow" for answer in answers[: len(variants)]}
    if certain == "unknown":
        assert opened == {True, False}, "some value opens it and some value refuses it"
    else:
        assert {answer == "allow" for answer in answers} == {certain == "allow"}
