"""One account and region of a sweep: a row for each private team,
and for each bucket that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from ...account import FINDINGS, access_under, read_state
from ...account.bucket import READINGS, Bucket
from ...aws.teams import Workforce, Workteam, list_private_workteams
from ...base.errors import AccessDenied, Throttled
from ...base.text import Json
from ...connection import Connection
from ...engine.access.exposure_text import words_of
from ...engine.access.part import NotRead, Part
from ...findings.listings import Findings
from ...findings.model import NOT_CHECKED, by_code, each_once
from ...findings.run import RULES, examine
from ..data_buckets import BucketChoice, TeamBuckets, UnreadNotes, own_buckets
from .accounts import Account
from .sweep_rows import SweepRow

NEVER_READ = frozenset({"s3:GetObject"})
"""The role of a sweep reads no object, so that the templates of tasks are not looked at."""
MAX_BUCKETS = 20
"""Maximum number of buckets to read for one team."""
OF_BUCKET = frozenset(rule.code for rule in RULES if rule.subject == "bucket")
"""Codes of rules about a bucket, which have an outcome in its row."""
_NO_NAME: Part[Any] = Part.unread(
    NotRead(
        "a bucket of the team", "sagemaker:DescribeLabelingJob", "in part", "Its name is not known."
    )
)
_NOTHING_READ: Json = dict.fromkeys((*READINGS, "key_policy", "log_bucket"), _NO_NAME)
_SOME_BUCKET = Bucket("", "", **_NOTHING_READ)
"""A bucket that a team may use beside those that are known."""


def read_region(
    gt: Connection, account: Account, choice: BucketChoice | None = None
) -> list[SweepRow] | None:
    """Return the rows of one account and region; None without a workforce and a bucket that was
    asked for.

    Without a choice there are no rows by bucket, and a region without a workforce costs one call.
    """
    denied, workforce = None, None
    try:
        workforce = gt.workforce()
    except AccessDenied as error:  # the teams can be read without it
        denied = error
    if workforce is None and choice is None and denied is None:
        return None
    reader = _RegionReader(
        replace(gt, journal=gt.journal.snapshot(), others=False), account, choice
    )
    try:
        rows = [] if workforce is None and denied is None else list(reader.teams(workforce))
    except AccessDenied as error:
        raise denied or error from None
    rows += [] if choice is None else reader.buckets(choice)
    return reader.with_rest(rows) or None


@dataclass
class _RegionReader:
    """Reads each bucket once, for the rows of the teams that use it and for its own."""

    gt: Connection
    account: Account
    choice: BucketChoice | None
    seen: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)
    looks: dict[str, list[Findings]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.listing = UnreadNotes(passes=Throttled)
        self.own = own_buckets(self.gt.aws, self.listing)

    def teams(self, workforce: Workforce | None) -> Iterator[SweepRow]:
        known = TeamBuckets(self.gt.aws, self.gt.journal, Throttled)
        teams = list_private_workteams(self.gt.aws)
        for team in teams:
            yield self._team(workforce, team, known)
        if not teams:
            yield self._row(portal_lock=_portal(workforce))

    def _row(self, **more: Any) -> SweepRow:
        return SweepRow(self.account.id, self.gt.aws.region, account_name=self.account.name, **more)

    def _team(self, workforce: Workforce | None, team: Workteam, known: TeamBuckets) -> SweepRow:
        notes = UnreadNotes(passes=Throttled)  # the region is read again then
        buckets = known.of(team, notes)
        is_whole = not notes.lines and len(buckets) <= MAX_BUCKETS
        if len(buckets) > MAX_BUCKETS:
            notes.lines.append(
                f"{len(buckets) - MAX_BUCKETS} more buckets of {team.name} were not read"
            )
        named = {name: self._bucket(name, notes) for name in buckets[:MAX_BUCKETS]}
        looks = [self._look(team, name, notes) for name in named or (None,)]
        if not is_whole or None in looks:
            looks.append(
                notes.attempt(f"findings of {team.name}", lambda: self._some_bucket(team), None)
            )
        return self._row(
            team=team.name,
            url_lock=team.url_lock_text,
            portal_lock=_portal(workforce),
            guard=" | ".join(f"{name}: {guard}" for name, (guard, _) in named.items()),
            buckets=tuple(buckets),
            exposure=" | ".join(f"{name}: {line}" for name, (_, line) in named.items())
            or "unknown: no bucket of this team is known",
            **_outcome(looks, notes),
        )

    def buckets(self, choice: BucketChoice) -> Iterator[SweepRow]:
        """Yield a row for each bucket of a choice,
        with what was found of it for the teams that use it.
        """
        for name in self._chosen(choice):
            notes = UnreadNotes(passes=Throttled)
            guard, line = self._bucket(name, notes)
            looks: list[Findings | None] = [*self.looks.get(name, ())] or [
                self._look(None, name, notes)
            ]
            own = [
                Findings(
                    [each for each in look if each.code in OF_BUCKET or each.code == NOT_CHECKED],
                    [each for each in look.checked if each.code in OF_BUCKET],
                )
                for look in looks
                if look is not None
            ]
            yield self._row(
                bucket=name, buckets=(name,), guard=guard, exposure=line, **_outcome(own, notes)
            )

    def with_rest(self, rows: list[SweepRow]) -> list[SweepRow]:
        """Return the rows; the last one names the buckets of the region that were not looked at."""
        if self.listing.lines:
            rows = [*rows, self._row(unread=tuple(self.listing.lines))]
        others = tuple(name for name in self.own or () if name not in self.seen)
        return (
            [*rows[:-1], replace(rows[-1] if rows else self._row(), not_looked_at=others)]
            if others
            else rows
        )

    def _chosen(self, choice: BucketChoice) -> list[str]:
        chosen = choice.here(self.gt.aws, self.gt.journal, self.own, self.listing)
        return sorted({*chosen, *(self.seen if choice == BucketChoice() else ())})

    def _bucket(self, name: str, notes: UnreadNotes) -> tuple[str, str]:
        if name not in self.seen:
            own = UnreadNotes(notes.passes)
            self.seen[name] = (*self._read(name, own), own.lines)
        guard, line, lines = self.seen[name]
        notes.lines += lines
        return guard, line

    def _read(self, name: str, notes: UnreadNotes) -> tuple[str, str]:
        exposure = notes.attempt(f"exposure of {name}", lambda: self.gt.who_can_open(name), None)
        if exposure is None:
            return "unknown", "unknown"
        row = exposure.row("presigned")
        unknown = "" if row.unknown.is_empty else f"; unknown: {words_of(row, 'unknown')}"
        access = access_under(exposure.locks).text
        return access, f"a presigned URL is opened from {words_of(row, 'opened')}{unknown}"

    def _some_bucket(self, team: Workteam) -> Findings:
        """Return what each rule comes to on a bucket that is not known:
        unknown if it asks anything of it.
        """
        state = replace(read_state(self.gt.aws, team=team, needs=FINDINGS), bucket=_SOME_BUCKET)
        return Findings((), examine(state).checked)

    def _look(
        self, team: Workteam | None, bucket: str | None, notes: UnreadNotes
    ) -> Findings | None:
        subject = " and ".join(filter(None, (team.name if team else "", bucket)))
        look = notes.attempt(
            f"findings of {subject}", lambda: self.gt.findings(team=team, bucket=bucket), None
        )
        if look is not None and bucket is not None:
            self.looks.setdefault(bucket, []).append(look)
        return look


def _portal(workforce: Workforce | None) -> str:
    if workforce is None:
        return "unknown"
    where = f" in {workforce.vpc_id}" if workforce.vpc_id else ""
    return (
        "off: open to every address" if workforce.is_open else ", ".join(workforce.cidrs)
    ) + where


def _outcome(looks: Iterable[Findings | None], notes: UnreadNotes) -> Json:
    """Return the findings, what each rule came to (the gravest word of all looks),
    and what was not read.
    """
    reports = [look for look in looks if look is not None]
    every = each_once(chain(*reports))
    blind = [each for each in every if each.code == NOT_CHECKED]
    blind = [each for each in blind if not set(each.could_not_see) <= NEVER_READ]
    lines = [*notes.lines, *(f"{each.subject}: {each.detail}" for each in blind)]
    lines += ["findings: no rule was decided"] if not any(look.decided for look in reports) else []
    return {
        "findings": tuple(each for each in every if each.code != NOT_CHECKED),
        "checked": {
            code: each.outcome
            for code, each in by_code(each for look in reports for each in look.checked).items()
        },
        "unread": tuple(dict.fromkeys(lines)),
    }
