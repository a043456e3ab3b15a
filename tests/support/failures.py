"""A pytest plugin: what failed in a run, as JSON, for ``tools/steady.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the file."""
    parser.addoption(
        "--write-failures",
        type=Path,
        metavar="FILE",
        help="write the tests that failed, with their output",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep what fails, in the process that has the reports of all workers."""
    if (path := config.getoption("--write-failures")) is not None and not hasattr(
        config, "workerinput"
    ):
        config.pluginmanager.register(Failures(path))


class Failures:
    """The tests that failed and the number of those that passed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: dict[str, dict[str, str]] = {}
        self._passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a result; a test that fails twice, itself and at its end, is one."""
        if report.failed:
            self._failed.setdefault(
                report.nodeid, {"first": _first_line(report), "output": report.longreprtext}
            )
        self._passed += report.when == "call" and report.passed

    def pytest_sessionfinish(self) -> None:
        """Write the file: it is missing where the process ended before its last test."""
        self._path.write_text(
            json.dumps({"failed": self._failed, "passed": self._passed}), encoding="utf-8"
        )


def _first_line(report: pytest.TestReport) -> str:
    """Return the first line of the message,
    or of the text where a failure has no message of its own.
    """
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    text = getattr(crash, "message", "") or report.longreprtext
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
