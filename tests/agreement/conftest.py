"""The sandbox with connections: what the other parts and the product say of it is what it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.box import ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, ROLE, VPCE, Answer  # noqa: F401 - tests import them here
from support.rig import Rig as Box

IGNORING_ACLS = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
"""Block Public Access that ignores public ACLs alone."""


@pytest.fixture
def rig(running_rig: Box) -> Iterator[Box]:
    """A sandbox that one test finds, and leaves, as it was seeded."""
    running_rig.sandbox.reset()
    yield running_rig
    running_rig.sandbox.reset()


@pytest.fixture(scope="module")
def box(running_rig: Box) -> Box:
    """A sandbox that every file finds as it was seeded."""
    running_rig.sandbox.reset()
    return running_rig
