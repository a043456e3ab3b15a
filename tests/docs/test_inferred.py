"""Every place that says *inferred* is in the page that lists them, and the page names no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support.rooms import ROOT

PAGE = ROOT / "docs" / "inferred.md"
OTHERS = {
    "docs/inferred.md",
    "docs/live.md",
    "docs/how-to/watch-in-ci.md",
    "gt_secure/check/promise.py",
    "gt_secure/check/notebooks.py",
    "docs/decisions/0034-no-kernel-of-our-own.md",
}
"""Files in which the word is about something else: a promise of a notebook, the time of an import."""


def rows() -> list[list[str]]:
    table = PAGE.read_text(encoding="utf-8").partition("## Once")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def places(folder: Path) -> Iterator[str]:
    for pattern in ("docs/**/*.md", "gt_secure/**/*.py", "integrations/**/*.py", "README.md"):
        for path in folder.glob(pattern):
            name = path.relative_to(folder).as_posix()
            text = path.read_text(encoding="utf-8")
            if name not in OTHERS and re.search(r"\binferred\b", text, re.IGNORECASE):
                yield name


def test_each_place_is_listed_and_each_listed_place_says_it() -> None:
    listed = {name for row in rows() for name in re.findall(r"`([^`]+)`", row[1])}
    assert listed == {*places(ROOT)}
    assert len(listed) >= 7


def test_a_new_place_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "gt_secure").mkdir()
    (tmp_path / "gt_secure" / "new.py").write_text('"""Inferred: nothing."""\n')
    assert [*places(tmp_path)] == ["gt_secure/new.py"]


def test_each_question_is_one_that_the_live_tests_ask() -> None:
    asked = {row[3] for row in rows() if not row[3].startswith("not asked: ")}
    source = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    assert asked
    assert {each for each in asked if each.partition(" of the query")[0] not in source} == set()
