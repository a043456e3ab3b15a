"""One place chooses the engine, by the bytes that listing found, and says why."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput, MissingExtra
from gt_secure.logs import Athena, LargeLogs, count_hits, read as reading, read_hits
from gt_secure.logs.engines import remote, selection as engines
from gt_secure.logs.engines.selection import DUCKDB_UP_TO, choose, size_text
from gt_secure.logs.log_query import LogQuery, Runtime
from gt_secure.logs.storage.objects import LocalFile, S3Object
from support import corpus
from support.sample import sample

SESSION, ATHENA = object(), Athena()


@pytest.mark.parametrize(
    ("size", "options", "engine", "apt"),
    [
        (0, {}, "duckdb", True),
        (DUCKDB_UP_TO, {"session": SESSION, "athena": ATHENA}, "duckdb", True),
        (DUCKDB_UP_TO + 1, {}, "duckdb", False),
        (DUCKDB_UP_TO + 1, {"session": SESSION, "athena": ATHENA}, "spark", True),
        (DUCKDB_UP_TO + 1, {"athena": ATHENA}, "athena", True),
        (DUCKDB_UP_TO + 1, {"athena": ATHENA, "on_s3": False}, "duckdb", False),
    ],
)
def test_the_border(size: int, options: dict[str, Any], engine: str, apt: bool) -> None:
    choice = choose(7, size, **options)
    assert (choice.engine, choice.recommended) == (engine, apt)
    assert "7 log objects" in choice.reason


def test_what_is_not_there_is_told() -> None:
    reason = choose(1, 10**13).reason
    assert "10.0 TB are above 50.0 GB" in reason
    assert "Spark (the wheel gt_secure_spark, session=)" in reason
    assert "Athena (athena=)" in reason
    assert "nothing that costs money is started by itself" in reason
    assert "Athena" not in choose(1, 10**13, on_s3=False).reason


@pytest.mark.parametrize("call", [read_hits, lambda log, **more: count_hits(log, "bucket", **more)])
def test_an_engine_without_its_wheel_is_named(
    log: Path, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "GROUP", "gt_secure.no_engines")
    with pytest.raises(MissingExtra, match="The spark engine is in a wheel") as caught:
        call(log, engine="spark")
    assert "pip install gt_secure_spark-*.whl" in str(caught.value)
    with pytest.raises(MissingExtra):
        call(log, engine="spark", session=SESSION)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (5 * 10**7, "50 MB"), (DUCKDB_UP_TO, "50.0 GB"),
     (3 * 10**12, "3.0 TB"), (10**19, "10,000.0 PB")],
)  # fmt: skip
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_listing_sees_whether_all_lie_in_s3() -> None:
    item = S3Object(None, "b", "k", "e", DUCKDB_UP_TO)
    others = (S3Object(None, "b", "other", "e", 1), "athena"), (LocalFile("a.log", 1), "duckdb")
    for other, engine in others:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LargeLogs)
            choice, found = reading._choose(LogQuery([item, other]), Runtime(athena=ATHENA))
        assert (choice.engine, found) == (engine, [item, other])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text(
        "".join(corpus.case("x", remote_ip=f"203.0.113.{n}").text + "\n" for n in range(5))
    )
    return path


def test_the_answer_says_which_and_why(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, coverage = count_hits(log, "bucket")
    assert coverage.engine == "duckdb"
    assert "1 log objects, 2 kB, within 50.0 GB" in coverage.engine_reason
    assert coverage.engine_reason not in coverage.limits()
    with read_hits(log, engine="duckdb") as hits:
        assert hits.coverage.engine_reason == "duckdb was asked for."
    monkeypatch.setattr(engines, "DUCKDB_UP_TO", 1000)
    with pytest.warns(LargeLogs):
        _, coverage = count_hits(log, "bucket")
    assert (coverage.engine, coverage.hits) == ("duckdb", 5)
    assert coverage.engine_reason in coverage.limits()
    assert "engine_reason" in coverage.to_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count_hits(log, "bucket", engine="duckdb")  # who asks for it need not be told


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"engine": "abacus"}, 'no engine "abacus"'),
        ({"engine": "duckdb", "athena": ATHENA}, "athena engine, and duckdb"),
        ({"engine": "athena", "session": SESSION}, "spark engine, and athena"),
        ({"filters": {"verdict": "allow"}}, '"verdict" is not a filter'),
    ],
)
def test_what_does_not_go_together(log: Path, options: dict[str, Any], text: str) -> None:
    for call in (lambda: read_hits(log, **options), lambda: count_hits(log, "bucket", **options)):
        with pytest.raises(InvalidInput, match=text):
            call()


@pytest.mark.parametrize(
    "filters",
    sample(
        [
            {},
            {"network": "203.0.113.2/31"},
            {"address": ["203.0.113.4"]},
            {"key_prefix": "scans/", "status": [200]},
            {"presigned": True},
            {"key": "scans/00*"},
            {"key": "nothing_*"},
            {"status": []},
        ],
        3,
    ),
)
def test_filters_count_alike(log: Path, filters: dict[str, Any]) -> None:
    for by in ("remote_ip", "http_status"):
        with read_hits(log) as hits:
            expected = hits.filter(**filters).count(by).rows
        table, coverage = count_hits(log, by, filters=filters)
        assert table.rows == expected
        assert coverage.hits == 5
        with read_hits(log, filters=filters) as hits:
            assert hits.count(by).rows == expected
