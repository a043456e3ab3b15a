"""The cost of each test function in processor seconds, and the tier that follows from it.

A test belongs to the quick tier (``make test``) unless the committed table ``tests/costs.toml``
says that it is dear: ``make check`` runs the rest. The table has the functions of which the quick
tier leaves out some cases or all, by the names of file and function, so a file may move to another
folder. ``--write-costs`` measures everything again and
writes it.

Processor time grows on a machine that is busy or slow. Each run therefore times a fixed loop, and
compares its seconds with the table's in units of that loop.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import resource
import statistics
import subprocess
import time
import tomllib
import weakref
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

TABLE = Path(__file__).parents[1] / "costs.toml"
DEAR_S = 0.16
"""A function with cases that cost more, on average, is checked outside the quick tier."""
FUNCTION_S = 1.0
"""The most that the cases of one function may cost in the quick tier: of more,
a sample is drawn.
"""
CHEAP_S = 0.02
"""What a case of a function without an entry is taken to cost when files are put in order."""
LOOP_S = 0.065
"""Processor seconds of the fixed loop on a quiet machine:
the table has the seconds of such a machine.
"""
SEED = "1"
ROOM, ROOM_S = 2.0, 1.0
"""A function is named if it costs more than this factor, and this many seconds above, what its entry
says; without one, what keeps it whole in the quick tier.
"""
QUICK_S = 270.0
"""Budget of the quick tier: 240 s, and 30 s for the laws."""
OVER = 1.5
"""The quick tier fails only above this multiple of its budget: a busy machine must not fail it."""
OVER_BUDGET = 12
"""Exit code of a run above that, which is none of pytest's."""
SMOKE = {
    # the main job by Python, command, panel and page, and the demo's scene over HTTP
    "test_apply.py::test_apply_then_plan_is_empty_and_undo_brings_everything_back": ("",),
    "test_commands.py::test_the_main_job": ("",),
    "test_panel.py::test_the_whole_job": ("",),
    "test_demo.py::test_the_log_has_a_forwarded_url": ("",),
    "test_blocks.py::test_blocks_run": ("README.md", "restrict.md"),
    # every command, in each way in which it runs
    "test_surface.py::test_every_option_is_read_or_an_error": ("",),
    # notebooks: run, under nbval, and saved without a secret
    "test_tutorials.py::test_runs_as_committed_and_saves_no_secret": ("01_", "08_"),
    "test_tutorials.py::test_passes_under_nbval": ("01_",),
    "test_saved.py::test_a_saved_notebook_holds_no_secret_and_shows_text_where_widgets_do_not": (
        "nbclient",
    ),
    # logs from a bucket, and a fault in the middle of a change
    "test_sandbox.py::test_from_bucket_to_leak": ("",),
    "test_http_faults.py::test_some_http_faults": ("apply",),
    "test_http_faults.py::test_an_accepted_write_that_no_reading_shows_is_uncertain": (
        "another policy",
    ),
    # what was done by others since a restriction was applied
    "test_history.py::test_a_plan_that_finds_drift_names_the_person": ("",),
    # answers for classes, against requests of a sampler
    "test_a_class_answers_for_its_requests.py::test_each_answer_holds": ("",),
    # plans and templates, against what they become
    "test_plans_and_templates.py::test_no_deployment_contradicts_an_answer": ("",),
    # what every surface says of who can open a bucket, against requests
    "test_access_words.py::test_a_good_word_is_true_of_the_whole_bucket": ("",),
    "test_access_words.py::test_the_headline_that_counts_ranges_is_noticed": ("",),
    "test_access_words.py::test_a_finding_that_asks_about_the_guarded_objects_is_noticed": ("",),
    # one ladder of all surfaces, from who signs to the checks
    "test_no_sentence_is_narrower_than_its_words.py::test_a_few_accounts": ("",),
    "test_no_sentence_is_narrower_than_its_words.py::test_a_fault_is_noticed": ("",),
    "test_no_sentence_is_narrower_than_its_words.py::test_a_proof_that_asks_nobody_is_noticed": (
        "",
    ),
    # rows of the mission, over HTTP
    "test_the_mission.py::test_row_06_restricted_by_the_workers_address": ("",),
    "test_the_mission.py::test_row_13_labeling_is_not_disrupted": ("",),
    "test_the_mission.py::test_row_19_and_consistent_addresses": ("",),
    "test_the_mission.py::test_the_card": ("apply-panel",),
    # whose way a plan takes, and whom it asks about
    "test_others_come_first.py::test_a_seeded_part": ("",),
    # an interrupt at any line of a change
    "test_interrupts_keep_their_word.py::test_a_few_lines": ("",),
    # the same gates on every surface, and hostile texts
    "test_same_gates.py::test_every_surface_has_the_gates_of_a_sample": ("",),
    "test_every_text_is_searched_in_time.py::test_a_sample_of_hostile_texts": ("",),
    "test_text_from_outside_has_a_budget.py::test_templates_that_grow_end": ("",),
    "test_text_from_outside_has_a_budget.py::test_the_law_sees_a_fault": ("",),
    # what a contributor is asked for: the order of imports, and files that are made from the code
    "test_layers.py::test_nothing_imports_upward": ("",),
    "test_pages.py::test_made_files_are_current": ("",),
    "test_catalog_page.py::test_each_notice_is_made_somewhere": ("",),
    "test_wording.py::test_the_library_names_no_option_and_no_command": ("",),
}
"""Dear functions with cases that stay in the quick tier, chosen by parts of their ids: one real
path for each part of the product."""
ONE_QUESTION = {
    "test_no_green.py", "test_organization_surfaces.py", "test_odd_accounts.py", "test_odd_policies.py",
    "test_one_model.py",
}  # fmt: skip
"""Files that ask whether all surfaces agree:
the quick tier has ``test_every_surface.py`` for that question.
"""

