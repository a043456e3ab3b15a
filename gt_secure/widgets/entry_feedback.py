"""Feedback on the entries of the lists: size and family of a range, VPC of an endpoint."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ..base import html as markup
from ..base.errors import InvalidInput
from ..base.html import Markup, count
from ..base.network import (
    IPNetwork,
    collapse,
    is_very_broad,
    list_name,
    parse_endpoint_or_vpc_id,
    parse_network,
    scope,
    split_list,
)
from ..restriction.model import Restriction
from .base import PANEL, bad
from .chip_input import CORRECTED, Correction, Entry

if TYPE_CHECKING:
    from ..engine.access.vpc_endpoint import VpcEndpoint


@lru_cache(maxsize=4096)
def read_address(word: str, *, portal_only: bool = False) -> Entry:
    """Check one address or range, as the restriction will;
    the portal lock alone accepts a private range.
    """
    name = list_name(word)
    if name is not None:
        kind = "prefix list" if name.startswith("pl-") else "IP set"
        return Entry(
            name,
            f"{name} · {kind}",
            "plain",
            about=f"A {kind} that AWS keeps. The plan reads its ranges.",
        )
    try:
        network = parse_network(word)
        if portal_only:
            Restriction(addresses=[network], portal_lock=True, guard=None)
        else:
            Restriction(addresses=[network], bucket="gt-images")
    except InvalidInput as error:
        said = PANEL.write(f"{error.message} {error.next_step}")
        return Entry(word, word, "no", problem=said, corrections=_corrections(word, portal_only))
    family = f"IPv{network.version}"
    single = network.num_addresses == 1
    about = f"{family}, {_size(network)} {'address' if single else 'addresses'}, {scope(network)}."
    label = f"{network.network_address if single else network} · {family} · {_size(network)}"
    if is_very_broad(network):
        return Entry(
            word,
            label,
            "warn",
            about=f"{about} That is very broad: write the ranges of your own network.",
        )
    return Entry(word, label, "plain", about=about)


def _corrections(word: str, portal_only: bool) -> tuple[Correction, ...]:
    """Return what a wrong address may have meant;
    what the restriction would refuse again is not proposed.
    """
    try:
        interface = ipaddress.ip_interface(word.strip())
    except ValueError:
        return ()
    if isinstance(interface, ipaddress.IPv6Interface) and interface.ip.ipv4_mapped is not None:
        # The length of a mapped range counts the 96 bits in front: only the address is certain.
        single = interface.network.num_addresses == 1
        proposed = [("Use", str(interface.ip.ipv4_mapped))] if single else []
    else:
        proposed = [("Use", str(interface.network))]
        if interface.ip != interface.network.network_address:
            proposed.append(("Only", str(interface.ip)))
    return tuple(
        Correction(f"{verb} {new}", new)
        for verb, new in proposed
        if new != word.strip() and not read_address(new, portal_only=portal_only).problem
    )


def networks_of(entries: Iterable[Entry]) -> list[IPNetwork]:
    """Return the ranges among the entries; lists that AWS keeps are read by the plan."""
    return [
        parse_network(entry.word)
        for entry in entries
        if not entry.problem and list_name(entry.word) is None
    ]


def _size(network: IPNetwork) -> str:
    """Return how many addresses a range has: of IPv6 as a power of two."""
    if network.version == 4 or network.num_addresses == 1:
        return f"{network.num_addresses:,}"
    return "2" + str(network.max_prefixlen - network.prefixlen).translate(
        str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    )


def split_endpoints(text: str) -> list[str]:
    """Split typed or chosen endpoints; a choice reads "vpce-… · name", of which the id is used."""
    if " · " in text:
        return [text.split(" · ", 1)[0].strip()]
    return split_list(text)


def read_endpoint(word: str, known: dict[str, VpcEndpoint]) -> Entry:
    """Check the id of an endpoint, and name its VPC if that is known, or the id of a VPC."""
    try:
        identifier = parse_endpoint_or_vpc_id(word)
    except InvalidInput as error:
        return Entry(word, word, "no", problem=PANEL.write(f"{error.message} {error.next_step}"))
    if identifier.startswith("vpc-"):
        return Entry(
            identifier, identifier, "plain", about="A VPC: all its S3 endpoints are allowed."
        )
    found = known.get(identifier)
    if found is None:
        about = "Not found among the S3 endpoints of this region that this role sees."
        return Entry(identifier, identifier, "warn" if known else "plain", about=about)
    if found.type == "Interface" and not found.private_dns:
        about = (
            "An interface endpoint without private DNS: a presigned URL's host is signed and never"
            " reaches it."
        )
        return Entry(identifier, found.label, "warn", about=about)
    return Entry(
        identifier,
        found.label,
        "plain",
        about=f"{found.type} endpoint in {found.vpc_name or found.vpc_id}.",
    )


def about_addresses(entries: Sequence[Entry], *, portal: bool) -> list[Markup]:
    """The counts under the addresses, and what is wrong with them."""
    networks = networks_of(entries)
    named = sum(list_name(entry.word) is not None for entry in entries)
    merged = collapse(networks)
    parts = []
    if len(merged) < len(networks):
        parts.append(markup.hint(f"{len(networks):,} ranges, {len(merged):,} once merged"))
    if networks and portal:
        parts.append(markup.hint(f"{len(merged)} of 10 for the portal lock"))
        if len(merged) > 10:
            parts.append(
                bad(
                    "The portal lock accepts at most 10 ranges. Summarise them, or leave the portal"
                    " lock unchanged."
                )
            )
    if named:
        parts.append(
            markup.hint(
                f"{count(named, 'list')} that AWS keeps: the plan shows and counts the ranges."
            )
        )
    parts += problems(entries)
    return parts


def problems(entries: Sequence[Entry]) -> list[Markup]:
    """Return how many wrong entries are not written out, and what is odd about some."""
    wrong = sum(bool(entry.problem) for entry in entries) - CORRECTED
    odd = [markup.hint(f"{entry.word}: {entry.about}") for entry in entries if entry.tone == "warn"]
    more_wrong = f"{count(wrong, 'more entry', 'more entries')} cannot be used. Hover to see why."
    shown = [bad(more_wrong)] if wrong > 0 else []
    more = [markup.hint(f"and {len(odd) - 3} more like this")] if len(odd) > 3 else []
    return [*shown, *odd[:3], *more]
