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
    programs = {path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert programs - {"run", "latency_proxy", "logs_methods"} == set(TABLE["FULL"]) == set(TABLE["QUICK"])


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE["FULL"])
def test_it_runs_through(name: str) -> None:
    command = [sys.executable, str(FOLDER / "run.py"), "--quick", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert len(done.stdout.splitlines()) > 1
