"""A labelled input whose words become chips: one button each, checked the moment it is entered,
pressed to remove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import ipywidgets

from ..base import html as markup
from ..base.html import Tone
from .background import Action
from .base import Box, bad, replace_children, spoken, text_field
from .thread_safe import Html, make, row, set_class

_MOST = 60
"""Chips that are drawn; a longer list is edited as text."""

CORRECTED = 4
"""Wrong entries that are written out, with buttons for their corrections; the newest first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of the list: how it is shown, what is wrong with it, if anything,
    and what to write instead.
    """

    word: str
    label: str
    tone: Tone = "plain"
    about: str = ""
    problem: str = ""
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """A proposal to replace a wrong word: the words on its button, and the new word."""

    label: str
    word: str


class ChipInput(Box):
    """The input and its chips."""

    shown_as = "list input"

    def __init__(
        self,
        label: str,
        *,
        read: Callable[[str], Entry],
        split: Callable[[str], list[str]],
        changed: Callable[[], None],
        guard: Callable[[Action], None],
        placeholder: str = "",
        options: bool = False,
    ) -> None:
        self._read, self._split, self._changed, self._guard = read, split, changed, guard
        self._entries: list[Entry] = []
        self._chips: dict[Entry, ipywidgets.Button] = {}
        self._corrected: dict[Entry, ipywidgets.HBox] = {}
        kind = ipywidgets.Combobox if options else ipywidgets.Text
        # The value is sent on Enter and when the input is left: nothing typed is lost, and nobody
        # is interrupted.
        self.input = text_field(kind, label, placeholder, "gts-empties")
        self.input.observe(
            lambda change: guard(self._take_typed) if change["new"] else None, "value"
        )
        self.chips = make(ipywidgets.Box, classes="gts-chips")
        self.corrections = make(ipywidgets.VBox, classes="gts-stack")
        self.said = Html()
        super().__init__([self.input, self.chips, self.corrections, self.said])
        self.add_class("gts-stack")

    @property
    def words(self) -> tuple[str, ...]:
        """The words, valid or not, in the order entered."""
        return tuple(entry.word for entry in self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The words with what was found out about them."""
        return tuple(self._entries)

    def set(self, words: Iterable[str]) -> None:
        """Replace the list."""
        self._entries = [self._read(word) for word in dict.fromkeys(words)]
        self._draw()

    def add(self, words: Sequence[str]) -> None:
        """Add words that are not there yet, and tell."""
        self._change([*self.words, *words])

    def remove(self, word: str) -> None:
        """Take a word out, and tell."""
        self._change(each for each in self.words if each != word)

    def replace(self, word: str, new: str) -> None:
        """Put another word in the place of one, and tell."""
        self._change(new if each == word else each for each in self.words)

    def _change(self, words: Iterable[str]) -> None:
        self.set(words)
        self._changed()

    def offer(self, options: Sequence[str]) -> None:
        """Offer choices while typing."""
        self.input.options = tuple(options)

    def say(self, *parts: object) -> None:
        """Show counts and problems under the chips."""
        shown = "".join(markup.cell(part) for part in parts if part)
        self.said.value = spoken(shown)

    def _take_typed(self) -> None:
        typed = self.input.value
        self.input.value = ""
        self.add(self._split(typed))

    def _draw(self) -> None:
        kept = {
            entry: self._chips.pop(entry, None) or self._chip(entry)
            for entry in self._entries[:_MOST]
        }
        self._chips = kept
        rest = len(self._entries) - len(kept)
        more = [Html(markup.hint(f"and {rest:,} more: edit them as text"))] if rest > 0 else []
        replace_children(self.chips, (*kept.values(), *more))
        set_class(self.chips, "gts-hidden", not kept)
        wrong = [entry for entry in self._entries if entry.problem][: -CORRECTED - 1 : -1]
        # The same buttons stay while their entry does: a redraw would take the keyboard focus away.
        self._corrected = {
            entry: self._corrected.pop(entry, None) or self._problem(entry) for entry in wrong
        }
        replace_children(self.corrections, self._corrected.values())

    def _problem(self, entry: Entry) -> ipywidgets.HBox:
        """Return what is wrong with an entry, with the buttons of its corrections."""
        buttons = [self._correction(entry, each) for each in entry.corrections]
        said = (
            f"{entry.word}: {entry.problem}" if entry.word not in entry.problem else entry.problem
        )
        return row(Html(f'<div role="alert">{bad(said)}</div>'), *buttons)

    def _correction(self, entry: Entry, correction: Correction) -> ipywidgets.Button:
        tooltip = markup.plain(f"{correction.label} instead of {entry.word}", 200)
        made = make(
            ipywidgets.Button, description=correction.label, tooltip=tooltip, classes="gts-link"
        )

        def use() -> None:
            self.replace(entry.word, correction.word)
            # the pressed button is gone: the keyboard goes on in the list, not at the page's start
            self.input.focus()

        made.on_click(lambda _: self._guard(use))
        return made

    def _chip(self, entry: Entry) -> ipywidgets.Button:
        sign = "! " if entry.tone in ("no", "warn") else ""  # the cross at the end removes
        made = make(
            ipywidgets.Button,
            description=f"{sign}{markup.plain(entry.label, 60)}  ×",
            tooltip=markup.plain(f"{entry.about or entry.problem} Press to remove.", 400).strip(),
            classes=f"gts-chip gts-{entry.tone}",
        )
        made.on_click(lambda _: self._guard(lambda: self.remove(entry.word)))
        return made
