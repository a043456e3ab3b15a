"""The exposure of an object under the locks of a team.

Kinds of requests of a team come first: a worker's own URL meets the portal lock and the URL lock, a forwarded URL the
URL lock, and every other request the bucket policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ..aws.arns import role_of_session
from ..errors import PolicyError
from ..iam.facts import Facts
from ..iam.request import Policies
from ..network import parse_stored_cidrs
from ..policies.public_access import BLOCK_PUBLIC_ACCESS
from .address_classes import EVERY_ADDRESS, Span, minus
from .exposure import RequestExposure, SourceSet, expose
from .locks import BUCKET_POLICY, ENDPOINT_POLICY, NOTHING_GRANTED, READ_BY, READ_POLICY, EffectiveLocks
from .policy_files import EVERYTHING, KINDS
from .request_kinds import Circumstances, Kind


def team_exposure(
    locks: EffectiveLocks, key: str, at: datetime, *, has_bucket: bool = True
) -> dict[str, RequestExposure]:
    """Return the exposure of an object for each kind of request, those of a team first where there is one.

    Parameters
    ----------
    locks : EffectiveLocks
    key : str
    at : datetime
        The time of the requests.
    has_bucket : bool
        Whether the bucket is known; without one only the requests of a team are decided.
    """
    exposed = _Exposed(locks, key, at)
    rows: dict[str, RequestExposure] = {}
    if locks.has_portal:
        rows = {"worker": exposed.worker(), "forwarded": exposed.forwarded()}
        rows = {name: replace(row, request=name) for name, row in rows.items()}
    if has_bucket:
        rows |= {name: exposed.expose(name) for name, *_ in KINDS}
    return rows


class _Exposed:
    """The exposure of one object under the locks of one moment."""

    def __init__(self, locks: EffectiveLocks, key: str, at: datetime) -> None:
        self.locks = locks
        self.resource = f"arn:{locks.partition}:s3:::{locks.bucket}/{key}"
        region = Facts({"aws:requestedregion": (locks.region,)} if locks.region else {})
        in_vpc = Facts(endpoints={each.id: {"aws:sourcevpc": (each.vpc_id,)} for each in locks.endpoints.values()})
        given = locks.facts.with_defaults(region, in_vpc)
        self.circumstances = Circumstances(locks.account, locks.partition, given, at)
        self.role = locks.role or role_of_session(locks.signer) or ""

    def worker(self) -> RequestExposure:
        """Return the exposure of URLs that are used where they were made."""
        lock, made_here = self.locks.lock, self.expose("presigned", role=self.role)
        if lock.on:
            elsewhere = _by("URL lock", self.expose("presigned", role=self.role, session=NOTHING_GRANTED))
            if lock.impossible:
                return elsewhere
            made_here = _mixed(*((elsewhere, made_here) if lock.vpc_source_ip else (made_here, elsewhere)))
        return self._through_portal(made_here)

    def forwarded(self) -> RequestExposure:
        """Return the exposure of URLs that are used by somebody whom they were not made for."""
        if not self.locks.lock.on:
            return self.expose("presigned", role=self.role)
        return _by("URL lock", self.expose("presigned", role=self.role, session=NOTHING_GRANTED))

    def expose(self, name: str, *, role: str = "", session: str | None = None) -> RequestExposure:
        """Return the exposure of one kind of request to S3; unknown everywhere if the policy is not known."""
        if BUCKET_POLICY in self.locks.unread:
            return _unknown(name, READ_POLICY)
        form, signer, action = next((row[1], row[2], row[3]) for row in KINDS if row[0] == name)
        try:
            return self._expose(Kind(name, form, signer, action, self.resource), role, session)
        except PolicyError:
            return _unknown(name, "a policy that is not valid")

    def _expose(self, kind: Kind, role: str, session: str | None) -> RequestExposure:
        def policies(endpoint: str = "") -> Policies:
            place = self.locks.endpoints.get(endpoint)
            return Policies(
                identity=() if kind.signer == "anonymous" else (EVERYTHING,),
                session=session,
                resource=self.locks.policy,
                endpoint=place.policy_text if place is not None else None,
                gateway_endpoint=place is not None and place.type == "Gateway",
                rcp=self.locks.rcp,
                scp=self.locks.scp,
            )

        if kind.signer != "own" and self.locks.is_public_refused:
            refused = SourceSet(EVERY_ADDRESS, other_endpoints=True, decided_by=(BLOCK_PUBLIC_ACCESS,))
            return RequestExposure(kind.name, SourceSet(), refused, SourceSet())
        row = expose(kind, policies(), replace(self.circumstances, role=role), endpoint_policies=policies)
        return _unread_endpoints(row) if ENDPOINT_POLICY in self.locks.unread else row

    def _through_portal(self, row: RequestExposure) -> RequestExposure:
        """Refuse addresses that the worker portal does not open to: no URL is made for them."""
        if not self.locks.cidrs:
            return row
        networks = parse_stored_cidrs(self.locks.cidrs)
        listed = [Span(n.version, int(n.network_address), int(n.broadcast_address)) for n in networks]
        closed = minus(EVERY_ADDRESS, listed)
        opened, unknown = (replace(each, spans=minus(each.spans, closed)) for each in (row.opened, row.unknown))
        inside = minus(row.refused.spans, closed)
        by_others = row.refused.decided_by if inside or row.refused.endpoints or row.refused.other_endpoints else ()
        refused = replace(row.refused, spans=inside + closed, decided_by=tuple(sorted({"portal lock", *by_others})))
        return RequestExposure(row.request, opened, refused, unknown)


def _unknown(name: str, depends_on: str) -> RequestExposure:
    unknown = SourceSet(EVERY_ADDRESS, other_endpoints=True, depends_on=(depends_on,))
    return RequestExposure(name, SourceSet(), SourceSet(), unknown)


def _unread_endpoints(row: RequestExposure) -> RequestExposure:
    """Return the row for endpoints whose policies could not be read: they may refuse what the rest opens."""
    opened, unknown = row.opened, row.unknown
    if not (opened.endpoints or opened.other_endpoints):
        return row
    return replace(
        row,
        opened=replace(opened, endpoints=(), other_endpoints=False),
        unknown=replace(
            unknown,
            endpoints=tuple(sorted({*unknown.endpoints, *opened.endpoints})),
            other_endpoints=unknown.other_endpoints or opened.other_endpoints,
            depends_on=tuple(sorted({*unknown.depends_on, READ_BY[ENDPOINT_POLICY]})),
        ),
    )


def _by(lock: str, row: RequestExposure) -> RequestExposure:
    """Name the lock that refuses where no statement does."""
    return replace(row, refused=replace(row.refused, decided_by=tuple(sorted({lock, *row.refused.decided_by}))))


def _mixed(addresses: RequestExposure, endpoints: RequestExposure) -> RequestExposure:
    """Put the addresses of one exposure and the endpoints of another together."""
    opened, refused, unknown = (
        _joined(getattr(addresses, each), getattr(endpoints, each)) for each in ("opened", "refused", "unknown")
    )
    return RequestExposure(addresses.request, opened, refused, unknown)


def _joined(addresses: SourceSet, endpoints: SourceSet) -> SourceSet:
    parts = list(_parts(addresses, endpoints))
    return SourceSet(
        addresses.spans,
        endpoints.endpoints,
        endpoints.other_endpoints,
        when=tuple(sorted({phrase for part in parts for phrase in part.when})),
        depends_on=tuple(sorted({key for part in parts for key in part.depends_on})),
        decided_by=tuple(sorted({each for part in parts for each in part.decided_by})),
    )


def _parts(addresses: SourceSet, endpoints: SourceSet) -> Iterator[SourceSet]:
    if addresses.spans:
        yield addresses
    if endpoints.endpoints or endpoints.other_endpoints:
        yield endpoints
