"""Text for people: sizes, and what may be shown of text from outside. Imports nothing of the package."""

from __future__ import annotations


def size_text(size: int) -> str:
    """Bytes as people read them, in decimal units."""
    number, unit = float(size), "bytes"
    for bigger in ("kB", "MB", "GB", "TB", "PB"):
        if number < 1000:
            break
        number, unit = number / 1000, bigger
    return f"{number:,.0f} {unit}" if unit in ("bytes", "kB", "MB") else f"{number:,.1f} {unit}"
