"""Checks of the access log: foreign requests, leaked URLs, and URLs that several addresses opened.

An empty or broken log proves nothing.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec

from ..base.errors import InvalidInput
from ..base.groups import grouped
from ..base.network import AddressesLike
from ..base.outcome import CheckResult
from ..base.text import Json, count, some
from ..logs.leaks import KINDS, LeakRules
from .result import Check

if TYPE_CHECKING:
    from ..aws.teams import Workteam
    from ..logs import Hits
    from ..logs.leaks import Leak, Leaks
    from ..restriction.model import Restriction

P = ParamSpec("P")

FAILING_KINDS = tuple(kind for kind in KINDS if kind != "person")
"""Kinds of leaks that fail the check if none are named."""
_BEST = (True, None, False)
_READ_MORE = "Read a longer time, wait for the delivery of the log, or see the finding logging-off."


def _in_each_reading(look: Callable[P, CheckResult]) -> Callable[P, CheckResult]:
    """Make a check of one reading of a log that of each reading: the worst outcome counts."""

    @functools.wraps(look)
    def decided(hits: Hits, *args: Any, **kwargs: Any) -> CheckResult:
        worst, coverage = hits.asked(
            lambda each: look(each, *args, **kwargs),  # type: ignore[arg-type]
            lambda each: _BEST.index(each.passed),
        )
        evidence = coverage.evidence(worst.subject)
        details = {**worst.details, "evidence": evidence.to_dict()}
        if not evidence.doubt:
            return replace(worst, details=details)
        odd = coverage.odd_lines
        return replace(
            worst, message=f"{worst.message} {odd}", details={**details, "odd_lines": odd}
        )

    return decided  # type: ignore[return-value]


@Check
@_in_each_reading
def no_foreign_hits(
    hits: Hits,
    restriction: Restriction,
    *,
    count_refused: bool = False,
    trust_private: bool = False,
    newest_within_h: float | None = None,
    max_unreadable: int = 0,
) -> CheckResult:
    """No presigned URL was opened from outside the restriction's addresses and endpoints.

    Requests of our own test URLs are not looked at.

    Parameters
    ----------
    hits : Hits
        Rows of an access log; those of the restriction's bucket and prefix are looked at.
    restriction : Restriction
        With the allowed addresses or endpoints.
    count_refused : bool
        Whether refused requests from outside fail the check too: the lock held, but somebody had a
        URL.
    trust_private : bool
        Whether a private address counts as a listed endpoint. S3's access logs do not name the
        endpoint (CloudTrail does), so without this such a row leaves the outcome unknown. If no
        endpoint is listed, it is foreign.
    newest_within_h : float, optional
        Hours; if the newest row is older, the outcome is unknown: the log may have been turned off.
    max_unreadable : int
        How many unreadable lines are accepted.
    """
    _check_sources(restriction)
    subject = restriction.bucket or restriction.team or hits.subject
    looked = hits.filter(
        bucket=restriction.bucket, key_prefix=restriction.prefix or None, presigned=True, test=False
    )
    placed = looked.with_restriction(restriction.allowed)
    counts = _by_allowlist(placed, restriction, count_refused)
    rows = counts["outside"]
    details: Json = {
        "presigned": len(looked),
        "foreign": sum(count for _, count in rows),
        "refused_from_outside": sum(count for _, count in counts["held"]),
        "through_unnamed_endpoint": sum(count for _, count in counts["unnamed"]),
        "without_address": sum(count for _, count in counts["nowhere"]),
        "sources": [{"source": source, "hits": count} for source, count in rows[:50]],
        "more_sources": max(0, len(rows) - 50),
        "coverage": hits.coverage.summary,
    }
    doubt = _doubt(looked, details["presigned"], newest_within_h, max_unreadable)
    doubt = doubt or _unplaced(
        details["without_address"], [] if trust_private else counts["unnamed"], counts["vpc"]
    )
    foreign = ""
    if rows:
        requests = count(
            details["foreign"], "request with a presigned URL", "requests with presigned URLs"
        )
        sources = some([f"{source} ({number:,})" for source, number in rows])
        foreign = f"{requests} came from outside the restriction: {sources}."
    fix = (
        "See them with 'gt-secure hits --presigned'; 'gt-secure who' says who can open the objects"
        " now."
    )
    text = (
        f"All {details['presigned']:,} requests with presigned URLs in the log came from the"
        " restriction's sources"
    )
    refused = details["refused_from_outside"]
    text += f", but for {refused:,} that were refused." if refused else "."
    return _result("no_foreign_hits", subject, foreign, fix, doubt, text, details)


def _result(
    name: str, subject: str, found: str, fix: str, doubt: str, passed: str, details: Json
) -> CheckResult:
    """Return the outcome of a check: failed if something was found,
    unknown in doubt, else passed.
    """
    if found:
        return CheckResult(name, subject, False, f"{found} {doubt}".rstrip(), details, fix)
    if doubt:
        unknown = {each: None for each, value in details.items() if value in (0, [])}
        return CheckResult(name, subject, None, doubt, details | unknown, _READ_MORE)
    return CheckResult(name, subject, True, passed, details)


def _check_sources(restriction: Restriction) -> None:
    """Raise InvalidInput unless the restriction has addresses or endpoints to compare with."""
    if restriction.lists and not restriction.managed:
        raise InvalidInput(
            f"The ranges of {', '.join(restriction.lists)} are not known here.",
            next_step="Pass gt.plan(restriction).restriction, which has them.",
            field="restriction",
        )
    if restriction.allowed.is_empty:
        raise InvalidInput(
            "The restriction lists neither addresses nor endpoints, so every hit would be foreign.",
            next_step="Pass a restriction with addresses or endpoints.",
            field="restriction",
        )


def _unplaced(
    without_address: int, unnamed: list[tuple[str, int]], in_vpc: Sequence[tuple[str, int]] = ()
) -> str:
    """Return a sentence on the requests that may have come from outside; empty without one."""
    if without_address:
        return f"{without_address:,} requests carry no address that can be read."
    if in_vpc:
        return (
            "The log does not say in which VPC the endpoints of"
            f" {some([source for source, _ in in_vpc])} are."
        )
    if not unnamed:
        return ""
    names = some([source for source, _ in unnamed])
    return (
        f"The log does not say through which VPC endpoint {names} came; read CloudTrail, or"
        " trust_private."
    )


def _by_allowlist(
    placed: Hits, wish: Restriction, count_refused: bool
) -> dict[str, list[tuple[str, int]]]:
    """Sources and their numbers of requests, by what they mean for the check;
    the most frequent first.
    """
    found: dict[str, list[tuple[str, int]]] = {
        "outside": [],
        "held": [],
        "unnamed": [],
        "vpc": [],
        "nowhere": [],
    }
    rows = placed.query(
        "SELECT remote_ip, endpoint, allowlist, refused, count(*) FROM {hits} WHERE allowlist <>"
        " 'inside' GROUP BY ALL ORDER BY 5 DESC, 1, 2"
    )
    for address, endpoint, side, refused, number in rows:
        if side == "endpoint" and endpoint is not None:
            continue
        kind = {"outside": "outside", "endpoint": "unnamed"}.get(
            side, "nowhere" if endpoint is None else "vpc"
        )
        if kind == "unnamed" and not wish.allowed.ids:
            kind = "outside"
        if refused and not count_refused:
            kind = "held"
        found[kind].append((_source(address, endpoint), int(number)))
    return found


@Check
@_in_each_reading
def no_leaked_urls(
    hits: Hits,
    *,
    rules: LeakRules | None = None,
    kinds: Collection[str] = FAILING_KINDS,
    newest_within_h: float | None = None,
    max_unreadable: int = 0,
) -> CheckResult:
    """No presigned URL was used from two networks.

    Parameters
    ----------
    hits : Hits
    rules : LeakRules, optional
        When two users of one URL count as one.
    kinds : collection of str
        What fails the check: ``leak`` (two networks opened a URL), ``refused`` (another network
        tried and was refused), ``preview`` (a program looked that says it is a link preview), and
        ``person`` if it is named (two networks opened URLs of one person within minutes).
    newest_within_h, max_unreadable
        As for :func:`no_foreign_hits`.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds or isinstance(kinds, str):
        raise InvalidInput(
            f"'{some(unknown) or str(kinds)}' is no list of kinds of leaks.",
            next_step=f"Choose among {', '.join(KINDS)}.",
            field="kinds",
        )
    leaks = hits.leaks(rules)
    leaks.unread = ()  # how much of it is accepted is decided below
    chosen = [leak for leak in leaks if leak.kind in kinds]
    details: Json = {
        "urls": leaks.checked,
        "leaks": [leak.to_dict() for leak in chosen[:50]],
        "found": len(chosen),
        "other": len(leaks) - len(chosen),
        "notes": list(leaks.notes),
        "coverage": hits.coverage.summary,
    }
    doubt = _doubt(
        hits.filter(presigned=True, test=False), leaks.checked, newest_within_h, max_unreadable
    )
    doubt = doubt or _not_compared(hits, leaks, 0, 0, 0)
    fix = (
        "End the URL by removing its signer's session or waiting for its expiry, and turn the URL"
        " lock on."
    )
    return _result(
        "no_leaked_urls", hits.subject, _first_of(chosen), fix, doubt, leaks.summary, details
    )


