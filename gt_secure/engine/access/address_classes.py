"""All addresses, cut where policies and lists cut them:
each class holds addresses that no condition tells apart.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from ...base.network import IPAddress, IPNetwork
from ..iam.conditions import Condition
from ..iam.operators import policy_network
from ..iam.statement_table import DimensionValue
from ..iam.variables import Filled, Wild, fill, is_fixed, parse_template
from ..iam.wildcards import PatternMachine, TooManyClassesError, text_steps

Interval: TypeAlias = tuple[int, int]
"""The first and the last address of one family, as numbers."""
BITS = {4: 32, 6: 128}
MAX_RANGES = 20_000
_TYPICAL = tuple(
    (text, address.version, int(address))
    for text in (
        "198.51.100.9",
        "203.0.113.9",
        "192.0.2.9",
        "18.200.7.9",
        "2001:db8:9::9",
        "2600:1f14::9",
    )
    for address in (ipaddress.ip_address(text),)
)
Spans: TypeAlias = "tuple[Span, ...]"


class Span(NamedTuple):
    """Addresses of one family from a first to a last."""

    version: int
    first: int
    last: int


EVERY_ADDRESS = tuple(Span(version, 0, (1 << bits) - 1) for version, bits in BITS.items())
INTERNET = (Span(4, 0, (1 << 32) - 1), Span(6, 1 << 125, (1 << 126) - 1))
"""The addresses of the internet: IPv4, and of IPv6 those of 2000::/3. Half of either,
or more, is anyone.
"""


@dataclass(frozen=True)
class AddressClass:
    """Addresses that all conditions and lists treat alike, and one that stands for them."""

    spans: Spans
    is_listed: bool = False
    is_exact: bool = True

    def covers(self, address: IPAddress | None) -> bool:
        """Return whether an address is in the class."""
        return address is not None and self._holds(address.version, int(address))

    def _holds(self, version: int, number: int) -> bool:
        return any(
            span.version == version and span.first <= number <= span.last for span in self.spans
        )

    @cached_property
    def setting(self) -> DimensionValue:
        """The keys that follow for requests from there outside endpoints."""
        return DimensionValue({"aws:sourceip": (self.example,)})

    @property
    def example(self) -> str:
        """An address of the class, as S3 would write it: one of those that stand for the internet,
        where it has one.
        """
        for text, version, number in _TYPICAL:
            if self._holds(version, number):
                return text
        span = self.spans[0]
        return str(
            ipaddress.IPv4Address(span.first)
            if span.version == 4
            else ipaddress.IPv6Address(span.first)
        )


def address_classes(
    conditions: Sequence[Condition], listed: Iterable[IPNetwork] = (), compared: Iterable[str] = ()
) -> list[AddressClass]:
    """Return the classes of all IPv4 and IPv6 addresses that conditions and the ``listed`` ranges
    tell apart.

    ``compared`` are texts with which policy variables compare the address: each address among them
    is a separate class.
    """
    networks, texts = list(listed), list(compared)
    return [each for version in (4, 6) for each in _classes(version, conditions, networks, texts)]


def _classes(
    version: int, conditions: Sequence[Condition], listed: list[IPNetwork], compared: list[str]
) -> list[AddressClass]:
    whole = Span(version, 0, (1 << BITS[version]) - 1)
    sets = [
        [(int(n.network_address), int(n.broadcast_address)) for n in listed if n.version == version]
    ]
    sets += [spans for text in compared if (spans := _literal(text, version, any_case=False))]
    exact = True
    for condition in conditions:
        try:
            sets.append(_spans(condition, version))
        except TooManyClassesError:
            exact = False
    events: list[Interval] = []
    for index, ranges in enumerate(sets):
        for first, last in _merged(ranges):
            events += [(first, 1 << index), (last + 1, 1 << index)]
    by_signature: dict[int, list[Span]] = {}
    signature, start = 0, 0
    for point, bit in sorted(events):
        if point > start:
            by_signature.setdefault(signature, []).append(Span(version, start, point - 1))
            start = point
        signature ^= bit
    if start <= whole.last:
        by_signature.setdefault(signature, []).append(Span(version, start, whole.last))
    return [
        AddressClass(tuple(spans), bool(signature & 1), exact)
        for signature, spans in by_signature.items()
    ]


def _merged(ranges: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _of_version(version: int, spans: Iterable[Span]) -> list[Interval]:
    return _merged((span.first, span.last) for span in spans if span.version == version)


def _spans(condition: Condition, version: int) -> list[Interval]:
    """Return where a condition's values match, before it is negated."""
    if condition.name in ("IpAddress", "NotIpAddress"):
        networks = [policy_network(value, "$") for value in condition.values]
        return [
            (int(n.network_address), int(n.broadcast_address))
            for n in networks
            if n.version == version
        ]
    if condition.name.startswith("String"):
        return [
            span for value in condition.values for span in _text_spans(condition, value, version)
        ]
    return []  # no other operator can read an address, or tell one from another


