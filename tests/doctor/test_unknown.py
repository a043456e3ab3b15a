"""Facts that AWS or the SDK do not decide are unknown, with the reason,
and nothing green is said of them.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gt_secure.doctor import environment


@pytest.mark.parametrize("headers", [{}, {"date": None}, {"date": "yesterday"}])
def test_a_clock_without_a_time_of_aws_is_unknown(headers):
    sts = SimpleNamespace(
        get_caller_identity=lambda: {"ResponseMetadata": {"HTTPHeaders": headers}}
    )
    fact = environment._clock(SimpleNamespace(client=lambda name: sts))
    assert (fact.value, fact.mark, fact.said) == ("unknown", "note", "AWS returned no time.")


def test_members_that_the_sdk_does_not_have_are_unknown():
    facts = {
        each.name: each for each in environment._members(SimpleNamespace(knows=lambda *_: False))
    }
    lock = facts["UpdateWorkteam.WorkerAccessConfiguration"]
    assert (lock.value, lock.mark, lock.said) == (
        "unknown",
        "wrong",
        "Update boto3 for the URL lock.",
    )
    assert {each.value for each in facts.values()} == {"unknown"}