def _first_of(found: Sequence[Leak]) -> str:
    more = f" And {len(found) - 1:,} more." if len(found) > 1 else ""
    return f"{found[0].sentence}{more}" if found else ""


_ANSWERED = (
    "auth_type IS DISTINCT FROM 'HtmlForm' AND coalesce(http_status IN (200, 206, 304), source_kind"
    " = 'cloudtrail' AND error_code IS NULL, false)"
)


@Check
@_in_each_reading
def urls_are_consistent(
    hits: Hits,
    *,
    team: Workteam | None = None,
    pools: AddressesLike = (),
    trust_private: bool = False,
    newest_within_h: float | None = None,
    max_unreadable: int = 0,
) -> CheckResult:
    """Each presigned URL was opened from one address, and through one VPC endpoint.

    With a team, a URL that several addresses opened fails the check only if it is certainly of the
    team: those of other teams are left out, and one that cannot be assigned to a team leaves the
    outcome unknown. The signer and the manifests of labeling jobs say whose a URL is, so hits that
    no connection has read accuse no team.

    Refused requests, uploads by forms and our own test URLs are not looked at. A log without a
    presigned URL is not applicable, which never passes.

    Parameters
    ----------
    hits : Hits
    team : Workteam, optional
        If its URL lock is on, a URL that two addresses opened is not bound by the lock, in a pool
        too.
    pools : addresses or networks, optional
        Addresses of one user, such as a NAT pool, which count as one address.
    trust_private : bool
        Whether requests of one private address came through one VPC endpoint, which S3's access
        logs do not name. Without this, a URL with several such requests leaves the outcome unknown.
    newest_within_h, max_unreadable
        As for :func:`no_foreign_hits`.
    """
    opened = hits.filter(presigned=True, test=False).where(_ANSWERED)
    leaks = opened.leaks(LeakRules.make(per_address=True, pools=pools))
    loose = _unbound(opened, team)
    by_url = {leak.fingerprint: leak for leak in [*loose, *leaks]}
    shared, strays, unsure = _of_team(opened, team, [*by_url.values()])
    loose = [leak for leak in loose if by_url[leak.fingerprint] in shared]
    others = len(by_url) - len(shared) - len(strays)
    leaks.checked -= others
    [(nowhere, no_url)] = opened.query(
        "SELECT count(*) FILTER (WHERE remote_ip IS NULL), count(*) FILTER (WHERE fingerprint IS"
        " NULL) FROM {hits}"
    )
    unnamed = 0 if trust_private else _through_some_endpoint(opened)
    subject = hits.subject if team is None else team.name
    details: Json = {
        "urls": leaks.checked,
        "inconsistent": [leak.to_dict() for leak in shared],
        "found": len(shared),
        "unbound": [leak.fingerprint for leak in loose],
        "unassigned": [leak.to_dict() for leak in strays],
        "through_unnamed_endpoint": unnamed,
        "without_address": nowhere,
        "notes": list(leaks.notes),
        "coverage": hits.coverage.summary,
    }
    doubt = _doubt(hits, len(hits), newest_within_h, max_unreadable)
    doubt = doubt or unsure or _unplaced(nowhere, [])
    doubt = doubt or _not_compared(hits, leaks, unnamed, no_url, others)
    several = (
        f"Several addresses opened {count(len(shared), 'presigned URL')}. {_first_of(shared)}"
        if shared
        else ""
    )
    hole = "" if team is None or not loose else f" {not_bound(team, len(loose))}"
    text = (
        f"One address opened each of {count(leaks.checked, 'presigned URL')}, as far as the logs"
        " that were read show."
    )
    fix = _HOLE if hole else _NAME_POOLS
    return _result("urls_are_consistent", subject, f"{several}{hole}", fix, doubt, text, details)


