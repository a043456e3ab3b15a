"""No test asserts that something takes less than an amount of wall time: that depends on what else
the machine does.

Nor does a test give up on a kernel after the 60 seconds that are the bound of nbclient, nbval and
papermill.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CLOCKS = {
    "time",
    "monotonic",
    "perf_counter",
    "time_ns",
    "monotonic_ns",
    "perf_counter_ns",
    "now",
    "utcnow",
}
"""Functions that read the time that passes for everybody; ``process_time`` is the processor's."""
PATIENCE_S = 60
"""Seconds that an assertion may wait at least: only a test that fails waits for so long."""
ADVICE = "Wait for a condition (`support.box.until`), count, or compare processor time."


def is_clock(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return getattr(node.func, "attr", getattr(node.func, "id", "")) in CLOCKS


def is_duration(node: ast.AST, durations: set[str]) -> bool:
    """Return whether an expression holds a difference from a clock,
    or a name that was assigned one.
    """
    return any(
        (
            isinstance(part, ast.BinOp)
            and isinstance(part.op, ast.Sub)
            and any(map(is_clock, (part.left, part.right)))
        )
        or (isinstance(part, ast.Name) and part.id in durations)
        for part in ast.walk(node)
    )


def upper_bounds(test: ast.AST) -> Iterator[ast.AST]:
    """Yield what an assertion requires to be less than something else."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for right, operator, left in zip(node.comparators, node.ops, sides, strict=False):
                if isinstance(operator, ast.Lt | ast.LtE):
                    yield left
                elif isinstance(operator, ast.Gt | ast.GtE):
                    yield right


def impatient(test: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "wait"
        and any(
            isinstance(given, ast.Constant)
            and isinstance(given.value, int | float)
            and given.value < PATIENCE_S
            for given in node.args
        )
        for node in ast.walk(test)
    )


def wall_times(source: str) -> list[int]:
    """Return the lines of assertions that hold only on a machine that is quick enough."""
    if not re.search(rf"\b({'|'.join(CLOCKS)})\(|\.wait\(", source):  # most modules need no parsing
        return []
    tree = ast.parse(source)
    durations = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and is_duration(node.value, set())
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        and (
            impatient(node.test)
            or any(is_duration(side, durations) for side in upper_bounds(node.test))
        )
    ]


@pytest.mark.parametrize(
    "source",
    [
        "assert time.monotonic() - started < 10",
        "assert 10 >= monotonic() - started",
        "assert 0 < time.time() - started < 10, 'slow'",
        "took = time.perf_counter() - started\nassert took < 3",
        "took = round(time.monotonic() - started, 1)\nassert found and took <= 3",
        "assert abs((dt.datetime.now(dt.UTC) - moment).total_seconds()) < 30",
        "assert ended.wait(5)",
    ],
)
def test_wall_time_is_found(source: str) -> None:
    assert wall_times(source)


@pytest.mark.parametrize(
    "source",
    [
        "assert time.process_time() - started < 3",
        "assert time.monotonic() < deadline",
        "assert time.monotonic() - started > 0.9",
        "took = cpu_seconds(pid)\nassert took < 3",
        "assert ended.wait(300)",
    ],
)
def test_other_assertions_are_not_found(source: str) -> None:
    assert not wall_times(source)


def test_no_test_asserts_an_amount_of_wall_time() -> None:
    paths = sorted(TESTS.rglob("*.py"))
    assert len(paths) > 300
    found = {
        str(path.relative_to(TESTS)): wall_times(path.read_text(encoding="utf-8")) for path in paths
    }
    assert {name: lines for name, lines in found.items() if lines} == {}, ADVICE


STARTS = {
    "nbval": (r"--nbval(?:-lax)?\b(?! )", r"kernel-startup-timeout"),
    "papermill": (
        r"execute_notebook\(|\"-m\", \"papermill\"|tools\(\"papermill\"",
        r"start[-_]timeout|SLOWLY",
    ),
    "nbclient": (
        r"\bfrom nbclient import (?:.*, )?NotebookClient|nbclient\.NotebookClient",
        r"startup_timeout",
    ),
}
"""For each program the text with which a file starts kernels,
and the text of a bound of its own.
"""
NO_KERNEL = {
    "check/test_pytest_plugin.py": "the option is one of an error",
    "tools/test_no_wall_time.py": "examples",
}


def impatient_starts(source: str) -> list[str]:
    """Return the programs with which a file starts kernels and gives up on them after a minute."""
    return [
        name
        for name, (starts, bound) in STARTS.items()
        if re.search(starts, source, re.MULTILINE) and not re.search(bound, source)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('options = ["--nbval-lax", "--nbval-current-env"]', ["nbval"]),
        ("from support.kernels import NBVAL\noptions = [*NBVAL]", []),
        ("papermill.execute_notebook(path, out)", ["papermill"]),
        ("papermill.execute_notebook(path, out, start_timeout=START_S)", []),
        ('words = [sys.executable, "-m", "papermill", "a.ipynb"]', ["papermill"]),
        ("from nbclient import NotebookClient\nNotebookClient(book).execute()", ["nbclient"]),
        ("from support.kernels import NotebookClient\nNotebookClient(book).execute()", []),
    ],
)
def test_a_start_without_a_bound_is_found(source: str, expected: list[str]) -> None:
    assert impatient_starts(source) == expected


def test_no_test_gives_up_on_a_kernel_after_a_minute() -> None:
    paths = {path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("*.py"))}
    paths["run_notebooks.py"] = TESTS.parent / "tools" / "run_notebooks.py"
    found = {
        name: impatient_starts(path.read_text(encoding="utf-8")) for name, path in paths.items()
    }
    assert {
        name: starts for name, starts in found.items() if starts and name not in NO_KERNEL
    } == {}
