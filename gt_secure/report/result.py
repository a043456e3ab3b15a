"""The result of a report: its rows, what they come to together, and its tables."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ..base.columns import Tabular, chip, lay_out, names_of
from ..base.groups import grouped
from ..base.html import Markup, Tone, hint, join, notice, output, table, text as html_text
from ..base.text import Json, JsonLike, Texts, count, members, some
from ..base.truth import Ambiguous
from ..base.version import __version__
from ..findings import sarif
from ..findings.listings import Findings, FindingsReport
from ..findings.model import OUTCOMES, SEVERITIES, Acceptances, control_names
from ..logs.table import Table
from .changes import ReportChange, differences, digest_of
from .rows import ReportRow, ReportRows, by_cause, cells, merged

if TYPE_CHECKING:
    from ..check.ledger import RecordedPlace
    from ..findings.model import Threshold
    from ..logs import Hits
    from ..logs.leaks import Leak

CONTROLS = "Controls of NIST SP 800-53 Rev. 5, as gt_secure maps them"
"""Title of the section; a control that is not in it was not violated by what was found,
which proves no compliance.
"""
_VIOLATING = frozenset(SEVERITIES[: SEVERITIES.index("medium") + 1])
MOST_ROWS = 200
"""Maximum number of rows of a table of a page and in a notebook; the JSON has all."""
_FIRST = ("open", "unknown", "part", "good")
"""The answers of buckets in the order of a page, which may not have room for all of them."""
Control: TypeAlias = "tuple[str, Literal['violated', 'unknown'], Texts]"
TABLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "bucket": (
        "Buckets",
        {
            "bucket": "name",
            "who can open": "access",
            "guard and limits": "locks",
            "who can change policy and guard": "policy_writers_text",
            "used by": "uses",
            "access log": "log",
            "findings": "findings_text",
            "leaked URLs": "leaked_text",
        },
    ),
    "team": (
        "Teams",
        {
            "team": "name",
            "URL lock": "locks",
            "buckets": "uses",
            "waiting jobs": "waiting",
            "findings": "findings_text",
        },
    ),
    "portal": (
        "Portals",
        {
            "workforce": "name",
            "status": "waiting",
            "portal lock": "locks",
            "VPC": "uses",
            "findings": "findings_text",
        },
    ),
}
"""Title of the table of each kind of row, and the titles of its columns with the fields."""
COLUMNS = {
    "account": "account",
    "region": "region",
    "kind": "kind",
    "name": "name",
    "answer": "tone",
    "who can open": "access",
    "locks": "locks",
    "allowed": "allowed",
    "who can change policy and guard": "policy_writers_text",
    "used by, or uses": "uses",
    "waiting": "waiting",
    "access log": "log",
    "findings": "findings_text",
    "leaked URLs": "leaked_text",
    "status": "status",
    "not read": "unread",
}
"""Columns of all rows as one table, with the fields."""


class Section(NamedTuple):
    """A table of a report: its title, the titles of its columns, and its rows; None if they are
    unknown.
    """

    title: str
    head: Texts
    rows: Sequence[tuple[object, ...]] | None


@dataclass(frozen=True, repr=False)
class AccountReport(Tabular, Ambiguous, FindingsReport):
    """A report on who can open each bucket of a region, or of many accounts and regions.

    Attributes
    ----------
    at : datetime
        In UTC.
    caller : str
        The ARN that read it, or that assumed the role of each account.
    account, region : str
        Of the connection.
    rows : tuple of ReportRow
        By account and region.
    places : int
        Number of regions of accounts that were asked for; ``places_read`` have an outcome, and
        ``empty`` of these have no workforce.
    calls : int
        Number of AWS calls in many accounts.
    unused : tuple of Acceptance
        Accepted findings that matched nothing.
    nothing : str
        The sentence for a choice of buckets that matched none; empty if one was found.
    before : mapping or None
        An earlier report, as its JSON has it, with which this one is compared; empty where one was
        wanted and none is kept.
    """

    _ask = ".require(severity) or .worse_than(severity)"
    columns = names_of(COLUMNS)

    at: dt.datetime
    caller: str
    account: str
    region: str
    rows: ReportRows
    places: int = 1
    places_read: int = 1
    empty: int = 0
    calls: int = 0
    unused: Acceptances = ()
    nothing: str = ""
    place: RecordedPlace | None = None
    wanted: str = field(default="", repr=False, compare=False)
    before: JsonLike | None = None

    def of(self, kind: str) -> ReportRows:
        """Return the rows of a kind."""
        return tuple(row for row in self.rows if row.kind == kind)

    @property
    def buckets(self) -> ReportRows:
        """The rows of buckets."""
        return self.of("bucket")

    @property
    def teams(self) -> ReportRows:
        """The rows of workteams."""
        return self.of("team")

    @property
    def is_one(self) -> bool:
        """True for a report of one region of one account."""
        return self.places == 1

    @property
    def subject(self) -> str:
        """The regions and buckets, as a notebook records them."""
        names = ", ".join(row.name for row in self.buckets) or "no bucket"
        return f"{self.region}: {names}" if self.is_one else count(self.places, "region")

    @cached_property
    def unread(self) -> Texts:
        """The parts that could not be read, each with its place, once."""
        lines = [
            line if self.is_one else f"{row.account} {row.region}: {line}"
            for row in self.rows
            for line in row.unread
        ]
        lines += [f"buckets: not applicable, {self.nothing}"] if self.nothing else []
        if not lines and not self.teams and not self.buckets:
            lines.append("workteams: not applicable, there are none")
        if self.places_read < self.places:
            lines.append(f"{self.places - self.places_read} regions: the report was stopped")
        return tuple(dict.fromkeys(lines))

    @cached_property
    def findings(self) -> Findings:
        """All findings, each cause once, the most severe first; those of many regions with their
        place.
        """
        places = grouped((row.location, finding) for row in self.rows for finding in row.findings)
        found = (by_cause(own, "" if self.is_one else f"{place}/") for place, own in places.items())
        return Findings(merged(chain.from_iterable(found)))

    @property
    def outcomes(self) -> Texts:
        """The outcomes of the rules in each row."""
        return tuple(word for row in self.rows for word in row.outcomes)

    @property
    def hits(self) -> dict[str, Hits]:
        """The requests of each bucket whose log was read."""
        return {row.name: row.hits for row in self.buckets if row.hits is not None}

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """The URLs that were opened, tried or previewed elsewhere, of all logs that were read."""
        read = [row.leaks for row in self.buckets if row.leaks is not None]
        return tuple(leak for leaks in read for leak in leaks)

    @property
    def leaked_text(self) -> str:
        """The number of leaked URLs in words, with the number of logs that were read in full."""
        known = [row.leaked for row in self.buckets if row.leaked is not None]
        whole = sum(row.leaked is not None and not row.leaks_unread for row in self.buckets)
        if not known:
            reasons = {row.leaks_unread for row in self.buckets}
            return reasons.pop().rstrip(".") if len(reasons) == 1 else "unknown"
        logs = f" found, and the logs of {whole} of {len(self.buckets)} buckets were read in full"
        return f"{sum(known)}{logs if whole < len(self.buckets) else ''}"

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        where = "" if self.is_one else f" in {count(self.places_read, 'region')}"
        tones = [row.tone for row in self.buckets]
        buckets = f"No bucket is known{where}"
        if tones:
            others = sum(len(row.not_looked_at) for row in self.rows)
            every = f"{len(tones)} of {len(tones) + others} buckets looked at"
            looked_at = every if others else count(len(tones), "bucket")
            known = f"{looked_at}{where}, {tones.count('open')} open to anyone"
            unknown = tones.count("unknown")
            buckets = f"{known}, {unknown} unknown" if unknown else known
        return (
            f"{self.others_text}{buckets}. Findings: {self.counts_text}. Leaked URLs:"
            f" {self.leaked_text}. Not read: {len(self.unread)}.{self._since_text}"
        )

    @property
    def _since_text(self) -> str:
        if self.before is None:
            return ""
        if not self.before:
            return (
                " This is the first report with these options, so it has nothing to compare with."
            )
        kinds = Counter(each.what for each in self.differences or ())
        found = ", ".join(f"{what} ({number:,})" for what, number in kinds.items())
        return f" Changes since {self.before['at']}: {found or 'none'}."

    def doubts(self, severity: Threshold = "info") -> Texts:
        """Return what was not read or not decided; of ``unknown`` also each rule, each log that was
        left out or is off, and teams of which no bucket is known.
        """
        lines = [*super().doubts(severity)]
        for row in self.rows if severity == "unknown" else ():
            name = row.name or "workforce"
            place = name if self.is_one else f"{row.location} {name}"
            unknown = [code for code, word in row.checked.items() if word == "unknown"]
            lines += [f"{place}: {code} is unknown" for code in unknown]
            if row.kind == "team" and row.checked and not row.uses:
                lines.append(f"{place}: no bucket is known")
            if row.kind == "bucket" and row.leaked is None:
                lines.append(f"{place}: leaked URLs are {row.leaks_unread}")
            if row.policy_writers and row.policy_writers[-1].startswith("unknown"):
                lines.append(f"{place}: who can change the policy: {row.policy_writers_text}")
        return tuple(lines)

    @property
    def controls(self) -> tuple[Control, ...]:
        """The controls that findings of severity medium or higher violate, or may violate, with
        their codes; an accepted finding counts too.
        """
        found = grouped(
            (name, each)
            for each in self.findings
            if each.severity_if_found in _VIOLATING
            for name in control_names(each.code)
        )
        return tuple(
            (
                name,
                "violated" if any(each.state == "found" for each in found[name]) else "unknown",
                tuple(dict.fromkeys(each.code for each in found[name])),
            )
            for name in sorted(found)
        )

    @property
    def others_text(self) -> str:
        """The buckets that were not looked at, in a sentence; empty if there are none."""
        names = [
            name if self.is_one else f"{row.location}/{name}"
            for row in self.rows
            for name in row.not_looked_at
        ]
        return f"Not looked at: {some(names)} (--buckets all looks at all). " if names else ""

    @cached_property
    def differences(self) -> tuple[ReportChange, ...] | None:
        """The changes since the report :attr:`before`; None without one."""
        return differences(self.before, self._found) if self.before else None

    @property
    def digest(self) -> str:
        """The SHA-256 of what was found, which is the same for two reports that found the same."""
        return digest_of(self._found)

    @cached_property
    def _found(self) -> Json:
        controls = [
            {"control": name, "status": word, "findings": [*codes]}
            for name, word, codes in self.controls
        ]
        return {
            "buckets": len(self.buckets) or self._none("bucket"),
            "teams": len(self.teams) or self._none("team"),
            "counts": self.counts,
            "rows": [row.to_dict() | {"counts": row.counts} for row in self.rows],
            "findings": [each.to_dict() for each in self.findings] or self._none("findings"),
            "controls": controls or self._none("findings"),
            "leaks": [leak.to_dict() for leak in self.leaks] or self._none("leaks"),
            "unread": [*self.unread],
        }

    def to_dict(self) -> Json:
        """Return the report as JSON-able data; what was not read is null, never 0 or an empty
        list.
        """
        changes = self.differences
        return {
            "version": __version__,
            "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            **members(self, "headline", "caller", "account", "region", "places", "places_read"),
            "regions_without_workforce": self.empty,
            **members(self, "calls", "digest"),
            "rules": self._rules,
            **self._found,
            "unused": [entry.to_dict() for entry in self.unused],
            "changes": None if changes is None else [each._asdict() for each in changes],
        }

    def _none(self, part: str) -> Any:
        """Return what a part without items is: nothing where it was read, and None where it is
        unknown.
        """
        if part == "findings":
            parts = [self._none(each) for each in ("bucket", "team", "portal")]
            return [] if self.is_known and None not in parts else None
        if part == "leaks":
            return [] if self.buckets and all(row.leaked == 0 for row in self.buckets) else None
        start = {"team": "workteams:", "portal": "workforce:"}.get(part, "buckets:")
        is_unread = any(
            row.status != "read" or line.startswith(start)
            for row in self.rows
            for line in row.unread
        )
        return None if is_unread or self.nothing else 0

    def sections(self) -> list[Section]:
        """Return the tables for all renderings."""
        where = {} if self.is_one else {"account": "account", "region": "region"}
        tables = []
        for kind, (title, own) in TABLES.items():
            columns = {**where, **own}
            listed = [cells(row, columns.values()) for row in sorted(self.of(kind), key=_rank)]
            tables.append(Section(title, tuple(columns), listed or self._none(kind)))
        named = [(name, word, ", ".join(codes)) for name, word, codes in self.controls]
        head = ("bucket", "kind", "object", "first user", "later")
        leaks = []
        for leak in self.leaks:
            later = some([f"{user.label} ({user.words})" for user in leak.others])
            leaks.append((leak.bucket, leak.kind, leak.key, leak.users[0].label, later))
        tables += [
            Section(
                "Findings",
                Findings.titles,
                [*map(Findings.row, self.findings)] or self._none("findings"),
            ),
            Section(CONTROLS, ("control", "status", "findings"), named or self._none("findings")),
            Section("Leaked URLs", head, leaks or self._none("leaks")),
        ]
        unread = Section("Not read", ("what",), [(text,) for text in self.unread])
        since: list[Section] = []
        if self.before:
            title, changes = (
                f"Changes since {self.before['at']}",
                [*map(tuple, self.differences or ())],
            )
            since = [Section(title, ReportChange._fields, changes)]
        return [*since, *tables, unread] if self.is_one else [*since, unread, *tables]

    @property
    def notes(self) -> list[str]:
        """Sentences on what was not looked at, and on what the report rests on."""
        rules = ", ".join(f"{number} {word}" for word, number in self._rules.items())
        return [
            f"Outcomes of rules in all rows: {rules or 'none'}. A finding of several teams is"
            " listed once. A rule is not asked if the report leaves out what it needs: users and"
            " roles, or an access log. Alarms on presigned requests were not looked for: a plan"
            f" with --format alarm writes one. Digest: sha256:{self.digest}."
        ]

    @property
    def _rules(self) -> dict[str, int]:
        return {word: self.outcomes.count(word) for word in OUTCOMES if word in self.outcomes}

    @property
    def about(self) -> str:
        """Where, when and by whom it was made."""
        where = self.region if self.is_one else count(self.places, "region")
        return (
            f"Account {self.account}, {where}, {self.at:%Y-%m-%d %H:%M} UTC, by {self.caller} with"
            f" gt_secure {__version__}"
        )

    def to_text(self, room: int | None = None) -> str:
        """Return the report as text, its tables no wider than ``room`` columns."""
        lines = [self.about, self.headline]
        for title, head, rows in self.sections():
            lines += ["", title, *(lay_out(head, rows, room) if rows else ())]
            lines += [] if rows else [f"  {_word(rows)}"]
        return "\n".join([*lines, "", *self.notes])

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<report. {self.about}. {self.headline}>"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Json]:
        return iter(self.table)

    def __getitem__(self, index: Any) -> Any:
        return self.table[index]

    def _cells(self) -> list[tuple[object, ...]]:
        return [cells(row, COLUMNS.values()) for row in self.rows]

    @property
    def table(self) -> Table:
        """The rows as one table."""
        return Table(self.columns, self._cells())

    def _repr_html_(self) -> str:
        return output(hint(html_text(self.about, 600)), self.html())

    def html(self) -> Markup:
        """Return the report as HTML without its style."""
        tone: Tone = "no" if self.counts["high"] else "warn" if self.unread else "plain"
        parts = [notice(tone, self.headline)]
        for title, head, rows in self.sections():
            if not rows:
                parts.append(hint(html_text(f"{title}: {_word(rows)}")))
                continue
            shown = [[*map(chip, row)] for row in rows[:MOST_ROWS]]
            parts.append(table(head, shown, caption=title))
            if len(rows) > MOST_ROWS:
                parts.append(hint(f"The JSON has {len(rows) - MOST_ROWS:,} more rows."))
        return join(*parts, *(hint(html_text(note, 400)) for note in self.notes))

    def to_sarif(self, *, source: str = "") -> Json:
        """Return the findings as a SARIF 2.1.0 log;
        ``source`` is a file to which code scanning attaches them.
        """
        log = sarif.to_sarif(self.findings, source=source, unused=self.unused)
        invocation = log["runs"][0]["invocations"][0]
        invocation["executionSuccessful"] &= not self.unread
        invocation.setdefault("toolExecutionNotifications", []).extend(
            {"level": "error", "message": {"text": sarif.plain(f"Not read: {each}")}}
            for each in self.unread
        )
        return log


def _rank(row: ReportRow) -> tuple[int, int]:
    """Return where a row comes in its table: what is open or severe is first."""
    return _FIRST.index(row.tone), [*SEVERITIES, ""].index(row.worst)


def _word(rows: object) -> str:
    """Return the word for a section without rows."""
    return "unknown" if rows is None else "none"
