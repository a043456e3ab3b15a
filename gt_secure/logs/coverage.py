"""Coverage of a log query: objects and lines read, failures,
and what an empty result does not prove.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.evidence import Evidence
from ..base.shown import Shown
from ..base.text import Json, count
from ..base.truth import Ambiguous
from .ingest.neighbours import NOT_READ
from .ingest.reader import Failure
from .table import iso


def why_unreadable(text: str) -> str:
    """Return the fault of a line, as far as its beginning shows."""
    if len(text) < 160 and text.count('"') % 2 == 0 and " [" not in text:
        return "no access-log record"
    if " [" in text[:200]:
        return "cut or malformed record"
    return "no access-log record"


ODD = "two records on one line, or text in quotes after the last field"
"""Forms of an odd line."""
NOTHING = (
    "No hit was found. That does not prove that there was no request: the log may be late or"
    " incomplete."
)
_CHANGES = "The other reading changes this answer."
DELAY = (
    "Access logs are delivered as best effort, most within a few hours; some requests are logged"
    " late, twice or not at all."
)


@dataclass(frozen=True, slots=True)
class Sample(Shown):
    """A line that could not be read: where it is, why, and its masked beginning."""

    name: str
    offset: int
    why: str
    text: str = ""


@dataclass(slots=True, repr=False)
class Coverage(Shown, Ambiguous):
    """Objects and lines read. The counts add up:
    ``lines = hits + outside + duplicates + unreadable + blank``.

    Attributes
    ----------
    objects, objects_read, objects_cached, objects_empty : int
        Files or objects named, read whole, taken from the cache, and without content.
    lines, hits, outside, duplicates, unreadable, blank : int
        ``outside`` counts lines out of the time range or of another bucket. A record of a JSON log
        counts as a line.
    bytes : int
        Unpacked bytes read.
    failures : list of Failure
        Objects that vanished, were denied, are damaged or not in UTF-8, by name.
    left_out : dict of str to int
        Files and records beside the logs that hold no requests, such as digest files, by kind.
    samples : list of Sample
        Some of the unreadable lines.
    odd : int
        Lines among these that can be read in two ways, such as two records on one line. They count
        as they stand.
    odd_samples : list of Sample
        Some of the odd lines.
    ambiguous : bool
        Whether the other reading of the odd lines gives another answer than the one that this is
        the coverage of.
    first_hit, last_hit, last_delivery : datetime or None
        UTC.
    typical_delay_s : float or None
        Median time from a request to its delivery, where the log objects are in S3.
    engine, engine_reason : str
        What ran the query, and why it was chosen.
    """

    _ask = ".unread"
    document = (
        "objects",
        "objects_read",
        "objects_cached",
        "objects_empty",
        "lines",
        "hits",
        "outside",
        "duplicates",
        "unreadable",
        "odd",
        "blank",
        "not_utf8",
        "bytes",
        "typical_delay_s",
        "since",
        "until",
        "first_hit",
        "last_hit",
        "last_delivery",
        "adds_up",
        "ambiguous",
        "engine",
        "engine_reason",
        "failures",
        "left_out",
        "samples",
        "odd_samples",
    )

    objects: int = 0
    objects_read: int = 0
    objects_cached: int = 0
    objects_empty: int = 0
    lines: int = 0
    hits: int = 0
    outside: int = 0
    duplicates: int = 0
    unreadable: int = 0
    odd: int = 0
    blank: int = 0
    not_utf8: int = 0
    bytes: int = 0
    failures: list[Failure] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    odd_samples: list[Sample] = field(default_factory=list)
    ambiguous: bool = False
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    first_hit: dt.datetime | None = None
    last_hit: dt.datetime | None = None
    last_delivery: dt.datetime | None = None
    typical_delay_s: float | None = None
    notes: list[str] = field(default_factory=list)
    engine: str = "duckdb"
    engine_reason: str = ""

    @property
    def adds_up(self) -> bool:
        """Return whether every line is accounted for."""
        return (
            self.lines == self.hits + self.outside + self.duplicates + self.unreadable + self.blank
        )

    def __str__(self) -> str:
        return self.summary

    @property
    def summary(self) -> str:
        """One sentence for the foot of a panel."""
        objects = count(self.objects_read + self.objects_cached, "log object")
        parts = [f"Read: {objects}, {count(self.unreadable, 'unreadable line')}"]
        if self.failures:
            parts.append(f"{count(len(self.failures), 'object')} not read")
        if closed := {kind: number for kind, number in self.left_out.items() if kind in NOT_READ}:
            parts.append(f"{_named(closed)} not read")
        if self.last_delivery:
            parts.append(f"last delivery {self.last_delivery:%d %b %H:%M} UTC")
        return ", ".join(parts) + (". What was not read is unknown." if self.unread else ".")

    @property
    def doubts(self) -> list[str]:
        """Reasons why an answer from these logs is unknown, not passed."""
        return self.unread or ([] if self.hits else [NOTHING])

    @property
    def unread(self) -> list[str]:
        """Sentences about what was not read although it is, or may be, a log, and on the doubt."""
        evidence = self.evidence()
        return [*evidence.not_read, *filter(None, [evidence.doubt])]

    def _not_read(self) -> list[str]:
        texts = []
        if self.failures:
            first, number = self.failures[0], count(len(self.failures), "log object")
            texts.append(f"{number} could not be read, the first is {first.name} ({first.kind}).")
        if self.unreadable:
            sample = self.samples[0] if self.samples else None
            where = (
                f" The first is in {sample.name} at byte {sample.offset:,}: {sample.why}."
                if sample
                else ""
            )
            texts.append(
                f"{self.unreadable:,} of {self.lines:,} lines of the log could not be read.{where}"
            )
        return texts + self._closed()

    def evidence(self, subject: str = "the log") -> Evidence:
        """Return what an answer from these logs rests on, with its doubt: the one way from a
        reading to a word.
        """
        since, until = (
            None if at is None else at.replace(tzinfo=dt.UTC)
            for at in (self.first_hit, self.last_hit)
        )
        return Evidence(
            subject,
            counts={"request": self.hits, "log object": self.objects_read + self.objects_cached},
            since=since,
            until=until,
            not_read=tuple(self._not_read()),
            doubt=f"{self.odd_lines} {_CHANGES}" if self.ambiguous else "",
        )

    @property
    def odd_lines(self) -> str:
        """A sentence on the lines that can be read in two ways."""
        where = "".join(
            f" The first is in {s.name} at byte {s.offset:,}: {s.why}."
            for s in self.odd_samples[:1]
        )
        return f"{count(self.odd, 'line')} of the log can be read in two ways.{where}"

    def _closed(self) -> list[str]:
        closed = {kind: number for kind, number in self.left_out.items() if kind in NOT_READ}
        next_steps = " ".join(dict.fromkeys(NOT_READ[kind] for kind in closed))
        return (
            [f"Not read, though requests may be in it: {_named(closed)}. {next_steps}"]
            if closed
            else []
        )

    def limits(self) -> list[str]:
        """Sentences about what the answer does not prove."""
        texts = [DELAY] if self.hits else [DELAY, NOTHING]
        for kind, reason in _REASONS.items():
            if names := [failure.name for failure in self.failures if failure.kind == kind]:
                texts.append(
                    f"{count(len(names), 'log object')} {reason}, the first is {names[0]}."
                )
        if beside := {
            kind: number for kind, number in self.left_out.items() if kind not in NOT_READ
        }:
            texts.append(f"Left out, because they hold no requests: {_named(beside)}.")
        if self.unreadable:
            texts.append(
                f"{self.unreadable:,} of {self.lines:,} lines could not be read; see the samples."
            )
        if self.odd:
            texts.append(
                f"{self.odd_lines}"
                f" {_CHANGES if self.ambiguous else 'Such lines count as they stand.'}"
            )
        if self.until and self.last_delivery and self.last_delivery < self.until:
            texts.append(
                f"The last delivery was {iso(self.last_delivery)}; later requests cannot be seen"
                " yet."
            )
        return texts + self._closed() + self.notes

    def to_dict(self) -> Json:
        """JSON-able form, as ``--stats`` prints it."""
        times = ("since", "until", "first_hit", "last_hit", "last_delivery")
        found = {name: iso(value) for name in times if (value := getattr(self, name))}
        return Shown.to_dict(self) | found | {"limits": self.limits()}


def _named(kinds: Mapping[str, int]) -> str:
    return ", ".join(count(number, kind) for kind, number in kinds.items())


_REASONS = {
    "vanished": "vanished between listing and reading",
    "denied": "cannot be read by this role",
    "damaged": "held damaged data, read up to the damage",
    "not UTF-8": "held text in UTF-16 or UTF-32, which must be converted to UTF-8",
    "failed": "could not be read",
}
