"""Every control of the panel has its label, its example and its choices, on a page, whether it is
shown or hidden.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets

from gt_secure.widgets import AllowEditor, HitsStep, ReviewStep, TeamPicker, TestUrlStep

PAGE = Path(__file__).parent / "controls.md"
STEPS: dict[str, Callable[[], ipywidgets.Widget]] = {
    "team or bucket": TeamPicker,
    "allow, for a team": lambda: AllowEditor(
        bucket="gt-images", team="radiology-team", addresses=["203.0.113.0/24"]
    ),
    "allow, for a bucket": lambda: AllowEditor(bucket="gt-images"),
    "review": ReviewStep,
    "test URL": TestUrlStep,
    "requests": HitsStep,
}
HEAD = """# The controls of each step, before anything was read

Written by `GT_SECURE_UPDATE=1 pytest tests/widgets/test_controls.py`. Read the diff.
"""


def lines_of(widget: Any) -> Iterator[str]:
    said = [
        f"({getattr(widget, 'placeholder', '')})",
        f"tooltip: {widget.tooltip or ''}",
        *(
            f"- {each[0]} = {each[1]}" if isinstance(each, tuple) else f"- {each}"
            for each in getattr(widget, "options", None) or ()
        ),
    ]
    off = ", disabled" if getattr(widget, "disabled", False) else ""
    yield f"{type(widget).__name__} {widget.description}{off}"
    yield from (f"  {each}" for each in said if each not in ("()", "tooltip: ", "- "))


def page(every_widget: Any, words: Any) -> str:
    lines = [HEAD]
    for name, make in STEPS.items():
        lines += [f"## {name}", "", "```text"]
        for widget in every_widget(make()):
            if isinstance(widget, ipywidgets.HTML):
                # without a connection, the picker shows an error
                is_left_out = make is TeamPicker or "gts-style" in widget._dom_classes
                text = "" if is_left_out else words(widget.value)
                lines += [f"  {text}"] if text else []
            elif hasattr(widget, "description"):
                lines += lines_of(widget)
        lines += ["```", ""]
    return "\n".join(lines)


def test_each_control_has_its_words(every_widget: Any, words: Any) -> None:
    if os.environ.get("GT_SECURE_UPDATE"):
        PAGE.write_text(page(every_widget, words), encoding="utf-8")
    assert page(every_widget, words) == PAGE.read_text(encoding="utf-8"), (
        "look at what changed, then GT_SECURE_UPDATE=1"
    )
