"""Try expectations on the wire: a test URL as the team's lock would make it, fetched from the source where possible."""

from __future__ import annotations

from collections.abc import Callable

from ...aws.buckets import list_keys
from ...aws.client import Aws
from ...aws.teams import get_workteam
from ...errors import InvalidInput
from ...network import Source
from ...presign.mint import mint
from ...presign.origin import probe_origin_for
from ...presign.probe import probe
from ...test_journal import UrlJournal


def expectation_probe(
    aws: Aws, team: str | None, test_urls: UrlJournal | None = None
) -> Callable[[Source, str, str], bool | None]:
    """Return a predicate for whether a worker at a source opens an object of a bucket, under a prefix.

    It gives None where that source cannot be reached from here (always on AWS, where a kernel cannot choose its
    address), or there is no object to try. The URL lock of the team, at that time, goes into the URL.
    """

    def opened(source: Source, bucket: str, prefix: str) -> bool | None:
        try:
            origin = probe_origin_for(aws, source)
        except InvalidInput:
            return None
        keys = list_keys(aws, bucket, prefix, most=10)
        if not keys:
            return None
        bound = _bound(aws, team, source)
        url = mint(aws, bucket, keys[0], expires_in=60, bound_to=bound, test_urls=test_urls)
        answer = probe(url, origin, test_urls=test_urls)
        return None if answer.status is None else answer.opened

    return opened


def _bound(aws: Aws, team: str | None, source: Source) -> Source | None:
    """Return the address that Ground Truth would put into the URL for a worker there, under the key that is on."""
    lock = get_workteam(aws, team).url_lock if team and not team.startswith("arn:") else None
    if lock is None or not lock.on or source.address is None:
        return None
    if lock.mode == "SourceIp":
        return Source(source.address)
    return source if source.is_endpoint else Source(source.address, "vpce-00000000000000000")
