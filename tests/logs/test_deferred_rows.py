"""Columns that are derived when a query names them have the values that they have when they are derived at once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gt_secure.logs import Hits, read_hits
from gt_secure.logs.engines.deferred_rows import COSTLY
from gt_secure.logs.sql.columns import STORED
from gt_secure.logs.storage.cache import Cache
from gt_secure.logs.storage.objects import StandardInput
from support import corpus

from .test_spelling import QUERY, encode, record
from .test_usual_query import queries

MARKED = f"{QUERY}&x-gt-secure-test={'0123456789abcdef' * 2}"


def lines() -> list[str]:
    spelled = [MARKED, MARKED.replace("secure-test", "SECURE-TeSt"), MARKED.replace("-test", "%2Dtest")]
    spelled += [encode(MARKED, lambda letter, skipped=skipped: letter == skipped) for skipped in "tesX0-"]
    requests = [*(f"GET /scans/0007.png?{query} HTTP/1.1" for query in spelled), *queries(300)]
    old = {"auth_type": None, "signature_version": None}
    return [
        *(case.text for case in (*corpus.cases(), *corpus.broken()) if len(case.text) < 10_000),
        *(corpus.write(record(request_uri=uri, request_id=f"R{n}")) for n, uri in enumerate(requests)),
        *(corpus.write(record(request_uri=uri, request_id=f"O{n}", **old)) for n, uri in enumerate(requests)),
    ]


@pytest.fixture(autouse=True)
def _none_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gt_secure.logs.read.SMALL", -1)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deferred") / "log"
    path.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def hits(log: Path) -> Hits:
    return read_hits(log)


@pytest.fixture(scope="module")
def expected(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Hits:
    """Give the rows as a cache that keeps local files has them: all columns are derived while reading."""
    hits = read_hits(log, cache=Cache(tmp_path_factory.mktemp("cache"), local=True))
    assert hits._store.deferred is None
    return hits


def values(hits: Hits, *names: str) -> list[tuple[object, ...]]:
    return hits.query(f"SELECT {', '.join(names)} FROM {{hits}} ORDER BY source, pos")


def is_derived(hits: Hits) -> bool:
    deferred = hits._store.deferred
    assert deferred is not None
    return deferred.ready


@pytest.mark.parametrize("first", ["presigned", "fingerprint", "age_s", "request_uri"])
def test_every_column_is_the_same_whatever_is_asked_first(hits: Hits, expected: Hits, first: str) -> None:
    names = [*STORED, "refused", "test", "age_s"]
    values(hits, first)
    assert is_derived(hits) is (first in COSTLY)
    assert values(hits, *names) == values(expected, *names)
    assert hits.coverage.samples == expected.coverage.samples
    assert (hits.coverage.hits, hits.coverage.unreadable) == (expected.coverage.hits, expected.coverage.unreadable)


def test_cheap_columns_without_the_costly_ones(hits: Hits, expected: Hits) -> None:
    names = [name for name in STORED if name not in COSTLY]
    assert values(hits, *names) == values(expected, *names)
    assert not is_derived(hits)


@pytest.mark.parametrize("small", [True, False])
def test_small_files_are_derived_while_they_are_read(
    log: Path, expected: Hits, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    monkeypatch.setattr("gt_secure.logs.read.SMALL", log.stat().st_size - (not small))
    hits = read_hits(log)
    assert (hits._store.deferred is None) is small
    assert values(hits, *STORED) == values(expected, *STORED)


def test_the_markers_of_test_urls_are_found_in_every_spelling(hits: Hits) -> None:
    [(found,)] = hits.query("SELECT count(*) FROM {hits} WHERE test_marker IS NOT NULL")
    assert found == 2 * 9  # all nine spellings, in new and in old lines


def test_counts_filters_and_leaks_do_not_derive_all(hits: Hits, expected: Hits) -> None:
    hits.filter(presigned=True, refused=False, test=False, key_prefix="scans/").count(["remote_ip", "hour"])
    leaks = hits.leaks()
    assert not is_derived(hits)
    assert leaks.checked > 10
    assert leaks.to_dict() == expected.leaks().to_dict()
    assert hits.leaks().to_dict() == leaks.to_dict()
    assert not is_derived(hits)


def test_the_text_as_logged_is_deleted_when_all_is_derived(hits: Hits) -> None:
    folder = hits._store.folder
    assert [path.name for path in folder.glob("*.parquet")] == ["lines.parquet"]
    assert hits.rows(columns=["request_uri"], limit=1).rows
    assert [path.name for path in folder.glob("*.parquet")] == ["derived.parquet"]


@pytest.mark.parametrize("dedupe", [False, True])
def test_rows_without_second_deliveries(log: Path, tmp_path: Path, dedupe: bool) -> None:
    (tmp_path / "again").write_bytes(log.read_bytes())
    both = [log, tmp_path / "again"]
    later = read_hits(both, dedupe=dedupe)
    now = read_hits(both, dedupe=dedupe, cache=Cache(tmp_path / "cache", local=True))
    assert len(later) == len(now)
    by = ["fingerprint", "operation", "key"]
    assert later.count(by).rows == now.count(by).rows


@pytest.mark.parametrize("beside_a_file", [False, True])
def test_what_is_not_a_file_of_this_machine_is_masked_at_once(log: Path, beside_a_file: bool) -> None:
    arrived = StandardInput(io.BytesIO(log.read_bytes()))
    hits = read_hits([log, arrived] if beside_a_file else arrived, cache=False)
    assert hits._store.deferred is None or is_derived(hits)
    assert [path.name for path in hits._store.folder.glob("*.parquet")] == [
        "derived.parquet" if beside_a_file else "lines.parquet"
    ]
