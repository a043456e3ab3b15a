"""The text for Athena: it parses as Trino SQL, uses only functions that Trino documents,
and gives the same rows.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest

from gt_secure.logs import read_hits
from gt_secure.logs.engines.athena import AdHoc
from gt_secure.logs.engines.athena_settings import MAX_QUERY_BYTES
from gt_secure.logs.sql.derived_columns import from_lines
from gt_secure.logs.sql.dialects import DUCKDB, TRINO, Dialect
from gt_secure.logs.sql.log_columns import COLUMNS, STORED
from gt_secure.logs.sql.query import Question, all_rows, conditions, statement
from support import lines, trino
from support.sample import sample

duckdb = pytest.importorskip("duckdb")
TABLE = AdHoc("logs", "gt_secure_lines_0", "line", "s3://b/p/")
FILTERS: dict[str, Any] = {
    "presigned": True, "refused": False, "test": False, "status": [200, 206], "key": ["scans/*", "it's"],
    "key_prefix": "scans/", "bucket": "gt-images", "auth_type": "QueryString", "operation": ["REST.GET.OBJECT"],
    "requester": "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker", "fingerprint": ["a" * 16],
}  # fmt: skip
RANGE = (dt.datetime(2026, 11, 20, 6), dt.datetime(2026, 11, 20, 18, 0, 0, 500_000))


@pytest.fixture(scope="module")
def database() -> Any:
    connection = duckdb.connect()
    connection.execute(trino.MACROS)
    connection.execute("CREATE TABLE lines_in (source VARCHAR, pos BIGINT, line VARCHAR)")
    rows = [(f"s3://b/p/{n % 3}", None, line) for n, line in enumerate(lines.all_lines())]
    connection.executemany("INSERT INTO lines_in VALUES (?, ?, ?)", rows)
    return connection


def text_of(question: Question, relation: str, dialect: Dialect, **options: Any) -> str:
    """The question over lines."""
    return statement(question, from_lines(relation, dialect, "both"), dialect, **options)


def run(database: Any, question: Question, dialect: Dialect) -> list[tuple[Any, ...]]:
    text = text_of(question, "lines_in", dialect, with_source=True)
    rows = database.execute(trino.to_duckdb(text) if dialect is TRINO else text).fetchall()
    shown = [
        tuple(str(value) if isinstance(value, dt.datetime) else value for value in row)
        for row in rows
    ]
    return sorted(shown, key=str)


QUESTIONS = [
    all_rows(None, None, {}),
    all_rows(*RANGE, {}),
    all_rows(None, None, {"presigned": True, "key": "scans/*"}),
    all_rows(RANGE[0], None, {"status": [403], "key_prefix": "scans/"}),
    Question(("hour", "day", "network", "presigned", "refused", "test", "fingerprint")),
    Question(()),
    *(Question(tuple(COLUMNS)[start::6]) for start in range(6)),
]
ALONE = [pytest.param(Question((name,)), marks=pytest.mark.slow) for name in COLUMNS]


@pytest.mark.parametrize(
    "question", [*sample(QUESTIONS, 3), *ALONE], ids=lambda q: f"{len(q.by)}-{'-'.join(q.by[:1])}"
)
def test_trino_gives_the_rows_of_duckdb(database: Any, question: Question) -> None:
    assert run(database, question, TRINO) == run(database, question, DUCKDB)


def test_the_stand_in_differs_where_trino_does(database: Any) -> None:
    """Without care for what Trino does differently, the rows would not be the same."""
    # + becomes a blank
    careless = dataclasses.replace(TRINO, decode="coalesce(try(url_decode({0})), {0})")
    sql = trino.to_duckdb(text_of(QUESTIONS[0], "lines_in", careless, with_source=True))
    assert sorted(database.execute(sql).fetchall(), key=str) != run(database, QUESTIONS[0], DUCKDB)
    assert "'$1***'" in text_of(QUESTIONS[0], "lines_in", TRINO)  # Trino has no \\1


def test_only_functions_that_trino_documents() -> None:
    text = text_of(
        all_rows(*RANGE, FILTERS),
        TABLE.lines("\"$path\" >= 's3://b/p/2026'"),
        TRINO,
        with_source=True,
    )
    trino.parse(text)
    assert trino.functions(text) - trino.NAMED == set()
    by = text_of(Question(("hour", "day", "network")), TABLE.lines("true"), TRINO)
    assert trino.functions(by) - trino.NAMED == set()


def test_no_lists_are_read_with_brackets_in_trino() -> None:
    """There x[9] fails beyond the end."""
    import sqlglot

    tokens = sqlglot.tokenize(text_of(all_rows(None, None, {}), "lines_in", TRINO), dialect="trino")
    assert [t for t in tokens if t.text == "["] == []


def test_the_text_fits_into_a_query() -> None:
    long = text_of(all_rows(*RANGE, FILTERS), TABLE.lines(" OR ".join(["\"$path\" >= '" + "k" * 1024 + "'"] * 51)),
                     TRINO, with_source=True)  # fmt: skip
    assert len(long.encode()) < MAX_QUERY_BYTES / 2


def test_statement_agrees_with_reading_here(database: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(line + "\n" for line in lines.all_lines()), encoding="utf-8")
    with read_hits(path) as hits:
        here = sorted(
            hits.query(
                f"SELECT {', '.join(f'CAST({n} AS VARCHAR)' for n in STORED)} FROM {{hits}}"
            ),
            key=str,
        )
        coverage = hits.coverage
    rows = database.execute(text_of(all_rows(None, None, {}), "lines_in", DUCKDB)).fetchall()
    there = [tuple(row[1:-4]) for row in rows if row[0] == "hit" for _ in range(row[-4])]
    told = [
        tuple(None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in r)
        for r in there
    ]
    assert sorted(told, key=str) == here
    states = {
        state: sum(row[-4] for row in rows if row[0] == state)
        for state in ("hit", "unreadable", "blank")
    }
    assert states == {
        "hit": coverage.hits,
        "unreadable": coverage.unreadable,
        "blank": coverage.blank,
    }


@pytest.mark.parametrize("dialect", [DUCKDB, TRINO], ids=lambda d: d.name)
def test_no_secret_comes_back(database: Any, dialect: Dialect) -> None:
    text = str(run(database, QUESTIONS[0], dialect))
    assert [secret for secret in lines.SECRETS if secret in text] == []
    assert "***" in text


def test_duckdb_decodes_what_is_utf8_and_nothing_else(database: Any) -> None:
    """As its ``try`` does, which cannot stand in a lambda and takes long for
    bytes that are no UTF-8.
    """
    rng = random.Random(8)
    pieces = [
        "%",
        "%2",
        "%25",
        "a",
        "+",
        "\n",
        "%8",
        "%E",
        "9",
        "f",
        "\u00e9",
        "%C3%A9",
        "%E2%82%AC",
        "%F0%9F%98%80",
    ]
    pieces += ["%ED%9F%BF", "%ED%A0%80", "%EE%80%80", "%F4%8F%BF%BF", "%F4%90%80%80"]
    pieces += [f"%{byte:02x}" for byte in range(0, 256, 5)]
    texts = ["".join(rng.choices(pieces, k=rng.randrange(8))) for _ in range(3000)]
    text = (
        f"SELECT x, {DUCKDB.decoded.format('x')}, try(url_decode(x)) FROM (SELECT"
        " unnest(?::VARCHAR[]) AS x)"
    )
    rows = database.execute(text, [texts]).fetchall()
    assert [row for row in rows if row[1] != row[2]] == []
    assert 500 < sum(row[1] is None for row in rows) < 2500


def test_hostile_filters_stay_text(database: Any) -> None:
    hostile = {"key": ["a' OR true --", "100%_!", "\\'"], "key_prefix": "x' OR '1'='1"}
    for dialect in (DUCKDB, TRINO):
        assert not [
            row for row in run(database, all_rows(None, None, hostile), dialect) if row[0] == "hit"
        ]


def test_a_literal_ends_where_the_dialect_ends_it() -> None:
    escaping = dataclasses.replace(DUCKDB, escape=True)  # backslash and quote, each escaped
    assert "'\\\\\\''" in conditions({"bucket": "\\'"}, escaping)
    # the quote is doubled
    assert all("'\\'''" in conditions({"bucket": "\\'"}, each) for each in (DUCKDB, TRINO))
