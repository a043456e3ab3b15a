"""The text of the panel's states, which two versions are compared by: what a reader sees,
and nothing else.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import pytest

from support import panel_states
from support.panel_states import Visitor, panel_text, words_of


def test_fields_and_buttons_are_lines_in_their_order() -> None:
    hidden = ipywidgets.HTML("not shown").add_class("gts-hidden")
    body = ipywidgets.VBox([ipywidgets.Button(description="Apply")]).add_class("gts-shut")
    opener = ipywidgets.Button(description="More").add_class("gts-opens")
    opened = ipywidgets.Button(description="Less").add_class("gts-opens").add_class("gts-opened")
    shown = ipywidgets.VBox(
        [
            ipywidgets.HTML("<p>Anyone can open <b>it</b>.</p>"),
            ipywidgets.HBox(
                [ipywidgets.Button(description="Undo", disabled=True), hidden, opener, opened]
            ),
            ipywidgets.Button(tooltip="203.0.113.7: 3 opened"),
            body,
            ipywidgets.Checkbox(description="The workers know", value=False),
            ipywidgets.Checkbox(description="On", value=True, disabled=True),
            ipywidgets.Text(description="Key prefix", placeholder="the whole bucket"),
            ipywidgets.Combobox(
                description="Bucket", value="gt-images", options=("gt-images", "gt-logs")
            ),
            ipywidgets.Dropdown(
                description="Lifetime", options=[("1 minute", 60), ("1 hour", 3600)], value=3600
            ),
            ipywidgets.Select(description="Workteam", options=["a", "b"], value=None),
        ]
    )
    assert panel_text(shown).split("\n") == [
        "Anyone can open it.",
        "[Undo], disabled",
        "[More], closed",
        "[Less]",
        "[203.0.113.7: 3 opened]",
        "[Apply]",
        "( ) The workers know",
        "(x) On, disabled",
        "Key prefix: (the whole bucket)",
        "Bucket: gt-images of ['gt-images', 'gt-logs']",
        "Lifetime: 1 hour of ['1 minute', '1 hour']",
        "Workteam: nothing of ['a', 'b']",
    ]


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("<style>p { color: red }</style><p>opened &rarr; refused</p>", ["opened → refused"]),
        ("<div>one</div><div>two <em>words</em>.</div>", ["one", "two words."]),
        (
            "<tr><th>Now</th><th>After</th></tr><tr><td><p>a</p></td><td></td><td>b</td></tr>",
            ["Now | After", "a | | b"],
        ),
        (
            "<details><summary><b>2</b> findings</summary><p>why</p></details>",
            ["▸ 2 findings", "why"],
        ),
        ('<svg role="img" aria-label="Bars: 3"><title>x</title></svg>', ["(picture: Bars: 3)"]),
    ],
)
def test_markup_is_lines_as_a_reader_sees_them(markup: str, lines: list[str]) -> None:
    assert words_of(markup) == lines


def test_a_state_that_cannot_be_reached_has_the_error_and_the_next_ones_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_one(visitor: Visitor) -> None:
        visitor.panel = ipywidgets.HTML("a panel")

    def fail(visitor: Any) -> None:
        visitor.panel.no_such_method()

    monkeypatch.setattr(panel_states.gt_secure, "connect", lambda: None)
    monkeypatch.setattr(
        panel_states,
        "STATES",
        {"none": fail, "one": open_one, "gone": fail, "kept": lambda _: None},
    )
    found = dict(panel_states.panel_states(lambda: {}))
    assert found == {
        "none": "AttributeError: 'NoneType' object has no attribute 'no_such_method'\n",
        "one": "a panel",
        "gone": "AttributeError: 'HTML' object has no attribute 'no_such_method'\na panel",
        "kept": "a panel",
    }
