"""No record of a log is lost or invented in silence: an answer is exact, or the coverage says what
it may lack.

The sampler writes records whose address and status it knows, and damages the file as editors,
copies, other stores and clients do. What it expects is counted from the records, never from the
text.
"""

from __future__ import annotations

import bz2
import gzip
import ipaddress
import lzma
import random
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gt_secure.base.errors import LogError
from gt_secure.logs import Hits, count_hits, read_hits
from gt_secure.logs.engines import duckdb_store
from gt_secure.logs.sql import derived_columns
from support import corpus
from support.lines import PUBLISHED

Record = dict[str, Any]
Truth = Counter[tuple[str, int]]
Damage = Callable[[random.Random, list[Record]], tuple[bytes, Truth]]
"""Records as the bytes of a file, and the requests that it holds."""
BY = ("remote_ip", "http_status")


def records(rng: random.Random, number: int, hostile: float = 0) -> list[Record]:
    return [corpus.random_record(rng, hostile) for _ in range(number)]


def truth(rows: Iterable[Record]) -> Truth:
    return Counter((row["remote_ip"], row["http_status"]) for row in rows)


def text(rows: Iterable[Record], end: str = "\n") -> str:
    return "".join(corpus.write(row) + end for row in rows)


def plain(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
    return text(rows).encode(), truth(rows)


def ended(end: str) -> Damage:
    return lambda rng, rows: (text(rows, end).encode(), truth(rows))


def glued(between: str) -> Damage:
    """Two records on one line."""

    def make(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
        lines = [corpus.write(row) for row in rows]
        at = rng.randrange(len(lines) - 1)
        lines[at : at + 2] = [lines[at] + between + lines[at + 1]]
        return "\n".join([*lines, ""]).encode(), truth(rows)

    return make


def torn(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
    """A record that breaks off, and another one right behind it: only the second is whole."""
    lines = [corpus.write(row) for row in rows]
    at = rng.randrange(len(lines) - 1)
    cut = rng.randrange(90, lines[at].rindex('"'))
    lines[at : at + 2] = [lines[at][:cut] + lines[at + 1]]
    return "\n".join([*lines, ""]).encode(), truth([*rows[:at], *rows[at + 1 :]])


def more_fields(*fields: str) -> Damage:
    """New last fields in every record."""
    return lambda rng, rows: (text(rows, f" {' '.join(fields)}\n").encode(), truth(rows))


def forged(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
    """A client that sends what looks like the end of its record and the
    beginning of another one.
    """
    other = corpus.write({**rows[0], "remote_ip": "192.0.2.99"})
    tail = (
        '" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3 SigV4 c QueryString h TLSv1.3 -'
        " - us "
    )
    rows[-1]["user_agent"] = f"curl/8{tail}{other[: other.rindex(chr(34))]}"
    return text(rows).encode(), truth(rows)


def spelled(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
    """Each address in another spelling every time."""
    known, shown = [], []
    for row in rows:
        address = ipaddress.ip_address(
            rng.choice(("203.0.113.7", "2001:db8::1", "2001:db8:0:1::7:0"))
        )
        forms = [str(address), f"{address}:443" if address.version == 4 else f"[{address}]:443"]
        forms += (
            [address.exploded, address.exploded.upper(), f"[{address.exploded}]"]
            if address.version == 6
            else []
        )
        forms += ["203.000.113.007"] if address.version == 4 else []
        known.append({**row, "remote_ip": str(address)})
        shown.append({**row, "remote_ip": rng.choice(forms)})
    return text(shown).encode(), truth(known)


def packed(pack: Callable[[bytes], bytes], *, cut: bool = False) -> Damage:
    def make(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
        data = pack(text(rows).encode())
        return data[: len(data) * 2 // 3] if cut else data, truth(rows)

    return make


def tar(data: bytes) -> bytes:
    import io

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("2026-11-20-09-00-00-3E57427F3EXAMPLE")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def framed(magic: bytes) -> Callable[[bytes], bytes]:
    """A stand-in for a packer that Python lacks: its first bytes, and noise that nothing reads."""
    return lambda data: magic + random.Random(len(data)).randbytes(len(data) // 2)


def table(header: str) -> Damage:
    def make(rng: random.Random, rows: list[Record]) -> tuple[bytes, Truth]:
        cells = [
            ",".join(f'"{row[name]}"' for name in ("bucket_owner", "bucket", "remote_ip"))
            for row in rows
        ]
        return "\n".join([header, *cells, ""]).encode(), truth(rows)

    return make


EXACT: dict[str, Damage] = {
    "plain": plain,
    "CRLF": ended("\r\n"),
    "CR": ended("\r"),
    "no last newline": lambda rng, rows: (text(rows).rstrip("\n").encode(), truth(rows)),
    "blank lines": ended("\n\n \n"),
    "new field": more_fields("new"),
    "four new fields": more_fields("new", "17", "-", "x"),
    "spellings": spelled,
    "gzip": packed(gzip.compress),
    "hostile": lambda rng, rows: plain(rng, records(rng, len(rows), hostile=0.5)),
}
SAID: dict[str, Damage] = {
    "glued": glued(""),
    "glued by a blank": glued(" "),
    "glued by CR": glued("\r"),
    "glued by a tab": glued("\t"),
    "torn": torn,
    "forged": forged,
    "gzip cut short": packed(gzip.compress, cut=True),
    "bzip2": packed(bz2.compress),
    "xz": packed(lzma.compress),
    "lzma": packed(lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)),
    "UTF-16": packed(lambda data: data.decode().encode("utf-16")),
    "UTF-16 without a mark": packed(lambda data: data.decode().encode("utf-16-be")),
    "UTF-32": packed(lambda data: data.decode().encode("utf-32")),
    "tar": packed(tar),
    "tar in gzip": packed(lambda data: gzip.compress(tar(data))),
    "lz4": packed(framed(b"\x04\x22\x4d\x18")),
    "snappy": packed(framed(b"\xff\x06\x00\x00sNaPpY")),
    "7z": packed(framed(b"7z\xbc\xaf\x27\x1c")),
    "brotli": packed(framed(b"\x8b\x08\x80")),
    "CSV of Athena": table('"bucket_owner","bucket","remoteip"'),
    "CSV of CloudTrail Lake": table("eventVersion,userIdentity,eventTime"),
    "CSV of Logs Insights": table("@timestamp,@message,@ptr"),
}
"""Kinds whose answer may lack something, and must say so."""
DOUBTED: dict[str, Damage] = {
    "quoted field": more_fields('"new B"'),
    "two quoted fields": more_fields('"new B"', '"c d e"'),
    "quoted field and more": more_fields('"new B"', "7"),
}
"""Kinds whose lines are odd, while the count by address and status is the same in both readings."""
NAMED = {"lz4": "x.lz4", "brotli": "x.br", "snappy": "x.snappy"}
TEXTS = ("glued", "gzip", "torn", "forged", "UTF")
"""Beginnings of the kinds of which records are read, or whose files are named as failures."""
PACKED = [name for name in SAID if not name.startswith(TEXTS)]


def outcome(folder: Path, name: str, seed: int) -> str:
    """Return how a file of a kind is counted: exact, odd, said or lost."""
    rng = random.Random(f"{name} {seed}")
    data, expected = ({**EXACT, **SAID, **DOUBTED})[name](rng, records(rng, rng.randrange(3, 12)))
    path = folder / NAMED.get(name, f"{seed}.log")
    path.write_bytes(data)
    try:
        counts, coverage = count_hits(path, BY)
    except LogError:
        return "said"
    found = Counter({row[:2]: row[2] for row in counts.rows})
    if coverage.unread:
        return "said"
    if found == expected:
        return "odd" if coverage.odd else "exact"
    return "lost"


def test_a_sample_of_lines() -> None:
    """Odd lines are found with both readings, and no other line is odd."""
    rng = random.Random(7)
    lines, expected = [], []
    for _ in range(60):
        one, two = (corpus.write(row) for row in records(rng, 2))
        kind = rng.choice(("plain", "glued", "field"))
        line, other = {
            "plain": (one, []),
            "glued": (one + (blank := rng.choice(("", " ", "  ", "\r"))) + two, [one + blank, two]),
            "field": (f'{one} "new B"', [f"{one} _new_B_"]),
        }[kind]
        lines.append(line)
        expected.append([line.strip() for line in other])
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE l AS SELECT 0 AS source, unnest(range(60)) AS pos, unnest(?) AS line", [lines]
    )
    found: list[list[str]] = [[] for _ in lines]
    query = derived_columns.readings("l")
    for pos, line in connection.execute(
        f"SELECT pos, line FROM ({query}) WHERE reading = 2"
    ).fetchall():
        found[pos] += [line.strip()] if line.strip() else []
    assert found == expected
    assert 10 < sum(map(bool, expected)) < 50


def test_without_the_other_reading_the_sample_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        derived_columns, "readings", lambda rows, *_: f"SELECT *, 0 AS reading FROM {rows}"
    )
    with pytest.raises(AssertionError):
        test_a_sample_of_lines()


def test_kinds_side_by_side(tmp_path: Path) -> None:
    """All kinds of text as one folder: each file is read as if it were alone."""
    rng = random.Random(5)
    kinds = {
        **EXACT,
        **DOUBTED,
        **{name: make for name, make in SAID.items() if name not in PACKED},
    }
    expected, names = {}, {}
    for number, (name, make) in enumerate(kinds.items()):
        data, expected[name] = make(rng, records(rng, 5))
        (tmp_path / f"{number:02}").write_bytes(data)
        names[number] = name
    with read_hits(tmp_path, cache=False) as hits:
        main, *others = map(by_file, hits.readings)
        other = others[0] if others else {}
        assert hits.coverage.adds_up
        assert hits.coverage.odd_samples
    wrong = {names[n] for n in names if main.get(n, Counter()) != expected[names[n]]}
    odd = {names[n] for n in names if other.get(n) != main.get(n)}
    assert wrong <= set(SAID)
    assert wrong - odd <= {"gzip cut short", "torn", "UTF-16", "UTF-16 without a mark", "UTF-32"}
    assert (
        {"glued", "glued by a blank", "glued by CR", "glued by a tab", "forged"} <= odd <= set(SAID)
    )
    assert all(other[n] == expected[names[n]] for n in names if names[n].startswith("glued"))


def by_file(hits: Hits) -> dict[int, Truth]:
    found: dict[int, Truth] = {}
    for source, *key, number in hits.query(
        "SELECT source, remote_ip, http_status, count(*) FROM {hits} GROUP BY ALL"
    ):
        found.setdefault(source, Counter())[key[0], key[1]] += number
    return found


@pytest.mark.parametrize("name", [*EXACT, *DOUBTED])
def test_what_is_exact_stays_exact(tmp_path: Path, name: str) -> None:
    seen = Counter(outcome(tmp_path, name, seed) for seed in range(4))
    assert (
        set(seen) == {"exact" if name in EXACT and name != "hostile" else "odd"}
        or name == "hostile"
    ), seen
    assert not seen["lost"] + seen["said"]


@pytest.mark.parametrize("name", SAID)
def test_what_may_lack_something_says_so(tmp_path: Path, name: str) -> None:
    seen = Counter(outcome(tmp_path, name, seed) for seed in range(4))
    assert not seen["lost"], seen
    assert seen["said"] >= (2 if name == "torn" else 4), seen


@pytest.mark.parametrize("name", PACKED)
def test_a_file_that_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    from gt_secure.logs.ingest.neighbours import NOT_READ, neighbour_file

    data, _ = SAID[name](random.Random(1), records(random.Random(1), 5))
    if name == "tar in gzip":
        data = gzip.decompress(data)
    kind = neighbour_file(data, NAMED.get(name, "x.log"))
    assert (kind is not None and name.split()[-1].lower() in kind.lower()) or name == "tar in gzip"
    assert NOT_READ[str(kind)].endswith(".")


def test_ordinary_lines_are_not_odd(tmp_path: Path) -> None:
    if PUBLISHED.exists():
        (tmp_path / "published.log").write_bytes(PUBLISHED.read_bytes())
    rng = random.Random(9)
    (tmp_path / "many.log").write_text(text(records(rng, 2000)))
    (tmp_path / "quirks.log").write_text("".join(f"{case.text}\n" for case in corpus.cases()))
    with read_hits(tmp_path, cache=False) as hits:
        assert hits.coverage.odd == 0
        assert hits.coverage.hits > 2050


def test_the_other_reading_counts_only_where_it_changes_the_answer(tmp_path: Path) -> None:
    rng = random.Random(3)
    data, _ = forged(rng, records(rng, 5))
    (tmp_path / "x.log").write_bytes(data)
    for by, filters, ambiguous in (
        (BY, {}, True),
        (BY, {"refused": True}, False),
        (BY, {"network": "203.0.113.0/24"}, False),
        (BY, {"network": "192.0.2.0/24"}, True),
        (("auth_type",), {"key": "no-such-key"}, False),
    ):
        _, coverage = count_hits(tmp_path, by, filters=filters)
        assert (coverage.odd, coverage.ambiguous) == (1, ambiguous), (by, filters)


@pytest.mark.parametrize("fault", ["parsed", "with_one_spelling"])
def test_a_reader_without_this_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    really = getattr(derived_columns, fault)
    columns = {
        "parsed": "* REPLACE (false AS odd_line_reading)",
        "with_one_spelling": "*, remote_ip AS address",
    }[fault]
    rows = really if fault == "parsed" else "{}".format
    # a statement that was planned before has no fault
    monkeypatch.setattr(duckdb_store, "_PLANNED", {})
    monkeypatch.setattr(
        derived_columns, fault, lambda *args: f"SELECT {columns} FROM ({rows(*args)})"
    )
    with pytest.raises((AssertionError, KeyError)):
        test_kinds_side_by_side(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EXACT, *SAID, *DOUBTED])
def test_many_files_of_each_kind(tmp_path: Path, name: str) -> None:
    seen = Counter(outcome(tmp_path, name, seed) for seed in range(4, 40))
    assert not seen["lost"], seen
