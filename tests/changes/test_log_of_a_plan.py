"""A plan that read no access log says so, with the option that reads the bucket's own, and no
heading speaks of clients that no log shows.
"""

from __future__ import annotations

from typing import Any, cast

import pytest

from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render.summary import summary
from gt_secure.logs import LogLocation
from gt_secure.restriction.model import Restriction
from support.opened import opened_by
from support.states import data_bucket, state, unread

LOGGED = {
    "kept": (LogLocation("gt-logs", "ml/"), "--logs s3://gt-logs/ml/ tries the plan on it"),
    "none": (None, "--logs SOURCE"),
    "unread": (unread("s3:GetBucketLogging"), "--logs SOURCE"),
}


def made(logging: Any, hits: Any = None, **wish: Any) -> Plan:
    seen = state(team=None, workforce=None, bucket=data_bucket(logging=logging))
    values = {"bucket": "gt-images", "addresses": "203.0.113.0/24", **wish}
    return plan(cast(Any, None), Restriction(**values), hits=hits, state=seen)


@pytest.mark.parametrize("kept", LOGGED)
def test_a_plan_without_a_log_names_the_one_to_read(kept: str) -> None:
    logging, words = LOGGED[kept]
    one = made(logging, application="mlflow")
    [line] = [each for each in summary(one) if "No access log" in each]
    assert words in line
    assert line in one.to_text()
    assert len(line.split()) <= 25
    page = one.to_html(standalone=True)
    for text in (one.to_text(full=True), page):
        assert "lients in the access log" not in text
        assert "AWS services" in text


def test_a_plan_with_a_log_names_its_clients() -> None:
    one = made(None, opened_by("198.51.100.4"))
    assert not [each for each in summary(one) if "No access log" in each]
    assert "AWS services and known clients, today → after:" in one.to_text(full=True)


def test_a_plan_that_changes_nothing_needs_no_log() -> None:
    one = made(None, addresses=(), guard=False)
    assert one.empty
    assert not [each for each in summary(one) if "No access log" in each]
