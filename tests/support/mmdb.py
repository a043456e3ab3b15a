"""A writer of MMDB databases, as small as tests need: disjoint networks, strings, numbers and maps.

Source: MaxMind DB File Format Specification, version 2.0.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

_UINT16, _UINT64 = 5, 9
_MARKER = b"\xab\xcd\xefMaxMind.com"


def encode(value: Any) -> bytes:
    """Return a value of the data section."""
    if isinstance(value, str):
        data = value.encode()
        assert len(data) < 285
        return (
            bytes([2 << 5 | len(data)]) if len(data) < 29 else bytes([2 << 5 | 29, len(data) - 29])
        ) + data
    if isinstance(value, tuple):  # a number of another type than 32 bits
        kind, number = value
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return (bytes([kind << 5 | len(data)]) if kind < 8 else bytes([len(data), kind - 7])) + data
    if isinstance(value, int):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return bytes([6 << 5 | len(data)]) + data
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(encode, value))
    assert len(value) < 29
    return bytes([7 << 5 | len(value)]) + b"".join(
        encode(key) + encode(member) for key, member in value.items()
    )


def database(records: Mapping[str, Any], *, version: int = 6) -> bytes:
    """Return an MMDB database with a record for each network;
    IPv4 is below ``::/96`` where ``version`` is 6.
    """
    nodes: list[list[Any]] = [[None, None]]
    data, places = b"", {}
    for text, record in records.items():
        network = ipaddress.ip_network(text)
        places[text] = len(data)
        data += encode(record)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        _insert(
            nodes,
            ("0" * 96 if version == 6 and network.version == 4 else "") + bits,
            ("data", places[text]),
        )
    number = len(nodes)
    tree = b"".join(_record(side, number).to_bytes(3, "big") for node in nodes for side in node)
    about = {
        "node_count": number, "record_size": (_UINT16, 24), "ip_version": (_UINT16, version), "database_type": "Test",
        "languages": ["en"], "binary_format_major_version": (_UINT16, 2), "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, 1), "description": {},
    }  # fmt: skip
    return tree + bytes(16) + data + _MARKER + encode(about)


def _insert(nodes: list[list[Any]], bits: str, leaf: tuple[str, int]) -> None:
    place = 0
    for bit in bits[:-1]:
        if nodes[place][int(bit)] is None:
            nodes.append([None, None])
            nodes[place][int(bit)] = len(nodes) - 1
        place = nodes[place][int(bit)]
    nodes[place][int(bits[-1])] = leaf


def _record(side: Any, number: int) -> int:
    return (
        number if side is None else number + 16 + side[1] if isinstance(side, tuple) else int(side)
    )
