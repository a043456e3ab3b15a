"""``gt-secure who``, ``prove`` and ``verdict`` from files: the tables of cases,
and files that are errors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from support.answers import ACCOUNT
from support.case_tables import DATA, EXPOSURES, PROOFS, check_exposure, check_proof, layer
from support.subjects import subjects

BY_FILE = subjects(
    (case for case in EXPOSURES if case.get("rcp") or case.get("scp") or case.get("session")), 30
)
OF_THE_ENGINE = {"exp-145", "exp-149"}
"""Cases with an Allow in a resource control policy: the engine answers for it, and AWS stores none."""
CODES = {True: 0, False: 2, None: 3}


def written(folder: Path, name: str, document: object) -> str:
    path = folder / name
    path.write_text(
        document if isinstance(document, str) else json.dumps(document), encoding="utf-8"
    )
    return str(path)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in BY_FILE])
def test_exposure_by_the_command_line(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if case["policy"] is None:
        case = {**case, "policy": {"Version": "2012-10-17", "Statement": []}}
    args = ["who", f"s3://gt-images/{case['key']}", "--account", ACCOUNT, "--json"]
    args += ["--bucket-policy", written(tmp_path, "policy.json", case["policy"])]
    for option in ("rcp", "scp"):
        for number, each in enumerate(case.get(option, [])):
            args += [f"--{option}", written(tmp_path, f"{option}{number}.json", layer(each))]
    if case.get("session"):
        args += ["--session-policy", written(tmp_path, "session.json", case["session"])]
    for text in case["facts"]:
        args += ["--context", text]
    code, out = main(args), capsys.readouterr().out
    if case["id"] in OF_THE_ENGINE:
        assert code == 64
        return
    rows = json.loads(out)["requests"]
    assert code == (
        3 if any(row["unknown"]["cidrs"] or row["unknown"]["endpoints"] for row in rows) else 0
    )
    check_exposure(case, rows)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in PROOFS])
def test_proof_by_the_command_line(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["prove", f"s3://gt-images/{case['prefix']}", "--account", ACCOUNT, "--json"]
    args += ["--bucket-policy", written(tmp_path, "policy.json", case["policy"])]
    for option, values in (
        ("--allow", case["allow"]),
        ("--endpoint", case["endpoints"]),
        ("--context", case["facts"]),
    ):
        args += [word for value in values for word in (option, value)]
    for option in ("rcp", "scp"):
        for number, each in enumerate(case.get(option, [])):
            args += [f"--{option}", written(tmp_path, f"{option}{number}.json", each)]
    assert main(args) == CODES[case["proved"]]
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {
        "format_version",
        "proved",
        "counterexample",
        "refused",
        "kept",
        "locked_out",
        "depends_on",
        "unless",
        "limits",
        "names",
    }
    check_proof(case, answer)


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
STATEMENT = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::gt-images/*",
}
BAD: dict[str, dict[str, object]] = {
    "an effect in small letters": {"Effect": "allow"},
    "no service in an action": {"Action": "GetObject"},
    "a resource that is no ARN": {"Resource": "gt-images/*"},
    "no such operator": {"Condition": {"stringNotEquals": {"aws:SourceVpc": "vpc-1a2b3c4d"}}},
    "a key twice": {
        "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1", "AWS:sourcevpc": "vpc-2"}}
    },
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
    name: json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **more}]})
    for name, more in BAD.items()
}


@pytest.mark.parametrize("command", ["who", "prove"])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_policy_is_an_error(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [command, "s3://gt-images/scans/0001.png", "--account", "111122223333", "--json"]
    args += ["--bucket-policy", written(tmp_path, "policy.json", MALFORMED[name])]
    assert main(args) == 64
    error = json.loads(capsys.readouterr().out)
    assert error["message"]
    assert error["next_step"]


@pytest.mark.parametrize(
    "words",
    [
        ["s3://gt"],
        ["s3://gt_images/k"],
        ["s3://gt-images/k", "--account", "12"],
        ["s3://gt-images/k", "--account", ""],
        ["s3://gt-images/k", "--context", "foo"],
        ["s3://gt-images/k", "--context", "aws:PrincipelOrgID=o-abc123"],
        ["s3://gt-images/k", "--context", "aws:PrincipalOrgID=abc123"],
        [
            "s3://gt-images/k",
            "--context",
            "aws:PrincipalArn=arn:aws:sts::111122223333:assumed-role/GT/session",
        ],
        ["s3://gt-images/k", "--context", "aws:SecureTransport=perhaps"],
    ],
)
def test_a_bad_option_is_an_error(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written(tmp_path, "policy.json", {"Version": "2012-10-17", "Statement": []})
    account = [] if "--account" in words else ["--account", "111122223333"]
    assert main(["who", "--bucket-policy", policy, "--json", *account, *words]) == 64
    assert json.loads(capsys.readouterr().out)["next_step"]


OURS = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
OF_ANOTHER = {
    "a bucket": "arn:aws:s3:::acme-prod-scans",
    "its objects": "arn:aws:s3:::acme-prod-scans/*",
    "a bucket beside ours": [*OURS, "arn:aws:s3:::acme-prod-scans/logs/*"],
    "a bucket in China": "arn:aws-cn:s3:::acme-prod-scans/*",
    "the start of our name": "arn:aws:s3:::gt",
    "a longer name": "arn:aws:s3:::gt-images2/*",
    "a name of other letters": "arn:aws:s3:::GT-images",
    "other names": "arn:aws:s3:::acme-*",
    "longer names": "arn:aws:s3:::gt-images-*/x",
    "a variable": "arn:aws:s3:::acme/${aws:username}/*",
}
OF_OURS: dict[str, dict[str, object]] = {
    "everything": {"Resource": "*"},
    "every bucket": {"Resource": "arn:aws:s3:::*"},
    "names like ours": {"Resource": ["arn:aws:s3:::gt-*", "arn:aws:s3:::*images/*"]},
    "a character": {"Resource": "arn:aws:s3:::gt?images/scans/*"},
    "a name that goes on in the key": {"Resource": "arn:aws:s3:::gt-i*x.png"},
    "China": {"Resource": "arn:aws-cn:s3:::gt-images/*"},
    "the government": {
        "Resource": ["arn:aws-us-gov:s3:::gt-images", "arn:aws-us-gov:s3:::gt-images/*"]
    },
    "a variable": {
        "Resource": [
            "arn:aws:s3:::${aws:PrincipalTag/b}/*",
            "arn:aws:s3:::gt-images/${aws:username}/*",
        ]
    },
    "an access point": {"Resource": "arn:aws:s3:eu-west-1:111122223333:accesspoint/acme/object/*"},
    "all but another bucket": {"NotResource": "arn:aws:s3:::acme-prod-scans/*"},
    "the source of an inventory": {
        "Resource": OURS,
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::acme"}},
    },
}


@pytest.mark.parametrize("command", ["who", "prove"])
@pytest.mark.parametrize("name", OF_ANOTHER)
def test_a_policy_of_another_bucket_is_an_error(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 refuses to store it: Policy has invalid resource."""
    statements = [{**STATEMENT, "Resource": OURS}, {**STATEMENT, "Resource": OF_ANOTHER[name]}]
    policy = written(tmp_path, "policy.json", {"Version": "2012-10-17", "Statement": statements})
    allow = ["--allow", "203.0.113.0/24"] if command == "prove" else []
    args = [command, "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy, *allow]
    assert main(args) == 64
    said = " ".join(capsys.readouterr().err.split())
    text = OF_ANOTHER[name]
    other = (text[-1] if isinstance(text, list) else text).partition(":::")[2].partition("/")[0]
    assert f"This policy names {other}, not gt-images." in said
    assert f"Ask about s3://{other}, or correct the Resource of statement 2." in said


SEVERAL = {
    "two": (["arn:aws:s3:::acme/*", "arn:aws:s3:::other", *OURS], "acme and other"),
    "four": (
        [f"arn:aws:s3:::acme-{n}/k*" for n in (1, 2, 3, 4)],
        "acme-1 and acme-2 and acme-3 and 1 more buckets",
    ),
    "patterns": (["arn:aws:s3:::acme-*", "arn:aws:s3:::x?z/*"], "acme-* and x?z"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_policy_of_several_buckets_names_them(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resources, names = SEVERAL[name]
    statement = {**STATEMENT, "Resource": resources}
    policy = written(tmp_path, "policy.json", {"Version": "2012-10-17", "Statement": [statement]})
    args = ["who", "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy]
    assert main(args) == 64
    said = " ".join(capsys.readouterr().err.split())
    assert f"This policy names {names}, not gt-images." in said
    assert "or correct the Resource of statement 1." in said


NAMED = {
    "everything": ("*", False),
    "every bucket": (["arn:aws:s3:::*"], False),
    "names like ours": (["arn:aws:s3:::gt-*"], False),
    "a variable": (["arn:aws:s3:::${aws:PrincipalTag/b}/*"], False),
    "all but another bucket": ({"NotResource": "arn:aws:s3:::acme/*"}, False),
    "all but a folder": ({"NotResource": "arn:aws:s3:::gt-images/home/*"}, True),
    "the bucket": (OURS, True),
    "everything beside it": (["*", OURS[0]], True),
    "some of its keys": (["arn:aws:s3:::gt-images/scans/*"], True),
}


@pytest.mark.parametrize("command", ["who", "prove"])
@pytest.mark.parametrize("name", NAMED)
def test_a_policy_that_names_no_bucket_says_so(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answer is about the bucket of the command, which may be another one than meant."""
    resource, is_named = NAMED[name]
    given = resource if isinstance(resource, dict) else {"Resource": resource}
    statement = {name: STATEMENT[name] for name in ("Effect", "Principal", "Action")} | given
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = written(tmp_path, "policy.json", document)
    allow = ["--allow", "203.0.113.0/24"] if command == "prove" else []
    args = [command, "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy, *allow]
    main(args)
    said = capsys.readouterr()
    assert ("No Resource of the bucket policy names gt-images in full." in said.err) != is_named
    main([*args, "--json"])
    known = json.loads(capsys.readouterr().out)["limits" if command == "prove" else "facts"]
    assert ("No Resource of the bucket policy names gt-images in full." in known) != is_named
    empty = written(tmp_path, "empty.json", {"Version": "2012-10-17", "Statement": []})
    main([*args, "--bucket-policy", empty])
    assert "in full" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "bucket", ["DOC-EXAMPLE-BUCKET", "DOC-EXAMPLE-DESTINATION-BUCKET1", "amzn-s3-demo-bucket"]
)
def test_the_buckets_of_aws_own_examples_are_understood(bucket: str, tmp_path: Path) -> None:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    document = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": resources}]}
    policy = written(tmp_path, "policy.json", document)
    files = ["--account", ACCOUNT, "--bucket-policy", policy]
    assert main(["who", f"s3://{bucket}/k", *files]) == 0
    assert main(["prove", f"s3://{bucket}", "--allow", "203.0.113.0/24", *files]) == 0


def test_a_mistyped_bucket_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = written(
        tmp_path,
        "policy.json",
        {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": OURS}]},
    )
    args = ["prove", "--account", ACCOUNT, "--allow", "203.0.113.0/24", "--bucket-policy", policy]
    assert main([*args, "s3://gt-imagse"]) == 64
    said = capsys.readouterr()
    assert "This policy names gt-images, not gt-imagse." in said.err
    assert "Fix:" not in said.out
    assert main([*args, "s3://gt-images"]) == 0


@pytest.mark.parametrize("name", OF_OURS)
def test_a_policy_that_may_be_of_the_bucket_is_none(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = {name: value for name, value in STATEMENT.items() if name != "Resource"} | OF_OURS[
        name
    ]
    policy = written(tmp_path, "policy.json", {"Version": "2012-10-17", "Statement": [statement]})
    assert main(["who", "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy]) != 64


def test_policies_of_the_organization_name_any_bucket(tmp_path: Path) -> None:
    levels = {
        "Version": "2012-10-17",
        "Statement": [{**STATEMENT, "Resource": "arn:aws:s3:::acme-prod-scans/*"}],
    }
    policy = written(tmp_path, "policy.json", {"Version": "2012-10-17", "Statement": []})
    args = ["who", "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy]
    assert main([*args, "--rcp", written(tmp_path, "rcp.json", levels)]) != 64


LINES = (DATA / "own-policy-cases.ndjson").read_text(encoding="utf-8").splitlines()


def test_verdict_answers_every_line_of_a_bad_stream_in_order():
    lines = [
        b"\xef\xbb\xbf" + LINES[0].encode(),  # a byte order mark
        LINES[1].encode() + b"\r",  # lines that end with CR LF
        b"",
        b"\xff\xfe not UTF-8 \x00",
        b'{"id": "cr",\r"request": 1}',  # JSON takes a carriage return for a blank
        LINES[2].replace(": ", ":\u2028", 1).encode(),  # no line end, and no JSON
        LINES[3].encode(),
        LINES[3].encode(),
        LINES[4].encode(),  # the last one has no line end
    ]
    done = subprocess.run(
        [sys.executable, "-m", "gt_secure.cli", "verdict"],
        input=b"\n".join(lines),
        capture_output=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]
    ids = ["own-001", "own-002", None, None, "cr", "own-003", "own-004", "own-004", "own-005"]
    assert [answer["id"] for answer in answers] == ids
    assert [answer["verdict"] == "invalid" for answer in answers] == [
        i in (2, 3, 4, 5) for i in range(9)
    ]
    assert done.stderr == b""


VPC = "vpc-0a1b2c3d"
ONLY_VPC = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"],
    "Condition": {"StringNotEquals": {"aws:SourceVpc": VPC}},
}


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        (["--context", f"aws:SourceVpc={VPC}"], 0, "opened"),
        (["--context", "aws:SourceVpc=vpc-99999999"], 0, "refused"),
        ([], 3, "unknown"),
    ],
)
def test_the_vpc_of_an_endpoint_is_a_value_that_is_known(
    more: list[str], code: int, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written(tmp_path, "p.json", {"Version": "2012-10-17", "Statement": [ONLY_VPC]})
    args = ["who", "s3://gt-images/k", "--account", ACCOUNT, "--bucket-policy", policy, *more]
    assert main([*args, "--from", "10.0.3.4 via vpce-0a1b2c3d4e5f60718"]) == code
    said = capsys.readouterr().out
    assert word in said
    assert "is not used" not in said


@pytest.mark.parametrize(
    ("statement", "is_fixed"),
    [
        (ONLY_VPC, False),
        ({**ONLY_VPC, "Condition": {"StringNotEquals": {"aws:Referer": "x"}}}, True),
    ],
)
def test_no_guard_of_addresses_is_advised_beside_a_rule_of_vpcs(
    statement: dict[str, Any], is_fixed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written(tmp_path, "p.json", {"Version": "2012-10-17", "Statement": [statement]})
    args = ["prove", "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy]
    assert main([*args, "--allow", "203.0.113.0/24"]) == 2
    assert ("Fix: change the bucket policy" in capsys.readouterr().out) is is_fixed


DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
}
FULL_ACCESS = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
NOT_STORED = {
    "Effect": {**DENY, "Effect": "Allow"},
    "Principal": {**DENY, "Principal": {"AWS": ACCOUNT}},
    "NotPrincipal": {
        **{name: value for name, value in DENY.items() if name != "Principal"},
        "NotPrincipal": {"AWS": ACCOUNT},
    },
    "NotAction": {
        **{name: value for name, value in DENY.items() if name != "Action"},
        "NotAction": "s3:GetObject",
    },
    "Action": {**DENY, "Action": ["s3:*", "*"]},
}
"""A statement of a resource control policy for each row of AWS's page "RCP syntax"."""


def of_rcp(folder: Path, command: str, *statements: object) -> int:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    rcp, policy = (
        written(folder, "rcp.json", document),
        written(folder, "policy.json", {"Version": "2012-10-17", "Statement": []}),
    )
    words = [command, "s3://gt-images", "--account", ACCOUNT, "--bucket-policy", policy]
    more = ["--allow", "203.0.113.0/24"] if command == "prove" else []
    return main([*words, *more, "--rcp", rcp])


@pytest.mark.parametrize("command", ["prove", "who"])
@pytest.mark.parametrize("element", NOT_STORED)
def test_a_resource_control_policy_that_aws_does_not_store_proves_nothing(
    element: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_rcp(tmp_path, command, FULL_ACCESS, NOT_STORED[element]) == 64
    said = " ".join(capsys.readouterr().err.split())
    assert f"AWS stores no resource control policy with this {element}:" in said


@pytest.mark.parametrize("statements", [[DENY], [{**FULL_ACCESS, "Sid": "Any"}, DENY]])
def test_a_resource_control_policy_that_aws_stores_is_read(
    statements: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_rcp(tmp_path, "prove", *statements) == 0
    assert capsys.readouterr().out.startswith("Proved: ")


def test_a_resource_control_policy_has_a_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, code in ((150, 0), (200, 64)):
        resources = [f"arn:aws:s3:::gt-images/{each:05}" for each in range(number)]
        assert of_rcp(tmp_path, "prove", DENY, {**DENY, "Resource": resources}) == code
    assert "at most 5,120 characters" in capsys.readouterr().err
