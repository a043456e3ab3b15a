"""Counting on Spark: the same SQL text that DuckDB runs, for logs too large for one machine.

Extra ``spark``. Needs Spark 4.0 or newer; paths are what that Spark can read (``s3a://`` with its own credentials).
"""

# ruff: noqa: S608 - SQL is put together from our own names; times come from parse_time

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InvalidInput, MissingExtra
from .coverage import Coverage, Sample
from .dialect import SPARK
from .fields import FIELDS
from .grouping import check_columns
from .sql import decoded_key, parsed
from .table import Table
from .times import parse_time

_SHOWN = {"hour": "date_format(time, \"yyyy-MM-dd'T'HH\")", "day": "date_format(time, 'yyyy-MM-dd')"}
_SAMPLES = 20


def count_with_spark(
    sources: str | Iterable[Any],
    by: str | Sequence[str],
    *,
    since: str | dt.date | dt.datetime | None = None,
    until: str | dt.date | dt.datetime | None = None,
    session: Any = None,
) -> tuple[Table, Coverage]:
    """Count hits on Spark.

    Parameters
    ----------
    sources : str or iterable of str
        Folders, files or globs of plain or gzip access logs.
    by : list of str or comma-separated str
        Fields of the log, ``hour`` and ``day``.
    session : pyspark.sql.SparkSession, optional
        The default is the active one, or a new one.

    Raises
    ------
    MissingExtra
        Without pyspark.
    InvalidInput
        For a column that only the DuckDB engine knows.
    """
    names = check_columns(by)
    for name in names:
        if name not in FIELDS and name not in _SHOWN:
            raise InvalidInput(f"Spark does not know “{name}”.", next_step="Use the duckdb engine for it.", field="by")
    start, end = parse_time(since, "since"), parse_time(until, "until")
    spark = session if session is not None else _session()
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        return _count(spark, [str(s) for s in ([sources] if isinstance(sources, str) else sources)], names, start, end)
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)


def _session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtra("pyspark is not installed.", next_step="pip install gt_secure[spark]") from error
    return SparkSession.builder.getOrCreate()


def _count(
    spark: Any, paths: list[str], names: list[str], start: dt.datetime | None, end: dt.datetime | None
) -> tuple[Table, Coverage]:
    lines = spark.read.option("recursiveFileLookup", "true").option("lineSep", "\n").text(paths)
    view = "gt_secure_lines"
    lines.selectExpr("value AS line", "input_file_name() AS source").createOrReplaceTempView(view)
    inside = " AND ".join(
        [f"time >= TIMESTAMP '{start}'"] * (start is not None) + [f"time < TIMESTAMP '{end}'"] * (end is not None)
    )
    state = (
        "CASE WHEN blank THEN 'blank' WHEN NOT readable THEN 'unreadable' "
        f"WHEN NOT ({inside or 'true'}) THEN 'outside' ELSE 'hit' END"
    )
    keyed = f"SELECT * EXCEPT (key), {decoded_key(SPARK)} AS key FROM ({parsed(view, SPARK)})"
    picks = "".join(f", CASE WHEN state = 'hit' THEN {_SHOWN.get(n, n)} END AS {n}" for n in names)
    rows = spark.sql(
        f"SELECT state{picks}, count(*) AS hits, min(time) AS first_time, max(time) AS last_time "
        f"FROM (SELECT *, {state} AS state FROM ({keyed})) GROUP BY ALL"
    ).collect()
    coverage = _coverage(rows, len(lines.inputFiles()), start, end)
    if coverage.unreadable:
        coverage.samples = _samples(spark, view)
    hits = [tuple(row[1:-2]) for row in rows if row["state"] == "hit"]
    hits.sort(key=lambda row: (-row[-1], *((value is None, str(value)) for value in row[:-1])))
    return Table([*names, "hits"], hits), coverage


def _coverage(rows: list[Any], objects: int, start: dt.datetime | None, end: dt.datetime | None) -> Coverage:
    found = Coverage(objects=objects, objects_read=objects, since=start, until=end)
    for row in rows:
        name = {"hit": "hits"}.get(row["state"], row["state"])
        setattr(found, name, getattr(found, name) + row["hits"])
        found.lines += row["hits"]
    hits = [row for row in rows if row["state"] == "hit"]
    found.first_hit = min((row["first_time"] for row in hits), default=None)
    found.last_hit = max((row["last_time"] for row in hits), default=None)
    found.notes.append(
        "Counted by Spark, which gives no offsets of lines and does not tell when the files were delivered."
    )
    return found


def _samples(spark: Any, view: str) -> list[Sample]:
    from .read import mask_sample, why_unreadable

    rows = spark.sql(
        f"SELECT source, substr(line, 1, 160) AS text FROM ({parsed(view, SPARK)}) WHERE NOT readable AND NOT blank "
        f"LIMIT {_SAMPLES}"
    ).collect()
    return [Sample(row["source"], -1, why_unreadable(row["text"]), mask_sample(row["text"])) for row in rows]
