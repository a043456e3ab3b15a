"""Every text is searched for secrets in time that grows with its length; a run that would take
longer is refused aloud.

Time is processor time, measured in turn with that of an ordinary text in the same process.
"""

from __future__ import annotations

import base64
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median

import pytest

from gt_secure.secrets import find_secrets, recogniser, redact
from gt_secure.secrets.recogniser import NOT_SEARCHED, find
from support.secret_corpus import LOWER, TABLE, WORD, Values
from support.secret_separators import drawn_separator, listed

LINE = "epoch 12 of 40: loss=0.1234 token accuracy 0.99, signature lorem ipsum dolor sit amet\n"
MOST = 90
"""Limit of a text, in times of an ordinary one:
1 MB of that takes about 0.012 s on a quiet machine.
"""
SECOND = 115
"""Times an ordinary text, measured in turn, that are 1 s for 1 MB."""
SEPARATORS = (
    *(
        "",
        "-",
        ".",
        "_",
        " ",
        "\n",
        "=",
        '="',
        ': "',
        "a",
        "A1",
        ":",
        ": ",
        "&",
        "@",
        "/",
        "//",
        "<td>",
        "</a><b>",
    ),
    *(
        " " * 40,
        " " * 65,
        "\t|",
        "  x=y ",
        f' a="{"b" * 60}" ',
        '="a1B2c3',
        "=A1b2C3d4E5f6G7h8J9 ",
        "=!#,",
        "=a1;",
    ),
    *(
        " " * 40 + "x",
        " " * 60 + "<",
        " -p ",
        " x-p ",
        " -u ",
        " -u a ",
        "='a1B2c3d4E5' ",
        '":"aB3',
    ),
    *(
        "://a:" + "@" * 200,
        "://a:@a",
        "%3D",
        "\\n",
        "(['",
        ",value=",
        "A" * 30,
        "=3D",
        "----- ",
        " key ",
        ".a.b",
    ),
)
HELD = "\n".join(("", "", "AK" + "IA" + "Q3EGRZ5NV7B2YTKD", ""))
"""A secret in a line behind a hostile text."""


def anchors() -> list[str]:
    texts = {text for kind in TABLE["kinds"] for text in kind["anchors"]}
    return sorted(texts | {*TABLE["lists"]["base64"], *TABLE["escapes"]})


