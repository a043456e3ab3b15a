"""The page of every text of a notice, a finding, an outcome of a rule and a cause, over accounts
made by hand.

A file of tests that asks for ``known_texts`` fails where it meets a text that
``tests/every_text.md`` does not have: the test that meets a changed sentence, or a value in another
place of it, sees it, and a person reads it in the diff.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS / "every_text.md"
WRITE_TO = "GT_SECURE_TEXTS"
"""Variable with the folder into which a run writes the texts that it meets."""

KINDS = {
    "notice": ("gt_secure.restriction.messages", "Notice", ("severity", "text", "fix", "consent")),
    "finding": (
        "gt_secure.findings.model",
        "Finding",
        ("severity", "state", "subject", "detail", "fix"),
    ),
    "checked": ("gt_secure.findings.model", "Checked", ("outcome", "reason")),
    "cause": ("gt_secure.explain.causes", "Cause", ("lock", "headline", "why", "next_step")),
}
"""Kinds of texts: the class, and the members that a person reads."""

_CHANGING = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}|20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?")
"""Ids of changes, and times."""

Text = tuple[str, str, str]
"""Kind, code and members in one line."""

_met: dict[Text, None] = {}


def line_of(kind: str, value: Any) -> Text:
    """Return the text of a notice, finding, outcome of a rule or cause as a line of the page."""
    members = (" ".join(str(getattr(value, name)).split()) for name in KINDS[kind][2])
    return kind, value.code, _CHANGING.sub("TIME", " | ".join(each for each in members if each))


@cache
def known() -> frozenset[Text]:
    """Return the texts of the page."""
    texts, kind, code = set(), "", ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind = line.removeprefix("## ")
        elif line.startswith("### "):
            code = line.removeprefix("### ")
        elif line.startswith("- "):
            texts.add((kind, code, line.removeprefix("- ")))
    return frozenset(texts)


def page_of(texts: set[Text]) -> str:
    """Return the page of these texts, in the order of their kinds and codes."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, code, text in sorted(texts):
        groups[kind, code].append(f"- {text}")
    lines = [
        "# Every text of a notice, a finding, an outcome of a rule and a cause",
        "",
        (
            "Written by `GT_SECURE_UPDATE=1 pytest -n 0 tests/test_every_text.py` from the tests"
            " that use `known_texts`."
        ),
        "Read the diff: is each sentence still true, and each value in its place?",
    ]
    for kind in KINDS:
        lines += ["", f"## {kind}"]
        for name, code in sorted(each for each in groups if each[0] == kind):
            lines += ["", f"### {code}", "", *groups[name, code]]
    return "\n".join(lines) + "\n"


def files() -> list[Path]:
    """Return the files of tests whose texts are on the page."""
    mark = 'pytestmark = pytest.mark.usefixtures("known_texts")'
    return sorted(
        path for path in TESTS.rglob("test_*.py") if mark in path.read_text(encoding="utf-8")
    )


def written(folder: Path) -> set[Text]:
    """Return the texts that runs wrote into a folder."""
    return {
        tuple(each)
        for path in folder.glob("*.json")
        for each in json.loads(path.read_text(encoding="utf-8"))
    }


@pytest.fixture
def known_texts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test if it meets a text that the page does not have."""
    seen, check = watched(monkeypatch)
    yield
    if os.environ.get(WRITE_TO):
        _met.update(seen)
    else:
        check()


def watched(patch: pytest.MonkeyPatch) -> tuple[dict[Text, None], Callable[[], None]]:
    """Note each text from now on; return the texts, and a check that the page has them."""
    seen: dict[Text, None] = {}
    for kind, (module, name, _) in KINDS.items():
        _watch(patch, kind, getattr(import_module(module), name), seen)

    def check() -> None:
        # That a code has no text is seen by the test of the page; what was not checked lists all
        # rules, a new one too.
        codes = {code for _, code, _ in known()} - {"not-checked"}
        new = [text for text in seen if text[1] in codes and text not in known()]
        said = (
            "texts that tests/every_text.md does not have; look at them, then GT_SECURE_UPDATE=1"
            " (see the page):"
        )
        assert not new, "\n".join([said, *(f"{kind} {code}: {text}" for kind, code, text in new)])

    return seen, check


def _watch(patch: pytest.MonkeyPatch, kind: str, cls: type[Any], seen: dict[Text, None]) -> None:
    """Note the text of each new object of a class."""
    made = "__new__" if issubclass(cls, tuple) else "__init__"
    original = getattr(cls, made)

    def init(self: Any, *args: Any, **values: Any) -> Any:
        result = original(self, *args, **values)
        seen[line_of(kind, self if result is None else result)] = None
        return result

    patch.setattr(cls, made, init)


def pytest_sessionfinish() -> None:
    """Write what this process met, where a run is asked for it."""
    if folder := os.environ.get(WRITE_TO):
        text = json.dumps(list(_met))
        Path(folder, f"{os.getpid()}.json").write_text(text, encoding="utf-8")
