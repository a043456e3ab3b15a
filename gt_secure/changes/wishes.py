"""The restrictions that a journal records: what is wanted of a bucket, and which buckets belong to a team."""

from __future__ import annotations

from collections.abc import Iterator

from ..account.lists import with_lists
from ..account.state import State
from ..aws.client import Aws
from ..errors import GtSecureError
from ..restriction.model import Restriction
from .journal import ChangeRecord, Journal


def wishes_of(journal: Journal, account_id: str, region: str) -> Iterator[tuple[ChangeRecord, Restriction]]:
    """Yield each change in an account that a restriction asked for, the newest first; with a team, of its region."""
    for record in reversed(list(journal)):
        data = record.begin.get("restriction")
        if record.account_id == account_id and isinstance(data, dict):
            try:
                wish = Restriction.from_dict(data)
            except GtSecureError:
                continue  # a newer version wrote it
            if wish.team is None or record.region == region:
                yield record, wish


def wanted_on(aws: Aws, journal: Journal, state: State) -> Restriction | None:
    """Return the restriction whose guard is applied to the bucket of a state, the newest one; None without one.

    Its lists have their ranges of now. Where these cannot be read, ``managed`` is empty.
    """
    if state.bucket is None:
        return None
    for record, wish in wishes_of(journal, state.account_id, state.region):
        if record.status == "applied" and wish.bucket == state.bucket.name and wish.guard is not None:
            try:
                return with_lists(aws, wish)
            except GtSecureError:
                return wish
    return None
