"""The page of a plan names each lock that it leaves as it is, and none that was not read."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.changes.render.html import unchanged
from gt_secure.changes.rules import log
from gt_secure.changes.targets import BucketGuard, TeamUrlLock, WorkforcePortal
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.restriction.model import Restriction
from support.guards import merge_guard
from support.states import FORCE, TEAM, data_bucket, state, unread

pytestmark = pytest.mark.usefixtures("known_texts")
GUARD = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
URL = "URL lock of radiology-team: off: a worker's URL works from any address"
PORTAL = "Portal lock of default: the worker portal opens from anywhere"
BUCKET = "Bucket guard of gt-images: presigned URLs of all objects work only from 203.0.113.0/24"
NO_GUARD = "Bucket guard of gt-images: no guard: a presigned URL works from anywhere"
TARGETS: Any = {
    "url": TeamUrlLock("radiology-team"),
    "portal": WorkforcePortal("default"),
    "guard": BucketGuard("gt-images", "us-east-1"),
}


@pytest.mark.parametrize(
    ("account", "changed", "lines"),
    [
        ({}, [], [URL, PORTAL, BUCKET]),
        ({}, ["url"], [PORTAL, BUCKET]),
        ({}, ["portal"], [URL, BUCKET]),
        ({}, ["guard"], [URL, PORTAL]),
        ({}, ["guard", "portal", "url"], []),
        ({"bucket": data_bucket()}, [], [URL, PORTAL, NO_GUARD]),
        ({"bucket": None}, [], [URL, PORTAL]),
        ({"bucket": data_bucket(policy=unread("s3:GetBucketPolicy"))}, [], [URL, PORTAL]),
        ({"team": None}, [], [PORTAL, BUCKET]),
        ({"team": replace(TEAM, kind="vendor", url_lock=None)}, [], [PORTAL, BUCKET]),
        ({"team": unread("sagemaker:DescribeWorkteam")}, [], [PORTAL, BUCKET]),
        ({"workforce": None}, [], [URL, BUCKET]),
        ({"workforce": unread("sagemaker:DescribeWorkforce")}, [], [URL, BUCKET]),
    ],
)
def test_each_lock_that_stays_is_named(account: Any, changed: list[str], lines: list[str]) -> None:
    values = {"bucket": data_bucket(policy=GUARD), "team": TEAM, "workforce": FORCE} | account
    plan: Any = SimpleNamespace(
        state=state(**values),
        changes=[
            SimpleNamespace(target=TARGETS[each], kind=TARGETS[each].kind) for each in changed
        ],
    )
    assert list(unchanged(plan)) == lines


@pytest.mark.parametrize(
    ("has_portal", "listed", "decided", "text"),
    [
        (True, True, ("portal lock",), "No worker of radiology-team could open an object from an allowed address or endpoint after this plan: portal lock refuses."),
        (False, True, (), "Nobody with a presigned URL could open an object from an allowed address or endpoint after this plan."),
        (False, False, ("a", "b"), "Nobody with a presigned URL could open an object after this plan: a, b refuses."),
    ],
)  # fmt: skip
def test_a_plan_that_opens_nobody_says_who_and_why(
    has_portal: bool,
    listed: bool,
    decided: tuple[str, ...],
    text: str,
) -> None:
    asked: list[str] = []
    row = SimpleNamespace(refused=SimpleNamespace(decided_by=decided))
    after: Any = SimpleNamespace(
        locks=SimpleNamespace(has_portal=has_portal),
        row=lambda name: asked.append(name) or row,
        opens_nobody=lambda allowed: True,
    )
    wish = Restriction(
        "radiology-team",
        bucket="gt-images",
        addresses=["203.0.113.0/24"] if listed else [],
        guard=listed or None,
    )
    case = SimpleNamespace(restriction=wish, after=after, teams=("radiology-team",))
    [made] = log.nobody.run(case)
    assert (made.code, asked) == ("opens-nobody", ["worker" if has_portal else "presigned"])
    assert made.text == text
