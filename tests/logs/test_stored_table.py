"""A table in the database is written as any other table is, byte for byte."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import duckdb
import pytest

from gt_secure.logs import count_hits, stored_table
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.logs.stored_table import StoredTable
from gt_secure.logs.table import Table
from support import corpus

TEXTS = [
    "plain", "", None, "=1+1", "-2", "@x", "+3", "\tx", "\rx", "a;=1", 'a| "=1', 'quote " in', "''=x", "a\n=b",
    "a\nb=1", "caf\u00e9 =", "nul\0=", "nul\0", "\0", "x,y", "2026-11-20T09", "\x01", "'=", "|", "=\n=", "\\1=",
    "\x1b]0;title\x07", "\x1b[2J\u202e=1", "\x9b31m", "a\x85b\u2028c", "\u200f@x", "\ue000\u00a0\u3164", "\U000e0041=",
]  # fmt: skip


@pytest.fixture
def tables() -> tuple[StoredTable, Table]:
    store = Store()
    columns = "text VARCHAR, number BIGINT, flag BOOLEAN, at_time TIMESTAMP"
    store.query(f"CREATE TABLE t ({columns}, place INTEGER)")
    for place, text in enumerate(TEXTS):
        time = None if place % 7 == 2 else "2026-11-20 09:00:01"
        values = [text, place - 3 if place % 5 else None, [True, False, None][place % 3], time]
        store.query("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [*values, place])
    select = "SELECT text, number, flag, at_time FROM t ORDER BY place"
    rows = store.query(select)
    return StoredTable(store, select, len(TEXTS)), Table(
        ("text", "number", "flag", "at_time"), rows
    )


def test_csv_is_the_same(tables: tuple[StoredTable, Table]) -> None:
    stored, table = tables
    text = stored.to_csv()
    assert text == table.to_csv()
    assert stored.rows == table.rows
    assert stored.to_csv() == text  # also after the rows were fetched


def test_json_is_the_same(
    tables: tuple[StoredTable, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, table = tables
    monkeypatch.setattr(stored_table, "_BLOCK", 1)
    parts = list(stored.json_parts())
    written = "".join(parts)
    assert json.loads(written) == json.loads(table.to_json())
    assert written.lower() == table.to_json().lower()  # the engine escapes in capitals
    assert len(parts) == len(TEXTS) + 1  # row by row
    assert stored._fetched is None
    assert stored.rows == table.rows
    assert stored.to_json() == table.to_json()  # also after the rows were fetched


def test_every_character_is_written_the_same() -> None:
    store = Store()
    texts = [f"{chr(code)}=a{chr(code)}" for code in range(0x3000) if code] + [
        "\ufeff",
        "\ufffa",
        "\U000e0100",
        "\U0001f600",
    ]
    store.query("CREATE TABLE t AS SELECT unnest(?::VARCHAR[]) AS text", [texts])
    rows = store.query("SELECT text FROM t")
    stored = StoredTable(store, "SELECT text FROM t", len(texts))
    written = stored.to_csv()
    assert written == Table(("text",), rows).to_csv()
    assert stored.to_json().lower() == Table(("text",), rows).to_json().lower()
    odd = {each for each in written if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")} - {
        "\n"
    }
    assert odd <= {
        "\u200c",
        "\u200d",
        *map(chr, range(0x600, 0x606)),
        "\u06dd",
        "\u070f",
        "\u0890",
        "\u0891",
        "\u08e2",
    }


@pytest.mark.parametrize("columns", ["number", "number, place", "at_time", "flag, number", "text"])
def test_columns_of_one_kind(tables: tuple[StoredTable, Table], columns: str) -> None:
    store = tables[0]._store
    select = f"SELECT {columns} FROM t ORDER BY place"
    rows = store.query(select)
    assert (
        StoredTable(store, select, len(rows)).to_csv() == Table(columns.split(", "), rows).to_csv()
    )


def test_the_first_rows(tables: tuple[StoredTable, Table]) -> None:
    stored, table = tables
    for limit in (1, 7, len(TEXTS)):
        assert stored.head(limit).to_csv() == table.head(limit).to_csv()
    assert len(stored) == len(table)


def test_parquet_holds_the_same_rows(tables: tuple[StoredTable, Table], tmp_path: Path) -> None:
    stored, table = tables
    stored.to_parquet(tmp_path / "x.parquet")
    with duckdb.connect() as connection:
        assert connection.execute(f"FROM '{tmp_path}/x.parquet'").fetchall() == table.rows


def test_many_groups_stay_in_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.log").write_text(
        corpus.presigned("203.0.113.7", "203.0.113.7", "2001:db8::1", "2001:DB8::1")
    )
    few, _ = count_hits(tmp_path, "remote_ip")
    monkeypatch.setattr(stored_table, "MANY", 1)
    many, _ = count_hits(tmp_path, "remote_ip")
    assert isinstance(many, StoredTable)
    assert many.to_csv() == few.to_csv() == '"remote_ip","hits"\n"2001:db8::1",2\n"203.0.113.7",2\n'