QUICK = pytest.StashKey[list[str]]()
"""The node ids of the quick tests among those collected."""
WARM_COSTS, RUNNING = "GT_SECURE_TESTS_COSTS", "GT_SECURE_TESTS_RUNNING"
"""Variables with files: what the copies of ``support.warm`` cost,
and the test that this process runs.
"""


def key_of(item: pytest.Item) -> str:
    """Return the key of a test's function in the table."""
    names = [item.path.name]
    if (owner := getattr(item, "cls", None)) is not None:
        names.append(owner.__name__)
    return "::".join([*names, getattr(item, "originalname", None) or item.name])


class Table:
    """The committed costs.

    Attributes
    ----------
    functions : dict
        Seconds of all cases of a function, and the number of cases.
    """

    def __init__(self, path: Path = TABLE) -> None:
        read = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.functions: dict[str, tuple[float, int]] = {
            key: (seconds, cases) for key, (seconds, cases) in read.get("functions", {}).items()
        }

    def mean(self, key: str) -> float:
        """Return the seconds of a case of a function."""
        seconds, cases = self.functions.get(key, (0.0, 1))
        return seconds / cases

    def expected(self, cases: Counter[str]) -> dict[str, float]:
        """Return about how many seconds each file takes, for the cases of each function."""
        found: dict[str, float] = defaultdict(float)
        for key, count in cases.items():
            found[key.partition("::")[0]] += (self.mean(key) or CHEAP_S) * count
        return dict(found)

    def most(self, key: str, cases: int) -> float:
        """Return the seconds above which so many cases of a function are named."""
        usual = self.mean(key) * cases or min(DEAR_S * cases, FUNCTION_S)
        return max(usual * ROOM, usual + ROOM_S)


def decides(seconds: float, cases: int) -> bool:
    """Return whether the cost of a function may leave cases of it out of the quick tier.

    Where only a sample ran, that took nearly as much as the tier allows.
    """
    return seconds > min(DEAR_S * cases, 0.8 * FUNCTION_S)


