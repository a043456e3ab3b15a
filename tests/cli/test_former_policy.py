"""``gt-secure prove --base``: what a new version of a bucket policy newly opens and refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from support.planned_policies import GUARD, PLANS

BUCKET = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
ROLE = {"AWS": "arn:aws:iam::111122223333:role/ci"}


def deny(*cidrs: str, **more: Any) -> dict[str, Any]:
    """A Deny from elsewhere than some networks."""
    elsewhere = {"NotIpAddress": {"aws:SourceIp": [*cidrs]}}
    made = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": BUCKET}
    return {"Sid": "Office", **made, "Condition": elsewhere, **more}


def allow(principal: Any, **more: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject"}
    return {"Sid": "Grant", **made, "Resource": BUCKET[1], **more}


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


OFFICE, BOTH = deny("203.0.113.0/24"), deny("203.0.113.0/24", "198.51.100.0/24")
OTHERS = {"AWS": "444455556666"}
CASES = {
    "the same": ((OFFICE,), (OFFICE,), 0, ""),
    "another order": ((OFFICE, allow(ROLE)), (allow(ROLE), OFFICE), 0, ""),
    "a network more": ((OFFICE,), (BOTH,), 2, "from 198.51.100."),
    "a network less": ((BOTH,), (OFFICE,), 0, "Newly refused"),
    "no Deny any more": ((OFFICE,), (allow(ROLE),), 2, "statement Office refuses it"),
    "an exception for somebody": (
        (OFFICE,),
        (deny("203.0.113.0/24", Condition={**OFFICE["Condition"], "ArnNotLike": {"aws:PrincipalArn": ROLE["AWS"]}}),),
        2,
        "assumed-role/ci",
    ),
    "fewer actions": ((OFFICE,), (deny("203.0.113.0/24", Action="s3:GetObject"),), 2, "statement Office refuses it"),
    "a grant to another account": ((OFFICE,), (OFFICE, allow(OTHERS)), 2, "444455556666"),
    "a grant to a role of the account": ((OFFICE,), (OFFICE, allow(ROLE)), 2, "no statement allows it"),
    "a grant for less": ((allow(OTHERS),), (allow(OTHERS, Resource=f"{BUCKET[1]}.png"),), 0, "Newly refused"),
    "a grant within another": ((allow("*"),), (allow("*"), allow(OTHERS, Resource=f"{BUCKET[0]}/scans/*")), 0, ""),
    "a grant instead of a public one": ((allow("*"),), (allow(OTHERS),), 3, "Block Public Access"),
}  # fmt: skip


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run prove in a repository whose last commit has the former policy."""
    monkeypatch.chdir(tmp_path)

    def prove(former: str, now: str, *options: str, prefix: str = "") -> tuple[int, str]:
        (tmp_path / "policy.json").write_text(former, encoding="utf-8")
        for line in (
            "init -q .",
            "add policy.json",
            "-c user.name=a -c user.email=a@b commit --allow-empty -qm a",
        ):
            subprocess.run(["git", *line.split()], check=True, capture_output=True)
        (tmp_path / "former.json").write_text(former, encoding="utf-8")
        (tmp_path / "policy.json").write_text(now, encoding="utf-8")
        common = ["prove", f"s3://gt-images/{prefix}", "--account", "111122223333", *options]
        if "--tf-plan" not in options:
            common += ["--bucket-policy", "policy.json"]
        code = main(common)
        out = capsys.readouterr()
        return code, " ".join((out.out + out.err).split())

    return prove


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("base", ["former.json", "git:HEAD"])
def test_what_is_newly_opened_is_shown(
    name: str, base: str, run: Callable[..., tuple[int, str]]
) -> None:
    former, now, code, words = CASES[name]
    found, said = run(text(*former), text(*now), "--base", base)
    assert (found, words in said) == (code, True), said
    assert ("Newly refused" in said) is (name in ("a network less", "a grant for less")) or code


@pytest.mark.parametrize(("prefix", "code"), [("reports/", 0), ("scans/", 2), ("", 2)])
def test_a_prefix_is_all_that_is_asked_about(
    prefix: str, code: int, run: Callable[..., tuple[int, str]]
) -> None:
    scans = text(OFFICE, allow(OTHERS, Resource=f"{BUCKET[0]}/scans/*"))
    assert run(text(OFFICE), scans, "--base", "former.json", prefix=prefix)[0] == code


def test_the_request_is_a_case_for_verdict(run: Callable[..., tuple[int, str]]) -> None:
    code, said = run(text(OFFICE), text(BOTH), "--base", "git:HEAD", "--json")
    case = json.loads(said)["counterexample"]
    assert code == 2
    assert case["refused_by"] == "statement Office refuses it"
    assert case["resourceControlPolicies"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--base", "git:nowhere"], "git cannot show policy.json of nowhere"),
        (["--base", "git:--help"], "is not a commit of the file"),
        (["--base", "git:"], "is not a commit of the file"),
        (["--base", "missing.json"], "missing.json"),
        (["--base", "former.json", "--allow", "203.0.113.0/24"], "--allow cannot be combined"),
    ],
)
def test_a_base_that_cannot_be_read_is_an_error(
    options: list[str], words: str, run: Callable[..., tuple[int, str]]
) -> None:
    code, said = run(text(OFFICE), text(BOTH), *options)
    assert code == 64
    assert words in said


@pytest.mark.parametrize("former", ["", "{", '{"Statement": 1}'])
def test_a_former_policy_that_is_none_is_an_error(
    former: str, run: Callable[..., tuple[int, str]]
) -> None:
    for base in ("former.json", "git:HEAD"):
        code, said = run(former, text(OFFICE), "--base", base)
        assert code == 64, said
        assert "Proved" not in said


@pytest.mark.parametrize(("name", "code"), [("known guard", 0), ("known and open", 2), ("unknown string", 3)])  # fmt: skip
def test_a_terraform_plan_is_compared_too(
    name: str, code: int, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    (tmp_path / "plan.json").write_text(PLANS[name][0], encoding="utf-8")
    former = text(GUARD)
    found, said = run(former, former, "--base", "former.json", "--tf-plan", "plan.json")
    assert found == code, said