def hostile(size: int) -> Iterator[str]:
    """Yield every anchor, repeated, with everything that may stand between two."""
    for anchor in anchors():
        for separator in SEPARATORS:
            each = anchor + separator
            yield (each * (size // len(each) + 1))[:size] + HELD


def seconds(text: str) -> float:
    begin = time.process_time()
    find(text)
    return (time.process_time() - begin) / len(text)


def times_ordinary(text: str) -> float:
    """Return the ratio of its time to that of an ordinary text,
    measured in turn since a machine changes its pace.
    """
    ordinary = LINE * 1000
    seconds(ordinary)
    return median(2 * seconds(text) / (seconds(ordinary) + seconds(ordinary)) for _ in range(7))


def search_all(texts: list[str], slack: float = 1) -> Counter[str]:
    """Search texts of one length; count what each came to. Milliseconds are noisy:
    short texts get ``slack``.
    """
    unit = median(seconds(LINE * 1000) for _ in range(7))
    seen: Counter[str] = Counter()
    for text in texts:
        most = slack * MOST
        if seconds(text) > most * unit / 2:  # measured well only where it may be too long
            assert times_ordinary(text) <= most, (text[:60], times_ordinary(text))
        spans = find(text)
        held = text.rindex(HELD.strip())
        assert any(span.start <= held < span.end for span in spans), text[:60]
        refused = [span for span in spans if span.what == NOT_SEARCHED]
        assert all(span.end - span.start >= 200 for span in refused)
        seen["refused" if refused else "searched"] += 1
    return seen


def test_a_sample_of_hostile_texts() -> None:
    texts = random.Random(5).sample([*hostile(8_000)], 90)
    texts += [
        each
        for each in hostile(8_000)
        if each.startswith(("eyJ-eyJ-", "IQoJ-", "xai-xai", "ya29._ya"))
    ]
    seen = search_all(texts, slack=2)
    assert seen["refused"] >= 6
    assert seen["searched"] >= 60


@pytest.mark.slow
@pytest.mark.parametrize("size", [20_000, 100_000])
def test_all_hostile_texts(size: int) -> None:
    seen = search_all([*hostile(size)])
    assert seen["refused"] >= 300
    assert seen["searched"] >= 2000


NAMES = ("", "pwd: ", "passphrase: ", "token=", '"password": "', "AKIA", "eyJ", "X-Amz-Signature=")


def dense(size: int, seed: int) -> Iterator[str]:
    """Yield texts full of words that look drawn by chance, between separators, with names of
    secrets before some of them.
    """
    draw, values = random.Random(seed), Values(seed)
    known = [each for _, each in listed()]
    while True:
        between = [
            draw.choice((draw.choice(known), drawn_separator(draw, "github")))
            for _ in range(draw.choice((1, 1, 2, 5, 200)))
        ]
        names, width = draw.sample(NAMES, draw.choice((1, 1, 2))), draw.choice((8, 8, 9, 12, 20))
        text, length = [], 0
        while length < size:
            text.append(draw.choice(names) + values.of(WORD, width) + draw.choice(between))
            length += len(text[-1])
        yield "".join(text)[:size] + HELD


@pytest.mark.check
def test_a_sample_of_texts_full_of_breaks() -> None:
    search_all([*islice(dense(131_000, 3), 12)], slack=SECOND / MOST)


@pytest.mark.slow
def test_many_texts_full_of_breaks() -> None:
    search_all([*islice(dense(131_000, 4), 400)], slack=SECOND / MOST)


def ordinary(values: Values) -> dict[str, Callable[[], str]]:
    """What notebooks hold by the megabyte, one line of each."""
    return {
        "prose": lambda: LINE,
        "table": lambda: (
            "<tr><td"
            f" class='k'>token_{values.of(LOWER, 5)}</td><td>{values.of(WORD, 9)}</td></tr>\n"
        ),
        "page": lambda: (
            f'<a href="https://example.com/{values.of(WORD, 60)}?a=1&amp;key=2">secret</a>'
        ),
        "JSON": lambda: (
            f'{{"token_type": "bearer", "id": {values.chance.random()}, "key":'
            f' "{values.of(WORD, 8)}"}},'
        ),
        "program": lambda: (
            f"function {values.of(LOWER, 3)}(e,t){{return e.token=t.secret||{{}},this.pwd=t}};"
        ),
        "base64": lambda: base64.b64encode(values.chance.randbytes(60)).decode(),
        "base64 for URLs": lambda: base64.urlsafe_b64encode(values.chance.randbytes(60)).decode(),
        "base64 in lines": lambda: base64.b64encode(values.chance.randbytes(57)).decode() + "\n",
        "hexadecimal": lambda: values.chance.randbytes(60).hex(),
        "numbers": lambda: f"{values.chance.random()},{values.chance.random()}\n",
    }


def search_ordinary(size: int) -> None:
    for name, line in ordinary(Values(3)).items():
        text, length = [], 0
        while length < size:
            text.append(line())
            length += len(text[-1])
        assert not [span for span in find("".join(text)) if span.what == NOT_SEARCHED], name


def test_ordinary_texts_are_searched_whole() -> None:
    search_ordinary(60_000)


@pytest.mark.slow
def test_ordinary_texts_of_five_megabytes_are_searched_whole() -> None:
    search_ordinary(5_000_000)


def test_a_refusal_is_reported_and_the_run_is_masked() -> None:
    text = "eyJ-" * 3000
    assert redact(f"a {text} b") == "a *** b"
    output = {"output_type": "stream", "name": "stdout", "text": f"a {text}\n"}
    book = {
        "cells": [{"cell_type": "code", "metadata": {}, "source": "1", "outputs": [output]}],
        "metadata": {},
    }
    assert [each.what for each in find_secrets(book)] == [NOT_SEARCHED]


def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recogniser._LongRuns, "pays", lambda *_: True)
    with pytest.raises(AssertionError):
        test_a_sample_of_hostile_texts()
