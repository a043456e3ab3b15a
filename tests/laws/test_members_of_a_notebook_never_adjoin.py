"""A secret is found as the whole, the first and the last text of every member of a notebook.

The searched text is that of all members, one behind the other. Where nothing stands between two of
them, the end of one is the beginning of the other, and a token has no border. A walker of the
notebooks below yields each place of a text: formats 3 and 4, widgets' state, outputs of widgets,
worksheets, attachments and metadata. The page does the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure.secrets import notebooks
from gt_secure.secrets.notebooks import find_secrets, mask_secrets
from support.notebook_places import BOOKS, PLACES, Place, with_text
from support.secret_corpus import Values
from support.secret_forms import KINDS, make
from support.secret_page import compare

FORMS: dict[str, Callable[[str], str]] = {
    "whole": str,
    "first": "{} is what it was".format,
    "last": "it was {}".format,
}


TOKENS = ("github", "npm", "huggingface", "openai", "slack", "anthropic", "jwt")
"""Kinds whose whole text is the secret."""


def made(kind: str, seed: int) -> tuple[str, list[str]]:
    """Return a text of a kind, and its secrets."""
    if kind not in TOKENS:
        return make(kind, seed)
    token = Values(seed).make(kind)
    return token, [token]


def missed(kind: str, name: str, place: Place, form: str, seed: int) -> str:
    """Return what is left of a secret in a place; nothing if it is found and gone."""
    book = with_text(BOOKS[name], place, FORMS[form](made(kind, seed)[0]))
    if not find_secrets(book):
        return "not found"
    mask_secrets(book)
    return left(kind, place, seed, book)


def left(kind: str, place: Place, seed: int, book: Any) -> str:
    """Return whether a secret is left in a masked notebook; nothing if it is gone."""
    if place[0] == "cells" and place[2] == "source":
        return ""  # in code, only strings and comments are masked
    text = json.dumps(book, ensure_ascii=False)
    return "left" if any(each in text for each in made(kind, seed)[1]) else ""


def faults(cases: list[tuple[str, str, Place, str]], seed: int) -> list[tuple[Any, ...]]:
    found = ((what, *case) for case in cases if (what := missed(*case, seed)))
    return list(found)


def all_cases() -> list[tuple[str, str, Place, str]]:
    return [(kind, *at, form) for kind in (*KINDS, *TOKENS) for at in PLACES for form in FORMS]


def test_the_walker_meets_every_place() -> None:
    assert len(PLACES) > 60
    assert {place[0] for _, place in PLACES} == {"metadata", "cells", "worksheets"}


def test_some_secrets_in_some_places() -> None:
    assert faults(random.Random(3).sample(all_cases(), 60), 3) == []


@pytest.mark.check
@pytest.mark.parametrize("kind", [*KINDS, *TOKENS])
def test_every_secret_in_every_place(kind: str) -> None:
    assert faults([case for case in all_cases() if case[0] == kind], 5) == []


@pytest.mark.slow
def test_the_page_finds_every_secret_in_every_place(tmp_path: Path) -> None:
    cases = all_cases()
    books = [
        with_text(BOOKS[name], place, FORMS[form](made(kind, 5)[0]))
        for kind, name, place, form in cases
    ]
    for (kind, _, place, _), page in zip(cases, compare(books, tmp_path), strict=True):
        assert page["places"], (kind, place)
        assert not left(kind, place, 5, page["book"]), (kind, place)


def test_each_place_is_tried_alone() -> None:
    for name, place in PLACES:
        book = with_text(BOOKS[name], place, "here")
        assert json.dumps(book).count('"here"') == 1, place


def test_the_law_sees_two_members_that_adjoin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks._Texts, "_members", adjoining)
    cases = [("github", *at, "whole") for at in PLACES]
    assert any(what == "not found" for what, *_ in faults(cases, 3))


def adjoining(self: Any, data: dict[Any, Any], shown: str) -> None:
    """Add members of an object without anything between name and text."""
    for inner, each in data.items():
        self._leaf(data, inner, str(inner), "name", 0, len(str(inner)))
        self._walk(data, inner, each, None, shown)
