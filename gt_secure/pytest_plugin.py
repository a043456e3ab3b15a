"""A pytest plugin: a local AWS as a fixture, and what notebooks that are tests must fulfil.

Installed with the package (entry point ``pytest11``); importing it loads neither boto3 nor the sandbox. It adds

* the fixtures ``gt_secure_sandbox`` (one local AWS for the session) and ``gt_secure_connection`` (a connection to it);
  a test that uses them sees the sandbox's configuration and journal only, not the person's;
* the option ``--gt-secure-notebooks``: every collected ``.ipynb`` gets two tests beside those of nbval, that no code
  cell was skipped and that no secret was saved, and nbval gets our sanitizer file if it was given none;
* masks for secrets in what pytest shows: ``--showlocals``, captured and live logs, warnings, reasons and properties;
* the functions :func:`no_code_cell_skipped` and :func:`no_secret_saved` for tests written by hand.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import check, sandbox
from .errors import GtSecureError
from .tracebacks import MaskedFormatter, mask_report, mask_warning

if TYPE_CHECKING:
    from .check import CheckResult
    from .connection import Connection
    from .sandbox import Sandbox

__all__ = ["nbval_sanitize_file", "no_code_cell_skipped", "no_secret_saved"]


def no_code_cell_skipped(path: str | Path) -> CheckResult:
    """Assert that every code cell of a saved notebook was run; see :mod:`gt_secure.check`."""
    __tracebackhide__ = True
    return check.no_code_cell_skipped(path)


def no_secret_saved(path: str | Path) -> CheckResult:
    """Assert that a saved notebook holds no presigned URL, key or token; see :mod:`gt_secure.check`."""
    __tracebackhide__ = True
    return check.no_secret_saved(path)


def nbval_sanitize_file() -> Path:
    """Return a file for ``--nbval-sanitize-with``: addresses, ports, times and ids that differ at each run."""
    return check.SANITIZE_FILE


@pytest.fixture(scope="session")
def gt_secure_sandbox() -> Iterator[Sandbox]:
    """A local AWS with demo workteams, buckets and a role, for the whole session.

    Without the sandbox's packages a test that asks for it is an error, not a skipped test: a guard that is silently not
    tested looks like one that holds.
    """
    sandbox.require()
    with sandbox.Sandbox(log_delay_s=0.3, workforce_delay_s=0.1) as running:
        yield running


@pytest.fixture(autouse=True)
def _gt_secure_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give a test that uses the sandbox its variables, and nothing of the person's own configuration or journal.

    Other tests keep their environment.
    """
    if "gt_secure_sandbox" not in request.fixturenames:
        yield
        return
    running: Sandbox = request.getfixturevalue("gt_secure_sandbox")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def gt_secure_connection(gt_secure_sandbox: Sandbox, _gt_secure_environment: None) -> Connection:
    """A connection to the sandbox, with its own configuration and journal."""
    from .connection import connect  # boto3 is too slow to import in every run of pytest

    return connect(sandbox=gt_secure_sandbox)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--gt-secure-notebooks``."""
    parser.getgroup("gt_secure").addoption(
        "--gt-secure-notebooks",
        action="store_true",
        help="check that collected notebooks skipped no code cell and saved no secret",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give nbval our sanitizer file, where it is used without one, and keep the cells of a notebook on one worker.

    Raises
    ------
    pytest.UsageError
        If pytest-xdist is asked to divide the cells of one notebook among workers.
    """
    if not config.getoption("--gt-secure-notebooks"):
        return
    if getattr(config.option, "nbval_sanitize_with", "") is None:
        config.option.nbval_sanitize_with = str(nbval_sanitize_file())
    dist = getattr(config.option, "dist", "no")
    if dist in {
        "load",
        "loadgroup",
    }:  # the first is what -n chooses by itself; groups do not reach cells in every pytest
        config.option.dist = "loadfile"
    elif dist not in {"no", "loadfile", "loadscope"}:
        raise pytest.UsageError(f"--dist {dist} divides the cells of a notebook among kernels: use --dist loadfile.")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the cells of each notebook back into their order, whatever shuffled them, and keep them together."""
    if not config.getoption("--gt-secure-notebooks"):
        return
    cells: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.path.suffix == ".ipynb":
            cells.setdefault(item.path, []).append(item)
    ordered: list[pytest.Item] = []
    for item in items:
        if item.path.suffix != ".ipynb":
            ordered.append(item)
        elif item.path in cells:
            ordered += sorted(cells.pop(item.path), key=_cell_number)
    items[:] = ordered


def _cell_number(item: pytest.Item) -> int:
    """Return the place of a nbval cell in its notebook; our own tests of the file go first."""
    number = getattr(item, "cell_num", -1)
    return number if isinstance(number, int) else -1


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """Mask presigned URLs, tokens and keys in the report of a test: ``--showlocals`` shows every variable."""
    outcome = yield
    mask_report(outcome.get_result())


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, Any, None]:
    """Mask them in what collecting a file reports, too."""
    outcome = yield
    mask_report(outcome.get_result())


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: Any) -> None:
    """Mask them in warnings, which also bring the exceptions of threads and finalizers."""
    mask_warning(warning_message)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Mask them in live logs, and in the log file."""
    plugin = session.config.pluginmanager.get_plugin("logging-plugin")
    for name in ("log_cli_handler", "log_file_handler"):
        handler = getattr(plugin, name, None)
        if handler is not None and handler.formatter is not None:
            handler.setFormatter(MaskedFormatter(handler.formatter))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect notebooks, if asked to."""
    if file_path.suffix != ".ipynb" or not parent.config.getoption("--gt-secure-notebooks"):
        return None
    if ".ipynb_checkpoints" in file_path.parts:
        return None
    collector: pytest.Collector = _Notebook.from_parent(parent, path=file_path)
    return collector


class _Notebook(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        """One test for each check."""
        for name in ("no_code_cell_skipped", "no_secret_saved"):
            yield _NotebookCheck.from_parent(self, name=name)


class _NotebookCheck(pytest.Item):
    def runtest(self) -> None:
        """Run the check; its failure is an AssertionError."""
        getattr(check, self.name)(self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what is wrong, without a traceback through this package."""
        return str(excinfo.value) if isinstance(excinfo.value, GtSecureError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the location of the test."""
        return self.path, None, f"{self.path.name}: {self.name}"
