"""A restriction tried on the requests of a log:
which opened presigned requests its guard would have refused.
"""

# ruff: noqa: S608 - SQL is put together from our own names; times and numbers are ours

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..base.evidence import Evidence
from ..base.groups import grouped
from ..base.shown import Shown
from ..base.text import Json, Texts, count, printable, some
from ..engine.policies.age_limit import age_text
from ..logs.sql.group_by import network_of
from ..logs.sql.literals import literal
from ..logs.sql.log_columns import METHOD, OPENED, SIGNER, UPLOAD, signer_label
from ..logs.table import SqlRows
from ..restriction.model import Restriction

if TYPE_CHECKING:
    from ..logs.hits import Hits

DAYS = 7
"""Days of the log that are tried: the last ones before its newest request."""

_OLD_SIGNATURE = (
    "coalesce(signature_version = 'SigV2', "
    "signed_at IS NULL AND source_kind <> 'cloudtrail' AND auth_type IS DISTINCT FROM 'HtmlForm')"
)

_NO_LOG = Evidence("the log")

METHODS = {
    "GET": ("GET", "GET"),
    "HEAD": ("HEAD", "HEAD"),
    "LIST": ("LIST", "LIST"),
    "PUT": ("PUT uploads", "a PUT upload"),
    "part": ("parts of uploads", "a part of an upload"),
    "DELETE": ("DELETE", "a DELETE"),
    "form": ("POST forms", "a POST form"),
    "": ("other requests", "another request"),
}
"""Methods of presigned requests in words, for many and for one."""
_REFUSED = {
    "not_listed": "not on its list",
    "other_signer": "not signed by a listed signer",
    "too_old": "older than {age}",
    "version_2": "with signature version 2",
}
_UNKNOWN = {
    "no_address": "without an address in the log",
    "no_endpoint": "through an endpoint that the log does not name",
    "no_vpc": "through an endpoint whose VPC is not in the log",
    "no_signer": "whose signer the log does not name",
    "no_age": "without an age in the log",
    "near_limit": "up to a second older than {age}",
}
"""Reasons why a request is refused, and why its answer is unknown, in words."""
_REASONS = ("opened", *_REFUSED, *_UNKNOWN)
_WRITES = ("PUT", "part", "form", "DELETE")
_LEFT_BEHIND = (
    "A refused part leaves an incomplete upload behind, and its stored parts cost money until"
    " somebody aborts it: add a lifecycle rule with AbortIncompleteMultipartUpload."
)


@dataclass(frozen=True, slots=True)
class Usage(Shown):
    """Presigned requests of one method, by one signer and application.

    Attributes
    ----------
    signer, application : str
    method : str
        One of :data:`METHODS`.
    requests, refused, opened : int
        All, and those that the guard would certainly have refused and opened.
    signed_with_2 : int
        Those with signature version 2.
    sources : tuple of str
        Addresses and endpoints, those with most requests first.
    """

    document = (
        "signer",
        "application",
        "method",
        "requests",
        "refused",
        "opened",
        "sources",
        "signed_with_2",
    )

    signer: str
    application: str
    method: str
    requests: int
    refused: int
    opened: int
    signed_with_2: int
    sources: Texts

    @property
    def origin(self) -> str:
        """The sources in words: the addresses of writes,
        the number of networks of everything else.
        """
        if self.method in _WRITES:
            return some(self.sources)
        return count(len({network_of(source) for source in self.sources}), "network")

    @property
    def words(self) -> str:
        """Return the row in words."""
        unknown = self.requests - self.refused - self.opened
        doubts = f", {unknown:,} unknown" if unknown else ""
        head = f"{self.application}, {METHODS[self.method][0]}, by {self.signer}"
        number = f"{count(self.requests, 'request')} from {self.origin}"
        return (
            f"{head}: {number}; {self.opened:,} {'stays' if self.opened == 1 else 'stay'}"
            f" open{doubts}"
        )


