"""Checks of the lists in a restriction: addresses, endpoints, and which lock can use them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..aws.buckets import check_prefix, place_of
from ..aws.teams import TeamArn, TeamLike, check_team_name, team_reference
from ..base.allowed import Allowed
from ..base.errors import InvalidInput
from ..base.network import (
    IPAddress,
    IPNetwork,
    IPNetworks,
    collapse,
    is_very_broad,
    list_name,
    overlaps,
    parse_endpoint_or_vpc_id,
    parse_network,
    parse_networks,
    scope,
    split_list,
)
from ..base.text import Texts, some
from ..engine.access.address_classes import is_anyone, spans_of
from ..engine.policies.age_limit import build_age_limit
from ..engine.policies.bucket_guard import MAX_BUCKET_POLICY, build_guard
from .messages import Notice, notice

PORTAL_CIDRS = 10
"""Maximum number of CIDR ranges in ``SourceIpConfig`` (SageMaker API reference,
*SourceIpConfig*).
"""

MAX_NETWORKS = 1000
"""More ranges than this never fit into a bucket policy of 20 KB."""


def _bad(message: str, fix: str, value: object = None) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="addresses", value=value)


def split_lists(values: object, more: Iterable[str] = ()) -> tuple[Texts, Any]:
    """Separate the names of lists that AWS keeps from the addresses;
    what is neither stays with the addresses.
    """
    if isinstance(values, Iterator):
        values = list(values)
    words = split_list(values) if isinstance(values, str) else values
    listed = list(words) if isinstance(words, list | tuple | set | frozenset) else []
    names = [name for word in listed if (name := list_name(word)) is not None]
    rest = [word for word in listed if list_name(word) is None] if names else values
    for word in more:
        name = list_name(word)
        if name is None:
            parse_network(str(word))  # its error says how to write a name
            raise InvalidInput(
                f"'{str(word)[:60]}' is not the name of a list.",
                next_step="Add it to addresses.",
                field="lists",
            )
        names.append(name)
    return tuple(dict.fromkeys(names)), rest


def check_addresses(values: object, notices: list[Notice], *, portal_only: bool) -> IPNetworks:
    """Parse, check and collapse the addresses; notices list those that were merged.

    Where the portal lock alone uses the list, it may be all private: AWS documents this as the way
    to close the public portal of a workforce in a VPC.
    """
    given = _parse(values)
    closing = portal_only and bool(given) and all(scope(network) == "private" for network in given)
    if len(given) > MAX_NETWORKS:
        raise _bad(
            f"{len(given):,} ranges do not fit into a bucket policy. The maximum is"
            f" {MAX_NETWORKS:,}.",
            "Summarise them into larger ranges, or let clients come through a VPN or a VPC"
            " endpoint.",
        )
    for network in given:
        if not closing:
            _check_scope(network)
        if is_very_broad(network):
            notices.append(
                notice("very-broad", network=network, number=f"{network.num_addresses:,}")
            )
    if is_anyone(spans_of(given)):
        raise _bad(
            "The addresses are half of the internet or more, so they would restrict nobody.",
            "Write the ranges of your own network.",
        )
    _note_duplicates(given, notices)
    merged = collapse(given)
    # the sizes are cheaper than naming the pairs, which compares each with each
    if sum(map(_size, set(given))) != sum(map(_size, merged)):
        inside = overlaps(dict.fromkeys(given))
        pairs = [f"{min(a, b, key=_size)} is inside {max(a, b, key=_size)}" for a, b in inside]
        notices.append(notice("overlaps", pairs=some(pairs)))
    return merged


def _parse(values: object) -> IPNetworks:
    if isinstance(values, str):
        return parse_networks(values)
    if isinstance(values, IPNetwork | IPAddress):
        return (parse_network(str(values)),)
    items = _items(values, "addresses")
    for item in items:
        if not isinstance(item, str | IPNetwork | IPAddress):
            raise _bad(
                f"An address must be a string, not {type(item).__name__}.",
                "Write 203.0.113.7 or 203.0.113.0/24 (in a YAML file: in quotes).",
                item,
            )
    return tuple(parse_network(str(item)) for item in items)


def _items(values: object, field: str) -> list[object]:
    if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
        raise InvalidInput(
            f"{field} must be a list or a string, not {type(values).__name__}.",
            next_step="Write a list.",
            field=field,
        )
    return list(values)


def _check_scope(network: IPNetwork) -> None:
    if network.prefixlen == 0:
        raise _bad(
            f"{network} covers every address, so it would restrict nothing.",
            "Write the ranges of your own network.",
            network,
        )
    kind = scope(network)
    if kind == "private":
        raise _bad(
            f"{network} is private: S3 and the worker portal see only public addresses, except"
            " through a VPC endpoint.",
            "Write the public address of your network (its NAT or VPN), or list the VPC endpoint.",
            network,
        )
    if kind != "public":
        raise _bad(
            f"{network} is {kind}: AWS never sees it as a source.",
            "Write the public addresses of your network.",
            network,
        )


def _note_duplicates(
    values: Iterable[object], notices: list[Notice], *, field: str | None = None
) -> None:
    twice = sorted(str(value) for value, number in Counter(values).items() if number > 1)
    if twice:
        notices.append(notice("duplicates", field=field, values=some(twice)))


def _size(network: IPNetwork) -> int:
    return network.num_addresses


def check_endpoints(values: object, notices: list[Notice], field: str = "endpoints") -> Allowed:
    """Parse ids of VPC endpoints and VPCs, each by its form."""
    words = split_list(values) if isinstance(values, str) else _items(values, field)
    for word in words:
        if not isinstance(word, str):
            raise InvalidInput(
                f"A VPC endpoint id must be a string, not {type(word).__name__}.",
                next_step="Write vpce-0a1b2c3d4e5f60718.",
                field=field,
                value=word,
            )
    ids = [parse_endpoint_or_vpc_id(str(word)) for word in words]
    _note_duplicates(ids, notices, field=field)
    return Allowed.of(ids)


def check_portal(networks: IPNetworks, notices: list[Notice]) -> None:
    """Check the list of a portal lock against the limits of SageMaker."""
    if not networks:
        raise _bad(
            "The portal lock has no addresses: an empty list opens the worker portal to everybody.",
            "Pass addresses=, or leave the portal unchanged (portal_lock=None).",
        )
    if len(networks) > PORTAL_CIDRS:
        raise _bad(
            f"The portal lock accepts at most {PORTAL_CIDRS} ranges, not {len(networks)}"
            " (neighbours are merged).",
            "Summarise them into larger ranges, or use the bucket guard alone, which accepts more.",
        )
    if all(network.version == 6 for network in networks):
        notices.append(notice("portal-ipv6-only"))


def check_guard(
    bucket: str,
    prefix: str,
    allowed: Allowed,
    age_limit_s: int | None = None,
    *,
    reads: bool = False,
) -> None:
    """Check that the guard alone fits into a bucket policy;
    a plan also checks the current policy.
    """
    statement = build_guard(bucket, allowed, prefix=prefix, reads=reads)
    statements = [
        statement,
        *(build_age_limit(statement, age_limit_s) if age_limit_s is not None else ()),
    ]
    size = len(
        json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    )
    if size > MAX_BUCKET_POLICY:
        raise _bad(
            f"The guard for these {len(allowed.networks)} ranges has {size:,} bytes. The maximum of"
            f" a bucket policy is {MAX_BUCKET_POLICY:,}.",
            "Summarise them into larger ranges, or let clients come through a VPN or a VPC"
            " endpoint.",
        )


def note_guard(
    networks: IPNetworks, prefix: str, notices: list[Notice], *, reads: bool = False
) -> None:
    """Add the notices on what a guard leaves open or refuses."""
    if networks and all(network.version == 4 for network in networks):
        notices.append(notice("guard-ipv4-only"))
    if reads:
        notices.append(notice("guard-spares-uploads"))
    if not prefix:
        notices.append(notice("whole-bucket"))


def named_team(team: TeamLike) -> str:
    """Return the name of a private workteam, or the ARN of another;
    raises :class:`InvalidInput`.
    """
    word = team_reference(team)
    if not word.startswith("arn:"):
        return check_team_name(word)
    arn = TeamArn.parse(word)
    return arn.name if arn.is_private else word


def named_place(bucket: object, prefix: object = "") -> tuple[str | None, str]:
    """Return bucket and prefix of a name or an ``s3://bucket/prefix``;
    raises :class:`InvalidInput`.
    """
    if not isinstance(prefix, str):
        raise InvalidInput(
            f"The prefix must be a string, not {type(prefix).__name__}.",
            next_step="Write for example scans/.",
            field="prefix",
        )
    if bucket is None:
        if prefix:
            raise InvalidInput(
                f"The prefix '{prefix[:60]}' has no bucket.",
                next_step="Name the bucket too.",
                field="bucket",
            )
        return None, ""
    if not isinstance(bucket, str):
        raise InvalidInput(
            f"A bucket name must be a string, not {type(bucket).__name__}.",
            next_step="Write gt-images.",
            field="bucket",
        )
    name, start = place_of(bucket, prefix)
    return name, check_prefix(start)
