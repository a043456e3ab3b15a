"""A pytest plugin: a local AWS as a fixture, and what notebooks that are tests must fulfil.

Installed with the package (entry point ``pytest11``); importing it loads neither boto3 nor the
sandbox. It adds

* the fixtures ``gt_secure_sandbox`` (one local AWS for the session) and ``gt_secure_connection`` (a
  connection to it); a test that uses them sees the sandbox's configuration and journal only, not
  the person's;
* the option ``--gt-secure-notebooks``, with nbval: every collected ``.ipynb`` gets three tests
  beside those of nbval: no code cell is skipped, no secret is saved, and after the cells, every
  check that the notebook promises ran and passed. nbval gets our sanitizer file if it was given
  none;
* the option ``--gt-secure-checks N``: how many checks must pass in each notebook that does not say
  it by itself;
* masks for secrets in what pytest shows: ``--showlocals``, captured and live logs, warnings,
  reasons and properties.
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key

from . import check, sandbox
from .base.clock import utc_now
from .base.errors import GtSecureError
from .base.text import Json
from .base.tracebacks import MaskedFormatter, mask_properties, mask_report, mask_warning
from .check.ledger import KEY

if TYPE_CHECKING:
    from .connection import Connection
    from .sandbox import Sandbox

_BEGUN = pytest.StashKey[dt.datetime]()
"""When the run began: what ran before is no result of it."""


@pytest.fixture(scope="session")
def gt_secure_sandbox() -> Iterator[Sandbox]:
    """A local AWS with demo workteams, buckets and a role, for the whole session.

    Without the sandbox's packages a test that asks for it is an error, not a skipped test: a guard
    that is silently not tested looks like one that holds.
    """
    sandbox.require()
    with sandbox.Sandbox(log_delay_s=0.3, workforce_delay_s=0.1) as running:
        yield running


@pytest.fixture(autouse=True)
def _gt_secure_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give a test that uses the sandbox its variables, and nothing of the person's own
    configuration or journal.

    Other tests keep their environment.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "gt_secure_sandbox" in request.fixturenames:
            running: Sandbox = request.getfixturevalue("gt_secure_sandbox")
            for name, value in running.environment().items():
                patch.setenv(name, value)
        yield


@pytest.fixture
def gt_secure_connection(gt_secure_sandbox: Sandbox, _gt_secure_environment: None) -> Connection:
    """A connection to the sandbox, with its own configuration and journal."""
    from .connection import connect  # boto3 is too slow to import in every run of pytest

    return connect(sandbox=gt_secure_sandbox)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--gt-secure-notebooks`` and ``--gt-secure-checks``."""
    group = parser.getgroup("gt_secure")
    group.addoption(
        "--gt-secure-notebooks",
        action="store_true",
        help=(
            "with --nbval or --nbval-lax: no code cell is skipped, no secret is saved, and every"
            " check ran and passed"
        ),
    )
    group.addoption(
        "--gt-secure-checks",
        type=int,
        metavar="N",
        help="at least N checks must pass in each notebook without a promise; 0: none is needed",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give nbval our sanitizer file, where it is used without one,
    and keep the cells of a notebook on one worker.
    """
    if not config.getoption("--gt-secure-notebooks"):
        if config.getoption("--gt-secure-checks") is not None:
            raise pytest.UsageError(
                "--gt-secure-checks counts the checks of notebooks: add --gt-secure-notebooks."
            )
        return
    if not (config.getoption("nbval", False) or config.getoption("nbval_lax", False)):
        raise pytest.UsageError(
            "--gt-secure-notebooks without nbval runs no cell and no check: install nbval, and add"
            " --nbval-lax."
        )
    if config.getoption("nbval_sanitize_with", "") is None:
        config.option.nbval_sanitize_with = str(check.SANITIZE_FILE)
    dist = config.getoption("dist", "no")
    # the first is what -n chooses by itself; groups do not reach cells in every pytest
    if dist in {
        "load",
        "loadgroup",
    }:
        config.option.dist = "loadfile"
    elif dist not in {"no", "loadfile", "loadscope"}:
        raise pytest.UsageError(
            f"--dist {dist} divides the cells of a notebook among kernels: use --dist loadfile."
        )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the cells of each notebook back into their order, whatever shuffled them,
    and keep them together.
    """
    if not config.getoption("--gt-secure-notebooks"):
        return
    first: dict[Path, int] = {}
    places = {
        each: (first.setdefault(each.path, number), _cell_number(each))
        if each.path.suffix == ".ipynb"
        else (number, 0)
        for number, each in enumerate(items)
    }
    items.sort(key=places.__getitem__)


def _cell_number(item: pytest.Item) -> int:
    """Return the place of a nbval cell in its notebook; our own tests of the file go first,
    and last what ran.
    """
    number: int = getattr(item, "cell_num", -1)
    return number


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """Mask presigned URLs, tokens and keys in the report of a test:
    ``--showlocals`` shows every variable.
    """
    outcome = yield
    mask_report(outcome.get_result())


pytest_make_collect_report = pytest_runtest_makereport
"""Mask them in what collecting a file reports, too."""


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: Any) -> None:
    """Mask them in warnings, which also bring the exceptions of threads and finalizers."""
    mask_warning(warning_message)


