"""A pytest plugin for every run: tiers and their costs, the order of the files, examples,
folders for kept files.
"""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.costs import QUICK, Costs, Table, add_options, dear, key_of, watch_processes

# tables would wrap at the width of the terminal that runs the tests
os.environ.pop("COLUMNS", None)

KEPT = {"GT_SECURE_JOURNAL": "journal", "GT_SECURE_CACHE": "cache", "GT_SECURE_REPORTS": "reports"}
"""Variables with the folders that the package keeps between processes,
and the names of these folders here.
"""

_ELSEWHERE = Path(tempfile.mkdtemp(prefix="gt-secure-tests-"))
# never what the home folder has
os.environ |= {name: str(_ELSEWHERE / folder) for name, folder in KEPT.items()}

# Tests interrupt processes that they start, which inherit what is ignored here.
# as a shell does to what it starts in the background
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup does
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A commit that passed must pass again, also on a busy machine: the examples of property tests stay
# the same and have no deadline. ``make test-all`` draws new ones, and more.
if find_spec("hypothesis") is not None:  # it is missing in the environment for Spark
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "same",
        max_examples=50,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("same")

NOTEBOOKS = ("test_edges.py", "test_states.py", "test_main_job.py")
"""The half of the browser tests whose panels are in notebooks."""

_table = Table()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Measure what each test costs, with the processes that other plugins start."""
    config.pluginmanager.register(Costs(_table, config))
    watch_processes()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the collector of garbage the tests and modules, which stay until the end."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the environment of “make test” lacks."""
    for mark in item.iter_markers("needs"):
        if find_spec(mark.args[0]) is None:
            pytest.skip(f"{mark.args[0]} is not installed: make check installs it")


@pytest.fixture(scope="module", autouse=True)
def nothing_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each file starts with an empty journal and cache:
    what other files of this process did must not matter.
    """
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        for name, last in KEPT.items():
            patch.setenv(name, str(folder / last))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the files run in another order, to find those that need what others left behind."""
    parser.addoption(
        "--file-order",
        type=int,
        metavar="SEED",
        help="run the files in an order drawn with this seed",
    )
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test its tier, and start with the dearest files,
    or in the order that was asked for.
    """
    default = [
        item for item in items if not any(map(item.get_closest_marker, ("slow", "browser", "live")))
    ]
    left_out = dear(default, _table) | {
        item for item in default if item.get_closest_marker("needs")
    }
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
    """Give a file to one worker, and the files that need a JupyterLab to two:
    each of them starts one.
    """
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
