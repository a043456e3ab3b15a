"""Every line of a plan is in its place, in each of its renderings.

The page ``plan_pages.md`` shows four plans whose notices, findings and dry run are made by hand: one
with every part, one of a bucket alone, one that removes the locks,
and one that changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure.base.version import __version__
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render import parts
from gt_secure.changes.render.summary import subject
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.messages import Notice
from gt_secure.restriction.model import Restriction
from support.guards import merge_guard
from support.states import FORCE, TEAM, data_bucket, state, unread
from test_every_document import EXAMPLES, LIST, dry_run, finding, restriction, text_of, usage

PAGE = Path(__file__).parent / "plan_pages.md"
GUARD = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
NOTICES = (
    Notice("signers-caller", "blocker", "The caller is not a signer.", "Add --signers.", "signers", True, "I sign."),
    Notice("hard-stop", "blocker", "The policy is too long.", "Shorten it.", "bucket", False),
    Notice("portal-affects-all", "warning", "It affects open-team.", "Ask them.", consent="They know."),
    Notice("broad", "warning", "The list is broad.", "Narrow it."),
    Notice("age-limit-version-2", "info", "Version 2 is refused.", "Sign with version 4."),
    Notice("ipv4-only", "info", "The list has no IPv6 range.", "Add one."),
)  # fmt: skip


RAW_TEAM = {
    "Description": "Reads scans",
    "MemberDefinitions": [
        {"CognitoMemberDefinition": {"UserPool": "pool-1", "UserGroup": "readers", "ClientId": "client-1"}},
        {"OidcMemberDefinition": {"Groups": ["one", "two"]}},
    ],
    "NotificationConfiguration": {"NotificationTopicArn": "arn:aws:sns:us-east-1:111122223333:scans"},
}  # fmt: skip
RAW_FORCE = {
    "CognitoConfig": {"ClientId": "client-1", "UserPool": "pool-1"},
    "WorkforceVpcConfig": {"VpcId": "vpc-0a1b2c3d", "SecurityGroupIds": ["sg-1", "sg-2"], "Subnets": ["subnet-1"]},
}  # fmt: skip


def planned(wish: Restriction, account: Any, notices: Sequence[Notice] = ()) -> Plan:
    made = plan(cast(Any, None), wish, state=account)
    return replace(made, notices=tuple(notices), findings=(), simulation=made.simulation[3:5])


def whole() -> Plan:
    """Return a plan with every part, each in each of its forms."""
    wish = replace(
        restriction(),
        expectations=[expect.allowed("203.0.113.7"), expect.allowed("198.51.100.9")],
    )
    account = state(endpoints=unread("ec2:DescribeVpcEndpoints", "the endpoints"))
    made = planned(wish, account)
    usages = tuple(replace(usage(), requests=40 - number) for number in range(11))
    found = replace(finding(), accepted=None, ended=None)
    low = replace(found, code="cors", severity="low", title="CORS is open", fix="Close it.")
    return replace(
        made,
        restriction=restriction(LIST).with_lists([EXAMPLES["ManagedList"]]),
        notices=NOTICES,
        findings=(found, replace(found, accepted=finding().accepted), low),
        dry_run=replace(dry_run(), usages=usages),
        reason="ticket 7",
    )


def of_a_bucket() -> Plan:
    """Return a plan of a bucket without a team that replaces a guard."""
    wish = Restriction(bucket="gt-images", addresses=["198.51.100.0/24"], guard=True)
    account = state(bucket=data_bucket(policy=GUARD), team=None, workforce=None)
    return planned(wish, account, notices=NOTICES[3:])


def of_nothing() -> Plan:
    """Return a plan of a team whose locks are as wanted."""
    wish = Restriction("radiology-team", addresses=["203.0.113.0/24"], url_lock="SourceIp",
                       portal_lock=True, guard=True, bucket="gt-images")  # fmt: skip
    account = state(
        bucket=data_bucket(policy=GUARD),
        team=replace(TEAM, url_lock=UrlLock(source_ip=True)),
        workforce=replace(FORCE, cidrs=("203.0.113.0/24",)),
    )
    return planned(wish, account)


def of_removals() -> Plan:
    """Return a plan that takes all three locks away, of a workforce in a VPC with users of Cognito."""
    wish = Restriction(
        "radiology-team", url_lock=False, portal_lock=False, guard=False, bucket="gt-images"
    )
    account = state(
        bucket=data_bucket(policy=GUARD),
        team=replace(TEAM, url_lock=UrlLock(source_ip=True)),
        workforce=replace(FORCE, cidrs=("203.0.113.0/24",), vpc_id="vpc-0a1b2c3d"),
        raw={"team": RAW_TEAM, "workforce": RAW_FORCE},
    )
    return planned(wish, account)


RENDERINGS: dict[str, Callable[[Plan], str]] = {
    "short": lambda one: one.to_text(110),
    "full": lambda one: one.to_text(110, full=True),
    "page": lambda one: text_of(one.to_html(standalone=True)),
    "cell": lambda one: text_of(one._repr_html_()),
    "details": lambda one: text_of(parts.folds(one)),
    "CLI": Plan.to_cli,
    "ticket": Plan.to_ticket,
    "Terraform": Plan.to_terraform,
}
PLANS = {
    "every part": (whole, ("short", "full", "page", "details", "CLI", "Terraform", "ticket")),
    "a bucket alone": (of_a_bucket, ("short", "page", "CLI", "Terraform")),
    "locks that go": (of_removals, ("short", "CLI", "Terraform")),
    "nothing to change": (of_nothing, ("short", "cell", "CLI", "Terraform")),
}
HEAD = """# Four plans, and how they are shown

Written by `GT_SECURE_UPDATE=1 pytest tests/changes/test_plan_pages.py`. Read the diff.

"""


def section(name: str) -> str:
    make, kinds = PLANS[name]
    one = make()
    shown = []
    for kind in kinds:
        text = RENDERINGS[kind](one).replace(f"gt_secure {__version__}", "gt_secure VERSION")
        lines = [line.rstrip() for line in text.rstrip().splitlines()]
        shown.append("\n".join([f"## {name}: {kind}", "", "```text", *lines, "```", "", ""]))
    return "".join(shown)


def saved(name: str) -> str:
    parts = re.split(r"(?m)^(?=## )", PAGE.read_text(encoding="utf-8") + "\n")
    return "".join(part for part in parts if part.startswith(f"## {name}: "))


@pytest.mark.parametrize("name", PLANS)
def test_each_line_of_a_plan_is_in_its_place(name: str) -> None:
    if os.environ.get("GT_SECURE_UPDATE"):
        written = HEAD + "".join(map(section, PLANS))
        PAGE.write_text(written.rstrip() + "\n", encoding="utf-8")
    assert section(name) == saved(name), "look at what changed, then GT_SECURE_UPDATE=1"


def test_a_plan_has_its_subject() -> None:
    one = of_nothing()
    wish = {"portal_lock": True, "addresses": ["203.0.113.0/24"]}
    shown = [
        subject(replace(one, restriction=Restriction(*team, **wish, **more)))
        for team in ((), ("open-team",))
        for more in ({}, {"bucket": "gt-images"}, {"bucket": "gt-images", "prefix": "scans/"})
    ]
    assert shown == [
        "the worker portal",
        "bucket gt-images",
        "bucket gt-images under scans/",
        "workteam open-team",
        "workteam open-team and bucket gt-images",
        "workteam open-team and bucket gt-images under scans/",
    ]
