"""Which lines a template is rendered with, and the doubt about the others: only a function of AWS
makes its input as it is known.
"""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.account.state import TaskLines, TaskTemplate
from gt_secure.base import budget
from gt_secure.engine.access.part import Part
from gt_secure.findings import page_links
from support.states import unread

PLACE, INPUT = "s3://gt-images/t.html", "s3://gt-images/m.manifest"
LINES = ({"source-ref": "s3://gt-images/1.png"}, {"source-ref": "s3://gt-images/2.png"})
MINE, AWS = "111122223333", "432418664414"
UNKNOWN = "The function {} makes the input of its tasks, and is not called."


def function(account: str, *name: str) -> str:
    return ":".join(("arn:aws:lambda:us-east-1", account, "function", *name))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The tasks, the doubt and the places that a template was rendered with."""
    seen: list[tuple[Any, ...]] = []

    def call(_: Any, text: str, buckets: Any, *rest: Any) -> Any:
        seen.append((len(rest[0]), *rest[1:]))
        return ["s3://gt-images/left.png"], rest[1], rest[2][1]

    monkeypatch.setattr(budget, "call", call)
    return seen


def template(name: str = "", tasks: Any = None) -> TaskTemplate:
    lines = Part.of(TaskLines(LINES, True)) if tasks is None else tasks
    return TaskTemplate(
        "scans", Part.of("<p>"), PLACE, lines, INPUT, name, frozenset({"gt-images"})
    )


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("", True),
        (function(AWS, "PRE-BoundingBox"), True),
        (function(AWS, "PRE-BoundingBox", "1"), True),
        (function(AWS, "ACS-BoundingBox"), False),
        (function(MINE, "PRE-BoundingBox"), False),
        (function(AWS), False),
        ("PRE-BoundingBox", False),
    ],
)
def test_only_a_function_of_aws_makes_a_known_input(
    name: str, is_known: bool, asked: list[tuple[Any, ...]]
) -> None:
    found = page_links.links_of(template(name), "<p>", MINE)
    number, doubt, place = (2, "", INPUT) if is_known else (0, UNKNOWN.format(name), name)
    assert asked == [(number, doubt, [PLACE, place])]
    assert found == (("s3://gt-images/left.png",), doubt, place)


@pytest.mark.parametrize(
    ("tasks", "number", "doubt"),
    [
        (Part.of(TaskLines(LINES, False)), 2, "Only 2 tasks of its manifest can be rendered."),
        (Part.of(TaskLines(LINES[:1], False)), 1, "Only 1 task of its manifest can be rendered."),
        (Part.of(None), 0, "Only 0 tasks of its manifest can be rendered."),
        (unread("s3:GetObject", "the manifest"), 0, "The input of its tasks is not known: s3:GetObject was denied."),
    ],
)  # fmt: skip
def test_lines_that_are_not_rendered_are_a_doubt(
    tasks: Any, number: int, doubt: str, asked: list[tuple[Any, ...]]
) -> None:
    page_links.links_of(template(tasks=tasks), "<p>", MINE)
    assert asked == [(number, doubt, [PLACE, INPUT])]


def test_a_template_that_cannot_be_rendered_says_where(
    asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise OSError("it took too long")

    monkeypatch.setattr(budget, "call", fails)
    found = page_links.links_of(template(), "<p>", MINE)
    assert found == ((), "Its template was not rendered: it took too long.", PLACE)
    monkeypatch.setattr(page_links, "find_spec", lambda _: None)
    found = page_links.links_of(template(), "<p>", MINE)
    assert found.doubt.startswith("python-liquid, which renders templates, is missing. Run: pip ")
    assert (found.links, found.place) == ((), PLACE)
