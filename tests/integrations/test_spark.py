"""The same text on a real local Spark gives the same rows as on DuckDB."""

from __future__ import annotations

import configparser
import gzip
import importlib.util
import random
import re
import signal
import threading
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput, LogError, NotFound
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.engines import selection as engines
from gt_secure.logs.engines.remote import GROUP
from gt_secure.logs.sql import line_parser as sql
from gt_secure.logs.sql.derived_columns import from_lines, late
from gt_secure.logs.sql.log_columns import COLUMNS, STORED
from gt_secure.logs.sql.query import Question, conditions, statement
from gt_secure_spark import SPARK, SparkRun
from support import corpus, lines

slow = pytest.mark.slow
needs_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed"
)
WHEEL = Path(__file__).parents[2] / "integrations" / "spark"


@pytest.fixture(scope="module", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make the entry point of the wheel as an installation does, where it is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        if not entry_points(group=GROUP, name="spark"):
            built = configparser.ConfigParser()
            built.read(WHEEL / "setup.cfg", encoding="utf-8")
            points = built["options.entry_points"][GROUP]
            folder = tmp_path_factory.mktemp("installed")
            (folder / "gt_secure_spark-1.dist-info").mkdir()
            names = folder / "gt_secure_spark-1.dist-info" / "entry_points.txt"
            names.write_text(f"[{GROUP}]{points}\n", encoding="utf-8")
            patch.syspath_prepend(folder)
        yield


@pytest.fixture(scope="module")
def session() -> Any:
    spark_sql = pytest.importorskip("pyspark.sql")
    interrupt = signal.getsignal(signal.SIGINT)
    builder = spark_sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = (
        builder.config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    signal.signal(signal.SIGINT, interrupt)  # Spark leaves its own
    yield session
    session.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All lines over plain and packed files, some with CRLF, one without a last newline."""
    folder = tmp_path_factory.mktemp("logs")
    found = lines.all_lines()
    (folder / "a.log").write_text(
        "".join(line + "\n" for line in found[::3]), encoding="utf-8", newline=""
    )
    (folder / "b.log").write_text("\r\n".join(found[1::3]), encoding="utf-8", newline="")
    (folder / "deep").mkdir()
    packed = gzip.compress("".join(line + "\n" for line in found[2::3]).encode())
    (folder / "deep" / "c.gz").write_bytes(packed)
    return folder


def rows(hits: Any) -> list[Any]:
    return sorted(hits.query(f"SELECT {', '.join(STORED)} FROM {{hits}}"), key=str)


COUNTS = (
    "lines",
    "hits",
    "outside",
    "duplicates",
    "unreadable",
    "blank",
    "first_hit",
    "last_hit",
    "objects",
)
RANGE = {"since": "2026-11-20T06:00", "until": "2026-11-20T18:00"}
FILTERS: list[dict[str, Any]] = [
    {},
    {"presigned": True, "refused": False},
    {"status": [403], "key_prefix": "scans/"},
    {"key": ["scans/00*", "it's \\ '"], "test": False},
    {"network": ["203.0.113.0/25"], "operation": "REST.GET.OBJECT"},
    {"address": "203.0.113.7", "bucket": "gt-images"},
]


@slow
def test_every_quirk(session: Any) -> None:
    cases = corpus.cases()
    found = [(n, c.text) for n, c in enumerate(cases)]
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.createDataFrame(found, "n int, line string").createOrReplaceTempView("quirks")
    names = ", ".join(corpus.NAMES)
    answer = session.sql(
        f"SELECT n, readable, {names} FROM ({sql.parsed('quirks', SPARK)}) ORDER BY n"
    ).collect()
    wrong: list[Any] = []
    for case, row in zip(cases, answer, strict=True):
        if case.truth is None or not row["readable"]:
            wrong += [case.name] if (case.truth is None) == row["readable"] else []
        else:
            wrong += [(case.name, name) for name, value in case.truth.items() if row[name] != value]
    assert wrong == []


@slow
@pytest.mark.parametrize("limits", [{}, RANGE], ids=["all", "range"])
def test_rows_are_those_of_duckdb(session: Any, folder: Path, limits: dict[str, Any]) -> None:
    with (
        read_hits(folder, engine="duckdb", **limits) as here,
        read_hits(folder, engine="spark", session=session, **limits) as there,
    ):
        assert rows(there) == rows(here)
        assert len(here) > 100
        for name in COUNTS:
            assert getattr(there.coverage, name) == getattr(here.coverage, name), name
        assert there.coverage.adds_up
        assert [s for s in there.coverage.samples if not s.name.startswith("file:")] == []
        assert {s.text for s in there.coverage.samples} & {s.text for s in here.coverage.samples}
        leaks = [[leak.to_dict() for leak in hits.leaks()] for hits in (here, there)]
        assert leaks[0] == leaks[1]


@slow
def test_dedupe_is_that_of_duckdb(session: Any, folder: Path, tmp_path: Path) -> None:
    rng = random.Random(9)
    once = [corpus.write(corpus.random_record(rng)) for _ in range(300)]
    (tmp_path / "a.log").write_text("".join(line + "\n" for line in once))
    (tmp_path / "b.log").write_text(
        "".join(line + "\n" for line in [*once[:100], once[0], once[0]])
    )
    with (
        read_hits(tmp_path, dedupe=True) as here,
        read_hits(tmp_path, engine="spark", session=session, dedupe=True) as there,
    ):
        assert rows(there) == rows(here)
        assert (len(there), there.coverage.duplicates) == (300, 102)
        assert there.coverage.adds_up
    # Which of several rows with one request id and different texts stays is open: the ids are the
    # same.
    with (
        read_hits(folder, dedupe=True) as here,
        read_hits(folder, engine="spark", session=session, dedupe=True) as there,
    ):
        by = "request_id,operation,key,version_id"
        assert sorted(there.count(by).rows, key=str) == sorted(here.count(by).rows, key=str)
        assert there.coverage.duplicates == here.coverage.duplicates > 0


@slow
@pytest.mark.parametrize("filters", FILTERS, ids=lambda f: "-".join(f) or "none")
def test_filters_are_those_of_duckdb(session: Any, folder: Path, filters: dict[str, Any]) -> None:
    with (
        read_hits(folder, filters=filters, **RANGE) as here,
        read_hits(folder, engine="spark", session=session, filters=filters, **RANGE) as there,
    ):
        assert rows(there) == rows(here)
        by = "network,hour,http_status,presigned,key"
        counted, coverage = count_hits(
            folder, by, engine="spark", session=session, filters=filters, **RANGE
        )
        assert sorted(counted.rows, key=str) == sorted(here.count(by).rows, key=str)
        same, expected = count_hits(folder, by, filters=filters, **RANGE)
        assert sorted(counted.rows, key=str) == sorted(same.rows, key=str)
        assert [getattr(coverage, n) for n in COUNTS] == [getattr(expected, n) for n in COUNTS]


@slow
@pytest.mark.parametrize("by", ["", *COLUMNS, "remote_ip,http_status,auth_type,hour,key"])
def test_counts_are_those_of_duckdb(session: Any, folder: Path, by: str) -> None:
    names = [name for name in by.split(",") if name]
    table, coverage = count_hits(folder, names, engine="spark", session=session)
    expected, same = count_hits(folder, names, engine="duckdb")
    assert sorted(table.rows, key=str) == sorted(expected.rows, key=str)
    assert [getattr(coverage, n) for n in COUNTS] == [getattr(same, n) for n in COUNTS]


@slow
def test_names_of_networks_are_those_of_duckdb(session: Any, folder: Path) -> None:
    by = ("network_name", "http_status")
    table, _ = count_hits(folder, by, engine="spark", session=session, networks=lines.NETWORKS)
    with read_hits(folder, engine="spark", session=session, networks=lines.NETWORKS) as there:
        assert sorted(there.count(by).rows, key=str) == sorted(table.rows, key=str)
    expected, _ = count_hits(folder, by, engine="duckdb", networks=lines.NETWORKS)
    assert sorted(table.rows, key=str) == sorted(expected.rows, key=str)
    assert {row[0] for row in table.rows} >= {"Berlin office", None}


@slow
def test_in_another_time_zone(session: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    session.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        table, coverage = count_hits(folder, "hour", engine="spark", session=session, **RANGE)
        expected, same = count_hits(folder, "hour", **RANGE)
        assert (table.rows, coverage.first_hit) == (expected.rows, same.first_hit)
        assert session.conf.get("spark.sql.session.timeZone") == "America/New_York"
    finally:
        monkeypatch.undo()
        time.tzset()
        session.conf.set("spark.sql.session.timeZone", "UTC")


@slow
def test_no_secret_comes_back(session: Any, folder: Path) -> None:
    with read_hits(folder, engine="spark", session=session) as hits:
        text = str(rows(hits)) + str(hits.coverage.to_dict())
    assert [secret for secret in lines.SECRETS if secret in text] == []
    assert "***" in text


@slow
def test_auto_takes_the_session_above_the_limit(
    session: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, coverage = count_hits(folder, "http_status", session=session)
    assert coverage.engine == "duckdb"
    monkeypatch.setattr(engines, "DUCKDB_UP_TO", 1000)
    same, coverage = count_hits(folder, "http_status", session=session)
    assert coverage.engine == "spark"
    assert "a Spark session was given" in coverage.engine_reason
    assert same.rows == table.rows


@slow
def test_cancelled(session: Any, tmp_path: Path) -> None:
    rng = random.Random(1)
    text = "".join(corpus.write(corpus.random_record(rng)) + "\n" for _ in range(2000))
    for n in range(60):
        (tmp_path / f"{n}.log").write_text(text)
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(LogError, match="cancelled"):
        count_hits(
            tmp_path, "remote_ip,key,user_agent", engine="spark", session=session, cancel=cancel
        )
    # the session lives on
    table, _ = count_hits(tmp_path / "0.log", "bucket", engine="spark", session=session)
    assert sum(row[-1] for row in table.rows) == 2000


@slow
def test_errors_are_sentences(session: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Spark finds no file"):
        count_hits(tmp_path / "none", "bucket", engine="spark", session=session)
    with pytest.raises(InvalidInput, match="s3a"):
        count_hits("s3://b/p/", "bucket", engine="spark", session=session)


def test_it_has_every_column() -> None:
    text = statement(Question(COLUMNS), from_lines("lines_in", SPARK), SPARK)
    assert re.findall(r"AS by_(\w+)(?<!_)[, \n]", text) == list(COLUMNS)
    expressions = late(SPARK)
    assert [name for name in expressions if f"{expressions[name]} AS {name}" not in text] == []


def test_a_quote_and_a_backslash_are_escaped() -> None:
    assert "'\\\\\\''" in conditions({"bucket": "\\'"}, SPARK)


def test_the_engine_is_found_by_its_entry_point() -> None:
    [found] = entry_points(group=GROUP)
    assert (found.name, found.load()) == ("spark", SparkRun)


def test_what_spark_cannot_do() -> None:
    class Old:
        version = "3.4.3"

    class New:
        version = "3.5.0"

    with pytest.raises(InvalidInput, match=r"Spark 3\.4\.3"):
        count_hits("x", "bucket", engine="spark", session=Old())
    with pytest.raises(InvalidInput, match="files and folders"):
        count_hits("-", "bucket", engine="spark", session=New())
    with pytest.raises(InvalidInput, match="verdict"):
        read_hits("x", engine="spark", session=New(), filters={"verdict": "allow"})
    with pytest.raises(InvalidInput, match="spark engine"):
        read_hits("x", engine="duckdb", session=New())