def dear(items: Iterable[pytest.Item], table: Table) -> set[pytest.Item]:
    """Return the tests that the quick tier leaves out."""
    by_function: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        by_function[key_of(item)].append(item)
    left_out: set[pytest.Item] = set()
    for key, cases in by_function.items():
        kept = _kept(key, cases, table.mean(key))
        left_out.update(item for item in cases if item not in kept)
    return left_out


def _kept(key: str, cases: list[pytest.Item], mean_s: float) -> set[pytest.Item]:
    if key in SMOKE:
        return {item for item in cases if any(part in item.name for part in SMOKE[key])}
    if mean_s > DEAR_S or key.partition("::")[0] in ONE_QUESTION:
        return set()
    if mean_s * len(cases) <= FUNCTION_S:
        return set(cases)
    drawn = sorted(cases, key=lambda item: hashlib.sha256(f"{SEED} {item.name}".encode()).digest())
    return set(drawn[: max(1, int(FUNCTION_S / mean_s))])


def loop_seconds() -> float:
    """Return the processor seconds of a fixed piece of Python: the unit of all comparisons."""
    begun = time.process_time()
    words = [f"{number:x} {number % 97}" for number in range(60_000)]
    found = Counter(match[1] for word in words if (match := re.match(r"([0-9a-f]+) \d+", word)))
    json.dumps(found)
    return time.process_time() - begun


_TICKS = os.sysconf("SC_CLK_TCK")
_started: weakref.WeakSet[subprocess.Popen[Any]] = weakref.WeakSet()


