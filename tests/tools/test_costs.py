"""Tiers: the same cases in each run, one real path for each part of the product,
and a cost that is measured.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.costs import DEAR_S, FUNCTION_S, QUICK, SMOKE, Table, dear, key_of, spent


class Case:
    """What a tier asks of a test."""

    def __init__(self, name: str, number: int) -> None:
        self.path = Path("tests/engine/iam/test_x.py")
        self.originalname, self.name = name, f"{name}[{number}]"


def table(**functions: tuple[float, int]) -> Table:
    made = Table(Path("/nowhere"))
    made.functions = {f"test_x.py::{name}": cost for name, cost in functions.items()}
    return made


def test_the_cost_of_a_case_decides_its_tier() -> None:
    names = ("test_cheap", "test_many", "test_dear", "test_new")
    cases: list[Any] = [Case(name, number) for name in names for number in range(50)]
    costs = table(test_cheap=(0.5, 50), test_many=(5.0, 50), test_dear=(50 * DEAR_S * 1.1, 50))
    left_out = Counter(key_of(item).partition("::")[2] for item in dear(cases, costs))
    assert left_out == {"test_dear": 50, "test_many": 50 - int(FUNCTION_S / 0.1)}


def test_the_sample_is_the_same_whatever_the_order_and_folder() -> None:
    cases: list[Any] = [Case("test_many", number) for number in range(50)]
    costs = table(test_many=(5.0, 50))
    first = {item.name for item in dear(cases, costs)}
    for item in cases:
        item.path = Path("tests/engine/iam/test_x.py")
    assert {item.name for item in dear(reversed(cases), costs)} == first


def test_each_smoke_test_is_there(request: pytest.FixtureRequest) -> None:
    """A test that was renamed would leave the quick tier in silence."""
    quick = request.config.stash[QUICK]
    root = Path(__file__).parents[1]
    for key, parts in SMOKE.items():
        file, _, function = key.partition("::")
        [path] = [
            path
            for path in root.rglob(file)
            if f"def {function}(" in path.read_text(encoding="utf-8")
        ]
        collected = [nodeid for nodeid in quick if f"{path.name}::{function}" in nodeid]
        if path.name in {Path(nodeid.partition("::")[0]).name for nodeid in quick}:
            assert all(any(part in nodeid for nodeid in collected) for part in parts), key


def test_what_a_process_computes_counts_while_it_runs() -> None:
    code = "import time; sum(range(10**7)); print(time.process_time(), flush=True); input()"
    before = spent()
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        assert child.stdout is not None
        computed = float(child.stdout.readline())
        running = spent() - before
        child.communicate("\n")
    assert running >= 0.8 * computed - 0.02  # the system counts in hundredths
    assert spent() - before >= 0.9 * computed
