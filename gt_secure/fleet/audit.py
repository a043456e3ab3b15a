"""The audit report of a region: teams, portal, buckets, findings, requests and leaked URLs.
It changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .. import account
from ..base.clock import utc_now
from ..base.columns import TableRows, lay_out
from ..base.errors import InvalidInput
from ..base.html import hint, notice, output, table, text as html_text
from ..base.text import Json, TextsLike, members, some
from ..base.truth import Ambiguous
from ..check.ledger import RecordedPlace, recorded_place
from ..findings.listings import Findings, FindingsReport, Workteams
from ..findings.model import NOT_CHECKED, SEVERITIES, by_code, catalog, control_names, each_once
from ..logs.leaks import Leaks
from .data_buckets import BucketChoice, TeamBuckets, UnreadNotes, not_looked_at, own_buckets

if TYPE_CHECKING:
    from ..account.bucket_access import BucketAccess
    from ..aws.client import Aws
    from ..aws.teams import LabelingJob, Workforce, Workteam
    from ..changes import Journal
    from ..findings.model import Checked, Finding, Threshold
    from ..logs import Hits
    from ..logs.leaks import Leak

LEFT_OUT = "not looked for (--no-logs, logs=False)"
"""Leaked URLs, where the caller left out the access logs."""
OFF = "leaked URLs are unknown, because logging is off"
UNKNOWN = Leaks([], 0, [], 0, ["The access log was not read."])
CONTROLS = "Controls of NIST SP 800-53 Rev. 5, as gt_secure maps them"
"""Title of the section; a control that is not in it was not violated by what was found,
which proves no compliance.
"""


class AuditedRegion(Protocol):
    """A region as an audit reads it: :class:`gt_secure.Connection` is one."""

    @property
    def aws(self) -> Aws:
        """The connection to the account."""

    @property
    def journal(self) -> Journal:
        """The journal, which names the buckets of restrictions."""

    def workteams(self) -> Workteams:
        """Return the workteams."""

    def workforce(self) -> Workforce | None:
        """Return the private workforce."""

    def hits(self, bucket: str, *, since: str | None) -> Hits:
        """Read the access log of a bucket."""

    def findings(self, *, team: Workteam | None, bucket: str | None, logs: Hits | None) -> Findings:
        """Return what defeats a restriction."""


@dataclass(frozen=True)
class AuditedBucket:
    """One bucket of the audit, in words, and the teams that use it; ``hits`` is None where its log
    was not read.

    ``leaks.unread`` says why leaked URLs of the bucket are unknown, or only those that are found
    are known.
    """

    name: str
    access: BucketAccess | None
    log: str
    leaks: Leaks
    teams: tuple[str, ...] = ()
    hits: Hits | None = None

    @property
    def access_text(self) -> str:
        """The answer for the whole bucket, in a sentence."""
        return "unknown" if self.access is None else self.access.text


@dataclass(frozen=True, repr=False)
class Audit(Ambiguous, FindingsReport):
    """The state of a region.

    Attributes
    ----------
    at : datetime
        In UTC.
    teams : Workteams
        ``jobs`` has the waiting labeling jobs by the ARN of a team.
    workforce : Workforce or None
    buckets : tuple of AuditedBucket
    findings : Findings
        Of every private team with every bucket, each one once, the most severe first.
    unread : tuple of str
        What was not read, also because ``logs=False`` left it out: it is unknown, and never fine.
    others : tuple of str
        Buckets of the region that were not looked at.
    """

    _ask = ".require(severity) or .worse_than(severity)"

    at: dt.datetime
    account: str
    region: str
    caller: str
    teams: Workteams
    jobs: Mapping[str, tuple[LabelingJob, ...]]
    workforce: Workforce | None
    buckets: tuple[AuditedBucket, ...]
    findings: Findings
    unread: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    place: RecordedPlace | None = None

    @property
    def subject(self) -> str:
        """The region and its buckets, as a notebook records them."""
        return f"{self.region}: {', '.join(bucket.name for bucket in self.buckets) or 'no bucket'}"

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes of the rules over all teams and buckets."""
        return self.findings.outcomes

    @property
    def leaks(self) -> Leaks:
        """The URLs of all buckets that were opened, tried or previewed elsewhere; ``unread``:
        what was not read.
        """
        found = [leak for bucket in self.buckets for leak in bucket.leaks]
        unread = [f"leaks: {text}" for bucket in self.buckets for text in bucket.leaks.unread]
        return Leaks(
            found,
            len(found) or 1,
            [],
            0,
            unread if self.buckets else ["leaks: no bucket was looked at"],
        )

    @property
    def leaked_text(self) -> str:
        """The number of leaked URLs in words, with the number of logs that were read in full."""
        leaks, whole = self.leaks, sum(not bucket.leaks.unread for bucket in self.buckets)
        if leaks.leaked or whole:
            some_logs = (
                f" found, and the logs of {whole} of {len(self.buckets)} buckets were read in full"
            )
            return f"{leaks.leaked}{some_logs if leaks.unread else ''}"
        return LEFT_OUT if any(line.endswith(LEFT_OUT) for line in self.unread) else "unknown"

    def doubts(self, severity: Threshold = "info") -> tuple[str, ...]:
        """Return what was not read or not decided; logs that were left out, or are off,
        only of ``unknown``.
        """
        left_out = () if severity == "unknown" else (LEFT_OUT, OFF)
        return tuple(line for line in super().doubts(severity) if not line.endswith(left_out))

    def _none(self, part: str) -> list[Any] | None:
        """Return what a part without items is: an empty list where it was read,
        and None where it is unknown.
        """
        unread = [
            line for line in (*self.unread, *self.leaks.unread) if line.startswith(f"{part}: ")
        ]
        if part == "findings":
            return [] if self.decided and "unknown" not in self.outcomes else None
        return None if unread else []

    @property
    def hits(self) -> dict[str, Hits]:
        """The requests of each bucket whose log could be read."""
        return {bucket.name: bucket.hits for bucket in self.buckets if bucket.hits is not None}

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        return (
            f"Findings: {self.counts_text}. Leaked URLs: {self.leaked_text}. Not read:"
            f" {len(self.unread)}."
        )

    @property
    def controls(self) -> tuple[tuple[str, Literal["violated", "unknown"], tuple[str, ...]], ...]:
        """The controls that findings violate, or may violate, with their codes;
        an accepted finding counts too.
        """
        found: dict[str, dict[str, bool]] = {
            name: {} for code in catalog() for name in control_names(code)
        }
        for each in self.findings:
            for name in control_names(each.code):
                found[name][each.code] = found[name].get(each.code, False) or each.state == "found"
        rows = ((name, codes) for name, codes in sorted(found.items()) if codes)
        return tuple(
            (name, "violated" if any(codes.values()) else "unknown", tuple(codes))
            for name, codes in rows
        )

    @property
    def others_text(self) -> str:
        """The buckets that were not looked at, in a sentence; empty if there are none."""
        return not_looked_at(self.others)

    def to_dict(self) -> Json:
        """Return the audit as JSON-able data; what was not read is null, never an empty list."""
        teams = [
            {"name": team.name, "kind": team.kind, "url_lock": team.url_lock_text}
            for team in self.teams
        ]
        buckets = [
            {"name": b.name, **members(b, "teams", "access"), "access_log": b.log}
            for b in self.buckets
        ]
        controls = [
            {"control": name, "status": word, "findings": [*codes]}
            for name, word, codes in self.controls
        ]
        return {
            "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "account": self.account,
            "region": self.region,
            "teams": teams or self._none("workteams"),
            "portal": list(self.workforce.cidrs) if self.workforce else None,
            "buckets": buckets or self._none("buckets"),
            "findings": [finding.to_dict() for finding in self.findings] or self._none("findings"),
            "controls": controls or self._none("findings"),
            "leaks": [{"bucket": leak.bucket, **leak.to_dict()} for leak in self.leaks]
            or self._none("leaks"),
            "unread": list(self.unread),
            "not_looked_at": list(self.others) or self._none("buckets"),
        }

    def sections(self) -> list[tuple[str, tuple[str, ...], TableRows | None]]:
        """Return title, column titles and rows of each section for all renderings;
        None where they are unknown.
        """
        names = {
            team.arn: ", ".join(job.name for job in self.jobs.get(team.arn, ()))
            for team in self.teams
        }
        no_job = {
            team.arn: "unknown" if self._none(f"jobs of {team.name}") is None else "-"
            for team in self.teams
        }
        sections: list[tuple[str, str, tuple[str, ...], TableRows]] = [
            (
                "workteams",
                "Teams",
                ("team", "kind", "URL lock", "waiting jobs"),
                [
                    (team.name, team.kind, team.url_lock_text, names[team.arn] or no_job[team.arn])
                    for team in self.teams
                ],
            ),
            (
                "workforce",
                "Portal",
                ("workforce", "status", "portal lock", "VPC"),
                _portal_rows(self.workforce),
            ),
            (
                "buckets",
                "Buckets",
                ("bucket", "used by", "who can open", "access log"),
                [
                    (b.name, ", ".join(b.teams) or "no team that is known", b.access_text, b.log)
                    for b in self.buckets
                ],
            ),
            (
                "findings",
                "Findings",
                Findings.head,
                [Findings.row(finding) for finding in self.findings],
            ),
            (
                "findings",
                CONTROLS,
                ("control", "status", "findings"),
                [(control, status, ", ".join(codes)) for control, status, codes in self.controls],
            ),
            (
                "leaks",
                "Leaked URLs",
                ("bucket", "kind", "object", "first user", "later"),
                [_leak_row(leak) for leak in self.leaks],
            ),
            ("", "Not read", ("what",), [(text,) for text in self.unread]),
        ]
        return [(title, head, rows or self._none(part)) for part, title, head, rows in sections]

    def to_text(self, room: int | None = None) -> str:
        """Return the report as text, its tables no wider than ``room`` columns."""
        lines = [
            f"Account {self.account}, {self.region}, {self.at:%Y-%m-%d %H:%M} UTC",
            self.headline,
        ]
        for title, head, rows in self.sections():
            lines += ["", title, *(lay_out(head, rows, room) if rows else [f"  {_word(rows)}"])]
        lines += ["", self.others_text] if self.others else []
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<audit of account {self.account} in {self.region}. {self.headline}>"

    def _repr_html_(self) -> str:
        parts = [
            notice("warn" if self.unread or self.worse_than("high") else "plain", self.headline)
        ]
        parts.append(
            hint(
                f"Account {self.account}, {self.region}, {self.at:%Y-%m-%d %H:%M} UTC", self.caller
            )
        )
        for title, head, rows in self.sections():
            parts.append(
                table(head, rows, caption=title)
                if rows
                else hint(html_text(f"{title}: {_word(rows)}"))
            )
        parts += [hint(html_text(self.others_text, 400))] if self.others else []
        return output(*parts)


