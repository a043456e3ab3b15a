"""The restriction that an account has today, to keep in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..aws.buckets import check_bucket
from ..aws.client import Aws
from ..aws.managed_lists import read_lists
from ..aws.teams import check_team_name, team_here
from ..errors import InvalidInput, NotFound
from ..network import IPNetwork, collapse, outside, parse_stored_cidrs, subtract
from ..policies.age_cap import age_text
from ..policies.bucket_guard import find_guard
from ..policies.signer_lock import find_signer_lock
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from ..restriction.validation import split_lists
from ..text import count
from .reader import ReadScope, read_scope

_NEEDED = frozenset({"team", "bucket.policy"})


def current_restriction(
    aws: Aws, team: str | None = None, bucket: str | None = None, lists: Iterable[str] = ()
) -> tuple[Restriction, list[Notice]]:
    """Read the locks of a team and a bucket as a restriction; see :meth:`gt_secure.Connection.export`.

    The notices name what a restriction cannot say, such as a portal list that differs from that of the guard.
    """
    if team is None and bucket is None:
        raise InvalidInput(
            "Neither a team nor a bucket is given.", next_step="Pass team=, bucket= or both.", field="team"
        )
    names = split_lists((), [lists] if isinstance(lists, str) else lists)[0]
    notices: list[Notice] = []
    name = None if team is None else check_team_name(team_here(aws, team))
    place = None if bucket is None else check_bucket(bucket)
    state = read_scope(aws, ReadScope(name, place, needs=_NEEDED | {"workforce"}, writes=_NEEDED))
    policy = None if state.bucket is None else state.bucket.policy.value
    guard, lock = find_guard(policy), find_signer_lock(policy)
    found = state.team.value
    mode = found.url_lock.mode if found is not None and found.url_lock is not None else "off"
    if mode == "both":
        notices.append(Notice("url-lock-both", "warning", "Both settings are on: no URL works.", "Turn one off."))
    listed = collapse(guard.networks) if guard is not None else ()
    if (missing := state.workforce.missing) is not None:
        notices.append(notice("portal-unseen", reason=missing.reason))
    workforce = None if missing else state.workforce.value
    ranges = () if workforce is None else workforce.cidrs
    locked = bool(ranges)
    if locked and guard is not None and parse_stored_cidrs(ranges) != listed:
        notices.append(notice("portal-differs", ranges=", ".join(ranges)))
        locked = False
    endpoints = guard.endpoints if guard is not None else ()
    addresses = listed if guard is not None else parse_stored_cidrs(ranges) if locked else ()
    wanted: dict[str, object] = {
        "team": team,
        "addresses": _named(aws, addresses, names),
        "endpoints": list(endpoints),
        "url_lock": None if found is None or mode == "both" else False if mode == "off" else mode,
        "portal_lock": True if locked else None,
        "guard": None if guard is None else "reads" if guard.reads else True,
        "bucket": bucket,
        "prefix": guard.prefix if guard is not None else lock.prefix if lock is not None else "",
        "signers": None if lock is None else list(lock.signers),
        "max_age": age_text(guard.max_age_s) if guard is not None and guard.max_age_s else None,
    }
    if found is None and guard is None and lock is None:
        raise NotFound(f"The policy of {bucket} has no guard of ours.", next_step="Plan one first.")
    return Restriction.from_dict(wanted), notices


def _named(aws: Aws, addresses: Iterable[IPNetwork], names: Sequence[str]) -> list[str]:
    """Return the addresses with lists in place of their ranges; a list that the locks do not hold is an error."""
    ranges = tuple(addresses)
    lists = read_lists(aws, names)
    for each in lists:
        missing = outside(each.networks, ranges)
        if missing or not each.networks:
            raise InvalidInput(
                f"{each.name} has {count(len(missing), 'range')} that the current locks do not list: "
                f"{', '.join(map(str, missing[:5]))}."
                if missing
                else f"{each.name} has no range that S3 or the portal can see.",
                next_step=f"Export without {each.name}, or plan a restriction that names it.",
                field="lists",
                value=each.name,
            )
    others = subtract(ranges, (network for each in lists for network in each.networks)) if lists else ranges
    return [*map(str, others), *names]