def pytest_collection(session: pytest.Session) -> None:
    """Note the time before the first test."""
    session.config.stash[_BEGUN] = utc_now()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Mask them in live logs, and in the log file."""
    plugin = session.config.pluginmanager.get_plugin("logging-plugin")
    for name in ("log_cli_handler", "log_file_handler"):
        handler = getattr(plugin, name, None)
        if handler is not None and handler.formatter is not None:
            handler.setFormatter(MaskedFormatter(handler.formatter))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Mask them in the properties of the whole suite, before JUnit XML is written."""
    report = session.config.stash.get(xml_key, None)
    if report is not None:
        report.global_properties = mask_properties(report.global_properties)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect notebooks, if asked to."""
    is_one = file_path.suffix == ".ipynb" and ".ipynb_checkpoints" not in file_path.parts
    if not (is_one and parent.config.getoption("--gt-secure-notebooks")):
        return None
    collector: pytest.Collector = _Notebook.from_parent(parent, path=file_path)
    return collector


class _Notebook(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        """One test for each check, and one that runs after the cells."""
        for name in ("no_code_cell_skipped", "no_secret_saved"):
            yield _NotebookCheck.from_parent(self, name=name)
        yield _ChecksRan.from_parent(self, name="checks_ran")


class _NotebookCheck(pytest.Item):
    def runtest(self) -> None:
        """Run the check; its failure is an AssertionError."""
        if self.name == "no_secret_saved":
            check.no_secret_saved(self.path)
        else:
            # much to import in every run of pytest
            from .check.notebooks import (
                read_notebook,
                saved_as_run,
            )

            saved_as_run(read_notebook(self.path), self.path.name).require()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what is wrong, without a traceback through this package."""
        return (
            str(excinfo.value)
            if isinstance(excinfo.value, GtSecureError)
            else super().repr_failure(excinfo, style)
        )

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.path.name}: {self.name}"


class _ChecksRan(_NotebookCheck):
    cell_num = sys.maxsize

    def runtest(self) -> None:
        """Compare what the cells of nbval recorded with what the saved notebook promises."""
        from .check.notebooks import read_notebook, require_run

        saved = read_notebook(self.path)
        ran, since = self._as_run(saved), self.config.stash[_BEGUN]
        at_least = self.config.getoption("--gt-secure-checks")
        done = require_run(saved, ran, self.path.name, at_least=at_least, since=since)
        self.user_properties.append(
            ("gt_secure", f"{self.path.name}: {done.message or 'no check is promised'}")
        )

    def _as_run(self, saved: Json) -> Json:
        """Return the notebook with the outputs that nbval got; those of a cell that it did not run
        are None.
        """
        items = (each for each in self.session.items if each.path == self.path)
        outputs = {_cell_number(each): getattr(each, "test_outputs", None) for each in items}
        numbers = itertools.count()
        cells = [
            {**cell, "outputs": outputs.get(next(numbers))}
            if cell.get("cell_type") == "code"
            else cell
            for cell in saved["cells"]
        ]
        return {**saved, "cells": cells}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name for each notebook how many checks ran, and whether that was on the sandbox."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, text in getattr(report, "user_properties", ()):
            if name == KEY:
                terminalreporter.write_line(f"gt_secure: {text}")
