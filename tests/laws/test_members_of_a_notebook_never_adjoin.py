"""A secret is found as the whole, the first and the last text of every member of a notebook.

The searched text is that of all members, one behind the other. Where nothing stands between two of
them, the end of one is the beginning of the other, and a token has no border. A walker of the
notebooks below yields each place of a text: formats 3 and 4, widgets' state, outputs of widgets,
worksheets, attachments and metadata. The page does the same
(``test_what_is_found_is_gone.py::test_the_page_does_the_same``).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from gt_secure.secrets import notebooks
from gt_secure.secrets.notebooks import find_secrets, mask_secrets
from support.notebook_places import BOOKS, PLACES, Place, with_text
from support.secret_corpus import Values
from support.secret_forms import KINDS, make

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
    text, secrets = made(kind, seed)
    book = with_text(BOOKS[name], place, FORMS[form](text))
    if not find_secrets(book):
        return "not found"
    mask_secrets(book)
    if place[0] == "cells" and place[2] == "source":
        return ""  # in code, only strings and comments are masked
    left = json.dumps(book, ensure_ascii=False)
    return "left" if any(each in left for each in secrets) else ""


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


def test_the_law_sees_two_members_that_adjoin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks._Texts, "_members", adjoining)
    cases = [("github", *at, "whole") for at in PLACES]
    assert any(what == "not found" for what, *_ in faults(cases, 3))


def adjoining(self: Any, data: dict[Any, Any], shown: str) -> None:
    """Add members of an object without anything between name and text."""
    for inner, each in data.items():
        self._leaf(data, inner, str(inner), "name", 0, len(str(inner)))
        self._walk(data, inner, each, None, shown)