_NAME_POOLS = "Name the addresses of one user as pools, or turn the URL lock on."
_HOLE = (
    "Look for templates without grant_read_access with 'gt-secure findings', and guard the bucket."
)


def _of_team(
    hits: Hits, team: Workteam | None, leaks: Sequence[Leak]
) -> tuple[list[Leak], list[Leak], str]:
    """Return the URLs of a team, those that cannot be assigned to one, and the sentence on these.

    Without a team, all are returned as its own.
    """
    if team is None or not leaks:
        return list(leaks), [], ""
    owners = {bucket: hits.owners_of(team, bucket) for bucket in {each.bucket for each in leaks}}
    known = {bucket: owner for bucket, owner in owners.items() if owner is not None}
    whose = grouped(
        (known[each.bucket].team_of(each.key, each.signer, each.viewer), each)
        if each.bucket in known
        else ("", each)
        for each in leaks
    )
    if not (strays := whose.get("", [])):
        return whose.get(team.arn, []), [], ""
    unlocked = {
        each.name
        for owner in known.values()
        for each in owner.teams.values()
        if each.arn != team.arn and not (each.url_lock is not None and each.url_lock.on)
    }
    why = f" The URL lock is off of {some(sorted(unlocked))}." if unlocked else ""
    urls = count(len(strays), "presigned URL")
    text = f"Several addresses opened {urls} that cannot be assigned to a workteam.{why}"
    return whose.get(team.arn, []), strays, f"{text} {_first_of(strays)}"


