"""A part that a plan could not read is a warning where an answer depends on it, and else a remark."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.changes.render import parts
from gt_secure.engine.access.part import NotRead

NAMED = "the endpoints (needs ec2:DescribeVpcEndpoints); the ACL (needs s3:GetBucketAcl)"


def plan(
    *, before: str = "opened", after: str = "refused", row: bool = False, missing: int = 2
) -> Any:
    unread = [
        NotRead("the endpoints", "ec2:DescribeVpcEndpoints", "denied", "It was denied."),
        NotRead("the ACL", "s3:GetBucketAcl", "denied", "It was denied."),
    ]
    answers = SimpleNamespace(
        before=SimpleNamespace(answer=before), after=SimpleNamespace(answer=after)
    )
    plain = SimpleNamespace(answer="opened")
    return SimpleNamespace(
        state=SimpleNamespace(missing=lambda: unread[:missing]),
        simulation=[SimpleNamespace(before=plain, after=plain), answers],
        after=[
            SimpleNamespace(unknown=SimpleNamespace(is_empty=True)),
            SimpleNamespace(unknown=SimpleNamespace(is_empty=not row)),
        ],
    )


@pytest.mark.parametrize(
    ("given", "depends"),
    [
        ({}, False),
        ({"before": "unknown"}, True),
        ({"after": "unknown"}, True),
        ({"row": True}, True),
        ({"before": "unknown", "row": True}, True),
    ],
)
def test_it_warns_only_where_an_answer_depends_on_it(given: Any, depends: bool) -> None:
    markup = parts.unseen(plan(**given))
    text = re.sub(r"<[^>]+>", "", markup.replace("&#x27;", "'"))
    assert ("gts-warn" in markup or "warn" in markup) is depends
    assert text.endswith(
        f"{NAMED}. Whatever depends on it is 'unknown' above, never 'opened'."
        if depends
        else f"Could not read: {NAMED}."
    )


def test_a_plan_that_read_everything_says_nothing() -> None:
    assert parts.unseen(plan(missing=0, row=True)) == ""
