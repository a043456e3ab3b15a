"""The table of proofs, each with the answer that AWS documentation gives, and files that are no policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from gt_secure.engine.iam.batch import run
from support.answers import exposed
from support.subjects import subjects

DATA = Path(__file__).parents[2] / "data"
LINES = (DATA / "proof-cases.ndjson").read_text(encoding="utf-8").splitlines()
CASES: list[dict[str, Any]] = subjects(map(json.loads, LINES), 60)
CODES = {True: 0, False: 2, None: 3}


def written(folder: Path, name: str, document: object) -> str:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


def test_every_case_names_its_page_and_they_differ() -> None:
    assert len({json.dumps({**case, "id": "", "title": ""}) for case in CASES}) == len(CASES) >= 50
    assert all(case["doc"].startswith("https://docs.aws.amazon.com/") for case in CASES)
    assert {case["proved"] for case in CASES} == {True, False, None}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_proof(case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["prove", "--bucket", "gt-images", "--account", "111122223333", "--json", "--prefix", case["prefix"]]
    args += ["--bucket-policy", written(tmp_path, "policy.json", case["policy"])]
    for option, values in (("--allow", case["allow"]), ("--endpoint", case["endpoints"]), ("--context", case["facts"])):
        args += [word for value in values for word in (option, value)]
    for option in ("rcp", "scp"):
        for number, each in enumerate(case.get(option, [])):
            args += [f"--{option}", written(tmp_path, f"{option}{number}.json", each)]
    assert main(args) == CODES[case["proved"]]
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"proved", "counterexample", "depends_on", "assumed"}
    assert (answer["proved"], answer["depends_on"]) == (case["proved"], case["depends_on"])
    found = answer["counterexample"]
    assert (found is None) == ("counterexample" not in case)
    if found is not None:
        wanted = case["counterexample"]
        assert (found["form"], found["request"]["action"], found["request"]["resource"]) == tuple(wanted.values())
        [verdict] = map(json.loads, run([json.dumps(found)]))
        assert verdict["verdict"] == "allow"


MALFORMED = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "null": "null",
    "a policy inside another object": '{"Policy": "{}"}',
    "a name twice": '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
    "no statement": '{"Version": "2012-10-17"}',
    "no such version": '{"Version": "2013-10-17", "Statement": []}',
}
STATEMENT = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-images/*"}
BAD: dict[str, dict[str, object]] = {
    "an effect in small letters": {"Effect": "allow"},
    "no service in an action": {"Action": "GetObject"},
    "a resource that is no ARN": {"Resource": "gt-images/*"},
    "no such operator": {"Condition": {"stringNotEquals": {"aws:SourceVpc": "vpc-1a2b3c4d"}}},
    "a key twice": {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1", "AWS:sourcevpc": "vpc-2"}}},
    "a bad range": {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/33"}}},
    "a netmask": {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/255.255.255.0"}}},
    "a wildcard address": {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.*"}}},
    "neither true nor false": {"Condition": {"Bool": {"aws:SecureTransport": "no"}}},
    "Null with IfExists": {"Condition": {"NullIfExists": {"aws:SourceVpc": "true"}}},
    "no date": {"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}},
    "no number": {"Condition": {"NumericLessThan": {"s3:signatureAge": "ten"}}},
    "an object as value": {"Condition": {"IpAddress": {"aws:SourceIp": {"a": 1}}}},
    "a wildcard role": {"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}},
    "an unknown kind of principal": {"Principal": {"User": "*"}},
    "both principals": {"NotPrincipal": "*"},
    "an unknown element": {"Resources": "*"},
}
MALFORMED |= {
    name: json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **more}]}) for name, more in BAD.items()
}


@pytest.mark.parametrize("command", ["exposure", "prove"])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_policy_is_an_error(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [command, "--bucket", "gt-images", "--bucket-policy", written(tmp_path, "policy.json", MALFORMED[name])]
    args += ["--account", "111122223333"]
    args += ["--json", *(["--key", "scans/0001.png"] if command == "exposure" else [])]
    assert main(args) == 1
    error = json.loads(capsys.readouterr().out)
    assert error["message"]
    assert error["next_step"]


@pytest.mark.parametrize(
    "words",
    [
        ["--key", ""],
        ["--key", "k", "--bucket", "gt/images"],
        ["--key", "k", "--account", "12"],
        ["--key", "k", "--account", ""],
        ["--key", "k", "--context", "foo"],
        ["--key", "k", "--context", "aws:PrincipelOrgID=o-abc123"],
        ["--key", "k", "--context", "aws:PrincipalOrgID=abc123"],
        ["--key", "k", "--context", "aws:PrincipalArn=arn:aws:sts::111122223333:assumed-role/GT/session"],
        ["--key", "k", "--context", "aws:SecureTransport=perhaps"],
    ],
)
def test_a_bad_option_is_an_error(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = written(tmp_path, "policy.json", {"Version": "2012-10-17", "Statement": []})
    account = [] if "--account" in words else ["--account", "111122223333"]
    assert main(["exposure", "--bucket", "gt-images", "--bucket-policy", policy, "--json", *account, *words]) == 1
    assert json.loads(capsys.readouterr().out)["next_step"]


def test_a_bucket_of_any_partition_is_decided() -> None:
    text = json.dumps({"Statement": [{**STATEMENT, "Resource": "arn:aws-cn:s3:::gt-images/*"}]})
    assert exposed(text).locks.partition == "aws-cn"
