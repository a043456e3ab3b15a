"""States of the panel as a reader sees them: visible texts, fields and buttons in their order.

Only the public face of the package is used: ``tools/compare_outputs.py`` reads these states from
other versions of it.
"""

from __future__ import annotations

import html
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gt_secure

OFFICE = "203.0.113.0/24"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"


class Visitor:
    """A person in front of one panel after the other.

    Parameters
    ----------
    keys_of_nobody : callable
        Makes a user without permissions, and returns the variables with the keys.
    """

    def __init__(self, keys_of_nobody: Callable[[], Mapping[str, str]]) -> None:
        self._keys_of_nobody = keys_of_nobody
        self._connection = gt_secure.connect()
        self.panel: Any = None

    def open(self, **options: Any) -> None:
        """Open a panel in place of the former one."""
        self.close()
        self.panel = gt_secure.panel(options.pop("connection", self._connection), **options)

    def close(self) -> None:
        """Close the panel, if one is open."""
        if self.panel is not None:
            self.panel.close()
        self.panel = None

    def open_as_nobody(self) -> None:
        """Open a panel as a user without permissions, and look at what that role can use."""
        before = {**os.environ}
        os.environ |= self._keys_of_nobody()
        try:
            self.open(connection=gt_secure.connect(), bucket="gt-images", addresses=[OFFICE])
        finally:
            os.environ |= before
        self.panel.examine()

    def unfold(self) -> None:
        """Press each button that opens a part."""
        for each in _seen(self.panel):
            if _is_closed(each):
                each.click()

    def agree(self) -> None:
        """Tick the check boxes of the questions."""
        for each in _seen(self.panel.review.confirms):
            if type(each).__name__ == "Checkbox":
                each.value = True

    def sign(self) -> None:
        """Sign a test URL as the portal would for a worker in the office."""
        self.panel.test.bound_to = "203.0.113.7"
        self.panel.test.sign()

    def plot(self) -> None:
        """Plot the requests of a log in a file."""
        self.panel.hits.logs = "requests.log"
        self.panel.hits.plot_hits()


def _set(part: str, name: str, value: object) -> Callable[[Visitor], None]:
    """Return an action that sets a trait of a step."""
    return lambda visitor: setattr(getattr(visitor.panel, part), name, value)


def _press(part: str, name: str) -> Callable[[Visitor], None]:
    """Return an action that calls what a button of a step calls."""
    return lambda visitor: getattr(getattr(visitor.panel, part), name)()


def _opened(**options: Any) -> Callable[[Visitor], None]:
    return lambda visitor: visitor.open(**options)


STATES: dict[str, Callable[[Visitor], None]] = {
    "empty": _opened(),
    "a team is chosen": _set("picker", "value", "open-team"),
    "a bucket is chosen": _set("allow", "bucket", "gt-images"),
    "bad input": _set("allow", "addresses", ("203.0.113.0/33", "10.0.0.0/8", "the office")),
    "one range, so the plan asks": _set("allow", "addresses", (OFFICE,)),
    "all parts are open": Visitor.unfold,
    "the question is answered": Visitor.agree,
    "applied": _press("review", "apply"),
    "a test URL is signed": Visitor.sign,
    "probed: opened and refused": _press("test", "probe"),
    "requests are plotted": Visitor.plot,
    "a leaked URL that expired is to be stopped": _press("hits", "revoke"),
    "another team, so the plan is blocked": _opened(
        team="vpc-team", bucket="gt-images", endpoints=[ENDPOINT]
    ),
    "what the first team needs is kept": _press("review", "keep"),
    "again the first team: nothing to change": _opened(
        team="open-team", bucket="gt-images", addresses=[OFFICE]
    ),
    "an undo is shown and asks": _press("review", "undo"),
    "undone": _press("review", "apply"),
    "the portal lock of all teams": _set("allow", "portal_lock", True),
    "a bucket without a team": _opened(bucket="ml-artifacts"),
    "a team that is not there": _opened(team="nobody"),
    "a bucket that is not there": _opened(bucket="nothing", addresses=[OFFICE]),
    "a test URL without an object": _press("test", "sign"),
    "a role without permissions": Visitor.open_as_nobody,
}
"""How each state is reached: by a panel of its own, or from the state before."""