@dataclass(frozen=True, slots=True)
class DryRun(Shown):
    """Answer of a guard to the opened presigned requests of a log.

    Attributes
    ----------
    first, last : datetime or None
        Time of the first and last request that was tried, UTC.
    requests, refused, unknown : int
        ``unknown`` is the sum of the six numbers below.
    no_address, no_endpoint, no_vpc, no_signer, no_age, near_limit : int
        The unknown ones by the first reason that applies, in this order: the log has no address,
        does not name the VPC endpoint, does not name the VPC of the endpoint, does not name who
        signed, which a signer limit asks for, has no age (POST
        forms), or an age that equals the limit: the log counts whole seconds, and S3 refuses the
        first millisecond above the limit.
    not_listed, other_signer, too_old, version_2 : int
        The refused ones by the first reason that applies, in this order.
    addresses : tuple of (str, int)
        Sources of the refused ones, those with most requests first.
    usages : tuple of Usage
        By signer, application and method, those with most refusals first.
    age_limit : str or None
        The age limit that was tried.
    evidence : Evidence
        The requests that were read, until when, and what makes the numbers doubtful.
    """

    document = (
        "first",
        "last",
        "requests",
        "refused",
        "unknown",
        *_REFUSED,
        "signed_with_2",
        *_UNKNOWN,
        "usages",
        "sentence",
        "unread",
        "evidence",
    )

    first: dt.datetime | None
    last: dt.datetime | None
    requests: int
    refused: int
    unknown: int
    not_listed: int
    other_signer: int
    too_old: int
    version_2: int
    addresses: tuple[tuple[str, int], ...]
    usages: tuple[Usage, ...]
    age_limit: str | None = None
    no_address: int = 0
    no_endpoint: int = 0
    no_vpc: int = 0
    no_signer: int = 0
    no_age: int = 0
    near_limit: int = 0
    evidence: Evidence = _NO_LOG

    @property
    def unread(self) -> str:
        """The reasons why the numbers are doubtful, in sentences; empty without one."""
        return self.evidence.missing

    @property
    def signed_with_2(self) -> int:
        """All requests with signature version 2, whatever else refuses them."""
        return sum(each.signed_with_2 for each in self.usages)

    @property
    def note(self) -> str:
        """Return the sentence on incomplete uploads; empty if no part is refused."""
        return (
            _LEFT_BEHIND
            if any(each.method == "part" and each.refused for each in self.usages)
            else ""
        )

    @property
    def sentence(self) -> str:
        """Return the result in a sentence."""
        if self.first is None or self.last is None:
            none = (
                "The log has no presigned request that was opened here, so it does not show whom"
                " the guard refuses."
            )
            return f"{none}{self._unknown}"
        span = f"from {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d} (UTC)"
        total = count(self.requests, "presigned request")
        if not self.refused:
            sure = ", as far as the log shows" if self._unknown else ""
            return (
                f"The guard would have refused none of {total} that were opened"
                f" {span}{sure}.{self._unknown}"
            )
        named = some(
            [f"{printable(address)} ({number:,})" for address, number in self.addresses],
            noun="source",
        )
        reasons = self._numbered(_REFUSED)
        return (
            f"The guard would have refused {self.refused:,} of {total} that were opened {span}:"
            f" {reasons}. They came from {named}.{self._unknown}"
        )

    @property
    def _unknown(self) -> str:
        rest = f" {self.unread}" if self.unread else ""
        if not self.unknown:
            return rest
        reasons = self._numbered(_UNKNOWN)
        are = "is" if self.unknown == 1 else "are"
        return f" {count(self.unknown, 'request')} {are} unknown: {reasons}.{rest}"

    def _numbered(self, reasons: Mapping[str, str]) -> str:
        """Return each reason with its number, without those of no request."""
        numbers = ((getattr(self, name), words) for name, words in reasons.items())
        each = (f"{n:,} {words.format(age=self.age_limit)}" for n, words in numbers if n)
        return ", ".join(each)

    def to_dict(self) -> Json:
        """Return JSON-able data."""
        sources = [{"source": source, "requests": number} for source, number in self.addresses]
        return Shown.to_dict(self) | {"addresses": sources}


def dry_run(restriction: Restriction, hits: Hits | None) -> DryRun | None:
    """Try the guard of a restriction, and its signer limit, on the opened presigned requests of the
    last days of a log.

    Returns None without either or a log.
    """
    if (
        not (restriction.guard or restriction.version_4_only or restriction.signers)
        or restriction.bucket is None
        or hits is None
    ):
        return None
    tried, coverage = hits.asked(lambda each: _tried(restriction, each), lambda each: each.refused)
    return replace(tried, evidence=coverage.evidence(restriction.bucket))


def _tried(restriction: Restriction, hits: Hits) -> DryRun:
    rows = _rows(restriction, hits)
    groups = _counted(restriction, rows)
    [(first, last)] = rows.query("SELECT min(time), max(time) FROM {hits}")
    totals = {reason: sum(row[-1] for row in groups if row[4] == reason) for reason in _REASONS}
    refused = grouped((row[0] or "no address", row[-1]) for row in groups if row[4] in _REFUSED)
    sources = ((source, sum(numbers)) for source, numbers in refused.items())
    return DryRun(
        first=first,
        last=last,
        requests=sum(totals.values()),
        refused=sum(totals[reason] for reason in _REFUSED),
        unknown=sum(totals[reason] for reason in _UNKNOWN),
        addresses=tuple(sorted(sources, key=lambda item: (-item[1], item[0]))),
        usages=_usages(groups),
        age_limit=None if restriction.age_limit_s is None else age_text(restriction.age_limit_s),
        **{reason: totals[reason] for reason in (*_REFUSED, *_UNKNOWN)},
    )


