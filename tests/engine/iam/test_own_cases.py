"""Cases of our own, each with the page that says so;
and lines of ``gt-secure verdict`` that are no cases.
"""

import json
from pathlib import Path

import pytest

from gt_secure.engine.iam import Policies, Request, batch as ndjson, evaluate
from support.subjects import subjects

LINES = (
    (Path(__file__).parents[2] / "data" / "own-policy-cases.ndjson")
    .read_text(encoding="utf-8")
    .splitlines()
)
CASES = subjects(map(json.loads, LINES), 190)
ROWS = list(zip(CASES, map(json.loads, ndjson.run(LINES)), strict=True))


@pytest.mark.parametrize(("case", "answer"), [pytest.param(c, a, id=c["id"]) for c, a in ROWS])
def test_documented_verdict(case, answer):
    assert answer["id"] == case["id"]
    assert answer["verdict"] in [case["expect"], *case.get("accept", [])], (
        case["title"],
        answer["reason"],
    )


def test_every_case_is_new_and_names_its_page():
    assert len({json.dumps({**case, "id": "", "title": ""}) for case in CASES}) == len(CASES) >= 150
    assert all(
        case["doc"].startswith("https://docs.aws.amazon.com/") and case["reason"] for case in CASES
    )
    assert [case["id"] for case in CASES] == [
        f"own-{number:03d}" for number in range(1, len(CASES) + 1)
    ]


GOOD = LINES[6]
GARBAGE = {
    "cut off": (GOOD[:-5], "own-007"),
    "cut off within its id": (GOOD[:10], None),
    "a name twice deep in it": (GOOD.replace('"principal":', '"action": "s3:PutObject", "principal":'), "own-007"),
    "its id twice": (GOOD.replace('"id":', '"id": "x", "id":', 1), None),
    "text": ("What is this?", None),
    "nothing": ("", None),
    "blanks": (" \t ", None),
    "no object": ('["own-001"]', None),
    "null": ("null", None),
    "NaN": ('{"id": "n", "request": NaN}', "n"),
    "nested deeply": ("[" * 60_000, None),
    "an escaped id": ('{"id": "a\\"b", "request": 1', 'a"b'),
    "a control character": ('{"id": "c", "request": "\x01"}', "c"),
    "two cases": (GOOD + GOOD, "own-007"),
    "no id": (json.dumps({k: v for k, v in CASES[0].items() if k != "id"}), None),
    "an id that is a list": (json.dumps({**CASES[0], "id": []}), None),
    "a context that is a list": (
        json.dumps({**CASES[0], "request": {**CASES[0]["request"], "context": []}}), "own-001"),
    "a context value that is null": (
        json.dumps({**CASES[0], "request": {**CASES[0]["request"], "context": {"aws:x": None}}}), "own-001"),
    "a context value that is an object": (
        json.dumps({**CASES[0], "request": {**CASES[0]["request"], "context": {"aws:x": {}}}}), "own-001"),
    "a principal that is null": (
        json.dumps({**CASES[0], "request": {**CASES[0]["request"], "principal": None}}), "own-001"),
    "an owner that is no account": (
        json.dumps({**CASES[0], "request": {**CASES[0]["request"], "resourceAccount": "me"}}), "own-001"),
    "policies that are an object": (json.dumps({**CASES[0], "identityPolicies": {}}), "own-001"),
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
def test_a_line_that_is_no_case_is_invalid_and_keeps_its_id(what):
    line, identifier = GARBAGE[what]
    before, answer, after = (json.loads(each) for each in ndjson.run([GOOD, line, GOOD]))
    assert answer["verdict"] == "invalid"
    assert answer["id"] == identifier
    assert answer["reason"]
    assert before == after == ROWS[6][1]


@pytest.mark.parametrize(
    ("value", "condition", "holds"),
    [
        (5, {"NumericEquals": {"aws:x": "5"}}, True), (5.0, {"NumericEquals": {"aws:x": "5"}}, True),
        (True, {"Bool": {"aws:x": "true"}}, True), (False, {"Bool": {"aws:x": "true"}}, False),
        ([1, "a", True], {"ForAllValues:StringEquals": {"aws:x": ["1", "a", "true"]}}, True),
        ([], {"Null": {"aws:x": "true"}}, True), (5, {"StringEquals": {"aws:x": 5}}, True),
    ],
)  # fmt: skip
def test_context_values_that_are_no_text(value, condition, holds):
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "*",
        "Condition": condition,
    }
    case = {**CASES[0], "request": {**CASES[0]["request"], "context": {"aws:x": value}}, "resourcePolicy": None,
            "sessionPolicy": {"Version": "2012-10-17", "Statement": [statement]}}  # fmt: skip
    (answer,) = map(json.loads, ndjson.run([json.dumps(case)]))
    assert answer["verdict"] == ("allow" if holds else "implicit-deny")


def test_a_long_line_is_a_case_like_any_other():
    ranges = [f"10.{i // 250}.{i % 250}.0/24" for i in range(20_000)]
    for source, verdict in (("10.79.249.7", "allow"), ("11.0.0.1", "implicit-deny")):
        statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                     "Condition": {"IpAddress": {"aws:SourceIp": ranges}}}  # fmt: skip
        case = {
            **CASES[0],
            "resourcePolicy": None,
            "sessionPolicy": {"Version": "2012-10-17", "Statement": statement},
        }
        case["request"] = {**CASES[0]["request"], "context": {"aws:SourceIp": source}}
        line = json.dumps(case)
        assert len(line) > 300_000
        (text,) = ndjson.run([line])
        assert json.loads(text)["verdict"] == verdict
        assert len(text) < 2_000


@pytest.mark.parametrize(
    ("principal", "action", "organization", "decision"),
    [
        ("111122223333:root", "s3:GetBucketPolicy", False, "allow"),
        ("111122223333:root", "s3:putbucketpolicy", False, "allow"),
        ("111122223333:root", "s3:DeleteBucketPolicy", False, "allow"),
        ("111122223333:root", "s3:DeleteBucketPolicy", True, "explicit-deny"),
        ("111122223333:root", "s3:GetBucketAcl", False, "explicit-deny"),
        ("111122223333:user/x", "s3:DeleteBucketPolicy", False, "explicit-deny"),
        ("444455556666:root", "s3:DeleteBucketPolicy", False, "explicit-deny"),
    ],
)
def test_no_bucket_policy_keeps_the_root_user_of_the_bucket_from_it(
    principal: str, action: str, organization: bool, decision: str
) -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    version = {"Version": "2012-10-17"}
    scp = [{**version, "Statement": [deny]}] if organization else []
    bucket = {**version, "Statement": [{**deny, "Principal": "*"}]}
    everything = {**version, "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    context = {"aws:SourceIp": "198.51.100.9"}
    request = Request(
        action, "arn:aws:s3:::gt-images", f"arn:aws:iam::{principal}", context, "111122223333"
    )
    assert evaluate(request, Policies([everything], resource=bucket, scp=scp)).decision == decision
