"""Addresses that the access log has seen, to pick from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import ipywidgets

from .. import html as markup
from ..html import count
from ..network import IPNetwork, contains, parse_address
from .base import Box, Html
from .entry_feedback import read_address
from .shared_models import make

_MOST = 8


class SeenBox(Box):
    """One button for each address that is not in the list yet."""

    shown_as = "addresses seen"

    def __init__(self, add: Callable[[str], None]) -> None:
        self._add = add
        self._chips: list[ipywidgets.Button] = []
        super().__init__()
        self.add_class("gts-chips")

    def show(
        self,
        hits: Mapping[str, int],
        browser: Sequence[str],
        listed: Sequence[IPNetwork],
        leaked: Collection[str] = (),
    ) -> None:
        """Offer the busiest addresses, and first of all those of the person's own browser; leaked URLs are marked."""
        new = [
            word
            for word in dict.fromkeys([*browser, *hits])
            if not read_address(word).problem and not contains(listed, parse_address(word))
        ]
        for old in self._chips:
            old.close()
        self._chips = [
            self._chip(word, "your browser" if word in browser else count(hits[word], "hit"), word in leaked)
            for word in new[:_MOST]
        ]
        head = [Html(markup.hint("Opened in the access log, not in the list:"))] if self._chips else []
        self.children = (*head, *self._chips)

    def _chip(self, word: str, about: str, leaked: bool) -> ipywidgets.Button:
        words = f"! {word} · used a leaked URL · {about}" if leaked else f"+ {word} · {about}"
        tone, tooltip = "warn" if leaked else "plain", "Press to add to the list."
        made = make(ipywidgets.Button, description=words, tooltip=tooltip, classes=f"gts-chip gts-{tone}")
        made.on_click(lambda _: self._add(word))
        return made
