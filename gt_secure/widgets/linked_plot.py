"""A plot whose bars can be pressed: transparent stock buttons lie over them,
so mouse and keyboard need no extra.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from ..base import html as markup
from .background import Action
from .base import Box, replace_children
from .thread_safe import Html, make, set_class, shared, thread_safe

if TYPE_CHECKING:
    from ..logs.plots import Mark

_PRESS = "Press to show its requests."
_AGAIN = "Its requests are shown below. Press again to hide them."


class LinkedPlot(Box):
    """A plot and the buttons over its bars."""

    shown_as = "plot"

    picked = traitlets.Int(-1)
    """Number of the bar that is chosen; -1 for none."""

    def __init__(self, guard: Callable[[Action], None]) -> None:
        self._guard = guard
        self._marks: tuple[Mark, ...] = ()
        self.picture = Html()
        self.bars = make(ipywidgets.Box, classes="gts-bars")
        self.hint = Html(markup.hint("Press a bar to see its requests below."), "gts-hidden")
        stage = make(ipywidgets.Box, [self.picture, self.bars], classes="gts-stage")
        super().__init__([make(ipywidgets.Box, [stage], classes="gts-linked"), self.hint])
        self.observe(lambda _: self._show_picked(), "picked")

    @property
    def mark(self) -> Mark | None:
        """The chosen bar."""
        return self._marks[self.picked] if 0 <= self.picked < len(self._marks) else None

    def show(self, picture: str, marks: Sequence[Mark] = ()) -> None:
        """Show a picture and the buttons of its marks; no mark is picked."""
        self.picked = -1
        gone = self.bars.children
        self._marks = tuple(marks)
        self.picture.value = picture
        replace_children(self.bars, (self._button(mark) for mark in self._marks))
        set_class(self.hint, "gts-hidden", not marks)
        for button in gone:
            button.layout.close()
            button.close()
        self._show_picked()

    def enable(self, usable: bool) -> None:
        """Let the bars be pressed, or not."""
        for button in self.bars.children:
            button.disabled = not usable

    def _button(self, mark: Mark) -> ipywidgets.Button:
        left, top, width, height = (f"{100 * part:.3f}%" for part in mark.box)
        own = {
            **shared(ipywidgets.Button),
            "layout": ipywidgets.Layout(left=left, top=top, width=width, height=height),
        }
        made = thread_safe(ipywidgets.Button)(**own)
        made.add_class("gts-bar")
        made.add_class("gts-presses")
        made.on_click(lambda _: self._guard(lambda: self._press(mark)))
        return made

    def _press(self, mark: Mark) -> None:
        number = next((n for n, each in enumerate(self._marks) if each is mark), None)
        if number is not None:  # else the plot was drawn anew since the page sent this
            self.picked = -1 if self.picked == number else number

    def _show_picked(self) -> None:
        for number, (button, mark) in enumerate(zip(self.bars.children, self._marks, strict=True)):
            chosen = number == self.picked
            set_class(button, "gts-pressed", chosen)
            button.tooltip = markup.plain(
                f"{mark.label}: {mark.words}. {_AGAIN if chosen else _PRESS}", 400
            )
