"""Every way to count knows the same columns, and an unknown one is an error with what to type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.logs import Hits, count_hits, read_hits
from gt_secure.logs.sql.derived_columns import from_lines, late
from gt_secure.logs.sql.dialects import DUCKDB, TRINO, Dialect
from gt_secure.logs.sql.log_columns import COLUMNS, DERIVED, GROUPED, STORED, signer_label
from gt_secure.logs.sql.query import Question, statement
from support import lines


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "a.log"
    path.write_text("".join(line + "\n" for line in lines.all_lines()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hits(log: Path) -> Iterator[Hits]:
    with read_hits(log) as hits:
        yield hits


@pytest.mark.parametrize(
    ("signer", "words"),
    [
        ("111122223333:assumed-role/Training", "role Training"),
        ("111122223333:assumed-role/assumed-role", "role assumed-role"),
        ("111122223333:user/anna", "user anna"),
        ("111122223333:user/team/power-user/anna", "user team/power-user/anna"),
        ("111122223333:user/assumed-role/user/anna", "user assumed-role/user/anna"),
        ("111122223333:federated-user/anna", "federated-user anna"),
        ("111122223333:root", "root"),
        ("credential AKIAIOSFODNN7EXAMPLE", "credential AKIAIOSFODNN7EXAMPLE"),
        ("", "unknown signer"),
    ],
)
def test_a_signer_is_named_by_its_kind_and_its_whole_name(signer: str, words: str) -> None:
    assert signer_label(signer) == words


def test_derived_columns_are_stored_or_late_or_formatted() -> None:
    """Of each derived column exactly one place knows how it is computed."""
    parts = [DERIVED.keys() & STORED.keys(), late().keys(), GROUPED.keys()]
    assert sorted(DERIVED) == sorted(name for part in parts for name in part)


def test_hits_and_counts_know_the_same_columns(hits: Hits, log: Path) -> None:
    assert set(hits.columns) - set(COLUMNS) == {"access_key"}  # a hash, for SQL and exports
    table, _ = count_hits(log, COLUMNS)
    assert table.columns == (*COLUMNS, "hits")
    assert hits.count(COLUMNS).rows == table.rows


@pytest.mark.parametrize(
    "filters",
    [{"address": "203.0.113.7"}, {"network": "office"}, {"address": "::1", "network": "x"}],
)
def test_a_filter_of_addresses_needs_them_in_the_answer(filters: dict[str, Any]) -> None:
    assert Question(("http_status",), filters=filters).picked == ("http_status", "remote_ip")
    assert Question(("remote_ip",), filters=filters).picked == ("remote_ip",)
    assert Question(("http_status",), filters={"presigned": True}).picked == ("http_status",)


def test_rows_know_every_column_but_the_network(hits: Hits) -> None:
    names = [name for name in COLUMNS if name != "network"]
    assert hits.rows(columns=names, limit=1).columns == tuple(names)


@pytest.mark.parametrize("dialect", [DUCKDB, TRINO], ids=lambda dialect: dialect.name)
def test_every_engine_has_every_column(dialect: Dialect) -> None:
    text = statement(Question(COLUMNS), from_lines("lines_in", dialect), dialect)
    assert re.findall(r"AS by_(\w+)(?<!_)[, \n]", text) == list(COLUMNS)
    expressions = late(dialect)
    assert [name for name in expressions if f"{expressions[name]} AS {name}" not in text] == []


WAYS: dict[str, Callable[[Hits, Path], Any]] = {
    "count": lambda hits, _: hits.count("remote_pi"),
    "rows": lambda hits, _: hits.rows(columns=["remote_pi"]),
    "count_hits": lambda _, log: count_hits(log, "remote_pi"),
    "where": lambda hits, _: hits.where("remote_pi IS NULL").count(),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_unknown_column_is_an_error_with_what_to_type(way: str, hits: Hits, log: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r'"remote_pi" is not a column of the hits. Did you mean remote_ip'
    ):
        WAYS[way](hits, log)
