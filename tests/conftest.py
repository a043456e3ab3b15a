"""One sandbox for all tests that need AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gt_secure.sandbox import Sandbox

pytest_plugins = ["support.account", "support.scene"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(log_delay_s=0.3, workforce_delay_s=0.3) as running:
        yield running
