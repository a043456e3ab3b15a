"""Every promise of SECURITY.md names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from support.subjects import subjects

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(
    r"^\| (?P<promise>[^|]+) \| `(?P<file>tests/[\w/]+\.py)::(?P<test>test_\w+)` \|$", re.MULTILINE
)
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = subjects((match.groups() for match in ROW.finditer(TEXT)), 45)


def test_there_are_promises() -> None:
    assert len(ROWS) == TEXT.count("`tests/"), (
        "a row that does not parse is a promise without a test"
    )


@pytest.mark.parametrize(("promise", "file", "test"), ROWS, ids=[row[2] for row in ROWS])
def test_the_test_of_a_promise_exists(promise: str, file: str, test: str) -> None:
    assert promise.endswith(".")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
