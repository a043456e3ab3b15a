"""A landing is not lost to chance, and chance hides nothing: which failures are repeated,
and what they cost.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.costs import OVER_BUDGET
from support.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "steady.py"))
PAGE = ROOT / TOOL["PAGE"]
ENV = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))
}
"""Environment without what a make that runs these tests hands down."""
ONCE = """
def test_{name}():
    from pathlib import Path
    seen = Path(__file__).with_name("{name}")
    before = seen.exists()
    seen.touch()
    assert before, "not yet"
"""
ALWAYS = "\ndef test_always():\n    assert 'one' == 'two'\n"
FINE = "\ndef test_fine():\n    pass\n"
SKIPPED = """
import pytest
def test_skipped():
    from pathlib import Path
    seen = Path(__file__).with_name("skipped")
    if seen.exists():
        pytest.skip("not here")
    seen.touch()
    assert False
"""
CRASH = """
def test_crash():
    import os
    from pathlib import Path
    seen = Path(__file__).with_name("crash")
    if not seen.exists():
        seen.touch()
        os._exit(1)
"""


def once(*names: str) -> str:
    return "".join(ONCE.format(name=name) for name in names)


Steady = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def steady(
    tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Steady:
    """Run the tool on a file of tests; return its exit code,
    what it printed and the tests with a row.
    """
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {ROOT / 'tests'}\naddopts = -p no:cacheprovider\n"
    )
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["support.failures"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setitem(TOOL["run"].__globals__, "PYTEST", (str(warm.bin / "pytest"),))
    rows = tmp_path / "rows.toml"

    def run(text: str, *options: str) -> tuple[int, str, list[str]]:
        (tmp_path / "test_it.py").write_text(text)
        code = TOOL["main"]([str(rows), "-p", "xdist", "-q", *options])
        out, _ = capfd.readouterr()
        return code, out, [row["test"].partition("::")[2] for row in TOOL["read"](rows)]

    # The tool repeats a test with an option of xdist, which is loaded by name here.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p xdist")
    return run


def test_what_passes_alone_is_named_and_the_run_passes(steady: Steady) -> None:
    code, out, rows = steady(once("a") + FINE, "-n", "0")
    assert (code, rows) == (0, ["test_a"])
    assert "UNSTEADY test_it.py::test_a" in out
    assert "AssertionError: not yet" in out.partition("UNSTEADY")[2]
    assert out.count("once more, alone") == 1


def test_what_fails_again_fails_the_run(steady: Steady) -> None:
    code, out, rows = steady(ALWAYS, "-n", "0")
    assert (code, rows) == (1, [])
    assert "FAILED TWICE test_it.py::test_always" in out


@pytest.mark.parametrize(("before", "code"), [(1, 0), (2, 1)])
def test_two_are_the_most_of_all_steps_of_a_landing(
    steady: Steady, tmp_path: Path, before: int, code: int
) -> None:
    TOOL["add_rows"](
        tmp_path / "rows.toml",
        {f"tests/test_other.py::test_{number}": "" for number in range(before)},
    )
    found, out, rows = steady(once("c"), "-n", "0")
    assert (found, rows[-1]) == (code, "test_c")
    assert ("3 tests are unsteady: at most 2 may be." in out) == bool(code)


@pytest.mark.parametrize("kept", ["", "b"])
def test_one_that_fails_again_is_not_covered_by_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: str
) -> None:
    results = [TOOL["Run"](1, {test: {"first": "", "output": ""} for test in "ab"}, 5)]
    results += [TOOL["Run"](0, {}, 1), TOOL["Run"](1, {"b": {}}) if kept else TOOL["Run"](0, {}, 1)]
    monkeypatch.setitem(TOOL["main"].__globals__, "run", lambda *options: results.pop(0))
    assert TOOL["main"]([str(tmp_path / "rows.toml")]) == bool(kept)


def test_a_test_that_is_skipped_alone_did_not_pass(steady: Steady) -> None:
    code, _, rows = steady(SKIPPED, "-n", "0")
    assert (code, rows) == (1, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("import nothing_of_this_name\n" + FINE, 2), ("def test_syntax(:\n", 2), ("", 5), (FINE, 0)],
    ids=["import", "syntax", "no test", "fine"],
)
def test_nothing_but_a_test_is_repeated(steady: Steady, text: str, expected: int) -> None:
    code, out, rows = steady(text, "-n", "0")
    assert (code, rows) == (expected, [])
    assert "once more" not in out


def test_a_process_that_ends_before_its_last_test_is_not_repeated(steady: Steady) -> None:
    code, out, rows = steady(CRASH + FINE, "-n", "0")
    assert (code, rows, "once more" in out) == (1, [], False)


def test_a_worker_that_ends_is_a_failure_of_its_test(steady: Steady) -> None:
    code, out, rows = steady(FINE + CRASH, "-n", "1")
    assert (code, rows) == (0, ["test_crash"])
    assert "crashed while running 'test_it.py::test_crash'" in out.partition("UNSTEADY")[2]


def test_many_failures_are_no_chance(steady: Steady) -> None:
    code, out, rows = steady(once(*"abcdefghijk"), "-n", "0")
    assert (code, rows) == (1, [])
    assert "11 tests failed, more than 10: none of them is repeated." in out


def test_a_budget_that_is_exceeded_fails_beside_an_unsteady_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The plugin of costs ends with a code of its own,
    so that the tool sees more than tests that failed.
    """
    asked: list[Any] = []

    def run(*options: str) -> Any:
        asked.append(options)
        return TOOL["Run"](OVER_BUDGET, {"test_it.py::test_a": {"first": "no", "output": "no"}})

    monkeypatch.setitem(TOOL["main"].__globals__, "run", run)
    assert TOOL["main"]([str(tmp_path / "rows.toml"), "-q"]) == OVER_BUDGET
    assert asked == [("-q",)]


