"""Ages of presigned URLs, from an access log, as facts for findings."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..account.facts import BucketFacts, Snapshot, UrlAges
from ..logs.signers import SIGNER, signer_label
from ..logs.sql.columns import OPENED
from ..policies.age_cap import LONGEST_S


def with_url_ages(snapshot: Snapshot, hits: object) -> Snapshot:
    """Return the snapshot with the ages of URLs in a log; unchanged if ``hits`` are None or only sources."""
    if not hasattr(hits, "with_restriction"):
        return snapshot
    return replace(snapshot, buckets=tuple(_with_ages(bucket, hits) for bucket in snapshot.buckets))


def _with_ages(bucket: BucketFacts, hits: Any) -> BucketFacts:
    # A refused request may state any age and lifetime: anybody can write it.
    rows = hits.filter(presigned=True, test=False, bucket=bucket.name).query(
        f"SELECT {SIGNER} AS signer, count(*), max(age_s), max(expires_s) FROM {{hits}} "
        f"WHERE {OPENED} AND age_s IS NOT NULL AND expires_s <= {LONGEST_S} GROUP BY 1 ORDER BY 4 DESC, 1"
    )
    return replace(bucket, url_ages=tuple(UrlAges(signer_label(signer), *numbers) for signer, *numbers in rows))
