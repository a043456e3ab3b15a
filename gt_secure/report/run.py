"""Makes a report: of the connection's region, of several, or of many accounts."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.shared_files import read_private, replacing
from ..base.text import Json, Texts, TextsLike, json_text
from ..base.version import __version__
from ..check.ledger import claimed, recorded_place
from ..findings.accepted import accept, unused
from ..findings.model import Acceptances
from .accounts import (
    Account,
    Accounts,
    AccountsLike,
    organization_accounts,
    parse_regions,
    read_accounts,
)
from .buckets import BucketChoice
from .changes import load_report
from .region import ReportedRegion, read_region
from .result import AccountReport
from .role import Members, RoleLike
from .rows import ReportRow, ReportRows
from .runner import ReportCallback, StateFile, read_units

ORGANIZATION = "organization"
LAST = "last"
_A_WEEK = "7d"


def report(
    gt: ReportedRegion,
    *,
    buckets: TextsLike | None = None,
    since: str | None = _A_WEEK,
    accounts: AccountsLike | None = None,
    regions: TextsLike | None = None,
    role: RoleLike = "",
    logs: bool = True,
    folder: Path | None = None,
    fresh: bool = False,
    progress: ReportCallback | None = None,
    cancel: threading.Event | None = None,
) -> AccountReport:
    """Make a report: see :meth:`gt_secure.Connection.report`.

    Parameters
    ----------
    logs : bool
        Whether to read the access logs, from ``since``.
    folder : Path, optional
        Where the report is kept for the next ``since="last"``, and the progress of many accounts:
        an interrupted report with the same arguments resumes, unless it is ``fresh``.
    progress : callable, optional
        Gets a :class:`~gt_secure.report.runner.ReportProgress` after each region.
    cancel : threading.Event, optional
        Set it to stop: what is read so far stays in the folder.
    """
    if bool(role) != (accounts is not None):
        raise InvalidInput(
            "No accounts are named for the role." if role else "No role is named for the accounts.",
            next_step="Give accounts and the role to assume in each, such as GtSecureReport.",
            field="accounts" if role else "role",
        )
    several = accounts is not None or regions is not None
    choice = None if several and buckets is None else BucketChoice.parse(buckets or "used")
    members = Members(gt, role)
    chosen = _accounts(gt, accounts)
    names: Texts = (gt.aws.region,)
    if several:
        names = parse_regions("all" if regions is None else regions, gt.aws.partition)
    question = (gt.aws.endpoint_url, members.role_name, members.external_id, chosen, names, choice)
    identifier = hashlib.sha256(repr(question).encode()).hexdigest()[:16]
    last = (folder or default_folder()) / f"{identifier}.json"
    before = None
    if since is not None and is_earlier(since):
        before = _earlier(since, last)
        # A leak of the last week counts, even if it was before the last report
        a_week_ago = f"{utc_now() - timedelta(7):%Y-%m-%dT%H:%M:%SZ}"
        since = min(str(before.get("at") or a_week_ago), a_week_ago)
    start = since if logs and accounts is None else None
    units = [(account, region) for account in chosen for region in names]
    file = StateFile(
        last.with_name(f"{identifier}-{__version__}.ndjson") if folder and accounts else None,
        {(account.id, region) for account, region in units},
        fresh=fresh,
    )

    def read(account: Account, region: str) -> tuple[ReportRows | None, int]:
        there, calls = members.connect(account.id, region)
        return read_region(there, account, choice, start, many=True), len(calls)

    stop = cancel or threading.Event()
    if several:
        rows = read_units(read, units, file, stop, progress)
    else:
        rows = [*(read_region(gt, chosen[0], choice, start) or ())]
    outcomes = [*file.done.values()]
    rows = [_accepted(row, gt.accepted) for row in rows]
    result = AccountReport(
        at=utc_now(),
        caller=gt.aws.caller_arn,
        account=gt.aws.account_id,
        region=gt.aws.region,
        rows=tuple(rows),
        places=len(units),
        places_read=len(outcomes) if several else 1,
        empty=sum(outcome.status == "empty" for outcome in outcomes),
        calls=sum(outcome.calls for outcome in outcomes),
        unused=() if stop.is_set() else _unused(rows, gt.accepted),
        nothing=_nothing(choice, rows) if several else "",
        place=None if several else recorded_place(gt.aws),
        wanted=claimed({"accepted": gt.accepted}),
        before=before,
    )
    if (folder is not None or since == LAST) and result.places_read == result.places:
        _keep(result, last)
    return result


def _accounts(gt: ReportedRegion, given: AccountsLike | None) -> Accounts:
    if given is None:
        return (Account(gt.aws.account_id),)
    return organization_accounts(gt.aws) if given == ORGANIZATION else read_accounts(given)


def _accepted(row: ReportRow, entries: Acceptances) -> ReportRow:
    """Return a row with what is accepted under the name of its account and region, too."""
    if not entries:
        return row
    return replace(row, findings=accept(row.findings, entries, place=row.location))


def _unused(rows: Sequence[ReportRow], entries: Acceptances) -> Acceptances:
    """Return the accepted findings that matched nothing; none where something was not read."""
    if not entries or any(row.unread for row in rows):
        return ()
    found = [(finding, row.location) for row in rows for finding in row.findings]
    places = dict(enumerate(place for _, place in found))
    return unused([finding for finding, _ in found], entries, places=places)


def _nothing(choice: BucketChoice | None, rows: Iterable[ReportRow]) -> str:
    found = {row.name for row in rows if row.kind == "bucket"}
    if choice is None or (found and found.issuperset(choice.names)):
        return ""
    return choice._replace(names=tuple(sorted({*choice.names} - found))).nothing


def default_folder() -> Path:
    """Return the folder for the last reports and the progress of large ones: ``GT_SECURE_REPORTS``,
    or one in the home directory.
    """
    return Path(os.environ.get("GT_SECURE_REPORTS") or Path.home() / ".gt_secure" / "reports")


def is_earlier(since: str) -> bool:
    """Return whether a start names an earlier report."""
    return since == LAST or since.endswith(".json")


def _earlier(since: str, last: Path) -> Json:
    """Return the report with which a new one is compared: that of a file, or the ``last`` one;
    empty if none was kept.
    """
    if since != LAST:
        return load_report(since)
    try:
        read_private(last)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidInput(
            f"{last} cannot be read: {error.strerror}.",
            next_step="Name the JSON file of an earlier report.",
            field="since",
        ) from error
    return load_report(last)


def _keep(made: AccountReport, last: Path) -> None:
    """Keep a report for the next ``--since last``: only its owner can read it.

    A home that is not writable keeps none, which the next ``--since last`` says.
    """
    with suppress(OSError):
        last.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(last, 0o600) as file:
            file.write(json_text(made.to_dict()))
