"""The page of an approver begins with what stays open, has no green word over a question, says of the
log and of what was not read what the plan says, and names the locks of every team that stay.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any, cast

import pytest

from gt_secure.account.state import OtherTeam
from gt_secure.account.whereabouts import Whereabouts
from gt_secure.changes.plan import Plan, plan
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.model import Restriction
from support.states import JOB, OTHER, TEAM, data_bucket, state

LOCKED = replace(TEAM, url_lock=UrlLock(source_ip=True))
THEIRS = OtherTeam(LOCKED, Part.of((JOB,)))


def made(*others: OtherTeam, policy: str | None = None) -> Plan:
    seen = replace(
        state(team=None, workforce=None, bucket=data_bucket(policy=policy), others=others),
        seen={LOCKED.arn: Whereabouts(missing="The log was read back to June.")},
    )
    asked = Restriction(bucket="gt-images", addresses="203.0.113.0/24")
    return plan(cast(Any, None), asked, state=seen)


def about(one: Plan) -> str:
    page = re.sub(r"<[^>]*>", " ", one.to_html(standalone=True))
    return " ".join(html.unescape(page).split()).partition("About this plan")[2]


def test_what_stays_open_is_on_top() -> None:
    grant = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    one = made(policy=json.dumps({"Version": "2012-10-17", "Statement": [grant]}))
    top = one.to_html(standalone=True).partition("Today:")[0].partition("</style>")[2]
    assert "Not covered by this plan:" in top
    assert "an SDK or CLI call" in top
    assert "(other-account-grant)" in top
    assert top.index("gts-warn") < top.index("gts-ok")


@pytest.mark.parametrize("asks", [True, False])
def test_no_question_is_under_a_green_word(asks: bool) -> None:
    one = made(THEIRS)
    head = (one if asks else replace(one, notices=())).to_html().partition("<p ")[0]
    assert ("gts-ok" in head) is not asks
    assert ("gts-warn" in head) is asks


def test_the_page_says_of_the_log_what_the_plan_says() -> None:
    assert "Access log" not in about(made())
    page = made(THEIRS).to_html(standalone=True)
    assert page.count("Access log: ") == 1


def test_a_missing_permission_was_not_read() -> None:
    one = made()
    assert "Not read nothing: all parts of the account were read" in about(one)
    denied = replace(one.after.locks, missing=("organizations:DescribeOrganization",))
    one = replace(one, after=type(one.after)(denied, is_prefix=True))
    said = about(one).partition("Not read ")[2].partition(" Unchanged")[0]
    assert said == "organizations:DescribeOrganization"


def test_the_locks_that_stay_are_those_of_every_team_of_the_bucket() -> None:
    page = about(made(THEIRS, OtherTeam(OTHER, Part.of((JOB,))))).partition("Unchanged")[2]
    assert "URL lock of radiology-team: a URL works only from the public address" in page
    assert "URL lock of open-team: off" in page
    assert "Bucket guard" not in page.partition(" Undo ")[0], "it changes"


@pytest.mark.parametrize(("others", "rows"), [((), 0), ((THEIRS,), 3)])
def test_a_bucket_of_a_workteam_has_a_row_of_ground_truth(others: Any, rows: int) -> None:
    scenes = [each.request for each in made(*others).simulation]
    assert scenes.count("Ground Truth") == rows
