"""Counting and reading on an engine outside of this kernel: run the question,
make a table or hits of the answer.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from ...base.errors import InvalidInput, MissingExtra
from ...base.handed import handed
from ..coverage import ODD, Coverage, Sample, why_unreadable
from ..hits import Hits
from ..log_query import LogQuery, Runtime
from ..network_names import matching_addresses
from ..sql.group_by import check_columns, distinct, finish
from ..sql.literals import literal
from ..sql.log_columns import STORED
from ..sql.query import (
    Filters,
    Question,
    all_rows,
    load_rows,
    readings_agree,
    spell_anew,
    update_coverage,
)
from ..storage.listing import split_uri
from ..storage.opener import opener_of
from ..table import Table
from .athena import AthenaRun
from .athena_settings import Athena
from .duckdb_store import Store
from .selection import EngineChoice

GROUP = "gt_secure.log_engines"
"""Entry points of engines from other wheels, by name. Each makes a :class:`Run` of the sources, a
session or None, and the event that cancels it.
"""


class Run(Protocol):
    """One question on one engine."""

    def rows(self, question: Question, *, with_source: bool) -> Iterator[Any]:
        """Run it and give what came back."""

    def describe(self, coverage: Coverage) -> None:
        """Say what was read."""


def _run(choice: EngineChoice, query: LogQuery, runtime: Runtime) -> Run:
    if choice.engine != "athena":
        found = list(entry_points(group=GROUP, name=choice.engine))
        if not found:
            raise MissingExtra(
                f"The {choice.engine} engine is in a wheel that is not installed.",
                next_step=f"Run 'pip install gt_secure_{choice.engine}-*.whl' in the folder of the"
                " release's wheels, or use another engine.",
            )
        run: Run = found[0].load()(query.sources, runtime.session, runtime.cancel)
        return run
    settings = runtime.athena if runtime.athena is not None else Athena()
    make = handed("athena")
    client = make(runtime.aws, settings.workgroup) if make is not None else None
    if client is None:
        raise InvalidInput(
            "Athena needs a connection to AWS.", next_step="Pass aws=connect_aws().", field="aws"
        )
    opener, prefix = opener_of(runtime.aws), _prefix(query.sources, settings)
    return AthenaRun(
        client, opener, settings, prefix, query.since, query.until, runtime.progress, runtime.cancel
    )


def _prefix(sources: Any, settings: Athena) -> str | None:
    items = (
        [sources]
        if isinstance(sources, (str, Path)) or hasattr(sources, "uri")
        else list(sources or ())
    )
    uris = [str(getattr(item, "uri", item)) for item in items]
    if not uris and settings.table is not None:
        return None
    if len(uris) != 1 or not uris[0].startswith("s3://"):
        raise InvalidInput(
            "Athena reads one s3:// prefix at a time.",
            next_step="Name one s3:// prefix. Read files with another engine.",
            field="sources",
        )
    split_uri(uris[0])
    return uris[0]


def count_elsewhere(
    by: str | Sequence[str], choice: EngineChoice, query: LogQuery, runtime: Runtime
) -> tuple[Table, Coverage]:
    """Count hits; see :func:`~gt_secure.logs.count_hits`."""
    names = check_columns(by)
    run = _run(choice, query, runtime)
    question = Question(
        tuple(names), query.since, query.until, query.filters, runtime.test_urls, runtime.viewers
    )
    store = Store(runtime.memory_limit, test_urls=runtime.test_urls, viewers=runtime.viewers)
    try:
        table = _answer(store, run, question, with_source=False)
        coverage = _coverage(store, table, run, question, choice)
        _keep_addresses(store, table, query.filters)
        spell_anew(store, table, names)
        coverage.ambiguous = bool(coverage.odd) and not readings_agree(store, table, names)
        store.query(f"DELETE FROM {table} WHERE state NOT IN ('hit', 'odd hit')")
        return finish(store, table, names, doubts=coverage.doubts), coverage
    finally:
        store.close()


def read_elsewhere(choice: EngineChoice, query: LogQuery, runtime: Runtime) -> Hits:
    """Read hits; see :func:`~gt_secure.logs.read_hits`."""
    run = _run(choice, query, runtime)
    question = all_rows(query.since, query.until, query.filters, runtime.test_urls, runtime.viewers)
    store = Store(runtime.memory_limit, test_urls=runtime.test_urls, viewers=runtime.viewers)
    try:
        table = _answer(store, run, question, with_source=True)
        coverage = _coverage(store, table, run, question, choice)
        spell_anew(store, table, ("remote_ip",))
        columns = ", ".join(f'"{name}"' for name in STORED)
        # Lines that are alike came back as one with a number.
        store.query(f"""CREATE TABLE rows AS
            SELECT CAST(dense_rank() OVER (ORDER BY source) - 1 AS INTEGER) AS source,
            row_number() OVER () AS pos,
                state, true AS readable, {columns}
            FROM (SELECT *, unnest(range(hits)) FROM {table} WHERE state LIKE '%hit')""")
        good, other = (
            f"SELECT * FROM rows WHERE state <> '{state} hit'" for state in ("other", "odd")
        )
        if query.dedupe:
            [(before,)] = store.query(f"SELECT count(*) FROM ({good})")
            good = distinct(store, good)
            other = distinct(store, other) if coverage.odd else other
            coverage.duplicates = before - store.query(f"SELECT count(*) FROM ({good})")[0][0]
            coverage.hits -= coverage.duplicates
        hits = Hits(store, (good, other) if coverage.odd else (good,), coverage)
        return hits.filter(**query.local_filters) if query.local_filters else hits
    except BaseException:
        store.close()
        raise


def _answer(store: Store, run: Run, question: Question, *, with_source: bool) -> str:
    rows = run.rows(question, with_source=with_source)
    with contextlib.closing(rows):  # type: ignore[type-var]
        return load_rows(store, question, rows, with_source=with_source)


def _coverage(
    store: Store, table: str, run: Run, question: Question, choice: EngineChoice
) -> Coverage:
    coverage = Coverage(
        since=question.since,
        until=question.until,
        engine=choice.engine,
        engine_reason=choice.reason,
    )
    unreadable, odd = update_coverage(coverage, store, table)
    coverage.samples = [
        Sample(name, pos, why_unreadable(text), text) for name, pos, text in unreadable
    ]
    coverage.odd_samples = [Sample(name, pos, ODD, text) for name, pos, text in odd]
    run.describe(coverage)
    return coverage


def _keep_addresses(store: Store, table: str, filters: Filters) -> None:
    """Take out the groups whose address the filters of this kernel do not want."""
    address, network = filters.get("address"), filters.get("network")
    if address is None and network is None:
        return
    addresses = [
        row[0]
        for row in store.query(
            f"SELECT DISTINCT remote_ip FROM {table} WHERE remote_ip IS NOT NULL"
        )
    ]
    names = ", ".join(map(literal, matching_addresses(addresses, address, network))) or "NULL"
    store.query(
        f"DELETE FROM {table} WHERE state LIKE '%hit' AND coalesce(remote_ip NOT IN ({names}),"
        " true)"
    )
