"""Logs inside other files: Zstandard, our own export of rows, an export of CloudWatch Logs."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.sql.derived_columns import from_lines
from gt_secure.logs.sql.dialects import DUCKDB, TRINO, Dialect
from gt_secure.logs.sql.query import all_rows, statement
from support import trino
from support.corpus import random_record, write
from support.sample import sample

BY = [
    "remote_ip",
    "http_status",
    "hour",
    "key",
    "presigned",
    "operation",
    "requester",
    "user_agent",
]
LINES = [write(random_record(random.Random(seed), hostile=0)) for seed in range(40)]
LOG = "".join(f"{line}\n" for line in LINES)


def zstd(path: Path) -> None:
    import pyarrow

    with pyarrow.output_stream(str(path), compression="zstd") as file:
        file.write(LOG.encode())


def own_export(path: Path) -> None:
    with read_hits([path.with_name("plain.log")]) as hits:
        hits.to_parquet(path)


def exported(path: Path) -> None:
    stamped = "".join(f"2026-11-20T09:00:{n:02}.123Z {line}\n" for n, line in enumerate(LINES))
    path.write_bytes(gzip.compress(stamped.encode()))


FORMS: dict[str, Callable[[Path], None]] = {
    "zstd": zstd,
    "own export": own_export,
    "CloudWatch export": exported,
}


needs_zstd = pytest.mark.needs("pyarrow")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain.log").write_text(LOG)
    (tmp_path / "packed").mkdir()
    return tmp_path


@pytest.mark.parametrize("form", [pytest.param("zstd", marks=needs_zstd), *list(FORMS)[1:]])
def test_each_form_counts_as_the_plain_log(folder: Path, form: str) -> None:
    FORMS[form](folder / "plain.bin")
    (folder / "plain.bin").rename(folder / "packed" / "x")
    plain, _ = count_hits([folder / "plain.log"], BY)
    packed, coverage = count_hits([folder / "packed"], BY)
    assert sorted(packed.rows, key=str) == sorted(plain.rows, key=str)
    assert not coverage.doubts
    assert coverage.hits == len(LINES)
    assert ("export of gt_secure" in " ".join(coverage.limits())) == (form == "own export")


@needs_zstd
@pytest.mark.parametrize("dialect", [DUCKDB, TRINO], ids=lambda each: each.name)
@pytest.mark.parametrize("form", sample(FORMS, 3))
def test_an_engine_that_unpacks_no_form_says_that_lines_are_unreadable(
    folder: Path, form: str, dialect: Dialect
) -> None:
    """Spark runs the text of DuckDB. Both split whatever they read into lines,
    and unpack gzip by its name.
    """
    FORMS[form](folder / "x")
    data = (folder / "x").read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")
    database = duckdb.connect()
    database.execute(trino.MACROS)
    database.execute("CREATE TABLE lines_in (source VARCHAR, pos BIGINT, line VARCHAR)")
    database.executemany(
        "INSERT INTO lines_in VALUES ('x', NULL, ?)", [(line,) for line in text.split("\n")]
    )
    query = statement(
        all_rows(None, None, {}), from_lines("lines_in", dialect), dialect, with_source=True
    )
    rows = database.execute(trino.to_duckdb(query) if dialect is TRINO else query).fetchall()
    states = {
        state: sum(row[-4] for row in rows if row[0] == state) for state in ("hit", "unreadable")
    }
    assert states["hit"] == len(LINES) or states["unreadable"]


def test_an_export_of_json_messages_with_its_test_file(folder: Path) -> None:
    messages = [
        {
            "bucket": "b",
            "time": "2026-11-20T09:00:00Z",
            "remote_ip": "192.0.2.1",
            "http_status": 200,
        }
    ] * 3
    text = "".join(f"2026-11-20T09:00:00.123Z {json.dumps(message)}\n" for message in messages)
    (folder / "packed" / "000000.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "packed" / "aws-logs-write-test").write_text("Permission Check Successful")
    _, coverage = count_hits([folder / "packed"], BY)
    assert (coverage.hits, coverage.unreadable, coverage.doubts) == (3, 0, [])
