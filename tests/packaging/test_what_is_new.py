"""A new option, log column or finding asks for its test, its line in the changelog and its place in
a guide; one that left asks for its line.

``tests/offered.txt`` has the names of the last release. ``GT_SECURE_RELEASE=1 pytest`` with this
file writes it, as ``tools/set_version.py`` says.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from gt_secure.cli.commands import COMMANDS
from gt_secure.cli.main import build_parser
from gt_secure.findings.model import catalog
from gt_secure.logs.sql.log_columns import COLUMNS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests" / "offered.txt"
PLACES = {
    "test": "a test (tests/)",
    "changelog": "a line in CHANGELOG.md above the last release",
    "guide": "a place in a guide (README.md, docs/ without docs/reference, notebooks/)",
}
"""The places that a new name needs, in words."""


def offered() -> set[str]:
    """Return what people can type or meet, each with its kind."""
    [parsers] = (
        each.choices
        for each in build_parser()._actions
        if isinstance(each, argparse._SubParsersAction)
    )
    return {
        *(
            f"option {name} {max(action.option_strings, key=len)}"
            for name in sorted({each.name for each in COMMANDS})
            for action in parsers[name]._actions
            if action.option_strings and action.help != argparse.SUPPRESS
        ),
        *(f"column {name}" for name in COLUMNS),
        *(f"finding {code}" for code in catalog()),
    }


def texts() -> dict[str, str]:
    """Return the texts in which a name is looked for."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    guides = [
        path
        for path in (ROOT / "docs").rglob("*.md")
        if not {"reference", "decisions"} & set(path.parts)
    ]
    return {
        "test": _joined(
            path for path in ROOT.glob("tests/**/*.py") if path.name != Path(__file__).name
        ),
        "changelog": changes.partition("\n## Unreleased")[2].partition("\n## ")[0],
        "guide": _joined([ROOT / "README.md", *guides, *ROOT.glob("notebooks/*.ipynb")]),
    }


def _joined(paths: Iterable[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def missing(before: set[str], now: set[str], places: Mapping[str, str]) -> list[str]:
    """Return a sentence for each place that a name has not which came or left."""
    asked = dict.fromkeys(before - now, ("changelog",)) | {
        name: tuple(PLACES) for name in now - before
    }
    return [
        f"The {'new' if name in now else 'removed'} {name} needs {PLACES[place]}."
        for name, needed in sorted(asked.items())
        for place in needed
        if not re.search(rf"(?<![\w-]){re.escape(name.split()[-1])}(?![\w-])", places[place])
    ]


def test_what_came_or_left_since_the_last_release_has_its_places() -> None:
    if os.environ.get("GT_SECURE_RELEASE"):
        PAGE.write_text("\n".join([*sorted(offered()), ""]), encoding="utf-8")
    before = set(PAGE.read_text(encoding="utf-8").splitlines())
    assert len(before) > 300
    assert missing(before, offered(), texts()) == []


NEW = ("column country", "finding guard-paused", "option plan --pause")


@pytest.mark.parametrize("name", NEW)
def test_a_name_that_came_alone_is_told_what_it_needs(name: str) -> None:
    before, now = {"option plan --allow"}, {"option plan --allow", name}
    nothing = dict.fromkeys(PLACES, f"{name.split()[-1]}s and --allow")
    assert missing(before, now, nothing) == [
        f"The new {name} needs {where}." for where in PLACES.values()
    ]
    there = dict.fromkeys(PLACES, f"With `{name.split()[-1]}` a plan does more.")
    assert missing(before, now, there) == []
    assert missing(before, now, there | {"guide": ""}) == [
        f"The new {name} needs {PLACES['guide']}."
    ]


@pytest.mark.parametrize("name", NEW)
def test_a_name_that_left_is_told_too(name: str) -> None:
    nothing = dict.fromkeys(PLACES, "")
    assert missing({name}, set(), nothing) == [f"The removed {name} needs {PLACES['changelog']}."]
