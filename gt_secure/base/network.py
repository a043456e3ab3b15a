"""Addresses, networks, lists of them and VPC endpoint ids: the only place that parses or compares
them.

Sources
------- ``aws:SourceIp`` holds public addresses only and is absent on requests that come through a
VPC endpoint, where ``aws:VpcSourceIp`` and ``aws:SourceVpce`` are present instead (IAM User Guide,
*AWS global condition context keys*).
"""

from __future__ import annotations

import csv
import io
import ipaddress
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from .errors import InvalidInput, refuse_url
from .text import Texts, printable, truncate

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
IPNetworks: TypeAlias = tuple[IPNetwork, ...]
SourceLike: TypeAlias = "str | Source"
AddressesLike: TypeAlias = str | Iterable[str | IPNetwork | IPAddress]
AddressScope: TypeAlias = Literal[
    "public", "private", "loopback", "link-local", "multicast", "unspecified", "reserved"
]

# Python calls these private; here they stand for the internet, as they do in AWS's own examples.
_DOCUMENTATION = tuple(
    ipaddress.ip_network(n)
    for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
# What a public AWS endpoint never sees as a source: RFC 1918, RFC 6598 (carrier NAT), RFC 4193.
_PRIVATE = tuple(
    ipaddress.ip_network(n)
    for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
MAX_INPUT = 200_000
"""Longest pasted list, in characters; longer text is surely not a list of addresses."""
_OTHERS: tuple[AddressScope, ...] = (
    "loopback",
    "link-local",
    "multicast",
    "unspecified",
    "reserved",
)
_ENDPOINT = re.compile(r"vpce-[0-9a-f]{8,17}")
_PREFIX_LIST = re.compile(r"pl-[0-9a-f]{8,17}", re.IGNORECASE)
_IP_SET = re.compile(r"wafv2:ipset/[A-Za-z0-9_-]{1,128}")
_DECORATION = "\"'[](){}<>;,"
_HEADER = re.compile(r"(?i)(ip|ips|cidr|cidrs|cidr_?ip|address|addresses|network|range)s?")
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_ID = re.compile(rf"{_ENDPOINT.pattern}|{_VPC.pattern}")
_VIA = re.compile(r"(?<!\s)\s+via\s+", re.IGNORECASE)


def _short(text: object) -> str:
    return truncate(printable(text), 60)


def _bad(message: str, fix: str, word: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="address", value=word)


def parse_address(text: str) -> IPAddress:
    """Parse one address without zone or range; raises :class:`InvalidInput`,
    also for one that IAM never matches.
    """
    word = str(text).strip()
    if "/" in word:
        refuse_url(text, "address", "an address")
        raise _bad(
            f"'{_short(word)}' is a range; one address is needed here.",
            "Leave out the slash and what follows it.",
            word,
        )
    return parse_network(word).network_address


def parse_network(text: str) -> IPNetwork:
    """Parse one CIDR range; a bare address becomes a /32 or /128. Host bits,
    which AWS ignores, are an error.
    """
    word = str(text).strip()
    try:
        if "%" in word:
            raise ValueError("zone")
        interface = ipaddress.ip_interface(word)
    except ValueError as error:
        refuse_url(text, "address", "an address or a range")
        step = _ADDRESS_HELP
        if word.lower().startswith(("vpce-", "vpc-")):
            step = (
                f"Pass endpoints=['{word if _ID.fullmatch(word) else 'vpce-0a1b2c3d4e5f60718'}']."
            )
        raise _bad(_why_no_address(word), step, word) from error
    network = interface.network
    if "/" in word and "." in word.split("/", 1)[1]:
        raise _bad(
            f"'{_short(word)}' uses a netmask. AWS accepts only a prefix length.",
            f"Write {network}.",
            word,
        )
    if interface.ip != network.network_address:
        host = ipaddress.ip_network(interface.ip)
        raise _bad(
            f"'{_short(word)}' has host bits set: the containing range is {network}.",
            f"Write {network} for all {network.num_addresses:,} addresses, or {host} for the one.",
            word,
        )
    if (
        isinstance(network, ipaddress.IPv6Network)
        and network.network_address.ipv4_mapped is not None
    ):
        raise _bad(
            f"'{_short(word)}' is an IPv4-mapped IPv6 address, which AWS never sees as a source.",
            "Write the IPv4 address itself.",
            word,
        )
    return network


_ADDRESS_HELP = (
    "Write an address such as 203.0.113.7, or a range such as 203.0.113.0/24 or 2001:db8:40::/48."
)


def _why_no_address(word: str) -> str:
    if not word:
        return "The address is empty."
    if _ID.fullmatch(word):
        return f"'{word}' is a VPC{'' if _VPC.fullmatch(word) else ' endpoint'}, not an address."
    if word.lower().startswith("vpce-"):
        return (
            f"'{_short(word)}' is not an address, and no id of a VPC endpoint: that has 8 to 17"
            " hexadecimal digits."
        )
    if list_name(word):
        return (
            f"'{_short(word)}' is a list that AWS keeps. Only a restriction accepts it"
            " (addresses=)."
        )
    if re.match(r"(?i)pl-|wafv2?:|arn:aws[a-z-]*:(ec2|wafv2):", word):
        return (
            f"'{_short(word)}' is not the name of a list: write pl- and 8 to 17 hexadecimal digits"
            " for a prefix list, or wafv2:ipset/NAME for a regional IP set."
        )
    if "%" in word:
        return f"'{_short(word)}' contains a zone id, which AWS does not accept."
    if "/" in word:
        head, tail = word.split("/", 1)
        try:
            version = ipaddress.ip_address(head).version
        except ValueError:
            pass
        else:
            most = 32 if version == 4 else 128
            return (
                f"'{_short(word)}' has no valid prefix length: '{_short(tail)}' is not a number"
                f" from 0 to {most}."
            )
    if re.fullmatch(r"[0-9.]+", word.split("/")[0]):
        return (
            f"'{_short(word)}' is not an IPv4 address: it needs four numbers from 0 to 255, without"
            " leading zeros."
        )
    if re.search(r"[0-9]\s*-\s*[0-9]", word):
        return f"'{_short(word)}' looks like a from-to range. AWS accepts only CIDR ranges."
    if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\.?", word):
        return f"'{_short(word)}' is a host name. AWS compares addresses, not names."
    return f"'{_short(word)}' is not an address or a CIDR range."


def split_list(text: str) -> list[str]:
    """Split pasted text into the words that may be addresses.

    Takes lists separated by commas, blanks, semicolons or lines, JSON arrays (also of objects with
    an address-like member), CSV columns with or without a header, and ``#`` comments.
    """
    if len(text) > MAX_INPUT:
        raise InvalidInput(
            f"The pasted list is {len(text):,} characters long.",
            next_step=f"Paste at most {MAX_INPUT:,} characters of addresses.",
            field="addresses",
        )
    stripped = text.strip()
    words = _from_json(stripped) if stripped[:1] in "[{" else None
    if words is not None:
        return words
    return _words(_rows(text))


def _words(rows: list[list[str]]) -> list[str]:
    """Return the words of cells that may be addresses."""
    cells = [
        word.strip(_DECORATION)
        for row in rows
        for cell in row
        for word in re.split(r"[\s;|]+", cell)
    ]
    words = [word for word in cells if word]
    # A table has words that are no addresses at all (a header, a name): drop them if at least one
    # column parses.
    if len(rows) > 1 and any(len(row) > 1 for row in rows):
        return [word for word in words if looks_like_address(word)] or words
    return words[1:] if len(words) > 1 and _HEADER.fullmatch(words[0]) else words


def _rows(text: str) -> list[list[str]]:
    """Return the cells of each line of CSV text, without comments and empty lines."""
    lines = [re.split(r"(?:^|\s)#", line, maxsplit=1)[0] for line in text.splitlines()]
    text = "\n".join(line for line in lines if line.strip())
    try:
        return list(csv.reader(io.StringIO(text)))
    except csv.Error:  # a cell of more than 131,072 characters: a quote that is never closed
        return [line.split(",") for line in text.split("\n")]


def looks_like_address(word: str) -> bool:
    """Return True if a word of a table looks like an address, a range,
    an endpoint or a VPC, valid or not.
    """
    address = re.match(r"^(?:[0-9]{1,3}\.|[0-9A-Fa-f]{0,4}:)", word)
    return bool(address or _ID.fullmatch(word) or list_name(word))


def list_name(word: object) -> str | None:
    """Return the name of a list that AWS keeps (``pl-0a1b2c3d4e5f60718``,
    ``wafv2:ipset/NAME``), or None.
    """
    text = word.strip() if isinstance(word, str) else ""
    if _PREFIX_LIST.fullmatch(text):
        return text.lower()
    return text if _IP_SET.fullmatch(text) else None


def _from_json(text: str) -> list[str] | None:
    found = []

    def walk(node: object) -> None:
        if isinstance(node, str):
            found.append(node.strip())
        elif isinstance(node, dict):
            for value in node.values():
                if not isinstance(value, str) or looks_like_address(value.strip()):
                    walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    try:
        walk(json.loads(text))
    except (ValueError, RecursionError):
        return None
    return found


def parse_networks(values: AddressesLike) -> IPNetworks:
    """Parse a list of addresses and ranges, in any usual written form."""
    words = split_list(values) if isinstance(values, str) else [str(value) for value in values]
    return tuple(parse_network(word) for word in words)


def collapse(networks: Iterable[IPNetwork]) -> IPNetworks:
    """Merge duplicates, overlaps and neighbours without admitting or losing one address;
    IPv4 first, sorted.
    """
    items = list(networks)
    v4 = ipaddress.collapse_addresses(n for n in items if isinstance(n, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(n for n in items if isinstance(n, ipaddress.IPv6Network))
    return (*v4, *v6)


def unmapped(address: IPAddress) -> IPAddress:
    """Return the IPv4 address in an IPv4-mapped IPv6 address (``::ffff:203.0.113.7``),
    else the address itself.
    """
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


def contains(networks: Iterable[IPNetwork], address: IPAddress) -> bool:
    """Return True if any of the networks holds the address; the families never match each other."""
    return any(address.version == network.version and address in network for network in networks)


class Ranges:
    """Some networks, merged for many lookups: each takes log n,
    because lists may have 900 ranges.
    """

    __slots__ = ("_ends", "_starts")

    def __init__(self, networks: Iterable[IPNetwork]) -> None:
        # Merged, so that a network that several of them hold together lies in one.
        items = tuple(networks)
        merged = collapse(items) if len(items) > 1 else items
        self._starts = {
            v: [int(n.network_address) for n in merged if n.version == v] for v in (4, 6)
        }
        self._ends = {
            v: [int(n.broadcast_address) for n in merged if n.version == v] for v in (4, 6)
        }

    def holds(self, item: IPAddress | IPNetwork) -> bool:
        """Return True if they hold a whole network or address;
        the families never match each other.
        """
        if isinstance(item, _NETWORKS):
            version, first, last = (
                item.version,
                int(item.network_address),
                int(item.broadcast_address),
            )
        else:
            version, first, last = item.version, int(item), int(item)
        before = bisect_right(self._starts[version], first)
        return before > 0 and last <= self._ends[version][before - 1]


def outside(networks: Iterable[IPNetwork], others: Iterable[IPNetwork]) -> IPNetworks:
    """Return the networks, in their order, that some other networks do not hold whole,
    alone or together.
    """
    ranges = Ranges(others)
    return tuple(network for network in networks if not ranges.holds(network))


def subtract(networks: Iterable[IPNetwork], others: Iterable[IPNetwork]) -> IPNetworks:
    """Return the networks minus all addresses of other networks, merged."""
    left: list[Any] = list(collapse(networks))
    for other in collapse(others):
        parts: list[Any] = []
        for each in left:
            if each.version != other.version or not each.overlaps(other):
                parts.append(each)
            elif each.prefixlen < other.prefixlen:
                parts += each.address_exclude(other)
        left = parts
    return collapse(left)


def overlaps(networks: Iterable[IPNetwork]) -> tuple[tuple[IPNetwork, IPNetwork], ...]:
    """Return pairs of networks, in the order given, of which one contains the other."""
    items = list(networks)
    return tuple(
        (a, b)
        for i, a in enumerate(items)
        for b in items[i + 1 :]
        if a.version == b.version and a.overlaps(b)
    )


def is_very_broad(network: IPNetwork) -> bool:
    """Return True if a range is larger than almost any network of one owner,
    so that a user should confirm it.
    """
    return network.prefixlen < (16 if network.version == 4 else 32)


def scope(item: IPAddress | IPNetwork) -> AddressScope:
    """Say what kind of addresses these are;
    documentation networks and ranges of both kinds count as public.
    """
    network = ipaddress.ip_network(item) if not isinstance(item, _NETWORKS) else item
    if _within(network, _DOCUMENTATION):
        return "public"
    if _within(network, _PRIVATE):
        return "private"
    ends = (network.network_address, network.broadcast_address)
    return next(
        (
            word
            for word in _OTHERS
            if all(getattr(each, f"is_{word.replace('-', '_')}") for each in ends)
        ),
        "public",
    )


_NETWORKS = (ipaddress.IPv4Network, ipaddress.IPv6Network)


def _within(network: IPNetwork, parents: Iterable[IPNetwork]) -> bool:
    return any(
        network.version == parent.version and network.subnet_of(parent)  # type: ignore[arg-type]
        for parent in parents
    )


def parse_endpoint_id(text: str) -> str:
    """Check a VPC endpoint id, such as ``vpce-0a1b2c3d4e5f60718``;
    an error says what it seems to be instead.
    """
    refuse_url(text, "endpoint", "an endpoint id")
    word = str(text).strip().lower()
    if _ENDPOINT.fullmatch(word):
        return word
    if word.startswith("vpce-svc-"):
        said = f"'{_short(word)}' is an endpoint service, not an endpoint."
    elif _VPC.fullmatch(word):
        said = f"'{_short(word)}' is a VPC; the S3 endpoint in it is needed."
    elif ".vpce." in word or word.startswith("com.amazonaws."):
        said = f"'{_short(word)}' is a DNS or service name, not an endpoint id."
    elif looks_like_address(word):
        said = f"'{_short(word)}' is an address, not an endpoint: add it to the addresses instead."
    else:
        said = f"'{_short(word)}' is not a VPC endpoint id."
    raise InvalidInput(
        said,
        next_step="Write vpce- and 8 to 17 hexadecimal digits, for example vpce-0a1b2c3d4e5f60718.",
        field="endpoint",
        value=word,
    )


def is_endpoint_or_vpc_id(text: str) -> bool:
    """Return whether a text is the id of a VPC endpoint or of a VPC."""
    return _ID.fullmatch(text) is not None


def parse_endpoint_or_vpc_id(text: str) -> str:
    """Check the id of a VPC endpoint or of a VPC; raises as :func:`parse_endpoint_id`."""
    word = str(text).strip().lower()
    return word if _VPC.fullmatch(word) else parse_endpoint_id(text)


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a request, as S3 sees it.

    Attributes
    ----------
    address : IPv4Address or IPv6Address or None
        The apparent address: public on the internet path, private behind an endpoint.
    endpoint : str or None
        The VPC endpoint the request came through, if any.
    vpc : str or None
        The VPC of that endpoint.
    """

    address: IPAddress | None
    endpoint: str | None = None
    vpc: str | None = None

    @classmethod
    def parse(cls, text: SourceLike) -> Source:
        """Read ``203.0.113.7``, ``10.0.3.4 via vpce-0a1b2c3d`` or ``vpce-0a1b2c3d``."""
        if isinstance(text, Source):
            return text
        refuse_url(text, "source", "an address or an endpoint")
        parts = _VIA.split(str(text).strip(), maxsplit=1)
        if len(parts) == 2:
            return cls(parse_address(parts[0]), parse_endpoint_id(parts[1]))
        if parts[0].lower().startswith("vpce-"):
            return cls(None, parse_endpoint_id(parts[0]))
        return cls(parse_address(parts[0]))

    @property
    def is_endpoint(self) -> bool:
        """True if the request came through a VPC endpoint."""
        return self.endpoint is not None

    def __str__(self) -> str:
        if self.endpoint is None:
            return str(self.address)
        return f"{self.address} via {self.endpoint}" if self.address is not None else self.endpoint


@dataclass(frozen=True, slots=True)
class ProbeOrigin:
    """One place to send a probe from.

    ``source`` is what S3 will see; None when that is not known beforehand. ``headers`` name it to
    the sandbox.
    """

    label: str
    source: Source | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.label if self.source is None else f"{self.source} ({self.label})"


def all_private(networks: Iterable[IPNetwork]) -> bool:
    """Return whether there are ranges, and each of them is private."""
    return {scope(network) for network in networks} == {"private"}


def parse_stored_cidrs(cidrs: Texts | list[str]) -> IPNetworks:
    """Read CIDR ranges as AWS does, which ignores host bits;
    what is no range at all is left out.
    """
    found = []
    for cidr in cidrs:
        try:
            found.append(ipaddress.ip_network(cidr.strip(), strict=False))
        except ValueError:
            continue
    return collapse(found)


def read_address(text: Any) -> IPAddress | None:
    """Return the address that text of a log holds; logs hold other things too."""
    try:
        return unmapped(ipaddress.ip_address(str(text).strip()))
    except ValueError:
        return None


def to_address(text: Any) -> Any:
    """An address in any notation; raises :class:`InvalidInput` with the reason."""
    return read_address(text) or parse_network(str(text)).network_address  # raises with the reason


def is_loopback_url(url: str) -> bool:
    """Return True if a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
