"""Common set-up of all tests: a sandbox, folders for kept files, and the order in which workers run the files."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import botocore.session
import pytest
from botocore.retries.standard import ExponentialBackoff

from gt_secure.sandbox import Sandbox
from support.warm import Warm

os.environ.pop("COLUMNS", None)  # tables would wrap at the width of the terminal that runs the tests

KEPT = {"GT_SECURE_JOURNAL": "journal", "GT_SECURE_CACHE": "cache", "GT_SECURE_SWEEPS": "sweeps"}
"""Variables with the folders that the package keeps between processes, and the names of these folders here."""

_ELSEWHERE = Path(tempfile.mkdtemp(prefix="gt-secure-tests-"))
os.environ |= {name: str(_ELSEWHERE / folder) for name, folder in KEPT.items()}  # never what the home folder has

# Nearly every test makes a session. Reading the models of the services for each was a third of what the tests computed.
botocore.session.create_loader = lru_cache(botocore.session.create_loader)
ExponentialBackoff.delay_amount = lambda *_: 0.0  # type: ignore[method-assign]  # no test is about how long AWS is spared

# A commit that passed must pass again, also on a busy machine: the examples of property tests stay the same and have no
# deadline. ``make test-all`` draws new ones, and more.
if find_spec("hypothesis") is not None:  # it is missing in the environment for Spark
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "same", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("same")

pytest_plugins = ["support.account", "support.scene"]

collect_ignore = [] if "GT_SECURE_LIVE_PROFILE" in os.environ else ["live"]
"""A real account is asked only by ``tools/live.py``."""

LONG = (
    "browser/", "docs/test_blocks.py", "notebooks/", "test_no_green.py", "cli/test_demo.py", "plots/",
    "changes/test_apply.py", "access/test_smt.py", "cli/test_commands.py", "logs/test_athena.py",
    "check/test_pytest_plugin.py", "widgets/", "changes/test_http_faults.py", "logs/test_json_stream.py",
    "changes/test_faults.py", "check/", "logs/test_fetch.py", "cli/test_interrupts.py", "doctor/", "sweeps/",
)  # fmt: skip
"""What takes longest is started first, so that no worker is left with it at the end."""
NOTEBOOKS = ("test_edges.py", "test_states.py", "test_main_job.py")
"""The half of the browser tests whose panels are in notebooks."""


_WARM = "GT_SECURE_TESTS_WARM"
_serving: list[subprocess.Popen[bytes]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start what is copied where tests run commands, once for all workers; it imports nothing until it is asked."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell does to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup does
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if _WARM not in os.environ and sys.platform == "linux":
        os.environ[_WARM] = tempfile.mkdtemp(prefix="warm-")  # short: it holds a socket
        warm = Warm(Path(os.environ[_WARM]))
        _serving.append(warm.serve())
        os.environ["JUPYTER_PATH"] = warm.environment()["JUPYTER_PATH"]  # each kernel that a test starts is a copy


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the collector of garbage the tests and modules, which stay until the end."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it with its copies."""
    for process in _serving:
        process.communicate()
        shutil.rmtree(os.environ.pop(_WARM))
    _serving.clear()


@pytest.fixture(scope="session")
def warm() -> Warm:
    """Programs and a kernel that start with the packages of others imported: see ``support.warm``."""
    if _WARM not in os.environ:
        pytest.skip("copies of a running process need Linux")
    return Warm(Path(os.environ[_WARM]))


@pytest.fixture(scope="module", autouse=True)
def nothing_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each file starts with an empty journal and cache: what other files of this process did must not matter."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        for name, last in KEPT.items():
            patch.setenv(name, str(folder / last))
        yield


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(log_delay_s=0.3, workforce_delay_s=0.3) as running:
        yield running


@pytest.fixture(scope="module")
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """One that every file finds as it was seeded."""
    running_sandbox.reset()
    return running_sandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the files run in another order, to find those that need what others left behind."""
    parser.addoption("--file-order", type=int, metavar="SEED", help="run the files in an order drawn with this seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start with what takes longest, or in the order that was asked for."""
    seed = config.getoption("--file-order", default=None)
    if seed is None:
        items.sort(key=lambda item: _place(item.nodeid.removeprefix("tests/")))
    else:
        items.sort(key=lambda item: Random(f"{seed} {item.location[0]}").random())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a file to one worker, and the files that need a JupyterLab to two: each of them starts one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            if "browser/" not in file:
                return file
            return "browser/notebooks" if file.endswith(NOTEBOOKS) else "browser/extension"

    return Scheduling(config, log)


def _place(path: str) -> int:
    return next((place for place, start in enumerate(LONG) if path.startswith(start)), len(LONG))
