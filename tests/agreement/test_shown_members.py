"""A result names the members of its document, and everything else follows from them."""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import gt_secure
from gt_secure.base.network import Source
from gt_secure.base.shown import Shown

ROOT = Path(gt_secure.__file__).parent


@dataclass(frozen=True, slots=True)
class Part(Shown):
    document = ("word: name", "size")

    name: str
    size: int = 1


@dataclass(frozen=True, slots=True)
class Whole(Shown):
    parts: tuple[Part, ...] = ()
    at: dt.datetime | None = None
    ranges: tuple[Any, ...] = ()
    source: Source | None = None
    day: dt.date | None = None
    counts: dict[str, int] = field(default_factory=dict)
    hidden: str = field(default="x", repr=False)


def test_all_fields_that_the_repr_shows_are_the_document() -> None:
    assert Whole().to_dict() == {
        "parts": [],
        "at": None,
        "ranges": [],
        "source": None,
        "day": None,
        "counts": {},
    }


def test_each_value_has_one_form_in_all_documents() -> None:
    moment = dt.datetime(2026, 12, 2, 3, 4, 5)
    made = Whole(
        at=moment,
        ranges=(ip_network("203.0.113.0/24"), 1.5, True),
        source=Source.parse("203.0.113.7"),
        day=moment.date(),
        counts={"a": 1},
    )
    assert made.to_dict() | {"parts": 0} == {
        "parts": 0,
        "at": "2026-12-02T03:04:05Z",
        "ranges": ["203.0.113.0/24", 1.5, True],
        "source": "203.0.113.7",
        "day": "2026-12-02",
        "counts": {"a": 1},
    }
    aware = Whole(at=moment.replace(tzinfo=dt.UTC)).to_dict()["at"]
    assert aware == "2026-12-02T03:04:05+00:00"


def test_a_member_may_have_the_path_of_its_attribute() -> None:
    @dataclass
    class Team(Shown):
        document = ("id", "size: part.size", "whole: part")
        id: str
        part: Part

    data = Team("a", Part("B", 3)).to_dict()
    assert data == {"id": "a", "size": 3, "whole": {"word": "B", "size": 3}}


def sources_with(*phrases: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield the modules that have one of these texts."""
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(phrase in text for phrase in phrases):
            yield path.relative_to(ROOT).as_posix(), ast.parse(text)


def test_no_class_writes_what_its_members_say() -> None:
    """A ``to_dict`` that only lists members is declared as a ``document``."""
    for path, tree in sources_with("def to_dict"):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == "to_dict":
                said = ast.unparse(node.body[-1])
                lists = said.startswith(("return members(self, '", "return asdict(self)"))
                assert not lists, f"{path}: {said}"


def test_sources_and_headlines_are_worded_in_one_module() -> None:
    phrases = ("Anyone with a URL can open", "can open presigned URLs of", "all addresses except")
    for path, tree in sources_with(*phrases):
        texts = (
            str(part.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
            if isinstance(part, ast.Constant)
        )
        composed = [text for text in texts if any(each in text for each in phrases)]
        assert not composed or path == "engine/access/access_words.py", path