def watch_processes() -> None:
    """Note each process that is started, so that the running ones can be counted."""
    plain = subprocess.Popen.__init__

    @functools.wraps(plain)
    def noted(self: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        _started.add(self)

    subprocess.Popen.__init__ = noted  # type: ignore[method-assign]


def spent() -> float:
    """Return the processor seconds of this process and of those that it started, running ones
    included.

    Of a running process, children that still run are not counted. Elsewhere than on Linux, running
    processes are not.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = (each.pid for each in list(_started) if each.returncode is None)
    return time.process_time() + ended.ru_utime + ended.ru_stime + sum(map(_of_process, running))


def _of_process(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:  # it has ended, or there is no /proc
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def add_options(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    parser.addoption("--write-costs", type=Path, metavar="FILE", help="write the table of costs")
    parser.addoption(
        "--within-budget",
        action="store_true",
        help="fail if the quick tier exceeds its budget by half",
    )


class Costs:
    """A pytest plugin: measures each test, and reports in the process that writes the summary."""

    def __init__(self, table: Table, config: pytest.Config) -> None:
        self.table = table
        self._config = config
        self._functions: dict[str, float] = defaultdict(float)
        self._cases: Counter[str] = Counter()
        self._files: dict[str, float] = defaultdict(float)
        self._loops: list[float] = []
        self._shared = 0.0
        self._inside = False
        self._running: Path | None = None
        if WARM_COSTS in os.environ:
            self._running = Path(os.environ[WARM_COSTS]).with_name(f"running-{os.getpid()}")
            os.environ[RUNNING] = str(self._running)

    @property
    def _is_worker(self) -> bool:
        return hasattr(self._config, "workeroutput")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Measure a test with its own fixtures; what a file shares is counted for the file."""
        if sum(self._cases.values()) % 400 == 0:
            self._loops.append(loop_seconds())
        if self._running is not None:
            self._running.write_text(item.nodeid, encoding="utf-8")
        self._shared = 0.0
        begun = spent()
        try:
            return (yield)
        finally:
            key = key_of(item)
            self._functions[key] += max(0.0, spent() - begun - self._shared)
            self._cases[key] += 1
            self._files[item.path.name] += self._shared

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Count what several tests use."""
        if fixturedef.scope == "function" or self._inside:
            return (yield)
        return (yield from self._count())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, Any, Any]:
        """Count the end of what the tests of a file used."""
        if nextitem is not None and nextitem.path == item.path:
            return (yield)
        return (yield from self._count())

    def _count(self) -> Generator[None, Any, Any]:
        begun, self._inside = spent(), True
        try:
            return (yield)
        finally:
            self._inside = False
            self._shared += spent() - begun

    def pytest_sessionfinish(self) -> None:
        """Hand what was measured to the process that reports it."""
        if self._is_worker:
            self._config.workeroutput["costs"] = [  # type: ignore[attr-defined]
                dict(self._functions), dict(self._cases), dict(self._files), self._loops
            ]  # fmt: skip

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker measured."""
        functions, cases, files, loops = getattr(node, "workeroutput", {}).get(
            "costs", ({}, {}, {}, [])
        )
        self._add(functions, self._functions)
        self._add(files, self._files)
        self._cases.update(cases)
        self._loops += loops

    @staticmethod
    def _add(more: dict[str, float], to: dict[str, float]) -> None:
        for key, seconds in more.items():
            to[key] += seconds

    def _add_copies(self) -> None:
        """Add the processes that ``support.warm`` started for tests."""
        path = Path(os.environ.get(WARM_COSTS, os.devnull))
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            seconds, _, nodeid = line.partition("\t")
            file, _, name = nodeid.partition("::")
            key = "::".join([file.rpartition("/")[2], name.partition("[")[0]])
            if key in self._functions:
                self._functions[key] += float(seconds)
            else:
                self._files[file.rpartition("/")[2] or "(processes of no test)"] += float(seconds)
        path.write_text("") if path.is_file() else None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the dearest files and the functions that are dearer than their tier allows; write the
        table if asked.
        """
        if not self._cases:
            return
        self._add_copies()
        factor = statistics.fmean(self._loops) / LOOP_S
        files: dict[str, float] = defaultdict(float, self._files)
        for key, seconds in self._functions.items():
            files[key.partition("::")[0]] += seconds
        total = sum(files.values())
        if (path := self._config.getoption("--write-costs")) is not None:
            path.write_text(self._text(factor), encoding="utf-8")
        write = terminalreporter.write_line
        terminalreporter.section("processor seconds")
        write(
            f"{total:.0f} s in {sum(self._cases.values()):,} tests"
            f" (Python takes {factor:.2f} times as long here)"
        )
        for file, seconds in sorted(files.items(), key=lambda pair: -pair[1])[:10]:
            write(f"{seconds:7.1f} s  {file}")
        for key, seconds in sorted(self._functions.items()):
            cases = self._cases[key]
            if seconds > self.table.most(key, cases) * factor:
                has = "its entry" if key in self.table.functions else "a quick test may be"
                write(f"dearer than {has}: {key}, {seconds:.1f} s in {cases} cases")
        budget = QUICK_S * factor
        if self._config.getoption("--within-budget") and total > OVER * budget:
            write(
                f"FAILED: the quick tier may cost {budget:.0f} s here, and half more on a busy"
                " machine",
                red=True,
            )
            terminalreporter._session.exitstatus = OVER_BUDGET

    def _text(self, factor: float) -> str:
        """Return the table with what ran; the rest keeps its entries,
        as long as a file of that name exists.
        """
        files = {path.name for path in TABLE.parent.rglob("test_*.py")}
        functions = self.table.functions | {
            key: (seconds / factor, self._cases[key]) for key, seconds in self._functions.items()
        }
        lines = [
            (
                "# Processor seconds; see support/costs.py. Written by make suite"
                " ARGS='--write-costs tests/costs.toml'."
            ),
            "",
            "[functions]",
            *(
                f'"{key}" = [{seconds:.2f}, {cases}]'
                for key, (seconds, cases) in sorted(functions.items())
                if decides(seconds, cases) and key.partition("::")[0] in files
            ),
        ]
        return "\n".join(lines) + "\n"
