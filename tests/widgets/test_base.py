"""What all parts of the panel share: boxes, the connection, outputs of cells, fields,
and errors as HTML.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import ipywidgets
import pytest

from gt_secure.base.errors import AccessDenied, InvalidInput
from gt_secure.logs.named_networks import Networks
from gt_secure.widgets import base
from gt_secure.widgets.base import (
    Box,
    Link,
    check,
    error_markup,
    field,
    leave_output,
    show_part,
    spoken,
    text_field,
)

from .conftest import words


def test_a_box_closes_what_it_is_made_of() -> None:
    before = (
        set(ipywidgets.Widget._instances) if hasattr(ipywidgets.Widget, "_instances") else set()
    )
    inner = Box([ipywidgets.Text(), ipywidgets.Label()])
    box = Box([inner, ipywidgets.Button()])
    parts = [box, inner, *inner.children, box.children[1]]
    assert all(each.comm is not None for each in parts)
    box.close()
    assert [each for each in parts if each.comm is not None] == []
    assert (
        not hasattr(ipywidgets.Widget, "_instances") or set(ipywidgets.Widget._instances) == before
    )


def test_a_box_says_what_it_is_and_where_to_do_the_same() -> None:
    box = Box([])
    assert repr(box) == "<gt_secure part>"
    assert (
        box.text_form()
        == "gt_secure part: an interactive widget. Here it is not shown; run the cell in"
        " JupyterLab, or do the same from Python (help(gt_secure)) or the command line"
        " (gt-secure --help)."
    )
    assert box._repr_mimebundle_()["text/plain"] == box.text_form()


def test_a_link_connects_once_with_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(base, "connect", lambda **given: made.append(given) or "connection")
    link = Link(profile="lab", region="eu-west-1")
    assert isinstance(link.networks, Networks)
    assert made == []
    assert [link.get(), link.get()] == ["connection", "connection"]
    assert made == [{"profile": "lab", "region": "eu-west-1"}]
    given = cast(Any, SimpleNamespace(networks="names"))
    assert (Link(given).networks, Link(given).get()) == ("names", given)
    assert len(made) == 1


@pytest.mark.parametrize("shell", [None, object()])
def test_only_a_notebook_has_an_output(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[Any, bool]] = []
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda data, *, raw: shown.append((data, raw)))
    leave_output({"text/plain": "x"})
    assert shown == ([] if shell is None else [({"text/plain": "x"}, True)])


def test_a_part_opens_and_closes_with_its_button() -> None:
    button, box = ipywidgets.Button(), Box([])
    for opened in (True, False, True):
        show_part(button, box, opened)
        assert ("gts-opened" in button._dom_classes) == opened
        assert ("gts-hidden" in box._dom_classes) == (not opened)


def test_fields_have_their_labels_and_classes() -> None:
    seen: list[bool] = []
    choice = field(ipywidgets.Dropdown, "URL lock", "gts-x", options=["a", "b"])
    assert (choice.description, choice._dom_classes) == ("URL lock", ("gts-field", "gts-x"))
    text = text_field(ipywidgets.Text, "Address", "203.0.113.0/24")
    assert (text.description, text.placeholder, text.continuous_update) == (
        "Address",
        "203.0.113.0/24",
        False,
    )
    assert "gts-mono-in" in text._dom_classes
    box = check("Ask first", True, seen.append, "Why")
    assert (box.description, box.value, box.tooltip, box.indent) == (
        "Ask first",
        True,
        "Why",
        False,
    )
    box.value = False
    assert seen == [False]


def test_a_change_is_announced_to_screen_readers() -> None:
    assert spoken("<b>x</b>") == '<div role="status" aria-live="polite"><b>x</b></div>'


@pytest.mark.parametrize(
    ("error", "first", "tone", "said"),
    [
        (InvalidInput("No team.", next_step="Name one."), "", "no", "✕ No team. Name one."),
        (
            InvalidInput("No team.", next_step="Name one."),
            "Not read.",
            "warn",
            "! Not read. No team. Name one.",
        ),
        (
            InvalidInput("No team.", next_step="Name one.", field="team"),
            "",
            "no",
            '✕ No team. Name one. Details { "error": "InvalidInput", "field": "team" }',
        ),
        (
            AccessDenied("Denied.", action="s3:GetBucketPolicy", resource="arn:aws:s3:::b"),
            "",
            "no",
            (
                "✕ Denied. Ask an administrator of the account to add the policy below. Policy for"
                " the administrator {"
            ),
        ),
    ],
)
def test_an_error_is_a_sentence_a_step_and_a_fold(
    error: Any, first: str, tone: Any, said: str
) -> None:
    markup = error_markup(error, tone, first)
    assert words(markup).startswith(said)
    assert f"gts-{tone}" in markup
    assert ("s3:GetBucketPolicy" in words(markup)) == isinstance(error, AccessDenied)
