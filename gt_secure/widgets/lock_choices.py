"""The three locks as three choices: on, off, or unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from .. import html as markup
from ..text import some
from .base import Box, Html, field
from .shared_models import set_class, stack

SWITCHES: Mapping[str, str] = {"portal_lock": "Portal lock", "url_lock": "URL lock", "guard_lock": "Bucket guard"}
"""Traits of the editor, and their labels, in the order of the panel."""

# A drop-down reads None as "nothing chosen", so the values are words.
_CHOICES = (("No change", "leave"), ("On", "on"), ("Off", "off"))
_VALUES: Mapping[str, bool | None] = {"leave": None, "on": True, "off": False}


class Switches(Box):
    """One choice for each lock, with a sentence about its list and whom it affects."""

    shown_as = "locks"

    def __init__(self, changed: Callable[[str, bool | None], None]) -> None:
        self.choices: dict[str, ipywidgets.Dropdown] = {}
        self._hints: dict[str, Html] = {}
        self._columns: dict[str, ipywidgets.Widget] = {}
        for trait, label in SWITCHES.items():
            choice = field(ipywidgets.Dropdown, label, options=_CHOICES, value="leave")
            choice.observe(lambda change, trait=trait: changed(trait, _VALUES[change["new"]]), "value")
            self.choices[trait], self._hints[trait] = choice, Html()
            self._columns[trait] = stack(choice, self._hints[trait])
        super().__init__(list(self._columns.values()))
        self.add_class("gts-three")
        self.explain(())

    def set(self, values: Mapping[str, Any], *, private: bool) -> None:
        """Show values; only a private team has a URL lock and a portal lock."""
        for trait, choice in self.choices.items():
            wanted = values[trait] if private or trait == "guard_lock" else None
            choice.value = next(word for word, value in _VALUES.items() if value is wanted)
            set_class(self._columns[trait], "gts-hidden", not private and trait != "guard_lock")

    def explain(self, team_names: Sequence[str]) -> None:
        """Say what each lock does, which list it uses, and whom it affects."""
        for trait, words in _says(team_names).items():
            self._hints[trait].value = f'<div class="gts-hint">{words}</div>'


def _says(team_names: Sequence[str]) -> dict[str, str]:
    whom = "<b>all</b> private workteams of the region"
    if team_names:
        names = some([markup.plain(name, 40) for name in team_names])
        whom = f"<b>all</b> {len(team_names)} private workteams ({markup.text(names, 300)})"
    return {
        "portal_lock": f"Uses the allowed addresses, at most 10 ranges. Affects {whom}.",
        "url_lock": "Each URL works only from its worker's own address. Your address list does not apply.",
        "guard_lock": "Uses the allowed addresses and the VPC endpoints. Refuses presigned requests from elsewhere.",
    }
