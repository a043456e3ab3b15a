"""Exposure and proof with the policies of a bucket as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..account.lists import with_lists
from ..account.snapshot import read_state
from ..aws.client import Aws
from ..aws.teams import TeamLike
from ..errors import InvalidInput
from ..iam.facts import Facts, supplied_facts
from ..restriction.model import Restriction
from ..text import count
from .exposure import RequestExposure, SourceSet
from .locks import READ_POLICY, EffectiveLocks, example_key
from .policy_files import PolicyFiles
from .proof import Claim, Proof, prove
from .team_exposure import team_exposure

Context = Mapping[str, str | Sequence[str]]


class Exposure:
    """Kinds of requests, each with the sources from which it is opened, refused and unknown; iterate for them.

    ``assumed`` holds what the answer takes for granted, and ``missing`` the missing permissions to read more.
    """

    def __init__(self, rows: Sequence[RequestExposure], assumed: Sequence[str], missing: Sequence[str] = ()) -> None:
        self.rows = tuple(rows)
        self.assumed = tuple(assumed)
        self.missing = tuple(missing)

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "requests": [row.to_dict() for row in self.rows],
            "assumed": list(self.assumed),
            "missing_permissions": list(self.missing),
        }

    def __repr__(self) -> str:
        missing = [f"Missing permissions: {', '.join(self.missing)}"] if self.missing else []
        return "\n".join([exposure_text(self.rows), *missing])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


def exposure_text(rows: Sequence[RequestExposure]) -> str:
    """Return three lines a kind of request: opened, refused and unknown sources."""
    lines = []
    for row in rows:
        lines.append(row.request)
        lines += [f"  {name}: {places_text(getattr(row, name))}" for name in ("opened", "refused", "unknown")]
    return "\n".join(lines)


def places_text(places: SourceSet) -> str:
    """Return one line for a set of sources: ranges, counts, endpoints, and what it depends on."""
    if places.is_empty:
        return "nowhere"
    ranges = places.cidrs
    named = ", ".join(ranges[:3]) + (f" and {count(len(ranges) - 3, 'more range')}" if len(ranges) > 3 else "")
    ipv4 = places.count(4)
    counted = f"{ipv4:,} IPv4 address{'' if ipv4 == 1 else 'es'}" if ipv4 else ""
    endpoints = ", ".join((*places.endpoints, *(["any other endpoint"] if places.other_endpoints else [])))
    depends = [f"depends on {key}" for key in places.depends_on]
    parts = [named, counted, f"through {endpoints}" if endpoints else "", *places.when, *depends]
    return "; ".join(part for part in parts if part)


def account_exposure(
    aws: Aws, bucket: str, key: str, context: Context | None = None, *, team: TeamLike | None = None
) -> Exposure:
    """Return the exposure of an object, or of an object under a prefix, under the current policies.

    Parameters
    ----------
    aws : Aws
    bucket, key : str
        The object; a key that is empty or ends with a slash is a prefix, for which an object under it stands.
    context : mapping, optional
        Facts that are supplied; they win over those that are read.
    team : str or Workteam, optional
        The private workteam whose URLs are decided too: the worker's own, and a forwarded one.

    Raises
    ------
    InvalidInput
        If the bucket policy cannot be read.
    """
    name = example_key(key) if not key or key.endswith("/") else key
    state = read_state(
        aws, team=team, bucket=bucket, key=name if name == key else None, supplied=supplied_facts(context)
    )
    if state.bucket is None or not state.bucket.sees(READ_POLICY):
        raise InvalidInput(
            f"The policy of {bucket} cannot be read, so the exposure is unknown.",
            next_step=f"Ask for {READ_POLICY}.",
            field="bucket",
        )
    locks = EffectiveLocks.of(state)
    rows = team_exposure(locks, name, state.at)
    return Exposure(list(rows.values()), _files(locks).assumed(), state.missing_permissions())


def account_proof(aws: Aws, restriction: Restriction, context: Context | None = None) -> Proof:
    """Prove that no presigned request from outside a restriction's lists is opened, under the current policies.

    Raises
    ------
    InvalidInput
        If the restriction names no bucket.
    """
    if restriction.bucket is None:
        raise InvalidInput("The restriction names no bucket.", next_step="Add the bucket.", field="bucket")
    restriction = with_lists(aws, restriction)
    supplied = supplied_facts(context).with_defaults(supplied_facts(restriction.facts))
    state = read_state(aws, bucket=restriction.bucket, supplied=supplied)
    if state.bucket is None or not state.bucket.sees(READ_POLICY):
        return Proof(None, None, (READ_POLICY,))
    files = _files(EffectiveLocks.of(state))
    return prove(files, Claim(restriction.prefix, restriction.addresses, restriction.endpoints))


def _files(locks: EffectiveLocks) -> PolicyFiles:
    """Return the policies of locks for a question about every signer."""
    region = Facts({"aws:requestedregion": (locks.region,)} if locks.region else {})
    return PolicyFiles(
        locks.bucket,
        locks.policy,
        rcp=locks.rcp,
        scp=locks.scp,
        given=locks.facts.with_defaults(region),
        account=locks.account,
        named_partition=locks.partition,
        is_public_refused=locks.is_public_refused,
        origin="read",
        endpoint_policies={
            each.id: (each.policy_text, each.type == "Gateway") for each in locks.endpoints.values() if each.policy_text
        },
    )
