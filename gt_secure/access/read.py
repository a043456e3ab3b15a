"""Read what decides who can open an object, and ask the engine: a table of sources against locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..aws.buckets import check_key, read_bucket
from ..aws.client import Aws
from ..aws.endpoints import VpcEndpoint, in_its_vpc, list_s3_endpoints
from ..aws.teams import get_workteam, list_workforces
from ..errors import GtSecureError
from ..network import IPNetwork, Source, parse_stored_cidrs
from .facts import read_given
from .policy_files import given_facts
from .who_can_open import WhoRow, who_can_open, who_html, who_text


class Who:
    """The answer as a table that shows itself; iterate for its rows."""

    def __init__(self, rows: Iterable[WhoRow]) -> None:
        self.rows = tuple(rows)

    def __iter__(self) -> Iterator[WhoRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """JSON-able data, a row each."""
        return [row.to_dict() for row in self.rows]

    def to_text(self, room: int | None = None) -> str:
        """Return the table as text, no wider than ``room`` columns."""
        return who_text(self.rows, room)

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return who_html(self.rows)


def who(
    aws: Aws,
    bucket: str,
    key: str,
    sources: Iterable[Source | str],
    *,
    team: str | None = None,
    forwarded_from: Source | str | None = "192.0.2.1",
    context: Mapping[str, object] | None = None,
) -> Who:
    """Say who can open an object now.

    Parameters
    ----------
    aws : Aws
    bucket, key : str
        The object.
    sources : iterable of Source or str
        Where requests would come from.
    team : str, optional
        The private workteam whose locks count; without one only the bucket's policy does.
    forwarded_from : Source or str, optional
        The worker whose URL is passed on; None leaves these rows out.
    context : mapping, optional
        Facts that are supplied; they win over those that are read.
    """
    supplied = given_facts(context)
    wanted = [Source.parse(source) for source in sources]
    state = read_bucket(aws, bucket)
    unknown = [] if state.sees("s3:GetBucketPolicy") else ["bucket policy"]
    lock = get_workteam(aws, team).url_lock if team else None
    mode: Any = lock.mode if lock is not None and lock.on else None
    endpoints: dict[str, VpcEndpoint] = {}
    if any(source.is_endpoint for source in wanted):
        endpoints = _endpoints(aws, unknown)
        wanted = [in_its_vpc(source, endpoints) for source in wanted]
    read = read_given(aws, state.policy_text, bucket=state.name, key=key, region=state.region)
    return Who(
        who_can_open(
            state.name,
            check_key(key),
            wanted,
            forwarded_from=forwarded_from,
            bucket_policy=state.policy_text,
            gateway_endpoints=[each.id for each in endpoints.values() if each.type == "Gateway"],
            endpoint_policies={each.id: each.policy_text for each in endpoints.values() if each.policy_text},
            url_lock=mode,
            portal=_portal(aws) if team else (),
            unknown=unknown,
            partition=aws.partition,
            region=aws.region,
            facts=supplied.with_defaults(read),
        )
    )


def _portal(aws: Aws) -> tuple[IPNetwork, ...] | None:
    try:
        forces = list_workforces(aws)
    except GtSecureError:
        return None
    return parse_stored_cidrs([cidr for force in forces for cidr in force.cidrs])


def _endpoints(aws: Aws, unknown: list[str]) -> dict[str, VpcEndpoint]:
    try:
        return {endpoint.id: endpoint for endpoint in list_s3_endpoints(aws)}
    except GtSecureError:
        unknown.append("VPC endpoint policy")
        return {}
