"""A pytest plugin: one process for all workers, of which tests start warm copies;
see ``support.warm``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.costs import WARM_COSTS
from support.warm import Warm

_WARM = "GT_SECURE_TESTS_WARM"
_serving: list[subprocess.Popen[bytes]] = []


def pytest_configure() -> None:
    """Start what is copied where tests run commands, once for all workers;
    it imports nothing until it is asked.
    """
    if _WARM not in os.environ and sys.platform == "linux":
        os.environ[_WARM] = tempfile.mkdtemp(prefix="warm-")  # short: it holds a socket
        os.environ[WARM_COSTS] = str(Path(os.environ[_WARM], "costs"))
        warm = Warm(Path(os.environ[_WARM]))
        _serving.append(warm.serve())
        # each kernel that a test starts is a copy
        os.environ["JUPYTER_PATH"] = warm.environment()["JUPYTER_PATH"]


def pytest_unconfigure() -> None:
    """End it with its copies."""
    for process in _serving:
        process.communicate()
        shutil.rmtree(os.environ.pop(_WARM))
    _serving.clear()


@pytest.fixture(scope="session")
def warm() -> Warm:
    """Programs and a kernel that start with the packages of others imported:
    see ``support.warm``.
    """
    if _WARM not in os.environ:
        pytest.skip("copies of a running process need Linux")
    return Warm(Path(os.environ[_WARM]))
