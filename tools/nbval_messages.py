"""A pytest plugin: keeps every message that nbval reads from a kernel, as JSON, one per line.

The outputs and the widget state that a notebook is saved with come from these messages.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbval.kernel
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--kernel-messages``."""
    parser.addoption(
        "--kernel-messages", type=Path, required=True, help="file to append the messages to"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep what nbval reads."""
    path: Path = config.getoption("--kernel-messages")
    read = nbval.kernel.RunningKernel.get_message

    def kept(self: Any, stream: str, timeout: float | None = None) -> Any:
        message = read(self, stream, timeout)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message, default=str, ensure_ascii=False) + "\n")
        return message

    nbval.kernel.RunningKernel.get_message = kept
    # nbval formats each message for its log even if nobody reads it: a figure takes longer than its
    # cell.
    nbval.kernel.pformat = str
