"""One account and region of a report: a row for each workteam, portal and bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, cast

from .. import account
from ..account.bucket import READINGS, Bucket
from ..account.locks import locks_of
from ..account.principals import read_principals
from ..account.state import State
from ..aws.arns import caller_name
from ..aws.teams import Workforce, Workteam, list_private_workteams
from ..base.errors import (
    AccessDenied,
    GtSecureError,
    InvalidInput,
    PolicyError,
    Throttled,
    Unreachable,
)
from ..base.groups import grouped
from ..base.text import Json, Texts
from ..engine.access.identities import Principals
from ..engine.access.part import NotRead, Part
from ..engine.access.signers import policy_writers
from ..engine.policies.bucket_policy import BucketPolicy
from ..findings.listings import Findings
from ..findings.model import NOT_CHECKED, Checked, Subject, by_code
from ..findings.run import RULES, examine
from ..logs.coverage import NOTHING
from .accounts import Account
from .buckets import BucketChoice, TeamBuckets, UnreadNotes, own_buckets
from .rows import ReportRow, ReportRows, RowKind, merged

if TYPE_CHECKING:
    from ..aws.client import Aws
    from ..changes import Journal
    from ..findings.listings import Workteams
    from ..findings.model import Acceptances
    from ..logs import Hits

MAX_BUCKETS = 20
"""Maximum number of buckets to read for one team of many accounts."""
_KINDS: dict[Subject, RowKind] = {"bucket": "bucket", "workforce": "portal", "endpoint": "portal"}
ROW_OF = {rule.code: _KINDS.get(rule.subject, "team") for rule in RULES}
"""The kind of row of each rule: a finding about the portal counts once for all teams."""
OFF = "not known, because access logging is off"
EMPTY = "not known, because the log has no request in the days that the report reads"
LEFT_OUT = "not looked for, because the logs were left out"
UNREAD_LOG = "not known, because the access log was not read"
_NO_GUARD = ": a presigned URL works from anywhere"
_OF_OTHERS = " of gt_secure: other policies decide who can open"
_NO_NAME: Part[Any] = Part.unread(
    NotRead(
        "a bucket of the team", "sagemaker:DescribeLabelingJob", "in part", "Its name is not known."
    )
)
_NOTHING_READ: Json = dict.fromkeys((*READINGS, "key_policy", "log_bucket"), _NO_NAME)
_SOME_BUCKET = Bucket("", "", **_NOTHING_READ)
"""A bucket that a team may use beside those that are known."""


class ReportedRegion(Protocol):
    """A region as a report reads it: :class:`gt_secure.Connection` is one."""

    @property
    def aws(self) -> Aws:
        """The connection to the account."""

    @property
    def journal(self) -> Journal:
        """The journal, which names the buckets of restrictions."""

    @property
    def accepted(self) -> Acceptances:
        """The findings that are accepted."""

    def workteams(self) -> Workteams:
        """Return the workteams."""

    def workforce(self) -> Workforce | None:
        """Return the private workforce."""

    def hits(self, bucket: str, *, since: str | None) -> Hits:
        """Read the access log of a bucket."""

    def findings(self, *, team: Workteam | None, bucket: str | None, logs: Hits | None) -> Findings:
        """Return what defeats a restriction."""


def read_region(
    gt: ReportedRegion,
    account: Account,
    choice: BucketChoice | None = None,
    since: str | None = None,
    *,
    many: bool = False,
) -> ReportRows | None:
    """Return the rows of one account and region.

    Parameters
    ----------
    gt : ReportedRegion
    account : Account
    choice : BucketChoice, optional
        Buckets to look at beside those that teams use.
    since : str, optional
        Read the access logs from here; without it they are left out.
    many : bool
        Read it as one of many: a region without a workforce and a choice costs one call and is
        None, and a denied or throttled region is an error.
    """
    passes = (Throttled, Unreachable) if many else (InvalidInput,)
    notes = UnreadNotes(passes)
    workforce = None
    denied: GtSecureError | None = None
    try:
        workforce = gt.workforce()
    except GtSecureError as error:  # the teams can be read without it
        if isinstance(error, passes) or (many and not isinstance(error, AccessDenied)):
            raise
        denied = error
        notes.lines.append(f"workforce: {error}")
    if many and workforce is None and choice is None and denied is None:
        return None
    reader = _RegionReader(
        replace(
            cast(Any, gt),
            aws=gt.aws.remembering(),  # teams and buckets ask for the same facts
            journal=gt.journal.snapshot(),
            others=False,
        ),
        account,
        notes,
        since,
        MAX_BUCKETS if many else None,
    )
    teams: list[Workteam] = []
    if not many or workforce is not None or denied:
        read = partial(list_private_workteams, gt.aws) if many else gt.workteams
        teams = notes.attempt("workteams", read, [])
    if many and denied and not teams and len(notes.lines) > 1:
        raise denied
    return tuple(reader.rows(workforce, teams, choice))


@dataclass
class _RegionReader:
    """Reads each bucket once, for the rows of the teams that use it and for its own."""

    gt: ReportedRegion
    account: Account
    notes: UnreadNotes
    since: str | None
    most: int | None
    """Maximum number of buckets of one team."""
    logs: dict[str, Json] = field(default_factory=dict)
    looks: dict[str, list[Findings]] = field(default_factory=dict)
    of_teams: list[Findings | None] = field(default_factory=list)
    unknown: list[Checked] = field(default_factory=list)
    """What the teams' rules came to on buckets that are not known."""

    def rows(
        self, workforce: Workforce | None, teams: list[Workteam], choice: BucketChoice | None
    ) -> Iterator[ReportRow]:
        known = TeamBuckets(self.gt.aws, self.gt.journal, self.notes.passes)
        own = own_buckets(self.gt.aws, self.notes)
        used: dict[Workteam, list[str]] = {}
        lines: dict[Workteam, UnreadNotes] = {}
        for team in teams:
            lines[team] = UnreadNotes(self.notes.passes)
            used[team] = known.of(team, lines[team])
        asked = []
        if choice is not None:
            asked = choice.here(self.gt.aws, self.gt.journal, own, self.notes)
            asked = [*choice.names] if choice.names and self.most is None else asked
        of_teams = {team: used[team][slice(self.most)] for team in teams}
        names = sorted({*asked, *(name for team in teams for name in of_teams[team])})
        if choice is not None and not (asked if choice != BucketChoice() else names):
            self.notes.lines.append(f"buckets: not applicable, {choice.nothing}")
        for name in names:
            self.logs[name] = self._log(name)
        rows = [self._team(team, used[team], known, lines[team]) for team in teams]
        portal = _outcome(self.of_teams, UnreadNotes(self.notes.passes), self.unknown, "portal")
        portal["unread"] = ()  # each team's row names it
        if workforce is not None:
            yield self._portal(workforce, portal)
        yield from rows
        for name in names:
            users = tuple(team.name for team in teams if name in used[team])
            row = self._bucket(name, users)
            yield self._as_listed(row) if choice and choice.every else row
        others = tuple(name for name in own or () if name not in names)
        if self.notes.lines or others:
            portal = {} if workforce is not None else portal
            more = portal | {"unread": (*self.notes.lines,), "not_looked_at": others}
            yield self._row("region", **more)

    def _row(self, kind: RowKind, name: str = "", **more: Any) -> ReportRow:
        return ReportRow(self.account.id, self.gt.aws.region, kind, name, self.account.name, **more)

    def _portal(self, workforce: Workforce, found: Json) -> ReportRow:
        lock = "off: open to every address" if workforce.is_open else ", ".join(workforce.cidrs)
        return self._row(
            "portal",
            workforce.name,
            locks=lock,
            allowed=workforce.cidrs,
            uses=(workforce.vpc_id,) if workforce.vpc_id else (),
            waiting=workforce.status,
            **found,
        )

    def _team(
        self, team: Workteam, buckets: list[str], known: TeamBuckets, notes: UnreadNotes
    ) -> ReportRow:
        read = buckets[slice(self.most)]
        is_whole = not notes.lines and read == buckets
        if read != buckets:
            notes.lines.append(
                f"{len(buckets) - len(read)} more buckets of {team.name} were not read"
            )
        looks: list[Findings | None] = []
        unknown = [Checked("url-lock-off", "not applicable")]
        if team.restrictable:
            unknown = []
            looks = [self._look(team, name, notes) for name in read or (None,)]
            if not is_whole:
                unknown = notes.attempt(
                    f"findings of {team.name}", lambda: self._on_some_bucket(team), []
                )
            self.of_teams += looks
            self.unknown += unknown
        jobs = known.waiting.get(team.arn, ())
        is_known = not any(line.startswith(f"jobs of {team.name}: ") for line in notes.lines)
        return self._row(
            "team",
            team.name,
            locks=team.url_lock_text,
            uses=tuple(buckets),
            waiting=", ".join(job.name for job in jobs) or ("none" if is_known else "unknown"),
            **_outcome(looks, notes, unknown, "team"),
        )

    def _bucket(self, name: str, teams: Texts) -> ReportRow:
        notes = UnreadNotes(self.notes.passes)
        if name not in self.looks:
            self._look(None, name, notes)
        looks = self.looks.get(name, [])
        found = looks[0] if looks else Findings()
        access, state = found.access, found.state
        if state is not None and state.bucket and state.bucket.region != self.gt.aws.region:
            there = account.read_state(self.gt.aws, bucket=name, needs=account.OTHERS)
            teams = tuple(each.team.name for each in there.users)
            notes.lines.append(there.elsewhere)
        log = self.logs[name]
        notes.lines += log.pop("lines")
        return self._row(
            "bucket",
            name,
            tone="unknown" if access is None else access.tone,
            access="unknown" if access is None else access.text,
            policy_writers=self._policy_writers(state),
            uses=teams,
            **_locks(state, access is not None and access.tone == "open"),
            **log,
            **_outcome(looks, notes, (), "bucket"),
        )

    def _as_listed(self, row: ReportRow) -> ReportRow:
        """Return the row of a bucket that nobody named. If nobody guarded it, uses it or signs URLs
        of it, as far as is known, its word is open, and the finding that URLs open it from anywhere
        only informs.
        """
        buckets = [each.state.bucket for each in self.looks.get(row.name, ()) if each.state]
        if row.uses or row.allowed or any(each and each.url_ages for each in buckets):
            return row
        found = (
            replace(each, severity="info") if each.code == "presigned-from-anywhere" else each
            for each in row.findings
        )
        return replace(row, findings=tuple(merged(found)))

    @cached_property
    def people(self) -> Part[Principals]:
        """The users and roles of the account, which are read for the first bucket."""
        return read_principals(self.gt.aws)

    def _policy_writers(self, state: State | None) -> Texts:
        """Return who can put or delete the policy of a bucket, and so turn the guard off."""
        bucket = state.bucket if state is not None else None
        missing = bucket and (bucket.policy.missing or self.people.missing)
        if state is None or bucket is None or missing is not None:
            why = missing.text if missing else "nothing was read"
            return "root user", f"unknown: others, because {why}"
        writers = grouped(
            (answer, caller_name(arn).partition(":")[2])
            for arn, answer in policy_writers(
                locks_of(state), self.people.value or Principals(())
            ).items()
        )
        unsure = (f"unknown: {name}" for name in writers.get("unknown", ()))
        return "root user", *writers.get("opened", ()), *unsure

    def _log(self, name: str) -> Json:
        """Return what is known of the access log of a bucket, and of leaked URLs in it."""
        notes = UnreadNotes(self.notes.passes)
        row: Json = {"log": "", "leaks_unread": LEFT_OUT, "lines": notes.lines}
        if self.since is None:
            return row
        bucket = notes.attempt(
            f"log of {name}",
            lambda: account.read_bucket(self.gt.aws, name, frozenset({"bucket.logging"})),
            None,
        )
        missing = bucket.logging.missing if bucket is not None else None
        if missing is not None:
            notes.lines.append(f"log of {name}: {missing.text}")
        if bucket is None or missing is not None:
            return row | {"log": "unknown", "leaks_unread": UNREAD_LOG}
        if (target := bucket.logging.value) is None:
            return row | {"log": "off", "leaks_unread": OFF}
        row["log"] = f"s3://{target.bucket}/{target.prefix}"
        hits = notes.attempt(f"log of {name}", lambda: self.gt.hits(name, since=self.since), None)
        if hits is None:
            return row | {"leaks_unread": UNREAD_LOG}
        leaks = hits.leaks()
        if NOTHING in leaks.unread:
            return row | {"hits": hits, "leaks": leaks, "leaks_unread": EMPTY}
        unread = [*leaks.unread, *([leaks.not_compared] if leaks.left_out else [])]
        notes.lines += [f"log of {name}: {text}" for text in unread]
        return row | {
            "hits": hits,
            "leaks": leaks,
            "leaked": leaks.leaked or (None if unread else 0),
            "leaks_unread": " ".join(unread),
        }

    def _on_some_bucket(self, team: Workteam) -> list[Checked]:
        """Return the rules that are unknown on a bucket that is not known: those that ask anything
        of it.
        """
        state = account.read_state(self.gt.aws, team=team, needs=account.FINDINGS)
        checked = examine(replace(state, bucket=_SOME_BUCKET)).checked
        return [each for each in checked if each.outcome == "unknown"]

    def _look(
        self, team: Workteam | None, bucket: str | None, notes: UnreadNotes
    ) -> Findings | None:
        subject = " and ".join(filter(None, (team.name if team else "", bucket)))
        hits = self.logs[bucket].get("hits") if bucket is not None else None
        look = notes.attempt(
            f"findings of {subject}",
            partial(self.gt.findings, team=team, bucket=bucket, logs=hits),
            None,
        )
        if look is not None and bucket is not None:
            self.looks.setdefault(bucket, []).append(look)
        return look


