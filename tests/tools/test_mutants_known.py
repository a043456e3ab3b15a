"""The known survivors of the mutation check: each is a mutant of the code as it is, with a reason that is on record."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
RECORD = ROOT / "docs/decisions/0013-mutation-check.md"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "tools" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_known_survivor_is_a_mutant_of_the_code_as_it_is(tool):
    there = {
        mutant.key
        for module in {*tool.all_modules(), *(module for module, *_ in tool.known())}
        for mutant in tool.mutants_of(module, (ROOT / "gt_secure" / module).read_text(encoding="utf-8"))
    }
    assert set(tool.known()) <= there
    assert len(there) > 900


def test_every_known_survivor_has_a_reason(tool):
    for each in tool.known().values():
        assert each["kind"] in ("equivalent", "cosmetic", "faster")
        assert len(each["why"]) > 20


def test_the_record_holds_the_table(tool):
    assert tool.table() in RECORD.read_text(encoding="utf-8")


def test_a_mutant_is_one_change(tool):
    text = "def f(a):\n    return a and a > 1 and not a\n"
    made = {mutant.change: tool.mutated(text, mutant) for mutant in tool.mutants_of("m.py", text)}
    assert made == {
        "and becomes or": "def f(a):\n    return a or a > 1 or (not a)",
        "> becomes >=": "def f(a):\n    return a and a >= 1 and (not a)",
        "> becomes <=": "def f(a):\n    return a and a <= 1 and (not a)",
        "1 becomes 2": "def f(a):\n    return a and a > 2 and (not a)",
        "not is left out": "def f(a):\n    return a and a > 1 and (not not a)",
    }
    assert {mutant.function for mutant in tool.mutants_of("m.py", text)} == {"f"}
    twice = tool.mutants_of("m.py", "x = 1 + 1\n")
    assert [mutant.change for mutant in twice] == ["+ becomes -", "1 becomes 2", "1 becomes 2 (number 2)"]
