"""Exports for people who go through review: they are run or parsed here, not only looked at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure.account.export import current_restriction
from gt_secure.aws.client import Aws
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render.infrastructure_code import hcl
from gt_secure.changes.targets import BucketGuard
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, TEAM, Account
from support.guards import merge_guard
from support.states import FORCE, TEAM as FAKE_TEAM, data_bucket, state

OFFICE = "203.0.113.0/24"
AWS_CLI = Path(sys.executable).with_name("aws")


def wish(**more: Any) -> Restriction:
    return Restriction(
        TEAM, **({"addresses": [OFFICE], "bucket": BUCKET, "portal_lock": True} | more)
    )


def by_hand(**more: Any) -> Plan:
    one = Restriction("radiology-team", **({"addresses": [OFFICE], "bucket": BUCKET} | more))
    return plan(cast(Aws, None), one, state=state())


@pytest.mark.slow
@pytest.mark.skipif(not AWS_CLI.exists(), reason="the AWS CLI is not installed")
def test_the_shell_script_does_what_apply_does(account: Account, tmp_path: Path) -> None:
    script = tmp_path / "change.sh"
    asks = plan(account.aws, wish())
    assert asks.asks
    env = {
        **account.sandbox.environment(),
        "PATH": f"{AWS_CLI.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    bash = shutil.which("bash") or "bash"
    before = account.look()
    # somebody answers the questions: the first # goes
    for text in (asks.to_cli(), asks.to_cli().replace("\n# aws ", "\n aws ")):
        assert account.look() == before, "nothing runs before"
        script.write_text(text)
        done = subprocess.run(
            [bash, str(script)], env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
    account.settle()
    assert plan(account.aws, wish()).empty


def test_the_shell_script_quotes_hostile_names() -> None:
    one = by_hand()
    change = replace(
        one.changes[0], target=BucketGuard("x'; rm -rf ~; '"), after_text="line\nbreak"
    )
    text = replace(one, changes=(change,)).to_cli()
    code = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert code[0] == "set -euo pipefail"
    assert len(code) == 2
    assert """'x'"'"'; rm -rf ~; '"'"''""" in code[1]


def test_terraform_is_balanced_and_evaluates_no_template() -> None:
    text = by_hand(prefix="a b/", portal_lock=True).to_terraform()
    assert text.count("{") == text.count("}")
    code = re.sub("(?m)^# ?", "", text)  # the plan asks, so that its code is a comment
    assert 'policy = jsonencode({\n    "Version"' in code
    assert (
        hcl('${aws:userid} %{if} "q" \\ \b\n') == '"$${aws:userid} %%{if} \\"q\\" \\\\ \\u0008\\n"'
    )


@pytest.mark.parametrize(
    ("before", "wanted", "line"),
    [
        (UrlLock(), True, 'source_ip = "Enabled"'),
        (UrlLock(False, True), False, 'vpc_source_ip = "Disabled"'),
        (UrlLock(True, False), False, 'source_ip = "Disabled"'),
    ],
)
def test_terraform_takes_exactly_one_toggle(before: UrlLock, wanted: bool, line: str) -> None:
    seen = state(team=replace(FAKE_TEAM, url_lock=before), workforce=FORCE)
    text = plan(
        cast(Aws, None), Restriction("radiology-team", url_lock=wanted), state=seen
    ).to_terraform()
    block = text[text.index("iam_policy_constraints") :]
    assert line in block
    assert block.count("source_ip = ") == 1


def test_an_account_is_exported_and_planned_to_nothing(account: Account) -> None:
    from support.consents import apply_agreed as apply

    apply(account.aws, plan(account.aws, wish(prefix="scans/")), journal=account.journal)
    found, notices = current_restriction(account.aws, TEAM, BUCKET)
    assert notices == []
    assert (found.url_lock, found.portal_lock, found.guard, found.prefix) == (
        "SourceIp",
        True,
        True,
        "scans/",
    )
    assert plan(account.aws, found).empty


class IpSets:
    """Answers of WAF: one IP set."""

    def client(self, _service: str) -> Any:
        return self

    def list_ip_sets(self, **_asked: Any) -> dict[str, Any]:
        return {"IPSets": [{"Name": "offices", "Id": "1"}]}

    def get_ip_set(self, **_asked: Any) -> dict[str, Any]:
        return {"IPSet": {"Addresses": ["198.51.100.0/28"]}}


@pytest.mark.parametrize("lists", ["wafv2:ipset/offices", ["wafv2:ipset/offices"], ()])
def test_an_export_has_the_name_of_a_list_in_place_of_its_ranges(
    lists: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = build_guard("gt-images", networks=["192.0.2.7/32", "198.51.100.0/28"])
    found = state(team=Part[Any].of(None), bucket=data_bucket(policy=merge_guard(None, guard)))
    monkeypatch.setattr("gt_secure.account.export.read_scope", lambda *_: found)
    restriction, _ = current_restriction(cast(Aws, IpSets()), bucket="gt-images", lists=lists)
    place = "wafv2:ipset/offices" if lists else "198.51.100.0/28"
    assert restriction.to_dict()["addresses"] == ["192.0.2.7/32", place]


def test_a_portal_list_that_differs_is_left_out_and_said(account: Account) -> None:
    from support.consents import apply_agreed as apply

    apply(account.aws, plan(account.aws, wish(portal_lock=None)), journal=account.journal)
    account.set_cidrs(["192.0.2.0/24"])
    found, notices = current_restriction(account.aws, TEAM, BUCKET)
    assert found.portal_lock is None
    assert [notice.code for notice in notices] == ["portal-differs"]
    assert plan(account.aws, found).empty


@pytest.mark.parametrize(
    ("lock", "field", "codes"),
    [
        (UrlLock(True, True), None, ["url-lock-both"]),
        (UrlLock(True, False), "SourceIp", []),
        (UrlLock(False, True), "VpcSourceIp", []),
        (UrlLock(), False, []),
    ],
    ids=["both", "SourceIp", "VpcSourceIp", "off"],
)
def test_an_export_writes_the_setting_that_is_there_and_decides_none(
    monkeypatch: pytest.MonkeyPatch, lock: UrlLock, field: Any, codes: list[str]
) -> None:
    """The restriction leaves two settings that are both on as they are, with a notice."""
    guarded = data_bucket(policy=merge_guard(None, build_guard("gt-images", networks=[OFFICE])))
    seen = state(team=replace(FAKE_TEAM, url_lock=lock), workforce=FORCE, bucket=guarded)
    monkeypatch.setattr("gt_secure.account.export._state_of", lambda *_: seen)
    found, notices = current_restriction(cast(Aws, None), team="radiology-team", bucket="gt-images")
    assert found.url_lock == field
    assert [each.code for each in notices] == codes
