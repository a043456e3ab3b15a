"""Names of networks: a person's own list, from files.

A networks file is a list of networks with a name, ranges and a kind:

    networks:
      - {name: Berlin office, ranges: [203.0.113.0/24], kind: office}

The longest range that holds an address gives its name; of two equal ranges the one that was read
first. No address is ever sent anywhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base import files as textfiles
from ..base.errors import InvalidInput
from ..base.network import IPAddress, IPNetworks, parse_networks, unmapped
from ..base.text import did_you_mean

KINDS = ("office", "vpn", "pool", "proxy", "partner", "cloud", "other")
"""Kinds of networks. All addresses of one network count as one user,
except those of ``cloud`` and ``other``.
"""

MAX_BYTES = 16 * 1024 * 1024
"""A list of many ranges has some megabytes."""
_WRITE = "Write networks: [{name: ..., ranges: [...], kind: office}]."
_MEMBERS = ("name", "ranges", "kind")


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """A network with a name; one without ranges stands for an address that no file knows."""

    name: str = ""
    ranges: IPNetworks = ()
    kind: str = "other"

    @property
    def user(self) -> str:
        """The name, if all addresses of the network count as one user; else empty."""
        # addresses of one organisation, such as a NAT pool or an office, are one user
        return "" if self.kind in ("cloud", "other") else self.name


class Networks:
    """Named networks, ready to look addresses up.

    Examples
    --------
    >>> office = NamedNetwork("Berlin office", parse_networks("203.0.113.0/24"), "office")
    >>> Networks([office]).about("203.0.113.7").name
    'Berlin office'
    """

    def __init__(self, named: Iterable[NamedNetwork] = ()) -> None:
        self.named = tuple(named)
        self._prefixes = _Prefixes(self.named)

    def __len__(self) -> int:
        return len(self.named)

    def __iter__(self) -> Iterator[NamedNetwork]:
        return iter(self.named)

    def __getitem__(self, name: str) -> IPNetworks:
        found = [network for each in self.named if each.name == name for network in each.ranges]
        if not found:
            known = [each.name for each in self.named]
            raise InvalidInput(
                f"No network is named {name[:60]!r}.",
                next_step=did_you_mean(name, known, "Name one of the networks file.", form="{!r}"),
                field="networks",
            )
        return tuple(found)

    def __repr__(self) -> str:
        return f"Networks({len(self.named):,} named)"

    def about(self, text: str | None) -> NamedNetwork:
        """Return the network of an address; an empty one for text that no file knows."""
        try:
            address = unmapped(ipaddress.ip_address(str(text).strip()))
        except ValueError:
            return NamedNetwork()
        return self._prefixes.find(address) or NamedNetwork()


class _Prefixes:
    """Networks by the length of their ranges, to find the longest that holds an address."""

    def __init__(self, named: Iterable[NamedNetwork]) -> None:
        self._by_length: dict[tuple[int, int], dict[int, NamedNetwork]] = {}
        for each in named:
            for network in each.ranges:
                place = self._by_length.setdefault((network.version, network.prefixlen), {})
                place.setdefault(int(network.network_address), each)
        self._lengths = {
            version: sorted((length for v, length in self._by_length if v == version), reverse=True)
            for version in (4, 6)
        }

    def find(self, address: IPAddress) -> NamedNetwork | None:
        bits, number = address.max_prefixlen, int(address)
        for length in self._lengths[address.version]:
            found = self._by_length[address.version, length].get(
                number >> (bits - length) << (bits - length)
            )
            if found is not None:
                return found
        return None


def load_networks(*paths: str | Path) -> Networks:
    """Read networks files."""
    named: list[NamedNetwork] = []
    for path in map(Path, paths):
        if path.suffix.lower() == ".mmdb":
            raise _bad(f"{path.name} is an MMDB database, which gt-secure does not read.", _WRITE)
        named += _own(textfiles.load(path, MAX_BYTES), path.name)
    return Networks(named)


def networks_from(given: NetworksLike) -> Networks:
    """Return networks as they are, or read them from one or several files."""
    if isinstance(given, Networks):
        return given
    return load_networks(*([given] if isinstance(given, str | Path) else given))


NetworksLike = Networks | str | Path | Iterable[str | Path]
"""Named networks, or the files that hold them."""


def _own(data: Any, name: str) -> Iterator[NamedNetwork]:
    entries = data.get("networks") if isinstance(data, Mapping) else data
    if not isinstance(entries, list):
        raise _bad(f"{name} holds no list of networks.", _WRITE)
    for number, entry in enumerate(entries, 1):
        if (
            not isinstance(entry, Mapping)
            or not isinstance(entry.get("name"), str)
            or not entry["name"].strip()
        ):
            raise _bad(f"Network {number} of {name} has no name.", "Write name, ranges and kind.")
        unknown = sorted(str(key) for key in entry if key not in _MEMBERS)
        if unknown:
            raise _bad(
                f"Unknown field '{unknown[0][:40]}' in network {number} of {name}.",
                "Use name, ranges, kind.",
            )
        kind = entry.get("kind", "office")
        if kind not in KINDS:
            raise _bad(
                f"'{str(kind)[:40]}' is not a kind of network.", f"Use one of {', '.join(KINDS)}."
            )
        ranges = entry.get("ranges")
        if not ranges or not isinstance(ranges, str | list):
            raise _bad(
                f"Network {number} of {name} has no ranges.", "Write ranges: [203.0.113.0/24]."
            )
        yield NamedNetwork(entry["name"].strip()[:80], _ranges(ranges, name), kind)


def _ranges(values: str | list[Any], name: str) -> IPNetworks:
    try:
        return parse_networks(values)
    except InvalidInput as error:
        raise _bad(f"{name}: {error.message}", error.next_step or "Correct it there.") from error


def _bad(message: str, fix: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="networks")
