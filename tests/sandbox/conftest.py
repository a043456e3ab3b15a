"""A sandbox of its own for the tests of the sandbox: they may change everything in it,
and each file starts anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.box import (  # noqa: F401 - the names that the tests of this folder import
    ELSEWHERE,
    IN_VPC,
    OFFICE,
    OFFICE_V6,
    OTHER_IN_VPC,
    ROLE,
    VPCE,
    Answer,
    Box,
)


@pytest.fixture(scope="session")
def running_box() -> Iterator[Box]:
    with Box.running(log_delay_s=60, workforce_delay_s=0.4) as box:
        yield box


@pytest.fixture(scope="module")
def box(running_box: Box) -> Box:
    """A sandbox that every file finds as it was seeded."""
    running_box.sandbox.reset()
    return running_box