def panel_states(keys_of_nobody: Callable[[], Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield each state with its text; where this version cannot reach a state, its text has the
    error.

    Without an event loop a panel does its work at once, and shows errors as in a notebook.
    """
    visitor = Visitor(keys_of_nobody)
    for name, reach in STATES.items():
        problem = ""
        try:
            reach(visitor)
        except Exception as error:
            problem = "".join(traceback.format_exception_only(error))
        yield name, problem + ("" if visitor.panel is None else panel_text(visitor.panel))
    visitor.close()


def panel_text(root: Any) -> str:
    """Return what a reader may see of a widget and of those in it, a line for each text, field and
    button: also in cards that are closed, since only one of them is open.
    """
    return "\n".join(line for each in _seen(root, closed=True) for line in _lines_of(each))


def _seen(root: Any, *, closed: bool = False) -> list[Any]:
    """Return a widget and those in it, without those that are hidden, or also closed."""
    unseen = {"gts-hidden", "gts-style", "gts-unseen", *(() if closed else ("gts-shut",))}
    if unseen & set(getattr(root, "_dom_classes", ())):
        return []
    children = getattr(root, "children", ())
    return [root, *(part for child in children for part in _seen(child, closed=closed))]


def _is_closed(widget: Any) -> bool:
    return {"gts-opens", "gts-opened"} & set(widget._dom_classes) == {"gts-opens"}


def _lines_of(widget: Any) -> Iterator[str]:
    kind = type(widget).__name__
    label, value = getattr(widget, "description", ""), getattr(widget, "value", None)
    off = ", disabled" if getattr(widget, "disabled", False) else ""
    if kind == "Button":
        yield f"[{label or widget.tooltip}]{', closed' if _is_closed(widget) else ''}{off}"
    elif kind == "Checkbox":
        yield f"({'x' if value else ' '}) {label}{off}"
    elif isinstance(getattr(widget, "options", None), tuple) and kind != "Combobox":
        options = [
            str(each[0]) if isinstance(each, tuple) else str(each) for each in widget.options
        ]
        yield f"{label}: {widget.label or 'nothing'} of {options}{off}"
    elif hasattr(widget, "placeholder") and label:
        offered = f" of {list(widget.options)}" if getattr(widget, "options", ()) else ""
        yield f"{label}: {value or f'({widget.placeholder})'}{offered}{off}"
    elif isinstance(value, str):
        yield from words_of(value)
    elif not hasattr(widget, "children"):
        yield f"{kind}: {'ready' if getattr(widget, 'ready', False) else 'not ready'}"


_UNSEEN = re.compile(r"<(style|script|title|metadata|defs)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_ONE_LINE = re.compile(r"<(tr|summary|h\d)\b.*?</\1>", re.DOTALL)
_PICTURE = re.compile(r"<(?:svg|img)\b[^>]*?(?:aria-label|alt)=\"([^\"]*)\"[^>]*>")
_INLINE = re.compile(r"</?(a|abbr|b|code|em|i|kbd|small|span|strong|sub|sup|tspan|wbr)\b[^>]*>")


def words_of(markup: str) -> list[str]:
    """Return the lines of some HTML as a reader sees them: a row of a table is one,
    and a fold begins with "▸".
    """
    text = _PICTURE.sub(r"\n(picture: \1)\n", _UNSEEN.sub(" ", markup))
    text = re.sub(r"</t[dh]>", " | ", text.replace("<summary", "<summary>▸ <summary"))
    text = _ONE_LINE.sub(
        lambda found: f"\n{re.sub('<[^>]+>', ' ', found[0])}\n", _INLINE.sub(" ", text)
    )
    lines = (
        re.sub(r"\s+", " ", html.unescape(line))
        for line in re.sub(r"<[^>]+>", "\n", text).split("\n")
    )
    return [line for each in lines if (line := re.sub(r" (?=[.,:])", "", each.strip(" |")))]
