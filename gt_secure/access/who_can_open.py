"""Present access to an object: sources against locks, decided by the engine from the policies that are known.

Each source is asked with two URLs: its own, which the portal issues to a worker *at* that source, and one that was
issued to somebody elsewhere and forwarded. The URL lock tells them apart; the bucket guard does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..aws.arns import role_of_session
from ..columns import lay_out, wrap
from ..html import Chip, code, output, table
from ..iam.documents import Source as PolicySource
from ..iam.request import Policies, Request
from ..iam.request_context import presigned_context
from ..iam.verdict import Verdict
from ..network import IPNetwork, Source, contains, parse_address
from ..policies.bucket_guard import GUARD_SIDS
from ..policies.session_policy import session_policy
from ..text import printable
from .answer_tone import answer_tone
from .decision import decide_request
from .request_kinds import Given

UrlLockMode: TypeAlias = Literal["SourceIp", "VpcSourceIp", "both"]
Portal: TypeAlias = Literal["open", "admits", "refuses", "unknown"]

IN_VPC = parse_address("10.0.0.10")
"""Stands for a worker's address behind an endpoint."""

ASSUMED_ROLE = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/worker"
"""Stands for the session that signs workers' URLs when it is not known."""


@dataclass(frozen=True, slots=True)
class WhoRow:
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
    verdict : Verdict
        S3's side, with the whole explanation.
    note : str
        What was assumed or not known.
    """

    source: str
    link: str
    opens: bool | None
    lock: str
    statement: str
    portal: Portal
    verdict: Verdict
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
            "depends_on": list(self.verdict.depends_on) if self.opens is None else [],
            "opens": self.opens,
            "decision": self.verdict.decision,
            "lock": self.lock,
            "statement": self.statement,
            "portal": self.portal,
            "reason": self.verdict.reason,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class _Case:
    """Sentences that apply to all rows."""

    resource: str
    bucket: str
    key: str
    principal: str
    identity: Sequence[PolicySource] | None
    bucket_policy: PolicySource | None
    boundary: PolicySource | None
    endpoint_policies: Mapping[str, PolicySource]
    gateway_endpoints: frozenset[str]
    url_lock: UrlLockMode | None
    portal: Sequence[IPNetwork] | None
    unknown: frozenset[str]
    region: str | None
    facts: Given | None


def who_can_open(
    bucket: str,
    key: str,
    sources: Iterable[Source | str],
    *,
    forwarded_from: Source | str | None = "192.0.2.1",
    principal: str = ASSUMED_ROLE,
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
    facts: Given | None = None,
) -> tuple[WhoRow, ...]:
    """Return a row for each source and URL.

    Parameters
    ----------
    bucket, key : str
        The object.
    sources : iterable
        Where requests come from.
    forwarded_from : Source or str, optional
        The worker whose URL is forwarded; None leaves these rows out.
    principal : str
        ARN of the session that signs.
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
    facts : Given, optional
        Values of condition keys that are also known.
    """
    case = _Case(
        resource=f"arn:{partition}:s3:::{bucket}/{key}",
        bucket=bucket,
        key=key,
        principal=principal,
        identity=identity,
        bucket_policy=bucket_policy,
        boundary=boundary,
        endpoint_policies=endpoint_policies or {},
        gateway_endpoints=frozenset(gateway_endpoints),
        url_lock=url_lock,
        portal=portal,
        unknown=frozenset(unknown),
        region=region,
        facts=facts,
    )
    other = None if forwarded_from is None else Source.parse(forwarded_from)
    return tuple(row for source in sources for row in _rows(case, Source.parse(source), other))


def _rows(case: _Case, source: Source, other: Source | None) -> Iterator[WhoRow]:
    if source.is_endpoint and source.address is None:
        source = replace(source, address=IN_VPC)  # some private address, the same for the portal and for S3
    yield _row(case, source, source)
    if other is not None and other != source:
        yield _row(case, source, other)


def _row(case: _Case, source: Source, bound: Source) -> WhoRow:
    verdict = decide_request(_request(case, source), _policies(case, source, bound), case.facts)
    own = source == bound
    portal = _portal(case, source)
    opens, note = _certain(case, verdict)
    lock, statement = _lock(case, verdict), verdict.statement
    if own and portal == "refuses" and opens is not False:
        opens, lock, statement = False, "portal lock", ""
        note = "No URL is issued to this source: it cannot open the portal. " + note
    return WhoRow(
        source=str(source),
        link="own URL" if own else f"forwarded from {bound}",
        opens=opens,
        lock=lock,
        statement="" if verdict.allowed and opens else statement,
        portal=portal,
        verdict=verdict,
        note=note.strip(),
    )


def _request(case: _Case, source: Source) -> Request:
    role = role_of_session(case.principal) or case.principal
    context = presigned_context(source, principal_arn=role, region=case.region)
    return Request("s3:GetObject", case.resource, case.principal, context)


def _policies(case: _Case, source: Source, bound: Source) -> Policies:
    identity = case.identity
    if identity is None:
        identity = ({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}},)
    return Policies(
        identity=identity,
        session=_session(case, bound),
        resource=case.bucket_policy,
        boundary=case.boundary,
        endpoint=case.endpoint_policies.get(source.endpoint) if source.endpoint is not None else None,
        gateway_endpoint=source.endpoint in case.gateway_endpoints,
    )


def _session(case: _Case, bound: Source) -> str | None:
    if case.url_lock is None:
        return None
    addresses = [bound.address] if bound.address is not None else []
    if case.url_lock == "both" or not addresses:
        # Both keys in one statement never match; an address that the portal did not see matches nothing either.
        return '{"Version":"2012-10-17","Statement":[]}'
    partition = case.resource.split(":")[1]
    if case.url_lock == "SourceIp":
        return session_policy(case.bucket, case.key, networks=addresses, partition=partition)
    return session_policy(case.bucket, case.key, vpc_networks=addresses, partition=partition)


def _portal(case: _Case, source: Source) -> Portal:
    if case.portal is None:
        return "unknown"
    if not case.portal or source.is_endpoint:
        return "open"  # the portal in a VPC has no list of addresses
    return "admits" if source.address is not None and contains(case.portal, source.address) else "refuses"


def _certain(case: _Case, verdict: Verdict) -> tuple[bool | None, str]:
    """Return an answer only where what could not be read cannot change the answer."""
    if verdict.decision == "invalid":
        return None, verdict.reason
    if verdict.decision == "explicit-deny":
        return False, ""
    if verdict.decision == "unknown":
        return None, verdict.reason
    if case.unknown:
        return None, f"Not read: {', '.join(sorted(case.unknown))}."
    if case.identity is None and verdict.allowed:
        return True, "The signing role's policies are unknown and assumed to allow reading."
    return verdict.allowed, ""


def _lock(case: _Case, verdict: Verdict) -> str:
    if verdict.decision == "unknown":
        return ""
    if verdict.allowed or verdict.outcome.layer is None:
        return "" if verdict.allowed else "identity policy"
    statement = verdict.outcome.statement
    if statement is not None and statement.sid in GUARD_SIDS and verdict.policy == "bucket policy":
        return "bucket guard"
    return "URL lock" if verdict.policy == "session policy" and case.url_lock is not None else verdict.policy


_HEAD = ("source", "url", "answer", "decided by", "statement", "note")


def _cells(row: WhoRow) -> tuple[str, ...]:
    return tuple(printable(cell) for cell in (row.source, row.link, row.answer, row.lock, row.statement, row.note))


def _html_cells(row: WhoRow) -> tuple[object, ...]:
    source, _, answer, *others = _cells(row)
    stranger = None if row.link == "own URL" and row.opens is False else row.link != "own URL"
    return code(source), row.link, Chip(answer_tone(row.opens, stranger), answer), *others


def who_text(rows: Iterable[WhoRow], room: int | None = None) -> str:
    """Return the table as aligned plain text, no wider than ``room`` columns, and its notes below."""
    cells = [_cells(row) for row in rows]
    notes = list(dict.fromkeys(note for *_, note in cells if note))
    numbered = [(*row, f"[{notes.index(note) + 1}]" if note else "") for *row, note in cells]
    below = [line for i, note in enumerate(notes, 1) for line in _note_lines(f"[{i}] {note}", room)]
    return "\n".join([*lay_out(_HEAD, numbered, room), *below])


def _note_lines(text: str, room: int | None) -> list[str]:
    return [text] if room is None else wrap(text, room)


def who_html(rows: Iterable[WhoRow]) -> str:
    """Return the table as HTML; everything is escaped."""
    return output(table(_HEAD, map(_html_cells, rows), classes="gts-who"))
