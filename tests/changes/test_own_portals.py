"""A plan asks about each of the two portals that it closes to the workers of its own team, and
names the setting of the URL lock that it replaces.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, cast

import pytest

from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render.summary import summary
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.model import Restriction
from support.states import FORCE, TEAM, endpoint, state

pytestmark = pytest.mark.usefixtures("known_texts")

OFFICE, ENDPOINT = "203.0.113.0/24", "vpce-0a1b2c3d4e5f60718"
LOCKS = {
    "off": UrlLock(),
    "SourceIp": UrlLock(source_ip=True),
    "VpcSourceIp": UrlLock(vpc_source_ip=True),
}
LISTS: dict[str, dict[str, Any]] = {
    "addresses": {"addresses": OFFICE},
    "endpoint": {"endpoints": ENDPOINT},
    "both": {"addresses": OFFICE, "endpoints": ENDPOINT},
}
BY_LOCK = {"off": {"public", "VPC"}, "SourceIp": {"public"}, "VpcSourceIp": {"VPC"}}
BY_LIST = {"addresses": {"public"}, "endpoint": {"VPC"}, "both": {"public", "VPC"}}
KEEPS = {
    "public": "--url-lock SourceIp --allow ADDRESSES",
    "VPC": "--url-lock VpcSourceIp --endpoint vpc-0a1b2c3d",
}


def made(lock: str, wanted: Any, lists: str) -> Plan:
    asked = Restriction("radiology-team", bucket="gt-images", url_lock=wanted, **LISTS[lists])
    seen = state(
        team=replace(TEAM, url_lock=LOCKS[lock]),
        workforce=replace(FORCE, vpc_id="vpc-0a1b2c3d"),
        endpoints=(endpoint(ENDPOINT, "vpc-0a1b2c3d"),),
    )
    return plan(cast(Any, None), asked, state=seen)


@pytest.mark.parametrize(
    ("lock", "wanted", "lists"),
    [*itertools.product(LOCKS, (None, True, "SourceIp", "VpcSourceIp"), LISTS)],
)
def test_a_plan_asks_about_a_portal_that_it_closes(lock: str, wanted: Any, lists: str) -> None:
    one = made(lock, wanted, lists)
    by_list = {"addresses": "SourceIp", "endpoint": "VpcSourceIp", "both": lock}[lists]
    then = (lock if wanted is None else by_list) if wanted in (None, True) else wanted
    if then == "off" and wanted is True:
        then = "SourceIp"
    served = BY_LOCK[then] & BY_LIST[lists]
    closed = BY_LOCK[lock] - served
    asked = {each.code: each for each in one.asks}
    if not served:
        assert "opens-nobody" in asked
    elif closed:
        [portal] = closed
        [line] = [each for each in summary(one) if each.endswith("--confirm url-lock-one-path")]
        assert f"{portal} portal" in line
        assert "radiology-team" in line
        assert len(line.split()) <= 25
        is_only = BY_LOCK[lock] == closed
        assert (KEEPS[portal] in line) is is_only
        assert KEEPS[portal] in str(asked["url-lock-one-path"])
    else:
        assert "url-lock-one-path" not in asked


@pytest.mark.parametrize(
    ("lock", "wanted"), [("SourceIp", "VpcSourceIp"), ("VpcSourceIp", "SourceIp")]
)
def test_the_change_line_names_the_setting_that_it_replaces(lock: str, wanted: str) -> None:
    one = made(lock, wanted, "both")
    [line] = [each for each in summary(one) if "URL lock of" in each]
    assert line == f"  + URL lock of radiology-team: {lock} → {wanted}."
