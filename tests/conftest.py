"""Common set-up of all tests: a sandbox, folders for kept files, tiers, and the order of the files."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from gt_secure.sandbox import Sandbox
from support import aws_models
from support.costs import QUICK, WARM_COSTS, Costs, Table, add_options, dear, key_of, watch_processes
from support.warm import Warm

os.environ.pop("COLUMNS", None)  # tables would wrap at the width of the terminal that runs the tests

KEPT = {"GT_SECURE_JOURNAL": "journal", "GT_SECURE_CACHE": "cache", "GT_SECURE_SWEEPS": "sweeps"}
"""Variables with the folders that the package keeps between processes, and the names of these folders here."""

_ELSEWHERE = Path(tempfile.mkdtemp(prefix="gt-secure-tests-"))
os.environ |= {name: str(_ELSEWHERE / folder) for name, folder in KEPT.items()}  # never what the home folder has

aws_models.reuse()
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

pytest_plugins = ["support.process_state", "support.account", "support.scene"]

collect_ignore = [] if "GT_SECURE_LIVE_PROFILE" in os.environ else ["live"]
"""A real account is asked only by ``tools/live.py``."""
# What “make check” and “make browser” install.
collect_ignore += ["engine/access/test_smt.py"] if find_spec("z3") is None else []
collect_ignore += ["browser"] if find_spec("playwright") is None else []

NOTEBOOKS = ("test_edges.py", "test_states.py", "test_main_job.py")
"""The half of the browser tests whose panels are in notebooks."""


_WARM = "GT_SECURE_TESTS_WARM"
_serving: list[subprocess.Popen[bytes]] = []
_table = Table()


def pytest_configure(config: pytest.Config) -> None:
    """Start what is copied where tests run commands, once for all workers; it imports nothing until it is asked."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell does to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup does
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if _WARM not in os.environ and sys.platform == "linux":
        os.environ[_WARM] = tempfile.mkdtemp(prefix="warm-")  # short: it holds a socket
        os.environ[WARM_COSTS] = str(Path(os.environ[_WARM], "costs"))
        warm = Warm(Path(os.environ[_WARM]))
        _serving.append(warm.serve())
        os.environ["JUPYTER_PATH"] = warm.environment()["JUPYTER_PATH"]  # each kernel that a test starts is a copy
    config.pluginmanager.register(Costs(_table, config))
    watch_processes()


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


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the environment of “make test” lacks."""
    for mark in item.iter_markers("needs"):
        if find_spec(mark.args[0]) is None:
            pytest.skip(f"{mark.args[0]} is not installed: make check installs it")


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
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test its tier, and start with the dearest files, or in the order that was asked for."""
    default = [item for item in items if not any(map(item.get_closest_marker, ("slow", "browser", "live")))]
    left_out = dear(default, _table) | {item for item in default if item.get_closest_marker("needs")}
    for item in default:
        item.add_marker("check" if item in left_out else "quick")
    config.stash[QUICK] = [item.nodeid for item in default if item not in left_out]
    seed = config.getoption("--file-order", default=None)
    if seed is None:
        expected = _table.expected(Counter(key_of(item) for item in default))
        items.sort(key=lambda item: -expected.get(item.path.name, 0.0))
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
