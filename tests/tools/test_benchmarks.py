"""Each benchmark runs through, in its quick mode."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
TABLE = runpy.run_path(str(FOLDER / "run.py"))


def test_every_benchmark_is_in_the_table() -> None:
    programs = {
        path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")
    }
    assert (
        programs - {"run", "latency_proxy", "logs_methods"}
        == set(TABLE["FULL"])
        == set(TABLE["QUICK"])
    )


def test_no_program_hides_a_module_of_python() -> None:
    """The folder of a program is where Python looks first, for its modules too."""
    folders = (FOLDER, FOLDER.parent / "tools", FOLDER.parent / "docs" / "assets" / "lab")
    assert {
        path.stem for folder in folders for path in folder.glob("*.py")
    } & sys.stdlib_module_names == set()


def test_a_newcomer_types_what_the_pages_say() -> None:
    runpy.run_path(str(FOLDER / "newcomer.py"))["documented"]()


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE["FULL"])
def test_it_runs_through(name: str) -> None:
    command = [sys.executable, str(FOLDER / "run.py"), "--quick", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert len(done.stdout.splitlines()) > 1
