"""Terraform is parsed by python-hcl2, CloudFormation linted by cfn-lint,
in an environment apart.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gt_secure.changes.plan import Plan
from gt_secure.restriction.messages import Notice
from gt_secure.restriction.model import Restriction
from gt_secure.sandbox import Sandbox
from support.blocks import ROOT, blocks_of
from support.rig import Rig
from support.rooms import Room, clean

pytestmark = pytest.mark.slow
PARSE = "import hcl2, json, sys; print(json.dumps(hcl2.load(open(sys.argv[1], encoding='utf-8'))))"
TEAM, BUCKET = "open-team", "gt-images"
ALARM = {
    block.value: block.text
    for block in blocks_of(ROOT / "docs/how-to/company.md")
    if block.value == "locks-alarm.yaml"
}
PREFIX = 'scans/%{y}"q/'
HOSTILE = 'Ring ${jsonencode(1)} %{ if true } "x" \\ é\u2028'


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Room:
    room = Room(tmp_path_factory.mktemp("room") / "venv")
    room.install("cfn-lint", "python-hcl2")
    return room


@pytest.fixture(scope="module")
def plans() -> Iterator[dict[str, Plan]]:
    """Plans that set, change and remove each lock."""
    with Sandbox(log_delay_s=60, workforce_delay_s=0) as sandbox:
        rig = Rig(sandbox)
        rig.client("sagemaker").update_workteam(WorkteamName="open-team", Description=HOSTILE)
        wish = Restriction(
            "open-team",
            addresses=["203.0.113.0/24"],
            bucket="gt-images",
            prefix=PREFIX,
            portal_lock=True,
            age_limit="15m",
        )
        first = rig.gt.plan(wish)
        rig.gt.apply(first, confirm=[each.code for each in first.asks])
        change = Restriction(
            "open-team", addresses=["203.0.113.0/25", "2001:db8:40::/48"], bucket="gt-images"
        )
        opened = Restriction(
            "open-team", url_lock=False, portal_lock=False, guard=False, bucket="gt-images"
        )
        made = {
            "first": first,
            "change": rig.gt.plan(change),
            "off": rig.gt.plan(opened),
            "nothing": rig.gt.plan(wish),
        }
        # as if all questions were answered: the resources of a plan that asks are comments
        yield {name: replace(plan, notices=()) for name, plan in made.items()}


def texts(plans: dict[str, Plan], form: str) -> dict[str, str]:
    """Everything that is exported in a format."""
    if form == "terraform":
        return {name: plan.to_terraform() for name, plan in plans.items()}
    role = files("gt_secure.report").joinpath("role.json")
    alarms = {f"alarm of {name}": plan.to_alarm() for name, plan in plans.items()}
    return ALARM | alarms | {"role": role.read_text(encoding="utf-8")}


def parsed(tools: Room, text: str, path: Path) -> dict[str, Any]:
    path.write_text(text, encoding="utf-8")
    data: dict[str, Any] = json.loads(tools.run("-c", PARSE, str(path)))
    return data


def text_of(value: str) -> str:
    """The text that an HCL string stands for."""
    return str(json.loads(value)).replace("$${", "${").replace("%%{", "%{")


def test_terraform_is_parsed(tools: Room, plans, tmp_path):
    kinds: dict[str, set[str]] = {}
    for name, text in texts(plans, "terraform").items():
        data = parsed(tools, text, tmp_path / f"{name}.tf")
        kinds[name] = {json.loads(kind) for each in data.get("resource", ()) for kind in each}
    assert kinds["first"] == {
        "aws_s3_bucket_policy",
        "aws_sagemaker_workteam",
        "aws_sagemaker_workforce",
    }
    assert kinds["nothing"] == set()


def test_the_module_of_the_guard_is_parsed(tools: Room, tmp_path):
    for path in sorted((ROOT / "integrations" / "terraform").glob("*.tf")):
        assert parsed(tools, path.read_text(encoding="utf-8"), tmp_path / path.name)


def test_a_plan_that_asks_is_a_file_of_comments(tools: Room, plans, tmp_path):
    stop = Notice("hard-stop", "blocker", "The policy is too long.", confirmable=False)
    asks = replace(plans["first"], notices=(stop,)).to_terraform()
    assert "resource" in asks
    assert parsed(tools, asks, tmp_path / "asks.tf") == {}


def test_terraform_says_what_the_plan_says(tools: Room, plans, tmp_path):
    data = parsed(tools, plans["first"].to_terraform(), tmp_path / "first.tf")
    resources = {
        json.loads(kind): body
        for each in data["resource"]
        for kind, named in each.items()
        for body in named.values()
    }
    written = resources["aws_s3_bucket_policy"]["policy"]
    assert written.startswith("${jsonencode({")
    # the parser writes it so
    document = written.removeprefix("${jsonencode(").removesuffix(")}").replace('" = ', '": ')
    policy = json.loads(document.replace("$${", "${").replace("%%{", "%{"))
    [change] = [each for each in plans["first"].changes if each.kind == "bucket-guard"]
    assert policy == json.loads(change.after)
    assert PREFIX in json.dumps(policy).replace('\\"', '"')
    assert text_of(resources["aws_sagemaker_workteam"]["description"]) == HOSTILE


def test_cloudformation_is_linted(tools: Room, plans, tmp_path):
    paths = []
    for name, text in texts(plans, "cloudformation").items():
        paths.append(tmp_path / f"{name}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    tool = tools.python.with_name("cfn-lint")
    done = subprocess.run([tool, *paths], env=clean(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text(paths[0].read_text().replace("PolicyDocument", "Policy"))
    assert (
        subprocess.run([tool, bad], env=clean(), capture_output=True, timeout=300).returncode != 0
    )
