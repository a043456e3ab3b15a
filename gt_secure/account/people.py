"""People of a workteam, as an access log shows them, and what its restriction gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..base.network import Source, scope
from ..base.text import count
from ..engine.access.address_classes import spans_of, within
from ..engine.access.source_sets import SourceSet
from ..restriction.model import Restriction
from .whereabouts import Whereabouts


def people_at(
    seen: Whereabouts,
    endpoints: Iterable[str],
    sets: Sequence[tuple[SourceSet, frozenset[str]]],
    of_ways: Callable[[Iterable[bool]], bool] = any,
) -> list[str]:
    """Return the sources in one of some sets at which a log shows people of a team.

    A private address came through some VPC endpoint, which the access log of S3 does not name: any
    of those of the account, or one that nobody names. ``of_ways`` says whether ``any`` of them is
    enough, or ``all`` have to be in the set.
    """
    behind = [Source(None, each) for each in endpoints] or [Source(None, "")]
    found = []
    for each in seen.sources:
        place = Source.parse(each)
        is_private = place.address is not None and scope(place.address) == "private"
        ways = behind if is_private else [place]
        if any(of_ways(own.holds(way, labels) for way in ways) for own, labels in sets):
            found.append(each)
    return found


def share(seen: Whereabouts, refused: list[str]) -> str:
    """Return how many sources of a team's people are refused,
    such as ``3 of 4 addresses that opened images this week``.
    """
    mixed = any(each.startswith("vpce-") for each in seen.sources)
    total = count(len(seen.sources), *(("source",) if mixed else ("address", "addresses")))
    return f"{len(refused)} of {total} that opened images this week"


def listed_in(found: SourceSet, labels: frozenset[str], wish: Restriction | None) -> SourceSet:
    """Return the sources of a set that a restriction lists; none without one."""
    if wish is None:
        return SourceSet()
    endpoints = (each for each in wish.allowed.ids if found.holds(Source(None, each), labels))
    return SourceSet(within(found.spans, tuple(spans_of(wish.addresses))), tuple(endpoints))
