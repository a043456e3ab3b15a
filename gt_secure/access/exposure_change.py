"""The difference that planned values make to the exposure: which sources lose access, and which gain it.

Kinds of requests of a team come first: a worker's own URL meets the portal lock and the URL lock, a forwarded URL the
URL lock, and every other request the bucket policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

from ..account.snapshot import State as Account
from ..errors import PolicyError
from ..iam.request import Policies
from ..network import parse_stored_cidrs
from .address_classes import EVERY_ADDRESS, Span, minus
from .exposure import RequestExposure, SourceSet, expose
from .locks import World
from .policy_files import EVERYTHING, KINDS
from .request_kinds import Circumstances, Given, Kind

_Answer: TypeAlias = Literal["opened", "refused", "unknown"]
_ANSWERS: tuple[_Answer, ...] = ("opened", "refused", "unknown")
_UNCLEAR: tuple[tuple[_Answer, _Answer], ...] = (
    ("opened", "unknown"),
    ("refused", "unknown"),
    ("unknown", "opened"),
    ("unknown", "refused"),
)
_READ_POLICY = "s3:GetBucketPolicy"
_NOTHING_GRANTED = '{"Version":"2012-10-17","Statement":[]}'
"""The session policy of a URL as a source meets it that the URL was not made for."""


@dataclass(frozen=True)
class ExposureChange:
    """One kind of request: its exposure before and after the planned values.

    Attributes
    ----------
    request : str
        ``worker`` (the worker's own URL), ``forwarded``, or a kind of :func:`gt_secure.access.exposures`.
    before, after : RequestExposure
    """

    request: str
    before: RequestExposure
    after: RequestExposure

    @cached_property
    def loses(self) -> SourceSet:
        """Sources that are opened before and refused after."""
        return self._moved("opened", "refused")

    @cached_property
    def gains(self) -> SourceSet:
        """Sources that are refused before and opened after."""
        return self._moved("refused", "opened")

    @cached_property
    def unclear(self) -> SourceSet:
        """Sources whose answer changes to or from unknown."""
        sets = [self._moved(before, after) for before, after in _UNCLEAR]
        return SourceSet(
            spans=tuple(span for each in sets for span in each.spans),
            endpoints=tuple(sorted({label for each in sets for label in each.endpoints})),
            other_endpoints=any(each.other_endpoints for each in sets),
            depends_on=tuple(sorted({*self.before.unknown.depends_on, *self.after.unknown.depends_on})),
        )

    @property
    def named_endpoints(self) -> frozenset[str]:
        """All endpoints, VPCs and patterns that one of the two exposures names."""
        return frozenset(
            label for row in (self.before, self.after) for each in _ANSWERS for label in _set(row, each).endpoints
        )

    @property
    def changes(self) -> bool:
        """True if the answer to some source changes."""
        return not (self.loses.is_empty and self.gains.is_empty and self.unclear.is_empty)

    def _moved(self, before: _Answer, after: _Answer) -> SourceSet:
        old, new = getattr(self.before, before), getattr(self.after, after)
        moved = [
            label
            for label in self.named_endpoints
            if _answer_at(self.before, label) == before and _answer_at(self.after, label) == after
        ]
        return SourceSet(
            spans=minus(old.spans, minus(EVERY_ADDRESS, new.spans)),
            endpoints=tuple(sorted(moved)),
            other_endpoints=old.other_endpoints and new.other_endpoints,
            decided_by=new.decided_by,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "request": self.request,
            "before": _data(self.before),
            "after": _data(self.after),
            "loses_access": self.loses.places(),
            "gains_access": self.gains.places(),
            "unclear": {**self.unclear.places(), "depends_on": list(self.unclear.depends_on)},
        }


def _data(row: RequestExposure) -> dict[str, Any]:
    return {key: value for key, value in row.to_dict().items() if key != "request"}


def _set(row: RequestExposure, answer: _Answer) -> SourceSet:
    places: SourceSet = getattr(row, answer)
    return places


def _answer_at(row: RequestExposure, label: str) -> _Answer:
    """Return the answer at an endpoint, which a row may not name."""
    for answer in _ANSWERS:
        if label in _set(row, answer).endpoints:
            return answer
    labels = [name for answer in _ANSWERS for name in _set(row, answer).endpoints]
    others: list[_Answer] = [answer for answer in _ANSWERS if _set(row, answer).other_endpoints]
    if len(others) != 1 or not all(name.startswith("vpce-") and not set("*?") & set(name) for name in labels):
        return "unknown"  # a VPC or a pattern may hold it
    return others[0]


def exposure_changes(account: Account, prefix: str, planned: Mapping[str, Any]) -> tuple[ExposureChange, ...]:
    """Return the exposure of an object under a prefix before and after the planned values, for each kind of request."""
    now = World.of(account)
    after = now.after(planned)
    before_rows = _rows(now, account, prefix)
    after_rows = before_rows if after == now else _rows(after, account, prefix)
    return tuple(ExposureChange(name, before_rows[name], after_rows[name]) for name in before_rows)


def _rows(world: World, account: Account, prefix: str) -> dict[str, RequestExposure]:
    exposed = _Exposed(world, account, prefix)
    rows: dict[str, RequestExposure] = {}
    if world.has_portal:
        rows = {"worker": exposed.worker(), "forwarded": exposed.forwarded()}
    if account.bucket is not None:
        rows |= {name: exposed.expose(name) for name, *_ in KINDS}
    return rows


class _Exposed:
    """The exposure of one object under the locks of one moment."""

    def __init__(self, world: World, account: Account, prefix: str) -> None:
        self.world = world
        self.endpoints = {each.id: each for each in account.endpoints}
        self.resource = f"arn:{world.partition}:s3:::{world.bucket}/{prefix}example.png"
        given = {"aws:requestedregion": (world.region,)} if world.region else {}
        self.circumstances = Circumstances(world.account, world.partition, Given(given), account.at)
        self.role = next((job.role_arn for job in account.jobs if job.role_arn), "")

    def worker(self) -> RequestExposure:
        """Return the exposure of URLs that are used where they were made."""
        lock, made_here = self.world.lock, self.expose("presigned", role=self.role)
        if lock.on:
            elsewhere = _by("URL lock", self.expose("presigned", role=self.role, session=_NOTHING_GRANTED))
            if lock.impossible:
                return elsewhere
            made_here = _mixed(*((elsewhere, made_here) if lock.vpc_source_ip else (made_here, elsewhere)))
        return self._through_portal(made_here)

    def forwarded(self) -> RequestExposure:
        """Return the exposure of URLs that are used by somebody whom they were not made for."""
        if not self.world.lock.on:
            return self.expose("presigned", role=self.role)
        return _by("URL lock", self.expose("presigned", role=self.role, session=_NOTHING_GRANTED))

    def expose(self, name: str, *, role: str = "", session: str | None = None) -> RequestExposure:
        """Return the exposure of one kind of request to S3; unknown everywhere if the policy is not known."""
        if not self.world.policy_seen:
            return _unknown(name, _READ_POLICY)
        form, signer, action = next((row[1], row[2], row[3]) for row in KINDS if row[0] == name)
        try:
            return self._expose(Kind(name, form, signer, action, self.resource), role, session)
        except PolicyError:
            return _unknown(name, "a policy that is not valid")

    def _expose(self, kind: Kind, role: str, session: str | None) -> RequestExposure:
        def policies(endpoint: str = "") -> Policies:
            place = self.endpoints.get(endpoint)
            return Policies(
                identity=() if kind.signer == "anonymous" else (EVERYTHING,),
                session=session,
                resource=self.world.policy,
                endpoint=place.policy_text if place is not None else None,
                gateway_endpoint=place is not None and place.type == "Gateway",
            )

        return expose(
            kind,
            policies(),
            replace(self.circumstances, role=role),
            vpcs={each.id: each.vpc_id for each in self.endpoints.values()},
            endpoint_policies=policies,
        )

    def _through_portal(self, row: RequestExposure) -> RequestExposure:
        """Refuse addresses that the worker portal does not open to: no URL is made for them."""
        if not self.world.cidrs:
            return row
        networks = parse_stored_cidrs(self.world.cidrs)
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


def _by(lock: str, row: RequestExposure) -> RequestExposure:
    """Name the lock that refuses where no statement does."""
    return replace(row, refused=replace(row.refused, decided_by=tuple(sorted({lock, *row.refused.decided_by}))))


def _mixed(addresses: RequestExposure, endpoints: RequestExposure) -> RequestExposure:
    """Put the addresses of one exposure and the endpoints of another together."""
    opened, refused, unknown = (_joined(_set(addresses, each), _set(endpoints, each)) for each in _ANSWERS)
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
