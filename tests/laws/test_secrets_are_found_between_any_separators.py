"""A secret that is broken by any separator, the same at each break, is masked or its output is left
out; what is found is never left in part.

Separators are generated: runs of at most twelve characters that are not of the secret's alphabet,
and lists of markup, escapes, invisible characters, quotes, line ends, columns, LaTeX, Markdown and
line numbers; each with widths from eight letters on and each kind of secret of twenty letters or
more. A separator has one character outside ``+/_~.=&?:%-``, which names and secrets have.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from gt_secure.secrets import find_secrets, mask_secrets, notebooks, recogniser
from gt_secure.secrets.notebooks import LEFT_OUT
from support.secret_corpus import Values
from support.secret_forms import Book, book, make, outcomes, shown, stream
from support.secret_page import compare
from support.secret_separators import (
    ALL_KINDS,
    WIDTHS,
    Case,
    case_of,
    clean_texts,
    drawn_separator,
    left,
    listed,
    output,
)


def outcome(case: Case) -> str:
    data = output(case.broken())
    assert left(case, data), case  # the sampler knows the separator
    found = mask_secrets(data)
    if LEFT_OUT in json.dumps(data):
        return "left out"
    if not left(case, data):
        return "gone"
    return "left" if found else "missed"


def drawn(number: int, seed: int, kind: str = "") -> Iterable[Case]:
    """Draw cases: two of three with a listed separator."""
    draw, known = random.Random(seed), listed()
    while number:
        one = kind or draw.choice(ALL_KINDS)
        is_listed = draw.random() < 2 / 3
        group, separator = (
            draw.choice(known) if is_listed else ("drawn", drawn_separator(draw, one))
        )
        if case := case_of(one, group, separator, draw.choice(WIDTHS), draw.randrange(10_000)):
            yield case
            number -= 1


def test_a_sample() -> None:
    seen = outcomes(outcome, drawn(100, 1))
    assert seen["missed"] <= 2
    assert seen["gone"] >= 90


@pytest.mark.check
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_drawn_separators_of_a_kind(kind: str) -> None:
    seen = outcomes(outcome, drawn(60, 2, kind))
    assert seen["missed"] <= 6
    assert seen["gone"] >= 42


def matrix() -> Iterable[Case]:
    """Yield each listed separator with each kind, at widths by chance, and as many drawn ones."""
    draw = random.Random(3)
    for kind in ALL_KINDS:
        number = 0
        for group, separator in listed():
            if case := case_of(kind, group, separator, draw.choice(WIDTHS), draw.randrange(10_000)):
                yield case
                number += 1
        yield from drawn(number, 4, kind)


@pytest.mark.slow
def test_the_matrix() -> None:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for case in matrix():
        seen[case.kind][outcome(case)] += 1
    for kind, counts in seen.items():
        print(kind, dict(counts))
    everything = sum(seen.values(), Counter())
    print(f"{everything.total()} cases: {dict(everything)}")
    assert everything["left"] == 0
    assert everything["missed"] <= 0.02 * everything.total()
    assert everything["left out"] <= 0.02 * everything.total()


@pytest.mark.slow
def test_the_page_leaves_the_same(tmp_path: Path) -> None:
    compare([output(case.broken()) for case in matrix()], tmp_path)


def test_clean_texts_between_separators_raise_no_alarm() -> None:
    assert alarms(200) == []


@pytest.mark.slow
def test_more_clean_texts_raise_no_alarm() -> None:
    assert len(alarms(3000)) <= 20


def alarms(number: int) -> list[str]:
    return [text for text in clean_texts(number) if find_secrets(output(text))]


def halves(kind: str, seed: int) -> tuple[str, str, list[str]]:
    text, secrets = make(kind, seed)
    at = text.index(secrets[-1]) + len(secrets[-1]) // 2
    return text[:at], text[at:], secrets


def between(one: str, two: str) -> dict[str, Book]:
    """Return a text cut by another output, by another stream, and in two cells."""
    picture = shown(text__plain="<Figure size 640x480>")
    return {
        "another output": book(stream(one), picture, stream(two)),
        "another stream": book(stream(one), stream("a warning\n", "stderr"), stream(two)),
        "two cells": joined(book(stream(one)), book(stream(two))),
        "a note": joined(book(stream(one)), book(kind="markdown", source="x"), book(stream(two))),
    }


def joined(*books: Book) -> Book:
    return {**books[0], "cells": [cell for each in books for cell in each["cells"]]}


@pytest.mark.parametrize("kind", ["JWT", "PEM", "Anthropic", "version 4", "docker", "Slack", "STS"])
def test_what_goes_on_behind_something_else_is_left_out(kind: str) -> None:
    for seed in range(3):
        one, two, secrets = halves(kind, seed)
        for name, data in between(one, two).items():
            if not mask_secrets(data):
                continue
            texts = [
                each.get("text", "") for cell in data["cells"] for each in cell.get("outputs", ())
            ]
            secret = secrets[-1]
            parts = [secret[i : i + 12] for i in range(len(secret) - 11)]
            assert not [part for part in parts if any(part in text for text in texts)], (kind, name)


def test_a_token_between_signs_that_it_may_have_itself_is_whole() -> None:
    token = Values(4).make("github")
    data = output(f"a-{token}-b")
    mask_secrets(data)
    assert data["cells"][0]["outputs"][0]["text"] == "before\na-***-b\nafter\n"


@pytest.mark.parametrize("fault", ["no separators", "no second look"])
def test_a_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "no separators":
        monkeypatch.setattr(recogniser, "_broken", lambda *_: ())
        with pytest.raises(AssertionError):
            test_a_sample()
    else:
        monkeypatch.setattr(notebooks, "holds_rest", lambda _: False)
        with pytest.raises(AssertionError):
            test_what_goes_on_behind_something_else_is_left_out("PEM")
