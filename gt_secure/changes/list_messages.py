"""Messages about the lists of a restriction that AWS keeps: what is missing from the locks, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..account.state import State
from ..aws.managed_lists import ManagedList
from ..network import IPNetwork, outside, parse_stored_cidrs
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from ..text import count
from .diff import existing_guard

_NAMED = 5


def list_notices(wish: Restriction, state: State) -> tuple[Notice, ...]:
    """Return the notices about each list of a restriction."""
    return tuple(notice for each in wish.managed for notice in _about(each, wish, state))


def _about(each: ManagedList, wish: Restriction, state: State) -> Iterator[Notice]:
    guard = existing_guard(state) if wish.guard else None
    if guard is not None:
        yield from _missing(each, "guard", outside(each.networks, guard.networks))
    force = state.workforce.value if wish.portal_lock else None
    cidrs = parse_stored_cidrs(force.cidrs) if force is not None else ()
    if cidrs:
        yield from _missing(each, "portal lock", outside(each.networks, cidrs))
    if each.left_out:
        yield Notice(
            "list-ranges-left-out",
            "info",
            f"{each.name} has {count(len(each.left_out), 'range')} that AWS never sees as a source: "
            f"{_some(each.left_out)}.",
            "The locks leave them out.",
            "addresses",
        )
    if not each.networks:
        yield Notice(
            "list-empty",
            "warning",
            f"{each.name} has no range that S3 or the portal can see, so it allows nobody.",
            "Add ranges to the list, or remove it from the restriction.",
            "addresses",
        )
    if each.owner == "AWS":
        yield Notice(
            "list-of-aws",
            "warning",
            f"{each.name} ({each.title}) has the addresses of an AWS service, not those of workers.",
            "Name a prefix list of your own network.",
            "addresses",
        )


def _missing(each: ManagedList, lock: str, missing: tuple[IPNetwork, ...]) -> Iterator[Notice]:
    if missing:
        yield Notice(
            "list-changed",
            "warning",
            f"{each.name} has {count(len(missing), 'range')} missing from the {lock}: {_some(missing)}.",
            "Apply the plan to add them.",
            "addresses",
        )


def _some(networks: Iterable[IPNetwork]) -> str:
    words = [str(network) for network in networks]
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")
