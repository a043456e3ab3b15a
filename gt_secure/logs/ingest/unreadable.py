"""Reasons for which a line could not be read."""

from __future__ import annotations


def why_unreadable(text: str) -> str:
    """Return the fault of a line, as far as its beginning shows."""
    if len(text) < 160 and text.count('"') % 2 == 0 and " [" not in text:
        return "no access-log record"
    if " [" in text[:200]:
        return "cut or malformed record"
    return "no access-log record"
