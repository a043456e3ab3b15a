"""A plan says one fact once: a notice that implies another one, or a finding, stands for it."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.base.situations import situations
from gt_secure.changes.apply import check_confirmed
from gt_secure.changes.plan import RULES as ON_CHANGE, Plan, plan
from gt_secure.findings.model import catalog
from gt_secure.findings.run import RULES as ON_STATE
from gt_secure.restriction.messages import Notice, notice, notices
from gt_secure.restriction.model import Restriction
from support.states import FORCE, data_bucket, state, workforce

OFFICE = "203.0.113.0/24"
DELETED = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "AROA1234567890EXAMPLE"}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }],
})  # fmt: skip


def planned(seen: dict[str, Any] | None = None, **more: Any) -> Plan:
    account = state(**{"bucket": data_bucket(), **(seen or {})})
    values = {"team": "radiology-team", "bucket": "gt-images", "addresses": [OFFICE], **more}
    return plan(cast(Aws, None), Restriction(**values), state=account)


def said(one: Plan) -> tuple[set[str], set[str]]:
    return {each.code for each in one.notices}, {each.code for each in one.findings}


@pytest.mark.parametrize(
    ("seen", "more", "says", "implied"),
    [
        (
            {"workforce": FORCE},
            {"url_lock": "VpcSourceIp"},
            "url-lock-needs-vpc",
            {"opens-nobody", "url-lock-portal-mismatch", "team-locked-out"},
        ),
        (
            {"bucket": data_bucket(policy=DELETED)},
            {},
            "principal-deleted",
            {"bucket-principal-deleted"},
        ),
        (
            {"workforce": workforce("default", (OFFICE,))},
            {"portal_lock": False},
            "portal-opens",
            {"portal-lock-absent"},
        ),
    ],
)
def test_a_fact_is_said_once(
    seen: dict[str, Any],
    more: dict[str, Any],
    says: str,
    implied: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes, found = said(planned(seen, **more))
    assert says in codes
    assert not implied & (codes | found)
    monkeypatch.setattr(Notice, "implies", lambda *_: False)
    codes, found = said(planned(seen, **more))
    assert implied <= codes | found, "without the implication each is said"


def test_a_fact_of_another_subject_is_said() -> None:
    asked = notice("refuses-team", losses="", about=["day-shift"])
    assert asked.implies("team-locked-out", "day-shift")
    assert not asked.implies("team-locked-out", "night-shift")
    assert not asked.implies("url-lock-off", "day-shift")


def test_what_a_notice_implies_may_be_confirmed_with_it() -> None:
    one = planned({"workforce": FORCE}, url_lock="VpcSourceIp")
    asks = [each.code for each in one.asks]
    check_confirmed(one, [*asks, "opens-nobody"])
    with pytest.raises(InvalidInput, match="url-lock-needs-vpc"):
        check_confirmed(one, [*set(asks) - {"url-lock-needs-vpc"}, "opens-nobody"])
    with pytest.raises(InvalidInput, match="is not a blocker"):
        check_confirmed(one, [*asks, "refuses-source"])


def test_the_most_severe_notice_comes_first() -> None:
    rank = ("blocker", "warning", "info")
    order = [
        rank.index(each.severity)
        for each in planned(
            {"workforce": workforce("default", (OFFICE,))}, portal_lock=False, age_limit="15m"
        ).notices
    ]
    assert order == sorted(order)
    assert len(set(order)) > 1


def test_both_kinds_of_rules_are_one() -> None:
    rules = (*ON_STATE, *ON_CHANGE)
    assert {each.subject for each in ON_CHANGE} == {"change"}
    assert "change" not in {each.subject for each in ON_STATE}
    assert len({each.run for each in rules}) == len(rules)
    kinds = {"bucket-guard", "url-lock", "portal-lock"}
    assert all({*each.needs} <= kinds for each in ON_CHANGE)


def test_what_is_implied_is_a_code() -> None:
    rows = situations("gt_secure.restriction", "notices.json")
    named = {code for row in rows.values() for code in row.get("implies", ())}
    assert named <= {*notices(), *catalog()}
    assert len(named) >= 7