def _locks(state: State | None, is_open: bool) -> Json:
    """Return the guard and limits of a bucket, in words and as a list of allowed sources."""
    policy = state.bucket.policy if state is not None and state.bucket is not None else None
    if policy is None or policy.missing is not None:
        return {"locks": "unknown"}
    found = BucketPolicy.of(policy.if_read)
    try:
        names = [name for guard in found.guards for name in guard.allowed.names()]
        words = found.words() if is_open else found.words().replace(_NO_GUARD, _OF_OTHERS)
        return {"locks": words, "allowed": tuple(dict.fromkeys(names))}
    except PolicyError as error:
        return {"locks": f"unknown: {error.message}"}


def _outcome(
    looks: Sequence[Findings | None],
    notes: UnreadNotes,
    unknown: Iterable[Checked],
    kind: RowKind,
) -> Json:
    """Return the findings, what each rule came to (the gravest word of all looks), and what was not
    read: of the rules of a kind of row. A team also has those about a bucket that are ``unknown``.
    """
    reports = [look for look in looks if look is not None]
    lines = [*notes.lines, *_not_read(reports)]
    findings = (each for each in chain(*reports) if ROW_OF.get(each.code) == kind)
    if reports and not any(look.decided for look in reports):
        lines.append("findings: no rule was decided")
    checked = chain.from_iterable(look.checked for look in reports)
    asked = [each for each in checked if ROW_OF[each.code] == kind]
    asked += [each for each in unknown if (ROW_OF[each.code] == "portal") == (kind == "portal")]
    return {
        "findings": tuple(merged(findings)),
        "checked": {code: each.outcome for code, each in by_code(asked).items()},
        "unread": tuple(dict.fromkeys(lines)),
    }


def _not_read(reports: Sequence[Findings]) -> Iterator[str]:
    """Yield what rules asked for in vain, and objects of jobs that none of them had to ask for."""
    asked = [each for each in chain(*reports) if each.code == NOT_CHECKED]
    yield from (f"{each.subject}: {each.detail}" for each in asked)
    named = {each.subject for each in asked}
    for look in reports:
        for name, part in look.state.unread() if look.state else ():
            if name == "templates" and part.resource not in named:
                yield f"{part.what}: {part.text}."
