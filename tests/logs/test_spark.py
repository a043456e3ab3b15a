"""The same text on a real local Spark gives the same rows as on DuckDB."""

from __future__ import annotations

import random
from pathlib import Path

import corpus
import pytest

from gt_secure.errors import InvalidInput
from gt_secure.logs import count_hits, sql
from gt_secure.logs.dialect import SPARK

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def session():
    spark_sql = pytest.importorskip("pyspark.sql")
    builder = spark_sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "2").config("spark.driver.memory", "1g").getOrCreate()
    yield session
    session.stop()


def test_every_quirk(session) -> None:
    cases = corpus.cases()
    rows = [(n, c.text) for n, c in enumerate(cases)]
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.createDataFrame(rows, "n int, line string").createOrReplaceTempView("quirks")
    names = ", ".join(corpus.NAMES)
    found = session.sql(f"SELECT n, readable, {names} FROM ({sql.parsed('quirks', SPARK)}) ORDER BY n").collect()
    wrong = []
    for case, row in zip(cases, found, strict=True):
        if case.truth is None or not row["readable"]:
            wrong += [case.name] if (case.truth is None) == row["readable"] else []
        else:
            wrong += [(case.name, name) for name, value in case.truth.items() if row[name] != value]
    assert wrong == []


def test_counts_agree_with_duckdb(session, tmp_path: Path) -> None:
    from gt_secure.logs.spark import count_with_spark

    rng = random.Random(3)
    for n in range(5):
        lines = [corpus.write(corpus.random_record(rng)) for _ in range(200)]
        (tmp_path / f"{n}.log").write_text("\r\n".join([*lines, "", "cut [line"]) + "\n")
    by = "remote_ip,http_status,auth_type,hour,key"
    for options in ({}, {"since": "2026-11-20T06:00", "until": "2026-11-20T18:00"}):
        table, coverage = count_with_spark(str(tmp_path), by, session=session, **options)
        expected, same = count_hits(tmp_path, by, **options)
        assert sorted(table.rows, key=str) == sorted(expected.rows, key=str)
        for name in ("objects", "lines", "hits", "outside", "unreadable", "blank", "first_hit", "last_hit"):
            assert getattr(coverage, name) == getattr(same, name), name
        assert coverage.adds_up
        assert len(coverage.samples) == 5


def test_columns_of_duckdb_only_are_told() -> None:
    from gt_secure.logs.spark import count_with_spark

    with pytest.raises(InvalidInput, match="fingerprint"):
        count_with_spark("x", "fingerprint", session=object())
