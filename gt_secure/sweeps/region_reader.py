"""One account and region of a sweep: a row for each private team; one call where there is no workforce."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..access.exposure_text import words_of
from ..account import read_bucket
from ..audit import UnreadNotes, guard_text
from ..aws.teams import Workforce, Workteam, buckets_of_jobs, jobs_of_team, list_private_workteams
from ..connection import Connection
from ..errors import Throttled
from ..findings.model import OUTCOMES, Finding
from ..listings import Findings
from .accounts import Account
from .sweep_rows import SweepRow

NEVER_READ = frozenset({"s3:GetObject"})
"""The role of a sweep reads no object, so that the templates of tasks are not looked at."""
NO_BUCKET = "unknown: no bucket of this team is known"
MAX_BUCKETS = 20
"""Maximum number of buckets to read for one team."""


def read_region(gt: Connection, account: Account) -> list[SweepRow] | None:
    """Return the rows of one account and region; None where there is no workforce."""
    workforce = gt.workforce()
    if workforce is None:
        return None
    teams = list_private_workteams(gt.aws)
    return [_row(gt, account, workforce, team) for team in teams] or [
        SweepRow(account.id, gt.aws.region, account_name=account.name, portal_lock=_portal(workforce))
    ]


def known_buckets(gt: Connection, team: Workteam) -> list[str]:
    """Return the data buckets of a team: of its labeling jobs, waiting and past, and of the changes in the journal."""
    place = (gt.aws.account_id, gt.aws.region)
    written = [record.begin for record in gt.journal if (record.account_id, record.begin.get("region")) == place]
    wishes = [begin.get("restriction") or {} for begin in written]
    named = {str(wish["bucket"]) for wish in wishes if wish.get("team") in (team.name, team.arn) and wish.get("bucket")}
    return sorted({*buckets_of_jobs(jobs_of_team(gt.aws, team, past=True)), *named})


def _row(gt: Connection, account: Account, workforce: Workforce, team: Workteam) -> SweepRow:
    notes = UnreadNotes(passes=Throttled)  # the region is read again then
    buckets: list[str] = notes.attempt(f"jobs of {team.name}", lambda: known_buckets(gt, team), [])
    if len(buckets) > MAX_BUCKETS:
        notes.lines.append(f"{len(buckets) - MAX_BUCKETS} more buckets of {team.name} were not read")
    named = [(name, *_bucket(gt, name, notes)) for name in buckets[:MAX_BUCKETS]]
    findings, checked = _findings(gt, team, buckets[:MAX_BUCKETS], notes)
    return SweepRow(
        account=account.id,
        account_name=account.name,
        region=gt.aws.region,
        team=team.name,
        url_lock=team.url_lock_text,
        portal_lock=_portal(workforce),
        guard=_joined((name, guard) for name, guard, _ in named),
        buckets=tuple(buckets),
        exposure=_joined((name, line) for name, _, line in named) or NO_BUCKET,
        checked=checked,
        findings=tuple(each for each in findings if each.code != "not-checked"),
        unread=tuple(dict.fromkeys([*notes.lines, *_denied(findings)])),
    )


def _portal(workforce: Workforce) -> str:
    where = f" in {workforce.vpc_id}" if workforce.vpc_id else ""
    return (", ".join(workforce.cidrs) or "off: open to every address") + where


def _bucket(gt: Connection, name: str, notes: UnreadNotes) -> tuple[str, str]:
    state = notes.attempt(name, lambda: read_bucket(gt.aws, name), None)
    if state is None:
        return "unknown", "unknown"
    row = notes.attempt(f"exposure of {name}", lambda: gt.exposure(name).row("presigned"), None)
    if row is None:
        return guard_text(state), "unknown"
    unknown = "" if row.unknown.is_empty else f"; unknown: {words_of(row, 'unknown')}"
    return guard_text(state), f"a presigned URL is opened from {words_of(row, 'opened')}{unknown}"


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return " | ".join(f"{name}: {text}" for name, text in pairs)


def _findings(
    gt: Connection, team: Workteam, buckets: Sequence[str], notes: UnreadNotes
) -> tuple[list[Finding], dict[str, str]]:
    """Return the findings, and what each rule came to: the gravest word of all buckets."""
    found: dict[tuple[str, str, str], Finding] = {}
    checked: dict[str, str] = {}
    every: list[str | None] = list(buckets) or [None]
    for bucket in every:
        subject = f"findings of {team.name}" + (f" and {bucket}" if bucket else "")
        look = notes.attempt(subject, lambda b=bucket: gt.findings(team=team, bucket=b), Findings())  # type: ignore[misc]
        found |= {(each.code, each.subject, each.detail): each for each in look}
        for each in look.checked:
            words = (each.outcome, checked.get(each.code, "not applicable"))
            checked[each.code] = min(words, key=OUTCOMES.index)
    return list(found.values()), checked


def _denied(findings: Iterable[Finding]) -> list[str]:
    blind = [each for each in findings if each.code == "not-checked" and not set(each.could_not_see) <= NEVER_READ]
    return [f"{each.subject}: {each.detail}" for each in blind]
