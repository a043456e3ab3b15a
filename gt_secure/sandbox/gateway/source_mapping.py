"""Source addresses of requests: those that a header names, or that a loopback peer represents.

Clients of the product name their source in a header, which is trusted because nobody but this
machine can reach the sandbox. A program that sends no such header is at the source that its own
address represents. Documentation networks represent the internet, and ``10.0.0.0/16`` the VPC
behind an S3 endpoint::

    203.0.113.x   call from 127.0.113.x
    198.51.100.x  call from 127.51.100.x
    192.0.2.x     call from 127.0.2.x
    10.0.x.y      call the endpoint listener from 127.10.x.y
    192.0.2.10    any other loopback address: the notebook kernel

Only Linux has the whole of 127.0.0.0/8.
"""

from __future__ import annotations

import ipaddress

from ...base.errors import InvalidInput
from ...base.network import ProbeOrigin, Source, SourceLike
from ..settings import S3_ENDPOINT_ID

SOURCE_HEADER = "X-Gt-Secure-Sandbox-Source"
KERNEL = ipaddress.ip_address("192.0.2.10")
KERNEL_IN_VPC = ipaddress.ip_address("10.0.0.10")
VPC_NAT = ipaddress.ip_address("192.0.2.20")
"""What a machine of the VPC looks like when it does not use the endpoint."""

_PUBLIC = {(0, 113): "203.0.113", (51, 100): "198.51.100", (0, 2): "192.0.2"}


def public_source(peer: str) -> Source:
    """Return the source that a loopback address stands for on the public side."""
    octets = _octets(peer)
    if octets is None:
        return Source(KERNEL)
    if octets[1] == 10:
        return Source(VPC_NAT)
    network = _PUBLIC.get((octets[1], octets[2]))
    return Source(ipaddress.ip_address(f"{network}.{octets[3]}") if network else KERNEL)


def endpoint_source(peer: str) -> Source:
    """Return the source in the VPC that a loopback address stands for."""
    octets = _octets(peer)
    if octets is None or octets[1] != 10:
        return Source(KERNEL_IN_VPC, S3_ENDPOINT_ID)
    return Source(ipaddress.ip_address(f"10.0.{octets[2]}.{octets[3]}"), S3_ENDPOINT_ID)


def _octets(peer: str) -> tuple[int, ...] | None:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return None
    return tuple(address.packed) if isinstance(address, ipaddress.IPv4Address) else None


def origin(source: SourceLike, label: str = "") -> ProbeOrigin:
    """Return how a client calls from a source: with a header that names the source."""
    where = Source.parse(source)
    if where.address is None:
        raise InvalidInput(
            f"'{where}' names no address to call from.",
            next_step="Write an address, for example 10.0.3.4 via vpce-0a1b2c3d4e5f60718.",
            field="source",
            value=str(where),
        )
    return ProbeOrigin(label or str(where), where, {SOURCE_HEADER: str(where)})
