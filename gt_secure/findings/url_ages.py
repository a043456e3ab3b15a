"""Ages of presigned URLs, from an access log, for findings."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..access.dry_run import presigners
from ..account.bucket import UrlAges
from ..account.part import NotRead, Part
from ..account.state import State
from ..logs.sql.columns import OPENED, SIGNER, signer_label
from ..policies.age_cap import LONGEST_S

if TYPE_CHECKING:
    from ..logs.hits import Hits


def with_url_ages(state: State, hits: Hits | None) -> State:
    """Return the state with the ages and leaks of URLs in a log; unchanged without hits or a bucket."""
    if state.bucket is None or hits is None:
        return state
    # A refused request may state any age and lifetime: anybody can write it.
    rows = hits.filter(presigned=True, test=False, bucket=state.bucket.name).query(
        f"SELECT {SIGNER} AS signer, count(*), max(age_s), max(expires_s) FROM {{hits}} "
        f"WHERE {OPENED} AND age_s IS NOT NULL AND expires_s <= {LONGEST_S} GROUP BY 1 ORDER BY 4 DESC, 1"
    )
    ages = tuple(UrlAges(signer_label(signer), *numbers) for signer, *numbers in rows)
    presigned = hits.filter(presigned=True, refused=False, test=False, bucket=state.bucket.name)
    named = tuple(row["application"] for row in presigned.count("application"))
    refused = hits.filter(operation="REST.OPTIONS.PREFLIGHT", refused=True, bucket=state.bucket.name)
    log = Part.of(len(hits))
    if doubts := hits.coverage.unread:
        log = Part.unread(NotRead("the access log", "s3:GetObject", "no answer", " ".join(doubts), state.bucket.name))
    seen = replace(state.bucket, log=log, url_ages=ages, leaks=lambda: len(hits.leaks()))
    name = state.bucket.name
    seen = replace(seen, preflights=len(refused), applications=named, presigners=lambda: presigners(hits, name)[0])
    return replace(state, bucket=seen)
