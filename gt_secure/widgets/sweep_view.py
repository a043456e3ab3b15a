"""A read-only view of a sweep: its rows, filtered by severity,
by text and by what could not be read.
"""

from __future__ import annotations

from typing import Any

import ipywidgets

from ..base import html as markup
from ..findings.model import SEVERITIES
from ..fleet.sweeps.sweep_rows import Sweep, SweepRow, rows_markup
from .base import Box, check, field
from .page_assets import page_parts
from .thread_safe import Html, row

ANY = "any"
MAX_SHOWN = 200
"""Maximum number of rows in the view."""


class SweepView(Box):
    """Show a sweep in a notebook. It calls nothing.

    Parameters
    ----------
    sweep : Sweep
        From :func:`gt_secure.sweep`.

    Examples
    --------
    >>> where = {"role_name": "GtSecureSweep", "accounts": "accounts.txt"}
    >>> SweepView(gt_secure.sweep(**where))  # doctest: +SKIP
    """

    shown_as = "sweep"

    def __init__(self, sweep: Sweep) -> None:
        super().__init__()
        self._sweep = sweep
        self.severity = field(
            ipywidgets.Dropdown, "Severity from", options=(ANY, *SEVERITIES), value=ANY
        )
        self.words = field(ipywidgets.Text, "Find", placeholder="account, region, team or bucket")
        self.only_unread = check("Only what could not be read", False, lambda _: self._draw())
        self.severity.observe(lambda _: self._draw(), "value")
        self.words.observe(lambda _: self._draw(), "value")
        self.shown = Html()
        self.add_class("gts")
        self.children = (
            *page_parts(self),
            row(self.severity, self.words, self.only_unread),
            self.shown,
        )
        self._draw()

    @property
    def rows(self) -> list[SweepRow]:
        """The rows that match the filters."""
        return [row for row in self._sweep.rows if self._matches(row)]

    def _matches(self, row: SweepRow) -> bool:
        if self.only_unread.value and not row.unread:
            return False
        if self.severity.value != ANY:
            limit = SEVERITIES.index(self.severity.value)
            if not any(row.counts[word] for word in SEVERITIES[: limit + 1]):
                return False
        word = str(self.words.value).strip().lower()
        return not word or any(word in text.lower() for text in row.cells())

    def _draw(self, _: Any = None) -> None:
        rows = self.rows
        tone: markup.Tone = "warn" if self._sweep.unread else "plain"
        more = "" if len(rows) <= MAX_SHOWN else f"The first {MAX_SHOWN} are shown."
        about = markup.hint(f"{len(rows):,} of {markup.count(len(self._sweep), 'row')}", more)
        table = rows_markup(rows[:MAX_SHOWN]) if rows else markup.hint("No row matches.")
        self.shown.value = markup.join(markup.notice(tone, self._sweep.headline), about, table)
