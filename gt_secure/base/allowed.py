"""The allowed sources of requests, as one value: address ranges and VPC endpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .network import (
    AddressesLike,
    IPNetwork,
    Source,
    collapse,
    contains,
    outside,
    parse_endpoint_id,
    parse_network,
    split_list,
    subtract,
)
from .truth import Ambiguous


@dataclass(frozen=True, slots=True)
class Allowed(Ambiguous):
    """Allowed sources: two values with the same sources are equal.

    Attributes
    ----------
    networks : tuple of network
        Address ranges, merged losslessly and sorted.
    endpoints : tuple of str
        Ids of VPC endpoints, sorted.

    Examples
    --------
    >>> office = Allowed.of("203.0.113.0/25, 203.0.113.128/25, vpce-0a1b2c3d")
    >>> office.names()
    ('203.0.113.0/24', 'vpce-0a1b2c3d')
    >>> office.admits(Source.parse("203.0.113.7")), office.admits(Source.parse("vpce-0fedcba9"))
    (True, False)
    """

    _ask = ".is_empty"

    networks: tuple[IPNetwork, ...] = ()
    endpoints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "networks", collapse(self.networks))
        object.__setattr__(self, "endpoints", tuple(sorted(set(self.endpoints))))

    @classmethod
    def of(cls, values: AllowedLike, read: Callable[[str], IPNetwork] = parse_network) -> Allowed:
        """Read addresses, ranges and ids of endpoints, each by its form.

        Parameters
        ----------
        values : Allowed, str or iterable
            A text is split as :func:`~gt_secure.base.network.split_list` does.
        read : callable
            Reads an address range.

        Raises
        ------
        InvalidInput
            If a word is neither an address nor a range nor the id of an endpoint.
        """
        if isinstance(values, Allowed):
            return values
        words = split_list(values) if isinstance(values, str) else [str(value) for value in values]
        ids = [word for word in words if word.strip().lower().startswith("vpce-")]
        networks = [read(word) for word in words if word not in ids]
        return cls(tuple(networks), tuple(map(parse_endpoint_id, ids)))

    @property
    def is_empty(self) -> bool:
        """True if no source is allowed."""
        return not self.names()

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the ways into AWS that are allowed, whatever the private address of a request."""
        return self.endpoints

    def names(self, ranges: Sequence[str] = ()) -> tuple[str, ...]:
        """Return all sources as words; ``ranges`` replace the address ranges,
        such as by names of lists.
        """
        return (*(ranges or map(str, self.networks)), *self.ids)

    @property
    def options(self) -> str:
        """The sources as options of the command line."""
        return " ".join(
            [
                *(f"--allow {each}" for each in self.networks),
                *(f"--endpoint {each}" for each in self.ids),
            ]
        )

    def admits(self, source: Source) -> bool:
        """Return whether requests from a source are allowed;
        an address counts outside endpoints only.
        """
        if source.is_endpoint:
            return source.endpoint in self.endpoints
        return source.address is not None and contains(self.networks, source.address)

    def plus(self, other: Allowed) -> Allowed:
        """Return the sources of both."""
        return Allowed((*self.networks, *other.networks), (*self.endpoints, *other.endpoints))

    def minus(self, other: Allowed) -> Allowed:
        """Return the sources that another value does not allow."""
        endpoints = tuple(each for each in self.endpoints if each not in other.endpoints)
        return Allowed(subtract(self.networks, other.networks), endpoints)

    def lacking(self, other: Allowed) -> tuple[str, ...]:
        """Return as words what another value does not allow whole:
        ranges stay as they are written.
        """
        return Allowed(outside(self.networks, other.networks), self.minus(other).endpoints).names()


AllowedLike: TypeAlias = Allowed | AddressesLike
