"""Rows that are exported a range of time after the other come as one sort of
all rows brings them.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import duckdb
import pytest

from gt_secure.logs import Hits, read_hits, time_order
from support import corpus

ROWS = 300
DAY = dt.datetime(2026, 11, 20)


def write_log(folder: Path, order: str) -> Path:
    """Write records of which many share a second: a few seconds late, or in no order at all."""
    rng = random.Random(7)
    moments = [n // 4 + rng.randrange(3) for n in range(ROWS)]
    if order == "shuffled":
        rng.shuffle(moments)
    elif order == "same":
        moments = [0] * ROWS
    half = ROWS // 2
    for name, part in (("a.log", range(half)), ("b.log", range(half, ROWS))):
        rows = (
            corpus.BASE | {"time": DAY + dt.timedelta(seconds=moments[n]), "request_id": f"{n:08X}"}
            for n in part
        )
        (folder / name).write_text("".join(corpus.write(row) + "\n" for row in rows))
    return folder


@pytest.fixture(params=["nearly", "shuffled", "same"])
def hits(request: pytest.FixtureRequest, tmp_path: Path) -> Hits:
    return read_hits(write_log(tmp_path, request.param))


def exports(hits: Hits, folder: Path) -> list[object]:
    hits.to_csv(folder / "x.csv")
    hits.to_json(folder / "x.json")
    hits.to_parquet(folder / "x.parquet")
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = true")
        rows = connection.execute(f"FROM '{folder / 'x.parquet'}'").fetchall()
    return [(folder / "x.csv").read_bytes(), (folder / "x.json").read_bytes(), rows]


def in_parts(monkeypatch: pytest.MonkeyPatch, rows: int = 60) -> None:
    monkeypatch.setattr(time_order, "PART", rows)
    monkeypatch.setattr(time_order, "_PIECE", 10_000)


def test_exports_are_the_same_in_parts(
    hits: Hits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = (
        hits.filter(since=DAY + dt.timedelta(seconds=5)) if len(hits.count("time")) > 1 else hits
    )
    for each in (hits, chosen):
        whole = exports(each, tmp_path)
        with monkeypatch.context() as patch:
            in_parts(patch)
            assert exports(each, tmp_path) == whole
            assert not list(each._store.folder.glob("ordered*"))


def test_parts_are_few_and_small_where_rows_are_nearly_in_order(
    hits: Hits, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert time_order._ranges(hits._store, hits._relation) == []
    in_parts(monkeypatch)
    conditions = time_order._ranges(hits._store, hits._relation)
    sizes = [len(hits.where(condition)) for condition in conditions]
    assert sum(sizes) == ROWS
    if request.node.callspec.params["hits"] == "nearly":
        assert 5 <= len(sizes) <= 8
        assert max(sizes) <= 120
    else:
        # a range would be in every piece of the log, or all rows are of one second
        assert max(sizes) == ROWS


def test_rows_without_a_time_are_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = read_hits(write_log(tmp_path, "nearly"))
    rows = (
        "SELECT * REPLACE (CASE WHEN http_status = 200 AND request_id < '00000003' THEN NULL ELSE"
        f" time END AS time) FROM ({hits._relation})"
    )
    hits = hits._with([rows])
    whole = exports(hits, tmp_path)
    in_parts(monkeypatch)
    assert exports(hits, tmp_path) == whole
    assert [row[5] for row in whole[2][-3:]] == ["00000000", "00000001", "00000002"]  # type: ignore[index]


def test_a_part_that_ends_too_late_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = read_hits(write_log(tmp_path, "nearly"))
    whole = exports(hits, tmp_path)
    in_parts(monkeypatch)
    ranges = time_order._ranges
    monkeypatch.setattr(
        time_order,
        "_ranges",
        lambda *rows: [text.replace("time < ", "time <= ") for text in ranges(*rows)],
    )
    assert exports(hits, tmp_path) != whole
