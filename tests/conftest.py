"""One sandbox for all tests that need AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from gt_secure.sandbox import Sandbox

os.environ.pop("COLUMNS", None)  # tables would wrap at the width of the terminal that runs the tests

pytest_plugins = ["support.account", "support.scene"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(log_delay_s=0.3, workforce_delay_s=0.3) as running:
        yield running
