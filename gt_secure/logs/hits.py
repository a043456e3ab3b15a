"""Hits: requests of access logs that can be filtered, counted,
joined with a restriction, and exported.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.allowed import Allowed, AllowedLike
from ..base.columns import data_frames
from ..base.copies import NotCopied
from ..base.errors import InvalidInput
from ..base.network import IPNetwork, Ranges
from ..base.text import Json, Texts, TextsLike
from ..base.truth import Ambiguous
from . import activity
from .coverage import Coverage
from .engines.duckdb_store import Store
from .named_networks import Networks, NetworksLike, networks_from
from .network_names import NAMES, allowlist_of, matching_addresses, name_table
from .refusals import Refusal, predicted
from .sql.derived_columns import late
from .sql.dialects import DUCKDB
from .sql.group_by import check_columns, check_limit, finish, group_parts, lookup_table, shown
from .sql.literals import literal
from .sql.log_columns import DERIVED, EXTRA, FIELDS, GROUPED, OPENED, SIGNER, STORED, UPLOAD
from .sql.query import conditions, in_range
from .stored_table import guarded
from .table import SqlRows, Table, writable
from .time_order import in_order
from .time_range import TimeLike, parse_time

if TYPE_CHECKING:
    from .leaks import LeakRules, Leaks

T = TypeVar("T")

_SHOWN = (
    *FIELDS,
    *EXTRA,
    "presigned",
    "refused",
    "test",
    "fingerprint",
    "access_key",
    "signed_at",
    "age_s",
    "expires_s",
)


_FEW = 5_000
"""Up to this many rows are computed first:
that takes less time than planning a query over the view each time.
"""


def worse_leaks(leaks: Leaks) -> tuple[int, int]:
    """Return the order of leaks where readings differ: what was opened counts before what was only
    tried.
    """
    return leaks.leaked, len(leaks)


class Hits(NotCopied, Ambiguous):
    """Rows of access logs. Made by :func:`~gt_secure.logs.read_hits`; every filter gives new hits,
    nothing changes.

    Attributes
    ----------
    coverage : Coverage
        What was read to get these rows, and what they do not prove. It is in doubt where the other
        reading of odd lines has other rows, whatever is asked about them; the coverage of one
        answer is that of :meth:`asked`.
    networks : Networks or None
        Names of networks, after :meth:`with_networks`.
    place : tuple of str or None
        Account and region that the log was read from, as a connection noted them.
    subject : str
        The bucket whose log it is; ``the log`` without one.
    conditions : dict
        What the rows were chosen by, except times and the bucket.
    owners_of : callable
        Returns the workteams of a bucket from a team and the bucket, as a connection reads them;
        else None.
    """

    _stays = (
        "Hits are in a database of this process and cannot be pickled or copied."
        " Call .to_pandas() or .to_parquet(path)."
    )

    _ask = "len(hits), or hits.coverage.unread"

    def __init__(
        self,
        store: Store,
        relations: Sequence[str],
        coverage: Coverage,
        columns: Texts = (),
    ) -> None:
        self._store = store
        self._read = coverage
        self._columns = columns
        self.networks: Networks | None = None
        self.place: Texts | None = None
        self.subject = "the log"
        self.conditions: Json = {}
        self.owners_of: Callable[[Any, str], Any] = lambda _team, _bucket: None
        # A view, so that a query computes only what it names. Each query plans a view again, but
        # not a table.
        self._relations = tuple(relations) if columns else tuple(map(self._view, relations))
        """The rows as SQL, in each reading of the odd lines: first as the lines stand."""

    def _view(self, rows: str) -> str:
        view = self._store.new_name("hits")
        computed = late(test_urls=self._store.test_urls, viewers=self._store.viewers)
        picks = ", ".join(f"{text} AS {name}" for name, text in computed.items())
        form = "TEMP TABLE" if self._read.hits <= _FEW else "VIEW"
        self._store.query(f"CREATE {form} {view} AS SELECT *, {picks} FROM ({rows})")
        return f"SELECT * FROM {view}"

    @property
    def _relation(self) -> str:
        return self._relations[0]

    def __repr__(self) -> str:
        return f"Hits({len(self):,} rows from {self.coverage.objects:,} log objects)"

    def __len__(self) -> int:
        return int(self._store.query(f"SELECT count(*) FROM ({self._relation})")[0][0])

    def __iter__(self) -> Iterator[Json]:
        return iter(self[:])

    def __getitem__(self, index: Any) -> Any:
        """Rows in the order of their time: a dictionary, or a table for a slice."""
        stop = index.stop if isinstance(index, slice) else index + 1
        return self.rows(limit=stop if stop is not None and stop > 0 else None)[index]

    def head(self, number: int = 5) -> Table:
        """Return the first rows in the order of their time."""
        return self.rows(limit=number)

    def close(self) -> None:
        """Delete the temporary files now, rather than with the last reference."""
        self._store.close()

    def __enter__(self) -> Hits:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def columns(self) -> Texts:
        """Names to filter, group and show by."""
        return (*_SHOWN, *(c for c in DERIVED if c not in _SHOWN), *self._columns)

    def _with(self, relations: Iterable[str], *more: str) -> Hits:
        hits = Hits(
            self._store, tuple(relations), self._read, (*self._columns, *more) or ("refused",)
        )
        hits.networks, hits.place, hits.subject = self.networks, self.place, self.subject
        hits.conditions = self.conditions
        hits.owners_of = self.owners_of
        return hits

    @cached_property
    def coverage(self) -> Coverage:
        """The coverage of these rows, in doubt where the other reading of odd
        lines has other rows.
        """
        if len(self._relations) == 1:
            return self._read
        rows = "SELECT count(*), sum(hash(r)) FROM ({}) r"
        return self.asked(lambda each: each.query(rows.format(each._select(each._shown))))[1]

    @property
    def readings(self) -> tuple[Hits, ...]:
        """The rows in each reading of the odd lines, first as the lines stand:
        one where no line is odd.
        """
        return tuple(self._with([each]) for each in self._relations)

    def asked(
        self, question: Callable[[Hits], T], worse: Callable[[T], Any] = lambda _: 0
    ) -> tuple[T, Coverage]:
        """Return the answer to a question, and what was read for it.

        Ask the whole question: that the readings agree on one of its parts says nothing of the
        others.

        Parameters
        ----------
        question : callable
            Takes the hits of one reading, and returns an answer that can be compared.
        worse : callable
            The order of answers where the readings differ: the greatest is returned. By default, it
            is the answer from the lines as they stand.
        """
        answers = [question(each) for each in self.readings]
        return max(answers, key=worse), replace(self._read, ambiguous=answers[1:] != answers[:-1])

    def filter(
        self,
        *,
        since: TimeLike | None = None,
        until: TimeLike | None = None,
        address: TextsLike | None = None,
        network: str | Iterable[str | IPNetwork] | None = None,
        endpoint: TextsLike | None = None,
        status: int | Iterable[int] | None = None,
        auth_type: TextsLike | None = None,
        key: TextsLike | None = None,
        key_prefix: str | None = None,
        requester: TextsLike | None = None,
        operation: TextsLike | None = None,
        bucket: TextsLike | None = None,
        application: TextsLike | None = None,
        fingerprint: TextsLike | None = None,
        viewer: TextsLike | None = None,
        presigned: bool | None = None,
        refused: bool | None = None,
        test: bool | None = None,
        allowlist: TextsLike | None = None,
    ) -> Hits:
        """Keep the requests that match all conditions; a list matches any of its values.

        Parameters
        ----------
        since, until : str or datetime
            UTC, ``until`` not included.
        address, network : str or list
            Exact source addresses (in any notation), or ranges that hold them.
        key, key_prefix : str
            ``key`` may hold ``*`` for any text.
        presigned, refused, test : bool
            By presigned URL; status 401 or 403; our own test requests.
        application : str or list
            A product that requests identify, such as ``MLflow``, ``a browser``, or the first word
            of the agent.
        viewer : str or list
            The tag of a viewer, which was signed; ``anna (claimed)`` is one that nothing proves.
        allowlist : str
            After :meth:`with_restriction`: ``inside``, ``outside``, ``endpoint`` or ``unknown``.
        """
        parts = [in_range(parse_time(since, "since"), parse_time(until, "until"))]
        if allowlist is not None and "allowlist" not in self._columns:
            raise InvalidInput(
                "These hits are not joined with a restriction.",
                next_step="Call with_restriction first.",
                field="allowlist",
            )
        same = {
            "endpoint": endpoint,
            "status": status,
            "auth_type": auth_type,
            "key": key,
            "key_prefix": key_prefix,
            "requester": requester,
            "operation": operation,
            "bucket": bucket,
            "application": application,
            "fingerprint": fingerprint,
            "viewer": viewer,
            "presigned": presigned,
            "refused": refused,
            "test": test,
            "allowlist": allowlist,
        }
        parts.append(conditions(same, DUCKDB))
        if address is not None or network is not None:
            known = (text for text, _ in self._distinct("remote_ip, endpoint"))
            table = lookup_table(
                self._store, "wanted", {"remote_ip": matching_addresses(known, address, network)}
            )
            parts.append(f"remote_ip IN (SELECT remote_ip FROM {table})")
        hits = self.where(" AND ".join(parts))
        given = {**same, "bucket": None, "address": address, "network": network}
        chosen = {name: value for name, value in given.items() if value is not None}
        hits.conditions = {**self.conditions, **chosen}
        return hits

    def where(self, condition: str) -> Hits:
        """Keep the requests that match an SQL condition on the columns, for what :meth:`filter`
        cannot express.

        Parameters
        ----------
        condition : str
            SQL, as after WHERE. Build it from fixed text: it is not checked.

        Examples
        --------
        >>> hits.where("bytes_sent > 1_000_000 AND presigned")  # doctest: +SKIP
        """
        rows = (f"SELECT * FROM ({rows}) WHERE {condition}" for rows in self._relations)
        hits = self._with(rows)
        hits.conditions = {**self.conditions, "where": condition}
        return hits

    def _distinct(self, names: str) -> SqlRows:
        """Return the values of columns in any reading, where the first one has a value."""
        rows = " UNION ALL ".join(self._relations)
        return [
            row for row in self._store.query(f"SELECT DISTINCT {names} FROM ({rows})") if row[0]
        ]

    @activity.step(activity.SIDES)
    def with_restriction(self, allowed: AllowedLike = ()) -> Hits:
        """Add the column ``allowlist``: the side of the allowed sources that each row came from.

        ``endpoint``: through a listed VPC endpoint, or through one the log does not name (access
        logs give only the private address, CloudTrail names it); ``inside`` or ``outside`` the
        networks; ``unknown``: no address (AWS itself), or an endpoint that may be in an allowed
        VPC, which no log says.
        """
        listed = Allowed.of(allowed)
        ranges = Ranges(listed.networks)
        pairs = self._distinct("remote_ip, endpoint")
        sides = [allowlist_of(text, endpoint, ranges, listed) for text, endpoint in pairs]
        table = lookup_table(
            self._store,
            "allowlist",
            {"remote_ip": [a for a, _ in pairs], "endpoint": [e for _, e in pairs], "value": sides},
        )
        known = "EXCLUDE (allowlist)" if "allowlist" in self._columns else ""
        joined = f"""SELECT r.*, coalesce(p.value, 'unknown') AS allowlist FROM (SELECT * {known}
            FROM ({{}})) r
            LEFT JOIN {table} p ON r.remote_ip = p.remote_ip
            AND r.endpoint IS NOT DISTINCT FROM p.endpoint"""
        return self._with(map(joined.format, self._relations), *(() if known else ("allowlist",)))

    @activity.step(activity.NETWORKS)
    def with_networks(self, networks: NetworksLike) -> Hits:
        """Add the column ``network_name``.

        Parameters
        ----------
        networks : Networks or path, or several paths
            Networks files; see :mod:`gt_secure.logs.named_networks`.

        Notes
        -----
        Each distinct address is looked up once. What no file knows is NULL.
        """
        known = networks_from(networks)
        addresses = sorted({address for address, _ in self._distinct("remote_ip, endpoint")})
        table = name_table(self._store, addresses, known)
        columns = ", ".join(f'"{name}"' for name in NAMES if name in self._columns)
        rows = f"SELECT * {f'EXCLUDE ({columns})' if columns else ''} FROM ({{}})"
        picks = ", ".join(f"n.{name}" for name in NAMES)
        joined = (
            f"SELECT r.*, {picks} FROM ({rows}) r LEFT JOIN {table} n ON r.remote_ip = n.remote_ip"
        )
        more = (name for name in NAMES if name not in self._columns)
        named = self._with(map(joined.format, self._relations), *more)
        named.networks = known
        return named

    @activity.step(activity.PREDICTING)
    def with_refusals(self, decide: Callable[[Refusal], str | None]) -> Hits:
        """Fill ``refused_by`` in where the log does not name it; every such text ends with
        ``(predicted)``.

        Parameters
        ----------
        decide : callable
            Takes a :data:`~gt_secure.logs.refusals.Refusal`, gives the lock that refuses it today,
            or None if that is not known; called once for requests that are alike.
        """
        relations, notes = zip(
            *(predicted(self._store, each, decide) for each in self._relations), strict=True
        )
        judged = self._with(relations)
        judged._read = replace(self._read, notes=[*self._read.notes, *filter(None, notes[:1])])
        return judged

    @activity.step(activity.COUNTING)
    def count(self, by: str | Sequence[str] = (), *, limit: int | None = None) -> Table:
        """Count rows by columns, most first.

        Parameters
        ----------
        by : list of str or comma-separated str
            Any of :attr:`columns`; ``network`` is the /24 or /64 around an address.
        """
        names, limit = check_columns(by, self.columns) if by else [], check_limit(limit)
        table = self._store.new_name("grouped")
        parts = "".join(f"{part}, " for part in group_parts(names))
        self._store.query(
            f"CREATE TEMP TABLE {table} AS SELECT {parts}count(*) AS hits FROM ({self._relation})"
            " GROUP BY ALL"
        )
        try:
            counted = finish(self._store, table, names, limit, once=True)
            return self._table(counted.columns, counted.rows)
        finally:
            self._store.query(f"DROP TABLE {table}")

    @activity.step(activity.ROWS)
    def rows(self, *, columns: Sequence[str] | None = None, limit: int | None = 1000) -> Table:
        """Rows in the order of their time, at most ``limit``."""
        names = check_columns(columns, self.columns) if columns else self._shown
        most = "" if check_limit(limit) is None else f" LIMIT {limit}"
        return self._table(names, self.query(self._select(names) + most))

    def _table(self, columns: Sequence[str], rows: SqlRows) -> Table:
        """Return rows as a table; without one, it says why that is unknown."""
        return Table(columns, rows, self._read.doubts if rows in ([], [(0,)]) else ())

    @property
    def _shown(self) -> list[str]:
        return [*_SHOWN, *(name for name in self._columns if name not in _SHOWN)]

    def _select(self, names: Sequence[str]) -> str:
        if "network" in names:
            raise InvalidInput(
                "Rows have no network of their own.",
                next_step="Count by network instead.",
                field="columns",
            )
        texts = {
            name: GROUPED[name][1].format("r.time") if name in GROUPED else shown(name, "r")
            for name in names
        }
        picks = ", ".join(f'{text} AS "{name}"' for name, text in texts.items())
        return f"SELECT {picks} FROM ({self._relation}) r ORDER BY r.time, r.source, r.pos"

    @activity.step(activity.LEAKS)
    def leaks(self, rules: LeakRules | None = None) -> Leaks:
        """URLs that were used from more than one place; see :mod:`gt_secure.logs.leaks`."""
        from .leaks import LeakRules, find_leaks

        rules = rules or LeakRules()
        named = rules if rules.networks is not None else replace(rules, networks=self.networks)
        leaks, coverage = self.asked(lambda hits: find_leaks(hits, named), worse_leaks)
        leaks.unread = coverage.doubts
        return leaks

    def presigners(self, bucket: str, prefix: str = "") -> tuple[dict[str, int], int]:
        """Return who signed URLs for reading that were opened, the busiest first, and the days that
        the log covers.

        A role has one entry for all of its sessions, by the ARN of one of them. Who signed in any
        reading of the odd lines is among them.
        """
        signers: dict[str, int] = {}
        for each in self.readings:
            chosen = each.filter(presigned=True, refused=False, test=False, bucket=bucket)
            rows = (chosen.filter(key_prefix=prefix) if prefix else chosen).query(
                f"SELECT min(requester), count(*) AS n FROM {{hits}} WHERE {OPENED} AND NOT"
                f" {UPLOAD} AND requester LIKE 'arn:%' GROUP BY {SIGNER} ORDER BY n DESC, 1"
            )
            signers = {str(requester): int(number) for requester, number in rows} | signers
        [(first, last)] = self.query("SELECT min(time), max(time) FROM {hits}")
        return signers, 0 if first is None else (last - first).days + 1

    def query(self, sql: str) -> SqlRows:
        """Run SQL written by this package, with ``{hits}`` for these rows."""
        return self._store.query(sql.replace("{hits}", f"({self._relation})"))

    @activity.step(activity.ROWS)
    def to_pandas(self) -> Any:
        """All rows as a pandas DataFrame."""
        data_frames()
        return self._store.frame(self._select(self._shown))

    @activity.step(activity.ROWS)
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give all rows to pandas, polars, pyarrow, DuckDB or Narwhals;
        all columns keep their type.
        """
        return self._store.arrow_stream(self._select(self._shown), requested_schema)

    def to_parquet(self, path: str | Path) -> None:
        """Write all rows to a Parquet file."""
        self._copy(path, "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 40960)", [])

    def to_csv(self, path: str | Path) -> None:
        """Write all rows to a CSV file without formulas: where text begins like one,
        it gets an apostrophe.
        """
        kinds = {**STORED, **DERIVED}
        text = [name for name in self._shown if kinds.get(name, "VARCHAR") == "VARCHAR"]
        quoted = ", ".join(f'"{name}"' for name in text)
        self._copy(path, f"(FORMAT csv, HEADER, FORCE_QUOTE ({quoted}))", text)

    def to_json(self, path: str | Path) -> None:
        """Write all rows to a file of JSON lines."""
        self._copy(path, "(FORMAT json)", [])

    @activity.step(activity.WRITING)
    def _copy(self, path: str | Path, options: str, texts: Sequence[str]) -> None:
        guard = ", ".join(f"{guarded(name)} AS {name}" for name in (f'"{text}"' for text in texts))
        ordered = in_order(
            self._store, self._relation, lambda rows: self.where(rows)._select(self._shown)
        )
        with ordered as select, writable(path):
            wrapped = f"SELECT * REPLACE ({guard}) FROM ({select})" if texts else select
            self._store.query(f"COPY ({wrapped}) TO {literal(path)} {options}")

    def _repr_html_(self) -> str:
        import html

        shown = self.count(["remote_ip", "refused"], limit=20)._repr_html_()
        return f"<div>{shown}<p>{html.escape(self.coverage.summary)}</p></div>"
