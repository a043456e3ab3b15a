"""Feedback on the entries of the lists: size and family of a range, VPC of an endpoint, and addresses to pick from."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import ipywidgets

from .. import html as markup
from ..address_lists import list_name, split_list
from ..errors import InvalidInput
from ..html import Markup, count
from ..network import (
    IPNetwork,
    collapse,
    contains,
    is_very_broad,
    overlaps,
    parse_address,
    parse_endpoint_id,
    parse_network,
    scope,
)
from ..restriction.model import Restriction
from .base import PANEL, Box
from .chip_input import Correction, Entry
from .thread_safe import Html, make

if TYPE_CHECKING:
    from ..aws.endpoints import VpcEndpoint

_NAMED = 150
"""Overlaps are named in lists up to this length."""
_MOST_SEEN = 8


@lru_cache(maxsize=4096)
def read_address(word: str, *, portal_only: bool = False) -> Entry:
    """Check one address or range, as the restriction will; the portal lock alone accepts a private range."""
    name = list_name(word)
    if name is not None:
        kind = "prefix list" if name.startswith("pl-") else "IP set"
        return Entry(name, f"{name} · {kind}", "plain", about=f"A {kind} that AWS keeps. The plan reads its ranges.")
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
    about = f"{family}, {_size(network)}, {scope(network)}."
    label = f"{_short(network)} · {family} · {_size_word(network)}"
    if is_very_broad(network):
        return Entry(word, label, "warn", about=f"{about} That is very broad: write the ranges of your own network.")
    return Entry(word, label, "plain", about=about)


def _corrections(word: str, portal_only: bool) -> tuple[Correction, ...]:
    """Return what a wrong address may have meant; what the restriction would refuse again is not proposed."""
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
    return [parse_network(entry.word) for entry in entries if not entry.problem and list_name(entry.word) is None]


def _short(network: IPNetwork) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _size(network: IPNetwork) -> str:
    if network.version == 6 and network.num_addresses > 1:
        return f"{_power(network)} addresses"
    return count(int(network.num_addresses), "address", "addresses")


def _size_word(network: IPNetwork) -> str:
    if network.num_addresses == 1:
        return "1"
    return _power(network) if network.version == 6 else f"{network.num_addresses:,}"


def _power(network: IPNetwork) -> str:
    return "2" + str(network.max_prefixlen - network.prefixlen).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def split_endpoints(text: str) -> list[str]:
    """Split typed or chosen endpoints; a choice reads "vpce-… · name", of which the id is used."""
    if " · " in text:
        return [text.split(" · ", 1)[0].strip()]
    return split_list(text)


def read_endpoint(word: str, known: dict[str, VpcEndpoint]) -> Entry:
    """Check one endpoint id and name its VPC, if it is known."""
    try:
        identifier = parse_endpoint_id(word)
    except InvalidInput as error:
        return Entry(word, word, "no", problem=PANEL.write(f"{error.message} {error.next_step}"))
    found = known.get(identifier)
    if found is None:
        about = "Not found among the S3 endpoints of this region that this role sees."
        return Entry(identifier, identifier, "warn" if known else "plain", about=about)
    if found.type == "Interface" and not found.private_dns:
        about = "An interface endpoint without private DNS: a presigned URL's host is signed and never reaches it."
        return Entry(identifier, found.label, "warn", about=about)
    return Entry(identifier, found.label, "plain", about=f"{found.type} endpoint in {found.vpc_name or found.vpc_id}.")


def about_addresses(entries: Sequence[Entry], *, portal: bool) -> list[Markup]:
    """The counts under the addresses, and what is wrong with them."""
    networks = networks_of(entries)
    named = sum(list_name(entry.word) is not None for entry in entries)
    merged = collapse(networks)
    parts: list[Markup] = []
    if networks:
        said = [count(len(networks), "range")]
        if len(merged) < len(networks):
            said = [f"{len(networks):,} ranges, {len(merged):,} once merged"]
        if portal:
            said.append(f"{len(merged)} of 10 for the portal lock")
        parts.append(markup.hint(" · ".join(said)))
        if len(merged) > 10 and portal:
            parts.append(
                bad("The portal lock accepts at most 10 ranges: summarise them, or leave the portal lock unchanged.")
            )
        # Naming the pairs takes n² comparisons: a long list is only counted.
        inside = overlaps(dict.fromkeys(networks)) if len(merged) < len(networks) <= _NAMED else ()
        if inside:
            a, b = sorted(inside[0], key=lambda network: network.num_addresses)
            parts.append(
                markup.hint(
                    f"{a} is already covered by {b}" + (f", and {len(inside) - 1} more." if inside[1:] else ".")
                )
            )
    if named:
        parts.append(markup.hint(f"{count(named, 'list')} that AWS keeps: the plan shows and counts the ranges."))
    parts += problems(entries)
    return parts


def problems(entries: Sequence[Entry]) -> list[Markup]:
    """Return what is wrong, or odd, about some entries, a line each."""
    lines = [bad(entry.problem) for entry in entries if entry.problem][:4]
    lines += [markup.hint(f"{entry.word}: {entry.about}") for entry in entries if entry.tone == "warn"][:3]
    more = sum(bool(entry.problem) for entry in entries) - 4
    return lines + ([bad(f"and {more} more")] if more > 0 else [])


def bad(words: str) -> Markup:
    """Return what is wrong with an entry, for the place under its field."""
    return Markup(f'<div class="gts-hint gts-bad"><span aria-hidden="true">✕</span> {markup.text(words, 500)}</div>')


class SeenBox(Box):
    """One button for each address that is not in the list yet."""

    shown_as = "addresses seen"

    def __init__(self, add: Callable[[str], None]) -> None:
        self._add = add
        self._chips: list[ipywidgets.Button] = []
        super().__init__()
        self.add_class("gts-chips")

    def show(
        self,
        hits: Mapping[str, int],
        browser: Sequence[str],
        listed: Sequence[IPNetwork],
        leaked: Collection[str] = (),
    ) -> None:
        """Offer the busiest addresses, and first of all those of the person's own browser; leaked URLs are marked."""
        new = [
            word
            for word in dict.fromkeys([*browser, *hits])
            if not read_address(word).problem and not contains(listed, parse_address(word))
        ]
        for old in self._chips:
            old.close()
        self._chips = [
            self._chip(word, "your browser" if word in browser else count(hits[word], "hit"), word in leaked)
            for word in new[:_MOST_SEEN]
        ]
        head = [Html(markup.hint("Opened in the access log, not in the list:"))] if self._chips else []
        self.children = (*head, *self._chips)

    def _chip(self, word: str, about: str, leaked: bool) -> ipywidgets.Button:
        words = f"! {word} · used a leaked URL · {about}" if leaked else f"+ {word} · {about}"
        tone, tooltip = "warn" if leaked else "plain", "Press to add to the list."
        made = make(ipywidgets.Button, description=words, tooltip=tooltip, classes=f"gts-chip gts-{tone}")
        made.on_click(lambda _: self._add(word))
        return made