def test_a_row_is_read_back_whatever_a_test_prints(tmp_path: Path) -> None:
    rows, hostile = tmp_path / "rows.toml", 'a"\\b\x00\x7f\x1b[31m\u2028\ud800é😀' + "x" * 400
    TOOL["add_rows"](rows, {"tests/a.py::test_b[\\x00-\"']": hostile})
    TOOL["add_rows"](rows, {"tests/a.py::test_c": ""})
    first, second = TOOL["read"](rows)
    assert first["test"] == "tests/a.py::test_b[\\x00-\"']"
    assert first["first"] == hostile[:160].replace("\ud800", "?")
    assert second["landing"] == first["landing"]


def landings(*tests: str) -> list[dict[str, str]]:
    return [
        {"test": test, "landing": str(number)} for number, row in enumerate(tests) for test in row
    ]


def test_twice_in_a_row_is_once_too_often() -> None:
    twice = TOOL["twice_in_a_row"]
    assert twice(landings("a", "b", "a")) == []
    assert twice(landings("ab", "bc", "a")) == ["b"]
    assert twice(landings("aa")) == [], "one landing"
    rows = landings("a", "a")
    rows[0]["mended"] = "waits for a condition"
    assert twice(rows) == []


def test_no_test_is_unsteady_twice_in_a_row() -> None:
    rows = TOOL["read"](PAGE)
    assert all({"test", "landing", "date", "first"} <= row.keys() for row in rows)
    assert TOOL["twice_in_a_row"](rows) == [], (
        "mend the test, and say how in its rows, or delete it"
    )


def test_a_landing_uses_the_tool_and_a_developer_does_not() -> None:
    def commands(*words: str) -> str:
        made = ["make", "-n", "-o", ".venv/.dev", "-o", ".venv/.check", *words]
        return subprocess.run(
            made, cwd=ROOT, env=ENV, capture_output=True, text=True, check=True
        ).stdout

    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert 'PYTEST="$steady"' in script
    assert commands("suite", "check", "browser").count("-m pytest") == 3
    replaced = commands("suite", "check", "browser", "PYTEST=python tools/steady.py rows")
    assert (replaced.count("tools/steady.py rows -n"), replaced.count("-m pytest")) == (3, 0)


TIERS = ("quick", "check", "browser", "slow")
PROJECT = {
    "setup.cfg": f"[tool:pytest]\npythonpath = {ROOT / 'tests'}\nmarkers =\n    "
    + "\n    ".join(TIERS),
    "conftest.py": """
pytest_plugins = ["support.failures"]
def pytest_addoption(parser):
    parser.addoption("--within-budget", action="store_true")
""",
    "tests/test_quick.py": "import pytest\npytestmark = pytest.mark.quick\n" + once("a") + FINE,
    "tests/test_check.py": "import pytest\npytestmark = pytest.mark.check\n" + FINE,
    "tests/browser/test_page.py": "import pytest\npytestmark = pytest.mark.browser\n" + once("b"),
    "tools/lint_style.py": "",
    "tools/ensure-chromium.sh": "",
    **dict.fromkeys(
        [f"requirements/{name}.txt" for name in ("demo", "dev", "check", "lowest")], ""
    ),
}
"""A small project with the Makefile and ``.ci/run`` of this one."""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in the small project, whose environment is this one."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, line in {
        "python": f'exec {sys.executable} "$@"',
        "ruff": "exit $LINT",
        "mypy": "exit 0",
    }.items():
        (tmp_path / ".venv" / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    for name in ("Makefile", ".ci/run", "tools/steady.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in (".python", ".demo", ".dev", ".check"):  # in the order in which make asks for them
        (tmp_path / ".venv" / name).touch()

    def run(*command: str, lint: int = 0) -> subprocess.CompletedProcess[str]:
        env = {**ENV, "LINT": str(lint), "WORKERS": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        env |= {"PYTEST_PLUGINS": "xdist.plugin,xdist.looponfail"}
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    return run


def test_a_landing_passes_with_two_unsteady_tests_and_not_with_a_lint_error(
    project: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    landing = project(".ci/run")
    assert landing.returncode == 0, landing.stdout + landing.stderr
    _, _, page = landing.stdout.partition("Add to tests/unsteady.toml:")
    page, *times = page.partition("make test:")
    rows = tomllib.loads(page)["unsteady"]
    assert [row["test"] for row in rows] == [
        "tests/test_quick.py::test_a",
        "tests/browser/test_page.py::test_b",
    ]
    assert "make browser:" in "".join(times)
    (tmp_path / "tests" / "a").unlink()
    landing = project(".ci/run", lint=1)
    assert landing.returncode != 0
    assert "lint] Error 1" in landing.stderr
    assert "make check" not in landing.stdout, "the step failed"
    (tmp_path / "tests" / "a").unlink(missing_ok=True)
    assert project("make", "test").returncode != 0, "a developer sees each failure"