def _unbound(opened: Hits, team: Workteam | None) -> list[Leak]:
    """Return the URLs that a URL lock which is on did not bind: two addresses opened each of them.

    The lock is in the credentials that sign a URL, so URLs of the same credentials have the same
    address. A URL whose credentials the log does not name is left out.
    """
    if team is None or team.url_lock is None or not team.url_lock.on:
        return []
    return list(opened.where("access_key IS NOT NULL").leaks(LeakRules(per_address=True)))


def unbound(hits: Hits, team: Workteam) -> tuple[list[Leak], str]:
    """Return the URLs of a team that its URL lock did not bind, and the sentence on those that
    cannot be assigned to a team; empty if there is none.
    """
    opened = hits.filter(presigned=True, test=False).where(_ANSWERED)
    loose, _, unsure = _of_team(opened, team, _unbound(opened, team))
    return loose, unsure


def not_bound(team: Workteam, urls: int) -> str:
    """Return the sentence about URLs that the URL lock of a team did not bind."""
    mode = "off" if team.url_lock is None else team.url_lock.mode
    these = "this URL: it was" if urls == 1 else f"{urls:,} of these URLs: they were"
    is_older = "is" if urls == 1 else "are"
    return (
        f"The URL lock of {team.name} is on ({mode}) and lets one address open a URL, so it did not"
        f" bind {these} not made by grant_read_access for this team, or {is_older} older than the"
        " lock."
    )


def _through_some_endpoint(opened: Hits) -> int:
    """Return how many URLs have several requests of private addresses whose endpoint
    the log does not name.
    """
    [(urls,)] = opened.with_restriction().query(
        "SELECT count(*) FROM (SELECT fingerprint FROM {hits} WHERE fingerprint IS NOT NULL GROUP"
        " BY 1 HAVING count(*) > 1 AND bool_or(allowlist = 'endpoint' AND endpoint IS NULL))"
    )
    return int(urls)


def _not_compared(hits: Hits, leaks: Leaks, unnamed: int, no_url: int, others: int) -> str:
    """Return the sentence on requests that may have come from several places; empty without one.

    ``others`` is the number of URLs of other teams that were left out.
    """
    if not leaks.checked and not no_url:
        if others:
            return "Not applicable: each opened presigned URL of the log is of another team."
        own = len(hits.filter(presigned=True, test=True).where(_ANSWERED))
        tests = count(
            own, "opened request was your own test", "opened requests were your own tests"
        )
        if own:
            return f"Not applicable: {tests}. No other presigned request opened an object."
        return "Not applicable: the log has requests, and none of them opened a presigned URL."
    if leaks.left_out:
        return leaks.not_compared
    if no_url:
        return f"{count(no_url, 'presigned request')} cannot be assigned to a URL."
    if not unnamed:
        return ""
    several = f"{count(unnamed, 'URL')} with several requests from a private address"
    return (
        f"The log does not say through which VPC endpoints {several} came; read CloudTrail, or"
        " trust_private."
    )


def _source(address: Any, endpoint: Any) -> str:
    where = str(address) if address is not None else "no address"
    return f"{where} via {endpoint}" if endpoint else where


def _doubt(hits: Hits, rows: int, within_h: float | None, max_unreadable: int) -> str:
    """Return the reason why the log is not sufficient evidence; empty if it is."""
    coverage = hits.coverage
    unreadable = coverage.unreadable if coverage.unreadable > max_unreadable else 0
    if doubts := replace(coverage, unreadable=unreadable).unread:
        return " ".join(doubts)
    if not rows:
        return (
            "The log shows no request with a presigned URL. An empty log is not proof that nobody"
            " opened one."
        )
    if within_h is not None:
        [(newest,)] = hits.query("SELECT max(time) FROM {hits}")
        age = dt.datetime.now(dt.UTC).replace(tzinfo=None) - newest if newest is not None else None
        if age is None or age > dt.timedelta(hours=within_h):
            return (
                f"The newest request in the log is of {newest} UTC, more than {within_h:g} hours"
                " ago."
            )
    return ""
