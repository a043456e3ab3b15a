"""The sandbox with connections: what the other parts and the product say of it is what it does."""

from __future__ import annotations

import pytest

from support.box import ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, ROLE, VPCE, Answer  # noqa: F401 - tests import them here
from support.rig import Rig as Box


@pytest.fixture(scope="module")
def box(running_rig: Box) -> Box:
    """A sandbox that every file finds as it was seeded."""
    running_rig.sandbox.reset()
    return running_rig
