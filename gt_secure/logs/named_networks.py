"""Names of networks: a person's own list, from files.

A networks file is a list of networks with a name, ranges and a kind:

    networks:
      - {name: Berlin office, ranges: [203.0.113.0/24], kind: office}

It may also name applications by who signs their URLs:

    applications:
      role/mlflow-server: MLflow

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

    ``applications`` has names of applications by the role or user that signs their URLs:
    ``role/NAME``, ``user/NAME`` or an ARN.

    Examples
    --------
    >>> office = NamedNetwork("Berlin office", parse_networks("203.0.113.0/24"), "office")
    >>> Networks([office]).about("203.0.113.7").name
    'Berlin office'
    """

    def __init__(
        self,
        named: Iterable[NamedNetwork] = (),
        applications: Mapping[str, str] | None = None,
    ) -> None:
        self.named = tuple(named)
        self.applications: dict[tuple[str, str], str] = {}
        for text, name in (applications or {}).items():
            signer = _signer(text)
            if signer is None:
                raise _bad(f"{text[:60]!r} names no signer.", _SIGNERS)
            self.applications[signer] = name
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

    def application_of(self, requester: str | None) -> str | None:
        """Return the name of the application that signs as a requester of a log;
        None if no file names it.
        """
        signer = _signer(str(requester))
        account, name = signer or ("", "")
        return self.applications.get((account, name)) or self.applications.get(("", name))

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
    """Read networks files: names of networks, and of applications by their signers."""
    named: list[NamedNetwork] = []
    applications: dict[str, str] = {}
    for path in map(Path, paths):
        if path.suffix.lower() == ".mmdb":
            raise _bad(f"{path.name} is an MMDB database, which gt-secure does not read.", _WRITE)
        data = textfiles.load(path, MAX_BYTES)
        named += _own(data, path.name)
        applications |= _applications(data, path.name)
    return Networks(named, applications)


def networks_from(given: NetworksLike) -> Networks:
    """Return networks as they are, or read them from one or several files."""
    if isinstance(given, Networks):
        return given
    return load_networks(*([given] if isinstance(given, str | Path) else given))


NetworksLike = Networks | str | Path | Iterable[str | Path]
"""Named networks, or the files that hold them."""


def _own(data: Any, name: str) -> Iterator[NamedNetwork]:
    entries = (
        data.get("networks", [] if "applications" in data else None)
        if isinstance(data, Mapping)
        else data
    )
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


def _applications(data: Any, name: str) -> dict[str, str]:
    """Return the names of applications by their signers."""
    found = data.get("applications") if isinstance(data, Mapping) else None
    if found is None:
        return {}
    if not isinstance(found, Mapping) or not all(
        isinstance(each, str) and each.strip() for each in found.values()
    ):
        raise _bad(f"'applications' of {name} is not a mapping of signers to names.", _SIGNERS)
    return {str(signer): str(each).strip()[:80] for signer, each in found.items()}


_SIGNERS = "Write applications: {role/mlflow-server: MLflow}."


def _signer(text: str) -> tuple[str, str] | None:
    """Return account and name of a role or user, as a person (also without the account)
    or a log writes it.
    """
    account, _, name = (
        text.strip().partition("::")[2].rpartition(":") if "::" in text else ("", "", text.strip())
    )
    kind, _, rest = name.partition("/")
    if kind in ("role", "assumed-role") and rest:
        return (
            account,
            f"role/{rest.partition('/')[0] if kind == 'assumed-role' else rest.rpartition('/')[2]}",
        )
    return (account, name) if kind == "user" and rest else None


def _ranges(values: str | list[Any], name: str) -> IPNetworks:
    try:
        return parse_networks(values)
    except InvalidInput as error:
        raise _bad(f"{name}: {error.message}", error.next_step or "Correct it there.") from error


def _bad(message: str, fix: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="networks")