def _text_spans(condition: Condition, value: str, version: int) -> list[Interval]:
    template = parse_template(
        value, variables=condition.special, wildcards="Like" in condition.name, place="$"
    )
    if not is_fixed(template):
        if any(isinstance(part, Wild) for part in template):
            raise TooManyClassesError(
                "An address is compared with a pattern that holds a policy variable."
            )
        return []  # the texts that the variable may represent are separate classes
    filled = fill(template, {}) or ()
    if all(isinstance(part, str) for part in filled):
        return _literal("".join(map(str, filled)), version, any_case="IgnoreCase" in condition.name)
    return _ipv4_like(filled) if version == 4 else _ipv6_like(filled)


def _literal(text: str, version: int, any_case: bool) -> list[Interval]:
    try:
        address = ipaddress.ip_address(text.lower() if any_case else text)
    except ValueError:
        return []
    same = str(address) == (text.lower() if any_case else text)
    return [(int(address), int(address))] if same and address.version == version else []


def _ipv6_like(filled: Filled) -> list[Interval]:
    if set(filled) == {Wild.ANY}:
        return [(0, (1 << 128) - 1)]
    text = "".join(part for part in filled if isinstance(part, str))
    if "." in text and ":" not in text:
        # only addresses that hold an IPv4 address are written with dots, and with colons as well
        return []
    if set(text.lower()) - set("0123456789abcdef:."):
        return []
    raise TooManyClassesError("An IPv6 address is compared as text.")


def _ipv4_like(filled: Filled) -> list[Interval]:
    machine = PatternMachine([(text_steps(filled),)])
    known: dict[Interval, list[Interval]] = {}

    def below(octets: int, state: int) -> list[Interval]:
        if octets == 0:
            return [(0, 0)] if state & machine.domain_end else []
        if not state:
            return []
        if (octets, state) not in known:
            size = 256 ** (octets - 1)
            ranges: list[Interval] = []
            for octet in range(256):
                after = state
                for character in f"{octet}." if octets > 1 else str(octet):
                    after = machine.step(after, character)
                ranges += [
                    (octet * size + a, octet * size + b) for a, b in below(octets - 1, after)
                ]
                if len(ranges) > MAX_RANGES:
                    raise TooManyClassesError("A pattern of addresses has too many ranges.")
            known[octets, state] = _merged(ranges)
        return known[octets, state]

    return below(4, machine.start)


def minimal_cidrs(spans: Iterable[Span]) -> list[str]:
    """Return the fewest CIDR ranges that hold exactly these addresses, IPv4 first, in order."""
    result = []
    items = list(spans)
    for version in (4, 6):
        make = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
        for first, last in _of_version(version, items):
            result += [
                str(make((start, BITS[version] - size))) for start, size in _blocks(first, last)
            ]
    return result


def _blocks(first: int, last: int) -> Iterable[Interval]:
    """Yield the aligned blocks of a range, each with its size as a power of two."""
    while first <= last:
        size = (last - first + 1).bit_length() - 1
        if first:
            size = min(size, (first & -first).bit_length() - 1)
        yield first, size
        first += 1 << size


def minus(spans: Iterable[Span], others: Iterable[Span]) -> Spans:
    """Return the addresses of some ranges that are in none of others."""
    items, taken = list(spans), list(others)
    result = []
    for version in BITS:
        away = _of_version(version, taken)
        at = 0
        for first, last in _of_version(version, items):
            while at < len(away) and away[at][1] < first:
                at += 1
            index, start = at, first
            while index < len(away) and away[index][0] <= last and start <= last:
                if away[index][0] > start:
                    result.append(Span(version, start, away[index][0] - 1))
                start = max(start, away[index][1] + 1)
                index += 1
            if start <= last:
                result.append(Span(version, start, last))
    return tuple(result)


def within(spans: Spans, others: Spans) -> Spans:
    """Return the addresses of some ranges that are in others too."""
    if spans == EVERY_ADDRESS or not spans:
        return others if spans else ()
    return minus(others, minus(others, spans))


def count(spans: Iterable[Span], version: int) -> int:
    """Count the addresses of one family."""
    return sum(span.last - span.first + 1 for span in spans if span.version == version)


def is_anyone(spans: Iterable[Span]) -> bool:
    """Return whether addresses hold half of the internet or more:
    a list of them restricts nobody.
    """
    listed = tuple(spans)
    return any(
        2 * count(within(listed, (each,)), each.version) > each.last - each.first
        for each in INTERNET
    )


def spans_of(networks: Iterable[IPNetwork]) -> list[Span]:
    """Return the addresses of networks."""
    return [
        Span(each.version, int(each.network_address), int(each.broadcast_address))
        for each in networks
    ]