def _word(rows: list[Any] | None) -> str:
    """Return the word for a section without rows."""
    return "unknown" if rows is None else "none"


def _portal_rows(workforce: Workforce | None) -> TableRows:
    if workforce is None:
        return []
    lock = "none: open to every address" if workforce.is_open else ", ".join(workforce.cidrs)
    return [(workforce.name, workforce.status, lock, workforce.vpc_id or "none: a public portal")]


def _leak_row(leak: Leak) -> tuple[object, ...]:
    later = some([f"{user.label} ({user.words})" for user in leak.others])
    return leak.bucket, leak.kind, leak.key, leak.users[0].label, later


def audit(
    gt: AuditedRegion,
    *,
    buckets: TextsLike = "used",
    since: str | None = "7d",
    logs: bool = True,
) -> Audit:
    """Read the state of a region: see :meth:`gt_secure.Connection.audit`."""
    choice = BucketChoice.parse(buckets)
    notes = UnreadNotes(passes=InvalidInput)
    teams = notes.attempt("workteams", gt.workteams, Workteams())
    known = TeamBuckets(gt.aws, gt.journal, notes.passes)
    used = {team: known.of(team, notes) for team in teams}
    own = own_buckets(gt.aws, notes)
    asked = choice.names or choice.here(gt.aws, gt.journal, own, notes)
    names = sorted({*asked, *(name for listed in used.values() for name in listed)})
    if not names or (choice != BucketChoice() and not asked):
        notes.lines.append(f"buckets: not applicable, {choice.nothing}")
    notes.lines += [] if logs else [f"leaked URLs: {LEFT_OUT}"]
    audited = tuple(
        _bucket(gt, name, _users(used, name), notes, since if logs else False) for name in names
    )
    findings, access = _findings(gt, used, audited, notes)
    return Audit(
        at=utc_now(),
        account=gt.aws.account_id,
        region=gt.aws.region,
        caller=gt.aws.caller_arn,
        teams=teams,
        jobs=known.waiting,
        workforce=notes.attempt("workforce", gt.workforce, None),
        buckets=tuple(replace(each, access=access.get(each.name)) for each in audited),
        findings=findings,
        unread=tuple(dict.fromkeys(notes.lines)),
        others=tuple(name for name in own or () if name not in names),
        place=recorded_place(gt.aws),
    )


