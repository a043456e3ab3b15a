"""``gt-secure who``, ``prove`` and ``who --signers`` from files:
their JSON forms and exit codes.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from gt_secure.base.errors import AccessDenied
from gt_secure.cli import exposure
from gt_secure.cli.main import main, parse
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.part import NotRead
from gt_secure.engine.access.proof import Proof
from gt_secure.engine.access.signers import signers_of
from gt_secure.engine.policies.bucket_guard import build_guard
from support.principals import ACCOUNT, NOBODY, READ, arn, details, doc, group, policy, role, user

BUCKET, OBJECT = (("s3://gt-images" + key, "--account", "111122223333") for key in ("", "/a.png"))


@pytest.fixture
def guard(tmp_path):
    statement = build_guard("gt-images", networks=["203.0.113.0/24"])
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return str(path)


def run(capsys, *arguments):
    code = main(list(arguments))
    return code, json.loads(capsys.readouterr().out)


def test_exposure(guard, capsys):
    code, data = run(capsys, "who", "--bucket-policy", guard, *OBJECT, "--json")
    assert code == 0
    rows = {row.pop("request"): row for row in data["requests"]}
    assert list(rows) == ["presigned", "header", "post-form", "anonymous", "other-account"]
    assert rows["presigned"]["opened"] == {"cidrs": ["203.0.113.0/24"], "endpoints": [], "when": []}
    assert set(rows["presigned"]) == {"opened", "refused", "unknown", "unless"}
    assert data["facts"] == []
    assert {name: row["unless"]["refused"] for name, row in rows.items() if name[0] in "pao"} == {
        "presigned": [], "post-form": [], "anonymous": ["an ACL grants it"], "other-account": ["an ACL grants it"],
    }  # fmt: skip
    assert rows["presigned"]["unless"]["opened"] == [
        "a policy of the signer or the organization refuses it"
    ]


def test_prove(guard, capsys, tmp_path):
    start = ["prove", "--bucket-policy", guard, *BUCKET, "--json"]
    code, data = run(capsys, *start, "--allow", "203.0.113.0/24")
    assert (code, data["proved"], data["counterexample"], data["depends_on"]) == (0, True, None, [])
    code, data = run(capsys, *start, "--allow", "203.0.113.0/25")
    assert (code, data["proved"]) == (2, False)
    rcp = tmp_path / "rcp.json"
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": "o-a"}}
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": condition,
    }
    rcp.write_text(json.dumps({"Version": "2012-10-17", "Statement": deny}))
    code, data = run(capsys, *start, "--rcp", str(rcp))
    assert (code, data["proved"], data["depends_on"]) == (3, None, ["aws:PrincipalOrgID"])
    code, data = run(capsys, *start, "--rcp", str(rcp), "--context", "aws:PrincipalOrgID=o-b")
    assert (code, data["proved"]) == (0, True)


def test_prove_a_guard_of_reads(capsys, tmp_path):
    statement = build_guard("gt-images", networks=["203.0.113.0/24"], reads=True)
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    start = ["prove", "--bucket-policy", str(path), *BUCKET, "--allow", "203.0.113.0/24", "--json"]
    code, data = run(capsys, *start)
    assert (code, data["counterexample"]["request"]["action"]) == (2, "s3:PutObject")
    code, data = run(capsys, *start, "--guard", "reads")
    assert (code, data["proved"]) == (0, True)
    assert main([*start[:-1], "--guard", "reads"]) == 0
    assert "Whoever has an upload URL" in " ".join(capsys.readouterr().out.split())


def test_text_and_errors(guard, capsys, tmp_path):
    assert main(["who", "--bucket-policy", guard, *OBJECT]) == 0
    assert "203.0.113.0/24" in capsys.readouterr().out
    assert main(["prove", "--bucket-policy", guard, *BUCKET]) == 2
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert main(["who", "--bucket-policy", str(bad), *OBJECT]) == 64
    assert main(["prove", "--bucket-policy", str(tmp_path / "none"), *BUCKET]) == 64


def test_signers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = details(group("g", arn("policy/reading")), policy("reading", doc(), doc(READ)))
    pages = [details(user("x", READ, groups=["g"]), role("s", READ)), late]
    pages[0]["UserDetailList"][0]["UserPolicyList"][0]["PolicyDocument"] = quote(
        json.dumps(doc(READ))
    )
    pages[0]["RoleDetailList"][0]["AssumeRolePolicyDocument"] = json.dumps(NOBODY)
    (tmp_path / "principals.json").write_text(json.dumps(pages))
    (tmp_path / "policy.json").write_text(json.dumps(doc()))
    line = [
        "who",
        "s3://gt-images/scans/0001.png",
        "--bucket-policy",
        str(tmp_path / "policy.json"),
    ]
    line += ["--account", ACCOUNT, "--signers"]
    assert main([*line, "--principals", str(tmp_path / "principals.json"), "--json", "--all"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [each["arn"] for each in data["signers"]] == [arn("role/s"), arn("user/x")]
    assert data["signers"][1] == {
        "arn": arn("user/x"), "class": "signs", "answer": "opened", "chain": [arn("user/x")], "depends_on": [],
        "opened": {"cidrs": ["0.0.0.0/0", "::/0"], "endpoints": "any", "when": []}, "longest_s": 604800,
    }  # fmt: skip
    assert not any("aws:ResourceTag" in each for each in data["assumed"])
    assert main([*line, "--principals", str(tmp_path / "principals.json")]) == 0
    assert "7 days" in capsys.readouterr().out
    assert main(line) == 64
    assert "Add --principals" in capsys.readouterr().err
    tagged = {**READ, "Condition": {"StringEquals": {"aws:ResourceTag/team": "radiology"}}}
    (tmp_path / "principals.json").write_text(json.dumps(details(user("x", tagged))))
    assert main([*line, "--principals", str(tmp_path / "principals.json"), "--json"]) == 3
    [signer] = json.loads(capsys.readouterr().out)["signers"]
    assert signer["depends_on"] == ["aws:ResourceTag/team"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_without_the_users_and_roles_it_is_unknown_who_signs(capsys, monkeypatch, form):
    action = "iam:GetAccountAuthorizationDetails"
    error = AccessDenied(f"This role may not call {action}.", action=action)
    missing = NotRead.of("the users and roles", action, error)
    found = signers_of(
        Exposure(locks_of_policies("gt-images", None, "111122223333"), "a.png"), missing
    )
    monkeypatch.setattr(exposure, "_of_account", lambda _: SimpleNamespace(signers=found))
    code = main(["who", "s3://gt-images/a.png", "--signers", *form])
    out, err = capsys.readouterr()
    said = f"{action} was denied, so it is unknown who can sign URLs for a.png."
    assert code == 3
    assert said in (json.loads(out)["unread"] if form else out.splitlines())
    assert json.loads(err[err.index("{") :])["Statement"][0]["Action"] == action


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("s3://images-abc-s3alias/k", "it is the alias of an access point"),
        ("s3://images--ol-s3/k", "it is the alias of an Object Lambda access point"),
        ("s3://mfzwi23gnjvgw.mrap/k", "it is the alias of a Multi-Region Access Point"),
        ("s3://images--usw2-az1--x-s3/k", "it is a directory bucket"),
        ("s3://images--table-s3/k", "it is a table bucket"),
        (
            "s3://arn:aws:s3:us-east-1:111122223333:accesspoint/images/k",
            "it is the ARN of an access point",
        ),
    ],
)
@pytest.mark.parametrize("command", ["who", "prove"])
def test_what_is_no_general_purpose_bucket_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, place: str, reason: str
) -> None:
    (tmp_path / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    allow = ["--allow", "203.0.113.0/24"] if command == "prove" else []
    code = main(
        [
            command,
            place,
            "--bucket-policy",
            str(tmp_path / "policy.json"),
            "--account",
            ACCOUNT,
            *allow,
        ]
    )
    assert code not in (0, 2, 3)
    assert reason in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("s3://ml-artifacts --allow 203.0.113.0/24 --endpoint vpce-0a1b2c3d4e5f60718", ""),
        ("s3://ml-artifacts/mlflow/ --allow 203.0.113.0/24 --allow 198.51.100.7 --guard reads", ""),
        ("-f restriction.json", ""),
        (
            "s3://ml-artifacts --bucket-policy policy.json --allow 203.0.113.0/24",
            "change the bucket policy in policy.json to refuse this request",
        ),
    ],
)
def test_the_fix_of_what_is_not_proved_is_the_command(
    line: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = parse(["prove", *line.split()])
    request = {
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::ml-artifacts/x",
        "principal": "arn:aws:iam::1:role/x",
        "context": {"aws:SourceIp": "198.51.100.9"},
    }
    case = {
        "request": request,
        "source": "198.51.100.9",
        "opened_by": "the role",
        "finding": "guard-missing",
    }
    proof = Proof(False, case)
    assert args is not None
    assert exposure._show_proof(args, proof, "") == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Fix: {fix or f'gt-secure apply {line} (finding guard-missing)'}" in printed
    assert fix or parse(["apply", *line.split()]) is not None
