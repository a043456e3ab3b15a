"""The rules by which several sources of a URL count as one user."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..base.errors import InvalidInput
from ..base.network import IPNetworks, parse_networks, read_address
from .named_networks import NamedNetwork, Networks


@dataclass(frozen=True, slots=True)
class LeakRules:
    """Rules by which two users of one URL count as one.

    Attributes
    ----------
    v4_prefix, v6_prefix : int
        Addresses that share this many leading bits are one network.
    pools : tuple of networks
        Addresses of one organisation, such as a NAT pool or a proxy: all are one user.
    networks : Networks or None
        Names of networks. A network of a person's own file is one user, unless its kind is
        ``cloud`` or ``other``.
    pair_seconds : float
        An IPv4 and an IPv6 address with the same user agent within this time are one machine; 0
        turns it off.
    per_address : bool
        Each address is a user, and each VPC endpoint with it. Only ``pools`` join addresses then.
    """

    v4_prefix: int = 24
    v6_prefix: int = 48
    pools: IPNetworks = ()
    networks: Networks | None = None
    pair_seconds: float = 60.0
    per_address: bool = False

    def __post_init__(self) -> None:
        if self.per_address and (self.v4_prefix, self.v6_prefix, self.pair_seconds) != (
            24,
            48,
            60.0,
        ):
            raise InvalidInput(
                "per_address counts single addresses, so it reads neither widths nor pair_seconds.",
                next_step="Give per_address=True and pools alone, or widths without per_address.",
                field="per_address",
            )
        for field, name, bits in (("v4_prefix", "IPv4", 32), ("v6_prefix", "IPv6", 128)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= bits:
                raise InvalidInput(
                    f"{str(value)[:40]} is not a prefix length of {name}.",
                    next_step=f"Give a whole number from 0 to {bits}.",
                    field=field,
                    value=value,
                )
        seconds = self.pair_seconds
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 <= seconds < math.inf
        ):
            raise InvalidInput(
                f"{str(seconds)[:40]} is not a number of seconds.",
                next_step="Give 0 or more seconds. 0 turns the rule off.",
                field="pair_seconds",
                value=seconds,
            )

    @classmethod
    def make(cls, *, pools: str | Iterable[Any] = (), **values: Any) -> LeakRules:
        """Rules with pools as people write them."""
        return cls(pools=parse_networks(pools) if pools else (), **values)


def network_name(text: str, endpoint: str | None, rules: LeakRules) -> str:
    """Return the identity of a user in comparisons: endpoint, pool, network,
    or the address itself.
    """
    if endpoint and not rules.per_address:
        return endpoint
    name = address_name(text, rules)
    return f"{name} via {endpoint}" if endpoint else name


def address_name(text: str, rules: LeakRules) -> str:
    """Return the identity of an address in comparisons: pool, network, or the address itself."""
    address = read_address(text)
    if address is None:
        return text
    about = rules.networks.about(text) if rules.networks is not None else NamedNetwork()
    if about.user and not rules.per_address:
        return about.user
    for number, pool in enumerate(rules.pools):
        if pool.version == address.version and address in pool:
            return f"pool {number + 1}" if len(rules.pools) == 1 else "pools"
    if rules.per_address:
        return str(address)
    prefix = rules.v4_prefix if address.version == 4 else rules.v6_prefix
    rest = address.max_prefixlen - prefix
    return (
        f"{type(address)(int(address) >> rest << rest)}/{prefix}"  # costs a fifth of an ip_network
    )
