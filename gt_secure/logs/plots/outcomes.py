"""Outcomes of requests as figures show them: every request has exactly one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sql.log_columns import INTERNAL, OPENED

if TYPE_CHECKING:
    from .theme import Chart


@dataclass(frozen=True, slots=True)
class OutcomeStyle:
    """One outcome: attribute of the palette, title in a legend, words in a sentence,
    word in a short label, hatch.
    """

    code: str
    title: str
    words: str
    short: str
    hatch: str | None


OUTCOMES = (
    OutcomeStyle("opened", "Opened", "opened", "opened", None),
    OutcomeStyle("refused", "Refused", "refused", "refused", "////"),
    OutcomeStyle("failed", "Not found or failed", "not found or failed", "failed", "xxx"),
    OutcomeStyle(
        "internal", "Internal to S3 (lifecycle, replication)", "internal to S3", "internal", "..."
    ),
)

_CONDITIONS = (
    f"NOT {INTERNAL} AND NOT refused AND {OPENED}",
    f"NOT {INTERNAL} AND refused",
    f"NOT {INTERNAL} AND NOT refused AND NOT {OPENED}",
    INTERNAL,
)
COUNTS = ", ".join(f"CAST(count(*) FILTER ({condition}) AS BIGINT)" for condition in _CONDITIONS)
"""Expressions that count the outcomes of a group, in the order of ``OUTCOMES``."""


def add_outcome_keys(chart: Chart, totals: Sequence[int]) -> None:
    """Add an entry to the legend for each outcome that a chart has."""
    for total, kind in zip(totals, OUTCOMES, strict=True):
        if total:
            chart.key(kind.title, getattr(chart.palette, kind.code), kind.hatch)


def sum_up(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Sum counts by outcome."""
    return tuple(sum(row[i] for row in rows) for i in range(len(OUTCOMES)))


def in_words(counts: Sequence[int], why: str = "") -> str:
    """Return ``5 opened, 1 refused``: opened always, the others where there are some; internal work
    alone.

    ``why`` stands behind the number of those refused.
    """
    parts = [
        f"{n:,} {kind.words}{_behind(kind, why)}"
        for n, kind in zip(counts, OUTCOMES, strict=True)
        if n
    ]
    if not counts[0] and any(counts[1:3]):
        parts.insert(0, "0 opened")
    return ", ".join(parts) or "0 requests"


def in_short(counts: Sequence[int], why: str = "") -> str:
    """Return ``12,252 opened · 924 refused``, with ``why`` behind the number of those refused."""
    return " · ".join(
        f"{n:,} {kind.short}{_behind(kind, why)}"
        for n, kind in zip(counts, OUTCOMES, strict=True)
        if n
    )


def _behind(kind: OutcomeStyle, why: str) -> str:
    return why if kind.code == "refused" else ""
