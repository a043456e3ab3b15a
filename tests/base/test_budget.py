"""Calls in another process: results, budgets of time and memory,
and what happens to the process.
"""

from __future__ import annotations

import hashlib
import math
import operator
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from gt_secure.base import budget


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = budget.LIMITS["Liquid"]._replace(seconds=0.2)
    monkeypatch.setitem(budget.LIMITS, "Liquid", limit)


def process() -> int:
    return budget.call(os.getpid)


def test_results_come_back_from_one_other_process() -> None:
    assert budget.call(operator.add, "\ud800ü\n", "x") == "\ud800ü\nx"
    assert process() == process() != os.getpid()


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (math.factorial, [3_000_000]),  # one step of the interpreter
        (time.sleep, [60]),
        (operator.mul, ["x", 10**9]),
        (os._exit, [0]),
        (os.abort, []),
    ],
)
def test_what_takes_too_much_is_given_up(function, arguments) -> None:
    before = process()
    begun = time.process_time()
    with pytest.raises(TimeoutError, match=r"no result within 0\.2 s and 100 MB"):
        budget.call(function, *arguments)
    assert time.process_time() - begun < 0.5
    assert process() != before, "the next call gets a new process"


@pytest.mark.parametrize(
    ("function", "argument"), [(math.sqrt, -1), (time.gmtime, {}), (hashlib.md5, "x")]
)
def test_what_fails_has_no_result(function, argument) -> None:
    with pytest.raises(TimeoutError):
        budget.call(function, argument)
    assert budget.call(math.sqrt, 4) == 2


def test_input_that_is_nested_too_deeply() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TimeoutError):
        budget.call(len, deep)


def test_an_interrupt_leaves_no_reply_for_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    child = budget._process(os.getpid())

    def interrupted() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(
        child, "stdout", SimpleNamespace(readline=interrupted, close=child.stdout.close)
    )
    with pytest.raises(KeyboardInterrupt):
        budget.call(operator.add, 1, 1)
    assert budget.call(operator.add, 2, 2) == 4


@pytest.mark.parametrize(
    ("interpreter", "error"),
    [
        ("", OSError),
        (None, OSError),
        ("/none/python", FileNotFoundError),
        ("/bin/true", TimeoutError),
        ("/bin/cat", TimeoutError),
    ],
)
def test_without_an_interpreter_nothing_is_evaluated(
    interpreter, error, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget._process.cache_clear()
    monkeypatch.setattr(sys, "executable", interpreter)
    with pytest.raises(error, match=r".+"):
        budget.call(os.getpid)


WITHOUT_MAIN = """
import os, sys, threading
del sys.modules["__main__"]
from gt_secure.base import budget
first = budget.call(os.getpid)
seen = set()
threads = [threading.Thread(target=lambda: seen.add(budget.call(os.getpid))) for _ in range(8)]
[each.start() for each in threads], [each.join() for each in threads]
assert seen == {first}
if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        os._exit(0 if budget.call(os.getpid) != first else 1)
    assert os.waitpid(child, 0)[1] == 0
print(first)
"""


def test_a_process_without_a_main_module_whose_end_ends_the_other() -> None:
    root = os.path.dirname(os.path.dirname(os.path.dirname(budget.__file__)))
    env = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", WITHOUT_MAIN],
        env=env,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
