"""Text from outside: what drives a terminal becomes visible, and long text is cut."""

from __future__ import annotations

import json

import pytest

from gt_secure.base.text import did_you_mean, json_text, printable, some, truncate

HIDDEN = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA1))),
    *"\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u3164\ufeff",
    "\ud800",
    "\U000e0041",
    "\U000e0100",
]


@pytest.mark.parametrize("char", HIDDEN, ids=lambda c: f"{ord(c):04x}")
def test_what_drives_a_terminal_or_is_not_seen_becomes_visible(char: str) -> None:
    assert printable(f"a{char}b") == "a\ufffdb"
    assert printable(f"a{char}b", keep=char) == f"a{char}b"
    shown = json_text({"k": [f"a{char}b"]}, indent=2)
    assert char == "\n" or char == " " or char not in shown
    assert json.loads(shown) == {"k": [f"a{char}b"]}


def test_letters_of_every_script_stay() -> None:
    text = "Größe 日本語 العربية हिन्दी 👩 1:2"
    assert printable(text) == text
    assert json_text(text) == json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 59, 60, 61])
def test_long_text_is_cut_in_the_middle(most: int) -> None:
    text = "start" + "x" * 50 + "the end"
    cut = truncate(text, most)
    assert len(cut) <= most
    assert truncate("short", 60) == "short"
    if most >= 21:
        assert cut.startswith("start")
        assert cut.endswith("the end")


@pytest.mark.parametrize(
    ("words", "noun", "said"),
    [
        ((), "", ""),
        (("a",), "", "a"),
        (("a", "b"), "", "a, b"),
        (("a", "b", "c"), "", "a, b and 1 more"),
        (("a", "b", "c"), "range", "a, b and 1 more range"),
        (("a", "b", *"c" * 1204), "range", "a, b and 1,204 more ranges"),
    ],
)
def test_the_first_words_and_how_many_more(words: tuple[str, ...], noun: str, said: str) -> None:
    assert some(words, 2, noun) == said


def test_the_next_step_is_the_nearest_word_or_another_text_or_all_words() -> None:
    assert did_you_mean("hitz", ("hits", "plan"), form="'{}'") == "Did you mean 'hits'?"
    assert did_you_mean("zzz", ("hits", "plan"), "See the guide.") == "See the guide."
    assert did_you_mean("zzz", ("hits", "plan")) == "Choose from hits, plan."
    assert did_you_mean("guard", ("bucket-guard",), cutoff=0.8) == "Choose from bucket-guard."
