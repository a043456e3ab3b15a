"""Text from outside is shown as text, whatever it holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from gt_secure.base import html as markup
from gt_secure.base.errors import AccessDenied, GtSecureError
from gt_secure.widgets.base import error_markup

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "$\\frac{1}{0}$",
    "\x1b[31mred\x07\x00",
    "a\u202eb\u2066c",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "x" * 10_000,
    "العربية",
    "👩‍🔬",
)
ALLOWED = {
    *("bdi", "code", "span", "div", "b", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("details", "summary", "pre", "dl", "dt", "dd", "ul", "li"),
}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.data += data


def read(fragment: str) -> Reader:
    reader = Reader()
    reader.feed(fragment)
    reader.close()
    return reader


def fragments(value: str) -> list[str]:
    return [
        markup.text(value),
        markup.code(value),
        markup.chip("ok", value),
        markup.table((value, value), [(value, markup.Chip("no", value))], caption=value),
        markup.notice("warn", value, value),
        markup.fold(value, markup.text(value)),
        markup.pre(value),
        markup.pre({"k": value}),
        markup.hint(value, value),
        markup.facts([(value, value)]),
        error_markup(GtSecureError(value, next_step=value, details={"x": value})),
        error_markup(AccessDenied(value, action=value, resource=value)),
    ]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_brings_no_tag_and_no_attribute(value: str) -> None:
    for fragment in fragments(value):
        found = read(fragment)
        assert set(found.tags) <= ALLOWED
        assert not [
            name
            for name in found.attributes
            if name.startswith("on") or name in ("src", "href", "style")
        ]


@given(st.text(max_size=400))
def test_any_text_brings_no_tag(value: str) -> None:
    for fragment in fragments(value):
        assert set(read(fragment).tags) <= ALLOWED


@given(st.text(max_size=100))
def test_text_comes_out_as_it_went_in_but_for_what_is_made_visible(value: str) -> None:
    assert read(markup.text(value)).data == markup.plain(value)


def test_control_and_direction_characters_become_visible() -> None:
    assert markup.plain("a\u202eb\x00c\x1b") == "a\ufffdb\ufffdc\ufffd"


def test_long_text_keeps_its_beginning_and_its_end() -> None:
    shown = markup.plain("start" + "x" * 10_000 + "end")
    assert len(shown) <= 160
    assert shown.startswith("start")
    assert shown.endswith("end")


def test_every_tone_but_plain_has_a_sign_beside_its_colour() -> None:
    for tone in ("ok", "no", "warn"):
        assert markup.ICONS[tone]
        assert markup.ICONS[tone] in markup.chip(tone, "x")


def test_a_table_names_its_columns_and_rows_for_screen_readers() -> None:
    shown = markup.table(("A", "B"), [("1", "2")], caption="Numbers")
    assert re.search(r'<th scope="col">.*A', shown)
    assert '<th scope="row">' in shown
    assert 'aria-label="Numbers"' in shown
    assert 'tabindex="0"' in shown
