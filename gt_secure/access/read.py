"""Read what decides who can open an object, and ask the engine: a table of sources against locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..aws.buckets import check_key, read_bucket
from ..aws.client import Aws
from ..aws.endpoints import VpcEndpoint, list_s3_endpoints
from ..aws.teams import UrlLock, get_workteam, jobs_of_team, list_workforces
from ..errors import GtSecureError
from ..iam.facts import Facts
from ..network import Source
from .facts import asks_for_signer, read_given
from .locks import BUCKET_POLICY, ENDPOINT_POLICY, READ_POLICY, EffectiveLocks, signer_arn, signer_of
from .policy_files import given_facts
from .who_can_open import AccessRow, rows_of, who_html, who_text


class AccessTable:
    """The answer as a table that shows itself; iterate for its rows."""

    def __init__(self, rows: Iterable[AccessRow]) -> None:
        self.rows = tuple(rows)

    def __iter__(self) -> Iterator[AccessRow]:
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
) -> AccessTable:
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
    unread = set() if state.sees(READ_POLICY) else {BUCKET_POLICY}
    lock = get_workteam(aws, team).url_lock if team else None
    endpoints = _endpoints(aws, unread) if any(source.is_endpoint for source in wanted) else {}
    signer = _signer(aws, supplied, team, state.policy_text)
    read = read_given(
        aws,
        state.policy_text,
        bucket=state.name,
        key=key,
        region=state.region,
        role=signer if ":role/" in signer else "",
        endpoints=endpoints.values(),
    )
    locks = EffectiveLocks(
        bucket=state.name,
        policy=state.policy_text,
        lock=lock or UrlLock(),
        cidrs=_portal(aws) if team else (),
        has_portal=team is not None,
        account=aws.account_id,
        partition=aws.partition,
        region=state.region or aws.region,
        signer=signer_of(signer),
        role=signer if ":role/" in signer else "",
        endpoints=endpoints,
        facts=supplied.with_defaults(read),
        unread=frozenset(unread),
    )
    return AccessTable(rows_of(locks, check_key(key), wanted, forwarded_from))


def _signer(aws: Aws, supplied: Facts, team: str | None, policy: str | None) -> str:
    """Return the role or user that signs workers' URLs: the supplied one, or the role of one of the team's jobs.

    The jobs are read only where the bucket policy tells signers apart.
    """
    if supplied.values.get("aws:principalarn") or team is None or not asks_for_signer(policy):
        return signer_arn(supplied, "")
    try:
        jobs = jobs_of_team(aws, get_workteam(aws, team))
        role = next((job.role_arn for job in jobs if job.role_arn), "")
    except GtSecureError:
        role = ""
    return signer_arn(supplied, role)


def _portal(aws: Aws) -> tuple[str, ...] | None:
    try:
        forces = list_workforces(aws)
    except GtSecureError:
        return None
    return tuple(cidr for force in forces for cidr in force.cidrs)


def _endpoints(aws: Aws, unread: set[str]) -> dict[str, VpcEndpoint]:
    try:
        return {endpoint.id: endpoint for endpoint in list_s3_endpoints(aws)}
    except GtSecureError:
        unread.add(ENDPOINT_POLICY)
        return {}