def _rows(restriction: Restriction, hits: Hits) -> Hits:
    """Return the requests that are tried."""
    chosen = hits.filter(presigned=True, test=False, bucket=restriction.bucket)
    if restriction.prefix:
        chosen = chosen.filter(key_prefix=restriction.prefix)
    [(newest,)] = chosen.query(f"SELECT max(time) FROM {{hits}} WHERE {OPENED}")
    if newest is not None:
        chosen = chosen.filter(since=newest - dt.timedelta(days=DAYS))
    opened = chosen.filter(refused=False)
    return opened.with_restriction(restriction.allowed)


def _counted(restriction: Restriction, rows: Hits) -> SqlRows:
    """Count by source, signer, application, method and the guard's answer."""
    unnamed = "allowlist = 'endpoint' AND endpoint IS NULL"
    cases = [f"WHEN {UPLOAD} THEN 'opened'"] if restriction.guard == "reads" else []
    cases += ["WHEN allowlist = 'outside' THEN 'not_listed'"] if restriction.guard else []
    if restriction.guard and not restriction.allowed.ids:
        cases.append(f"WHEN {unnamed} THEN 'not_listed'")
    limit = restriction.age_limit_s
    other = _not_listed(restriction.signers) if restriction.signers else "false"
    cases.append(f"WHEN {other} AND {SIGNER} LIKE '%:%/%' THEN 'other_signer'")
    cases += (
        [f"WHEN {_OLD_SIGNATURE} THEN 'version_2'"]
        if limit is not None or restriction.version_4_only
        else []
    )
    cases += [f"WHEN age_s > {int(limit)} THEN 'too_old'"] if limit is not None else []
    unknown = "WHEN allowlist = 'unknown' AND endpoint IS NOT NULL THEN 'no_vpc' "
    unknown += f"WHEN allowlist = 'unknown' THEN 'no_address' WHEN {unnamed} THEN 'no_endpoint'"
    cases += [unknown] if restriction.guard else []
    cases.append(f"WHEN {other} THEN 'no_signer'")
    if limit is not None:
        # An age of 2 in the log is one of 2.000 to 2.999 seconds.
        cases.append(
            f"WHEN age_s IS NULL THEN 'no_age' WHEN age_s = {int(limit)} THEN 'near_limit'"
        )
    answer = f"CASE {' '.join(cases)} ELSE 'opened' END"
    groups: SqlRows = rows.query(
        f"SELECT coalesce(endpoint, remote_ip, '') AS source, {SIGNER} AS signer, application, "
        f"{METHOD} AS method, {answer} AS answer, {_OLD_SIGNATURE} AS old, count(*) AS n "
        f"FROM {{hits}} WHERE {OPENED} GROUP BY ALL ORDER BY n DESC, 1, 2, 3, 4, 5, 6"
    )
    return groups


def _not_listed(signers: Sequence[str]) -> str:
    """Return the condition for requests that a signer limit refuses, unless the root user signed
    them. The log leaves the path of a role out.
    """
    found = []
    for arn in signers:
        account, name = arn.split(":", 5)[4:]
        role = f"assumed-role/{name.rpartition('/')[2]}" if name.startswith("role/") else name
        found += [f"{account}:{role}", f"{account}:root"]
    return f"NOT {UPLOAD} AND {SIGNER} NOT IN ({', '.join(map(literal, found))})"


def _usages(groups: SqlRows) -> tuple[Usage, ...]:
    by_signer = grouped(
        ((printable(signer_label(row[1])), printable(row[2]), str(row[3])), row) for row in groups
    )
    usages = []
    for key, rows in by_signer.items():
        refused = sum(row[-1] for row in rows if row[4] in _REFUSED)
        opened = sum(row[-1] for row in rows if row[4] == "opened")
        sources = tuple(dict.fromkeys(printable(row[0]) or "no address" for row in rows))
        version_2 = sum(row[-1] for row in rows if row[5])
        usages.append(
            Usage(*key, sum(row[-1] for row in rows), refused, opened, version_2, sources)
        )
    return tuple(
        sorted(
            usages, key=lambda each: (-each.refused, -each.requests, each.signer, each.application)
        )
    )
