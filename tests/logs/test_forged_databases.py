"""A database of networks that was cut or forged is read or is an error,
in little time and memory.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.logs.named_networks import load_networks
from support import mmdb
from support.costs import loop_seconds

maxminddb = pytest.importorskip("maxminddb")
RECORDS = {
    "203.0.113.7/32": {"autonomous_system_number": 3320, "autonomous_system_organization": "DTAG"},
    "198.51.100.0/24": {"country": {"iso_code": "US"}},
    "198.51.99.10/32": {"asn": "AS16509", "as_name": "AMAZON", "country": "US"},
}
WHOLE = {version: mmdb.database(RECORDS, version=version) for version in (4, 6)}
ADDRESSES = ("203.0.113.7", "198.51.100.9", "198.51.99.10", "2001:db8::1", "8.8.8.8")
SIZES = {
    "list": b"\x1f\x04\xff\xff\xff",
    "map": b"\xff\xff\xff\xff",
    "text": b"\x5f\xff\xff\xff",
    "bytes": b"\x9f\xff\xff\xff",
}
CYCLES = {
    "itself": b"\x20\x00", "two in turn": b"\x20\x02\x20\x00", "a map": b"\xe1\x41a\x20\x00",
    "a list": b"\x03\x04\x20\x00\x20\x00\x20\x00", "depth": b"\x01\x04" * 3000 + b"\x41a",
    "doubling": b"".join(b"\x02\x04" + bytes([0x20 | at >> 8, at & 255]) * 2 for at in range(6, 240, 6)) + b"\x42US",
}  # fmt: skip


def with_data(version: int, data: bytes) -> bytes:
    """Return a database whose first record is this one."""
    whole = WHOLE[version]
    marker, tree = whole.rindex(mmdb._MARKER), whole.index(bytes(16))
    return whole[:tree] + bytes(16) + data + whole[marker:]


def with_about(**changes: object) -> Iterator[bytes]:
    """Yield databases whose description has another number of nodes,
    size of records or version of IP.
    """
    for whole in WHOLE.values():
        for name, size in changes.items():
            at = whole.rindex(name.encode()) + len(name)
            yield from (
                whole[:at] + each + whole[at + size :]
                for each in (b"\xc4\xff\xff\xff\xff", b"\xc0", b"\xa0", b"\xe0")
            )


def forged(draw: random.Random, flips: int, step: int) -> Iterator[tuple[str, bytes]]:
    for whole in WHOLE.values():
        yield from (("cut", whole[:end]) for end in range(draw.randrange(step), len(whole), step))
        yield from (("headless", whole[draw.randrange(len(whole)) :]) for _ in range(flips // 20))
        for _ in range(flips):
            content = bytearray(whole)
            for _ in range(draw.choice([1, 1, 2, 5])):
                start = draw.choice([0, len(whole) - 400])
                content[draw.randrange(start, len(whole))] = draw.choice(
                    [0, 255, 0x20, 0x3F, 0x5F, 0xE1, draw.randrange(256)]
                )
            yield "flipped", bytes(content)
    for kind, records in (("size", SIZES), ("cycle", CYCLES)):
        yield from (
            (kind, with_data(version, each)) for version in WHOLE for each in records.values()
        )
    yield from (("about", each) for each in with_about(node_count=2, record_size=2, ip_version=2))


def outcomes(folder: Path, flips: int, step: int) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    path = folder / "a.mmdb"
    for kind, content in forged(random.Random(41), flips, step):
        path.write_bytes(content)
        try:
            known = load_networks(path)
            _ = [known.about(text) for text in ADDRESSES]
            found[kind, "read"] += 1
        except InvalidInput as error:
            found[kind, "error" if error.next_step == "Download it again." else "other"] += 1
        path.unlink()
    return found


@pytest.mark.parametrize("mode", ["extension", "python"])
def test_databases_that_were_cut_or_forged(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "python":
        opened = partial(maxminddb.open_database, mode=maxminddb.MODE_MEMORY)
        monkeypatch.setattr(maxminddb, "open_database", opened)
    loop, begun = loop_seconds(), time.process_time()
    found = outcomes(tmp_path, 60, 97)
    assert time.process_time() - begun < 20 * loop
    assert {kind for kind, _ in found} == {"cut", "headless", "flipped", "size", "cycle", "about"}
    assert "other" not in {word for _, word in found}
    assert found["flipped", "error"] > 10
    assert found["flipped", "read"] > 10
    assert found["cut", "read"] == 0


@pytest.mark.slow
def test_many_databases_that_were_forged(tmp_path: Path) -> None:
    found = outcomes(tmp_path, 5000, 3)
    print(found)
    assert found["cut", "read"] == 0
