"""Exposure and proof with the policies of a bucket as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..aws.buckets import read_bucket
from ..aws.client import Aws
from ..errors import InvalidInput
from ..restriction.model import Restriction
from .exposure import RequestExposure, SourceSet
from .facts import read_given
from .policy_files import PolicyFiles, exposures, given_facts
from .proof import Claim, Proof, prove
from .request_kinds import Given

Context = Mapping[str, str | Sequence[str]]
READ_POLICY = "s3:GetBucketPolicy"


class Exposure:
    """Kinds of requests, each with the sources from which it is opened, refused and unknown; iterate for them."""

    def __init__(self, rows: Sequence[RequestExposure], assumed: Sequence[str]) -> None:
        self.rows = tuple(rows)
        self.assumed = tuple(assumed)

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {"requests": [row.to_dict() for row in self.rows], "assumed": list(self.assumed)}

    def __repr__(self) -> str:
        return exposure_text(self.rows)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(exposure_text(self.rows))}</pre>"


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
    named = ", ".join(ranges[:3]) + (f" and {len(ranges) - 3:,} more ranges" if len(ranges) > 3 else "")
    ipv4 = places.count(4)
    counted = f"{ipv4:,} IPv4 address{'' if ipv4 == 1 else 'es'}" if ipv4 else ""
    endpoints = ", ".join((*places.endpoints, *(["any other endpoint"] if places.other_endpoints else [])))
    depends = [f"depends on {key}" for key in places.depends_on]
    parts = [named, counted, f"through {endpoints}" if endpoints else "", *places.when, *depends]
    return "; ".join(part for part in parts if part)


def account_files(aws: Aws, bucket: str, supplied: Given, *, key: str | None = None) -> PolicyFiles | None:
    """Return the policies of a bucket with the facts that they ask for, or None if its policy cannot be read.

    Facts that are supplied win over those that are read.
    """
    state = read_bucket(aws, bucket)
    if not state.sees(READ_POLICY):
        return None
    region = Given({"aws:requestedregion": (state.region or aws.region,)})
    read = read_given(aws, state.policy_text, bucket=state.name, key=key, region=state.region)
    given = supplied.with_defaults(region, read)
    return PolicyFiles(
        state.name, state.policy_text, given=given, account=aws.account_id, named_partition=aws.partition
    )


def account_exposure(aws: Aws, bucket: str, key: str, context: Context | None = None) -> Exposure:
    """Return the exposure of an object, or of an object under a prefix, under the bucket policy of now.

    Raises
    ------
    InvalidInput
        If the bucket policy cannot be read.
    """
    name = f"{key}example.png" if not key or key.endswith("/") else key
    files = account_files(aws, bucket, given_facts(context), key=name if name == key else None)
    if files is None:
        raise InvalidInput(
            f"The policy of {bucket} cannot be read, so the exposure is unknown.",
            next_step=f"Ask for {READ_POLICY}.",
            field="bucket",
        )
    return Exposure(exposures(files, name), files.assumed())


def account_proof(aws: Aws, restriction: Restriction, context: Context | None = None) -> Proof:
    """Prove that no presigned request from outside a restriction's lists is opened, under the bucket policy of now.

    Raises
    ------
    InvalidInput
        If the restriction names no bucket.
    """
    if restriction.bucket is None:
        raise InvalidInput("The restriction names no bucket.", next_step="Add the bucket.", field="bucket")
    supplied = given_facts(context).with_defaults(given_facts(restriction.facts))
    files = account_files(aws, restriction.bucket, supplied)
    if files is None:
        return Proof(None, None, (READ_POLICY,))
    claim = Claim(restriction.prefix, restriction.addresses, restriction.endpoints)
    return prove(files, claim)
