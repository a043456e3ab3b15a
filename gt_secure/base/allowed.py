"""The allowed sources of requests, as one value: address ranges, VPC endpoints and VPCs.

A VPC allows all its S3 endpoints, also those that it gets later. A guard compares its id with
``aws:SourceVpc``, which is the VPC of the endpoint, also for a client in a peered network. AWS
chooses the id, and VPC ids "are unique only within a Region" (AWS Sign-In User Guide, example of a
resource control policy with a network perimeter). A bucket is in one Region, so that an equal id of
another Region could come only through an interface endpoint for another Region.
``aws:SourceVpcArn`` tells Regions and accounts apart, but asks for the account that owns the VPC,
which an id does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from .network import (
    AddressesLike,
    IPNetwork,
    IPNetworks,
    Source,
    collapse,
    contains,
    outside,
    parse_endpoint_or_vpc_id,
    parse_network,
    split_list,
    subtract,
)
from .text import Texts
from .truth import Ambiguous

_STARTS = ("vpce-", "vpc-")


@dataclass(frozen=True, slots=True)
class Allowed(Ambiguous):
    """Allowed sources: two values with the same sources are equal.

    Attributes
    ----------
    networks : tuple of network
        Address ranges, merged losslessly and sorted.
    endpoints : tuple of str
        Ids of VPC endpoints, sorted.
    vpcs : tuple of str
        Ids of VPCs, sorted.

    Examples
    --------
    >>> office = Allowed.of("203.0.113.0/25, 203.0.113.128/25, vpce-0a1b2c3d")
    >>> office.names()
    ('203.0.113.0/24', 'vpce-0a1b2c3d')
    >>> office.admits(Source.parse("203.0.113.7")), office.admits(Source.parse("vpce-0fedcba9"))
    (True, False)
    """

    _ask = ".is_empty"

    networks: IPNetworks = ()
    endpoints: Texts = ()
    vpcs: Texts = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "networks", collapse(self.networks))
        for name in ("endpoints", "vpcs"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    @classmethod
    def of(cls, values: AllowedLike, read: Callable[[str], IPNetwork] = parse_network) -> Allowed:
        """Read addresses, ranges and ids of endpoints and VPCs, each by its form.

        Parameters
        ----------
        values : Allowed, str or iterable
            A text is split as :func:`~gt_secure.base.network.split_list` does.
        read : callable
            Reads an address range.

        Raises
        ------
        InvalidInput
            If a word is none of these.
        """
        if isinstance(values, Allowed):
            return values
        words = split_list(values) if isinstance(values, str) else [str(value) for value in values]
        named = [word for word in words if word.strip().lower().startswith(_STARTS)]
        networks = [read(word) for word in words if word not in named]
        ids = [*map(parse_endpoint_or_vpc_id, named)]
        endpoints, vpcs = ([each for each in ids if each.startswith(start)] for start in _STARTS)
        return cls(tuple(networks), tuple(endpoints), tuple(vpcs))

    @property
    def is_empty(self) -> bool:
        """True if no source is allowed."""
        return not (self.networks or self.ids)

    @property
    def ids(self) -> Texts:
        """Ids of the endpoints, and of the VPCs whose endpoints are allowed."""
        return (*self.endpoints, *self.vpcs)

    def names(self, ranges: Sequence[str] = ()) -> Texts:
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

    def admits(self, source: Source) -> bool | None:
        """Return whether requests from a source are allowed; None if that depends on the VPC, which
        is not known.

        An address counts outside endpoints only.
        """
        if not source.is_endpoint:
            return source.address is not None and contains(self.networks, source.address)
        if source.endpoint in self.endpoints or source.vpc in self.vpcs:
            return True
        return None if self.vpcs and source.vpc is None else False

    def plus(self, other: Allowed) -> Allowed:
        """Return the sources of both."""
        return Allowed(
            self.networks + other.networks, self.endpoints + other.endpoints, self.vpcs + other.vpcs
        )

    def minus(self, other: Allowed) -> Allowed:
        """Return the sources that another value does not name;
        which VPC an endpoint is in is not known here.
        """
        endpoints = set(self.endpoints).difference(other.endpoints)
        vpcs = set(self.vpcs).difference(other.vpcs)
        return Allowed(subtract(self.networks, other.networks), tuple(endpoints), tuple(vpcs))

    def lacking(self, other: Allowed) -> Texts:
        """Return as words what another value does not allow whole:
        ranges stay as they are written.
        """
        return replace(self.minus(other), networks=outside(self.networks, other.networks)).names()


AllowedLike: TypeAlias = Allowed | AddressesLike