def _users(used: Mapping[Workteam, Collection[str]], bucket: str) -> tuple[str, ...]:
    """Return the names of the teams that use a bucket."""
    return tuple(team.name for team, listed in used.items() if bucket in listed)


def _bucket(
    gt: AuditedRegion,
    name: str,
    teams: tuple[str, ...],
    notes: UnreadNotes,
    since: str | Literal[False] | None,
) -> AuditedBucket:
    state = notes.attempt(
        name, lambda: account.read_bucket(gt.aws, name, frozenset({"bucket.logging"})), None
    )
    if state is None:
        return AuditedBucket(name, None, "unknown", UNKNOWN, teams)
    if state.region != gt.aws.region:
        there = account.read_state(gt.aws, bucket=name, needs=account.OTHERS)
        teams = tuple(each.team.name for each in there.users)
        notes.lines.append(there.elsewhere)
    target, missing = state.logging.if_read, state.logging.missing
    log = (
        f"s3://{target.bucket}/{target.prefix}"
        if target
        else f"unknown: {missing.text}"
        if missing
        else "off"
    )
    hits = None
    if since is not False and target is None:
        notes.lines.append(f"log of {name}: {missing.text if missing else OFF}")
    elif since is not False:
        hits = notes.attempt(f"log of {name}", lambda: gt.hits(name, since=since), None)
    if hits is None:
        return AuditedBucket(name, None, log, UNKNOWN, teams)
    leaks = hits.leaks()
    leaks.unread = (
        *(leaks.unread or hits.coverage.doubts),
        *([leaks.not_compared] if leaks.left_out else []),
    )
    notes.lines += [f"log of {name}: {text}" for text in leaks.unread]
    return AuditedBucket(name, None, log, leaks, teams, hits)


