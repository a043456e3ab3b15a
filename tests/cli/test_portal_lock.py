"""The portal lock as ``teams`` shows it: its list,
and the portal on the internet beside one in a VPC.
"""

from __future__ import annotations

import pytest

from gt_secure.aws.teams import Workforce
from gt_secure.cli.teams import portal_sentence

OFFICE = ("203.0.113.0/24",)


@pytest.mark.parametrize(
    ("vpc", "cidrs", "words"),
    [
        (None, (), "open to every address."),
        (None, OFFICE, "open only to 203.0.113.0/24."),
        ("vpc-0a1b2c3d", (), "in VPC vpc-0a1b2c3d, and on the internet open to every address."),
        (
            "vpc-0a1b2c3d",
            OFFICE,
            "in VPC vpc-0a1b2c3d, and on the internet open only to 203.0.113.0/24.",
        ),
    ],
)
def test_both_entrances_are_shown(vpc, cidrs, words):
    workforce = Workforce("private-workforce", "arn", "Active", cidrs=cidrs, vpc_id=vpc)
    assert portal_sentence(workforce, []) == f"Worker portal (private-workforce): {words}"


def test_an_unknown_portal_is_unknown():
    assert "unknown" in portal_sentence(None, [])
