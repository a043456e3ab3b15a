"""The last change of each lock and its caller, for the cards on top."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .. import changes as locks, html as markup
from ..html import Markup, count

if TYPE_CHECKING:
    from ..changes.history import HistoryEntry

_RESOURCES = {"portal-lock": "Workforce", "url-lock": "Workteam", "bucket-guard": "Bucket policy"}
"""The resource that holds each lock: the events name it, and not the part that changed."""


def last_changes(history: Iterable[HistoryEntry]) -> dict[str, HistoryEntry]:
    """Return the newest successful change for each kind of lock."""
    newest: dict[str, HistoryEntry] = {}
    for entry in sorted(history, key=lambda each: each.at):
        if not entry.error:
            newest.update((kind, entry) for kind, calls in locks.KIND_CALLS.items() if entry.operation in calls)
    return newest


def changed_markup(kind: str, changes: Mapping[str, HistoryEntry], now: dt.datetime | None = None) -> Markup:
    """Return the line of one lock; empty where no change is known."""
    entry = changes.get(kind)
    if entry is None:
        return Markup("")
    age = _age((now or dt.datetime.now(dt.UTC)) - entry.at)
    said = f"{_RESOURCES[kind]} last changed {age} by {markup.plain(_who(entry.who), 80)}"
    moment = f"{entry.at:%Y-%m-%d %H:%M} UTC"
    return Markup(f'<p class="gts-changed" title="{moment}">{markup.text(said, 200)}</p>')


def _age(span: dt.timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    number, unit = (
        (minutes, "minute")
        if minutes < 60
        else (minutes // 60, "hour")
        if minutes < 24 * 60
        else (minutes // (24 * 60), "day")
    )
    return f"{count(number, unit)} ago"


def _who(arn: str) -> str:
    """Return the caller without account and session: ``role/alice``, ``user/bob``."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return arn
    kind, _, rest = parts[5].partition("/")
    if kind == "assumed-role":
        return f"role/{rest.partition('/')[0]}"
    return f"{kind}/{rest.rpartition('/')[2]}" if rest else kind
