"""Present access to an object: sources against locks, decided by the engine from the policies that are known.

Each source is asked with two URLs: its own, which the portal issues to a worker *at* that source, and one that was
issued to somebody elsewhere and forwarded. The URL lock tells them apart; the bucket guard does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..aws.endpoints import VpcEndpoint
from ..aws.teams import UrlLock
from ..columns import lay_out, wrap
from ..html import Chip, code, output, table
from ..iam.documents import Source as PolicySource
from ..iam.facts import Facts
from ..iam.principals import parse_caller
from ..network import IPNetwork, Source
from ..text import printable
from .answer_tone import answer_tone
from .locks import IN_VPC, EffectiveLocks, Outcome, Portal
from .policy_files import DEFAULT_ACCOUNT

UrlLockMode: TypeAlias = Literal["SourceIp", "VpcSourceIp", "both"]


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One source with one URL.

    Attributes
    ----------
    source : str
        Where the request comes from.
    link : str
        ``own URL``, or ``forwarded from ADDRESS``.
    opens : bool or None
        Whether the object opens; None if that cannot be known from what was read.
    lock : str
        What decided: ``URL lock``, ``portal lock``, ``bucket guard``, or the name of another policy; empty if nothing
        stood in the way.
    statement : str
        The deciding statement, if it was one.
    portal : str
        What the portal lock does with this source.
    outcome : Outcome
        S3's answer, with the whole explanation.
    note : str
        What was assumed or not known.
    """

    source: str
    link: str
    opens: bool | None
    lock: str
    statement: str
    portal: Portal
    outcome: Outcome
    note: str = ""

    @property
    def answer(self) -> str:
        """The answer in a word: ``opened``, ``refused`` or ``unknown``."""
        return {True: "opened", False: "refused", None: "unknown"}[self.opens]

    def to_dict(self) -> dict[str, object]:
        """JSON-able data."""
        return {
            "source": self.source,
            "link": self.link,
            "answer": self.answer,
            "decided_by": self.lock,
            "depends_on": list(self.outcome.depends_on) if self.opens is None else [],
            "opens": self.opens,
            "decision": self.outcome.verdict.decision if self.outcome.verdict is not None else "unknown",
            "lock": self.lock,
            "statement": self.statement,
            "portal": self.portal,
            "reason": self.outcome.reason,
            "note": self.note,
        }


def who_can_open(
    bucket: str,
    key: str,
    sources: Iterable[Source | str],
    *,
    forwarded_from: Source | str | None = "192.0.2.1",
    principal: str | None = None,
    identity: Sequence[PolicySource] | None = None,
    bucket_policy: PolicySource | None = None,
    boundary: PolicySource | None = None,
    endpoint_policies: Mapping[str, PolicySource] | None = None,
    gateway_endpoints: Iterable[str] = (),
    url_lock: UrlLockMode | None = None,
    portal: Sequence[IPNetwork] | None = (),
    unknown: Iterable[str] = (),
    partition: str = "aws",
    region: str | None = None,
    facts: Facts | None = None,
) -> tuple[AccessRow, ...]:
    """Return a row for each source and URL.

    Parameters
    ----------
    bucket, key : str
        The object.
    sources : iterable
        Where requests come from.
    forwarded_from : Source or str, optional
        The worker whose URL is forwarded; None leaves these rows out.
    principal : str, optional
        ARN of the session that signs; None if it is not known.
    identity : sequence, optional
        The signing role's policies; None if they are not known, and then the role is assumed to be allowed.
    bucket_policy, boundary, endpoint_policies : optional
        Other policies; the last by endpoint id.
    gateway_endpoints : iterable of str
        Those of the endpoints that are gateway endpoints.
    url_lock : str, optional
        ``SourceIp``, ``VpcSourceIp``, ``both`` (which never allows), or None if it is off.
    portal : sequence of network, optional
        The portal lock's ranges; empty if everybody can open it, None if unknown.
    unknown : iterable of str
        Names of policies that could not be read, such as ``bucket policy``.
    region : str, optional
        The bucket's region.
    facts : Facts, optional
        Values of condition keys that are also known.
    """
    gateways = frozenset(gateway_endpoints)
    policies = endpoint_policies or {}
    locks = EffectiveLocks(
        bucket=bucket,
        policy=bucket_policy,
        lock=UrlLock(url_lock in ("SourceIp", "both"), url_lock in ("VpcSourceIp", "both")),
        cidrs=None if portal is None else tuple(map(str, portal)),
        has_portal=True,
        account=parse_caller(principal).account if principal else DEFAULT_ACCOUNT,
        partition=partition,
        region=region,
        signer=principal or "",
        session_known=True,
        endpoints={each: _endpoint(each, policies.get(each), each in gateways) for each in {*policies, *gateways}},
        facts=facts or Facts(),
        identity=identity,
        boundary=boundary,
        unread=frozenset(unknown),
    )
    return rows_of(locks, key, sources, forwarded_from)


