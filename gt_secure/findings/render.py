"""Accepted findings as people read them: one title and one fold for every surface."""

from __future__ import annotations

from collections.abc import Sequence

from .. import html as markup
from ..html import Markup
from ..text import count
from .model import Finding


def accepted_title(findings: Sequence[Finding]) -> str:
    """Return the number of accepted findings, and the day on which the first one ends."""
    first = min(each.accepted.until for each in findings if each.accepted is not None)
    return f"{count(len(findings), 'accepted finding')}, the first until {first.isoformat()}"


def accepted_fold(findings: Sequence[Finding]) -> Markup:
    """Return a fold with the accepted findings, their reasons and dates."""
    head = ("until", "finding", "subject", "accepted by", "reason")
    entries = [(each, each.accepted) for each in findings if each.accepted is not None]
    rows = [
        (entry.until.isoformat(), markup.code(each.code), each.subject or "-", entry.owner or "-", entry.reason)
        for each, entry in entries
    ]
    return markup.fold(accepted_title(findings), markup.table(head, rows))