def _findings(
    gt: AuditedRegion,
    used: Mapping[Workteam, list[str]],
    buckets: Iterable[AuditedBucket],
    notes: UnreadNotes,
) -> tuple[Findings, dict[str, BucketAccess]]:
    """Look at each team with the buckets that it uses, and at each bucket that no team is known to
    use.

    Returns the findings, and who can open each bucket.
    """
    access: dict[str, BucketAccess] = {}
    logs = {bucket.name: bucket.hits for bucket in buckets}
    every: list[Finding] = []
    checked: list[Checked] = []
    for team, name in _subjects(used, logs):
        subject = " and ".join(part for part in (team.name if team else "", name or "") if part)
        hits = logs[name] if name is not None else None
        look = partial(gt.findings, team=team, bucket=name, logs=hits)
        results = notes.attempt(subject, look, None)
        if results is None:
            continue
        if name is not None and results.access is not None:
            access[name] = results.access
        notes.lines += [] if results.decided else [f"findings of {subject}: no rule was decided"]
        checked += results.checked
        every += results
        notes.lines += [
            f"{each.subject}: {each.detail}" for each in results if each.code == NOT_CHECKED
        ]
    listed = sorted(
        each_once(every), key=lambda f: (SEVERITIES.index(f.severity), f.code, f.subject)
    )
    return Findings(listed, by_code(checked).values()), access


def _subjects(
    used: Mapping[Workteam, list[str]], buckets: Iterable[str]
) -> list[tuple[Workteam | None, str | None]]:
    """Return each private team with each of its buckets, or alone,
    and the buckets that none of them uses.
    """
    private = {team: names for team, names in used.items() if team.restrictable}
    of_teams = ((team, name) for team, names in private.items() for name in names or (None,))
    return [
        *of_teams,
        *((None, name) for name in buckets if not any(name in names for names in private.values())),
    ]