def _endpoint(name: str, policy: PolicySource | None, gateway: bool) -> VpcEndpoint:
    text = policy if policy is None or isinstance(policy, str) else json.dumps(policy)
    return VpcEndpoint(name, "", "", "Gateway" if gateway else "Interface", "", policy_text=text)


def rows_of(
    locks: EffectiveLocks, key: str, sources: Iterable[Source | str], forwarded_from: Source | str | None
) -> tuple[AccessRow, ...]:
    """Return a row for each source and link under locks.

    Parameters
    ----------
    locks : EffectiveLocks
    key : str
    sources : iterable
        Where requests come from.
    forwarded_from : Source or str, optional
        The worker whose URL is forwarded; None leaves these rows out.
    """
    other = None if forwarded_from is None else Source.parse(forwarded_from)
    return tuple(row for source in sources for row in _rows(locks, key, Source.parse(source), other))


def _rows(locks: EffectiveLocks, key: str, source: Source, other: Source | None) -> Iterator[AccessRow]:
    if source.is_endpoint and source.address is None:
        source = replace(source, address=IN_VPC)  # some private address, the same for the portal and for S3
    yield _row(locks, key, source, source)
    if other is not None and other != source:
        yield _row(locks, key, source, other)


def _row(locks: EffectiveLocks, key: str, source: Source, made_for: Source) -> AccessRow:
    here = source == made_for
    by_s3 = locks.open(source, key, made_for)
    outcome = locks.worker(source, key) if here and by_s3.decision != "refused" else by_s3
    verdict = by_s3.verdict
    return AccessRow(
        source=str(source),
        link="own URL" if here else f"forwarded from {made_for}",
        opens={"allowed": True, "refused": False, "unknown": None}[outcome.decision],
        lock=outcome.lock,
        statement="" if verdict is None or outcome.allowed or outcome.lock == "portal lock" else verdict.statement,
        portal=locks.portal(source),
        outcome=by_s3,
        note=_note(locks, outcome),
    )


def _note(locks: EffectiveLocks, outcome: Outcome) -> str:
    notes = list(locks.facts.notes)
    if outcome.lock == "portal lock":
        notes.insert(0, "No URL is issued to this source: it cannot open the portal.")
    elif outcome.decision == "unknown":
        notes.insert(0, outcome.reason)
    elif outcome.allowed and locks.identity is None:
        notes.insert(0, "The signing role's policies are unknown and assumed to allow reading.")
    return " ".join(notes)


_HEAD = ("source", "url", "answer", "decided by", "statement", "note")


def _cells(row: AccessRow) -> tuple[str, ...]:
    return tuple(printable(cell) for cell in (row.source, row.link, row.answer, row.lock, row.statement, row.note))


def _html_cells(row: AccessRow) -> tuple[object, ...]:
    source, _, answer, *others = _cells(row)
    stranger = None if row.link == "own URL" and row.opens is False else row.link != "own URL"
    return code(source), row.link, Chip(answer_tone(row.opens, stranger), answer), *others


def who_text(rows: Iterable[AccessRow], room: int | None = None) -> str:
    """Return the table as aligned plain text, no wider than ``room`` columns, and its notes below."""
    cells = [_cells(row) for row in rows]
    notes = list(dict.fromkeys(note for *_, note in cells if note))
    numbered = [(*row, f"[{notes.index(note) + 1}]" if note else "") for *row, note in cells]
    below = [line for i, note in enumerate(notes, 1) for line in _note_lines(f"[{i}] {note}", room)]
    return "\n".join([*lay_out(_HEAD, numbered, room), *below])


def _note_lines(text: str, room: int | None) -> list[str]:
    return [text] if room is None else wrap(text, room)


def who_html(rows: Iterable[AccessRow]) -> str:
    """Return the table as HTML; everything is escaped."""
    return output(table(_HEAD, map(_html_cells, rows), classes="gts-who"))
