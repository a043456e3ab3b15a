"""Hits: requests of access logs that can be filtered, counted, joined with a restriction, and exported."""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.errors import InvalidInput, MissingExtra
from ..base.ledger import RecordedPlace
from ..base.network import IPNetwork, Ranges, parse_endpoint_id, parse_networks, read_address, to_address
from ..base.truth import Ambiguous
from . import activity
from .coverage import Coverage
from .engines.duckdb_store import Store
from .named_networks import Networks, NetworksLike, networks_from
from .network_names import NAMES, allowlist_of, application_table, name_table
from .refusals import Refusal, predicted
from .sql.derived_columns import late
from .sql.dialects import DUCKDB
from .sql.group_by import check_columns, check_limit, finish, group_parts, lookup_table, shown
from .sql.literals import literal
from .sql.log_columns import DERIVED, EXTRA, FIELDS, GROUPED, OPENED, SIGNER, STORED, UPLOAD
from .sql.query import as_list, conditions, in_range
from .stored_table import guarded
from .table import Table, writable
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
"""Up to this many rows are computed first: that takes less time than planning a query over the view each time."""


class Hits(Ambiguous):
    """Rows of access logs. Made by :func:`~gt_secure.logs.read_hits`; every filter gives new hits, nothing changes.

    Attributes
    ----------
    coverage : Coverage
        What was read to get these rows, and what they do not prove.
    networks : Networks or None
        Names of networks, after :meth:`with_networks`.
    other : Hits or None
        The same rows in the other reading of the odd lines; None where no line is odd.
    place : RecordedPlace or None
        Account and region that the log was read from, where a notebook records them.
    subject : str
        The bucket whose log it is; ``the log`` without one.
    """

    _ask = "len(hits), or hits.coverage.unread"

    def __init__(
        self,
        store: Store,
        relation: str,
        coverage: Coverage,
        columns: tuple[str, ...] = (),
        *,
        other: Hits | None = None,
    ) -> None:
        self._store = store
        self.coverage = coverage
        self.other = other
        self._columns = columns
        self.networks: Networks | None = None
        self.place: RecordedPlace | None = None
        self.subject = "the log"
        if not columns:
            # A view, so that a query computes only what it names. Each query plans a view again, but not a table.
            view = store.new_name("hits")
            computed = late(test_urls=store.test_urls, viewers=store.viewers)
            picks = ", ".join(f"{text} AS {name}" for name, text in computed.items())
            form = "TEMP TABLE" if coverage.hits <= _FEW else "VIEW"
            store.query(f"CREATE {form} {view} AS SELECT *, {picks} FROM ({relation})")
            relation = f"SELECT * FROM {view}"
        self._relation = relation

    def __repr__(self) -> str:
        return f"Hits({len(self):,} rows from {self.coverage.objects:,} log objects)"

    def __len__(self) -> int:
        return int(self._store.query(f"SELECT count(*) FROM ({self._relation})")[0][0])

    def close(self) -> None:
        """Delete the temporary files now, rather than with the last reference."""
        self._store.close()

    def __enter__(self) -> Hits:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names to filter, group and show by."""
        return (*_SHOWN, *(c for c in DERIVED if c not in _SHOWN), *self._columns)

    def _with(self, relation: str, *more: str) -> Hits:
        hits = Hits(self._store, relation, self.coverage, (*self._columns, *more) or ("refused",))
        hits.networks, hits.place, hits.subject = self.networks, self.place, self.subject
        return hits

    def _asked(self, ask: Callable[[Hits], T]) -> T:
        """Return an answer, and note in the coverage whether the other reading of odd lines gives another one."""
        answer = ask(self)
        self.coverage.ambiguous = self.other is not None and ask(self.other) != answer
        return answer

    def filter(
        self,
        *,
        since: TimeLike | None = None,
        until: TimeLike | None = None,
        address: str | Iterable[str] | None = None,
        network: str | Iterable[str | IPNetwork] | None = None,
        endpoint: str | Iterable[str] | None = None,
        status: int | Iterable[int] | None = None,
        auth_type: str | Iterable[str] | None = None,
        key: str | Iterable[str] | None = None,
        key_prefix: str | None = None,
        requester: str | Iterable[str] | None = None,
        operation: str | Iterable[str] | None = None,
        bucket: str | Iterable[str] | None = None,
        application: str | Iterable[str] | None = None,
        fingerprint: str | Iterable[str] | None = None,
        viewer: str | Iterable[str] | None = None,
        presigned: bool | None = None,
        refused: bool | None = None,
        test: bool | None = None,
        allowlist: str | Iterable[str] | None = None,
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
            A product that requests identify, such as ``MLflow``, ``a browser``, or the first word of the agent.
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
        if address is not None:
            wanted = {to_address(a) for a in as_list(address)}
            parts.append(self._addresses(lambda a: a in wanted))
        if network is not None:
            ranges = Ranges(parse_networks(network))
            parts.append(self._addresses(ranges.holds))
        return self.where(" AND ".join(parts))

    def where(self, condition: str) -> Hits:
        """Keep the requests that match an SQL condition on the columns, for what :meth:`filter` cannot express.

        Parameters
        ----------
        condition : str
            SQL, as after WHERE. Build it from fixed text: it is not checked.

        Examples
        --------
        >>> hits.where("bytes_sent > 1_000_000 AND presigned")  # doctest: +SKIP
        """
        hits = self._with(f"SELECT * FROM ({self._relation}) WHERE {condition}")
        hits.other = None if self.other is None else self.other.where(condition)
        return hits

    def _sources(self) -> list[tuple[str, str | None]]:
        found = self._store.query(
            f"SELECT DISTINCT remote_ip, endpoint FROM ({self._relation}) WHERE remote_ip IS NOT NULL"
        )
        return found if self.other is None else list({*found, *self.other._sources()})

    def _addresses(self, wanted: Callable[[Any], bool]) -> str:
        found = [
            text
            for text in {text for text, _ in self._sources()}
            if (address := read_address(text)) is not None and wanted(address)
        ]
        name = lookup_table(self._store, "wanted", {"remote_ip": found})
        return f"remote_ip IN (SELECT remote_ip FROM {name})"

    @activity.step(activity.SIDES)
    def with_restriction(self, networks: str | Iterable[str | IPNetwork] = (), endpoints: Iterable[str] = ()) -> Hits:
        """Add the column ``allowlist``: the side of a restriction's lists that each row came from.

        ``endpoint``: through a listed VPC endpoint, or through one the log does not name (access logs give only the
        private address, CloudTrail names it); ``inside`` or ``outside`` the networks; ``unknown``: no address (AWS
        itself).
        """
        ranges = Ranges(parse_networks(networks))
        allowed = {parse_endpoint_id(e) for e in endpoints}
        pairs = self._sources()
        sides = [allowlist_of(text, endpoint, ranges, allowed) for text, endpoint in pairs]
        table = lookup_table(
            self._store,
            "allowlist",
            {"remote_ip": [a for a, _ in pairs], "endpoint": [e for _, e in pairs], "value": sides},
        )
        known = "allowlist" in self._columns
        rows = f"SELECT * EXCLUDE (allowlist) FROM ({self._relation})" if known else self._relation
        relation = f"""SELECT r.*, coalesce(p.value, 'unknown') AS allowlist FROM ({rows}) r LEFT JOIN {table} p
            ON r.remote_ip = p.remote_ip AND r.endpoint IS NOT DISTINCT FROM p.endpoint"""
        joined = self._with(relation, *(() if known else ("allowlist",)))
        joined.other = None if self.other is None else self.other.with_restriction(networks, endpoints)
        return joined

    @activity.step(activity.NETWORKS)
    def with_networks(self, networks: NetworksLike) -> Hits:
        """Add the columns ``network_name``, ``network_source``, ``asn`` and ``country``, and names of applications.

        Parameters
        ----------
        networks : Networks or path, or several paths
            Networks files, AWS's ``ip-ranges.json``, and MMDB databases; see :mod:`gt_secure.logs.named_networks`.

        Notes
        -----
        Each distinct address is looked up once. What no file knows is NULL.
        """
        known = networks_from(networks)
        addresses = sorted({address for address, _ in self._sources()})
        table = name_table(self._store, addresses, known)
        columns = ", ".join(f'"{name}"' for name in NAMES if name in self._columns)
        rows = f"SELECT * EXCLUDE ({columns}) FROM ({self._relation})" if columns else self._relation
        picks = ", ".join(f"n.{name}" for name in NAMES)
        if known.applications:
            requesters = [row[0] for row in self.query("SELECT DISTINCT requester FROM {hits} WHERE requester <> ''")]
            signers = application_table(self._store, requesters, known)
            rows = f"""SELECT r.* REPLACE (coalesce(s.named, r.application) AS application)
                FROM ({rows}) r LEFT JOIN {signers} s ON r.requester = s.requester"""
        relation = f"SELECT r.*, {picks} FROM ({rows}) r LEFT JOIN {table} n ON r.remote_ip = n.remote_ip"
        named = self._with(relation, *(name for name in NAMES if name not in self._columns))
        named.networks = known
        named.other = None if self.other is None else self.other.with_networks(known)
        return named

    @activity.step(activity.PREDICTING)
    def with_refusals(self, decide: Callable[[Refusal], str | None]) -> Hits:
        """Fill ``refused_by`` in where the log does not name it; every such text ends with ``(predicted)``.

        Parameters
        ----------
        decide : callable
            Takes a :data:`~gt_secure.logs.refusals.Refusal`, gives the lock that refuses it today, or None if
            that is not known; called once for requests that are alike.
        """
        relation, note = predicted(self._store, self._relation, decide)
        judged = self._with(f"SELECT * FROM ({relation})")
        if note is not None:
            judged.coverage = replace(self.coverage, notes=[*self.coverage.notes, note])
        judged.other = None if self.other is None else self.other.with_refusals(decide)
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
        return Table([*names, "hits"], self._asked(lambda hits: hits._counted(names, limit).rows))

    def _counted(self, names: list[str], limit: int | None) -> Table:
        table = self._store.new_name("grouped")
        parts = "".join(f"{part}, " for part in group_parts(names))
        self._store.query(
            f"CREATE TEMP TABLE {table} AS SELECT {parts}count(*) AS hits FROM ({self._relation}) GROUP BY ALL"
        )
        try:
            return finish(self._store, table, names, limit, once=True)
        finally:
            self._store.query(f"DROP TABLE {table}")

    @activity.step(activity.ROWS)
    def rows(self, *, columns: Sequence[str] | None = None, limit: int | None = 1000) -> Table:
        """Rows in the order of their time, at most ``limit``."""
        names = check_columns(columns, self.columns) if columns else self._shown
        most = "" if check_limit(limit) is None else f" LIMIT {limit}"
        return Table(names, self._asked(lambda hits: hits._store.query(hits._select(names) + most)))

    @property
    def _shown(self) -> list[str]:
        return [*_SHOWN, *(name for name in self._columns if name not in _SHOWN)]

    def _select(self, names: Sequence[str]) -> str:
        if "network" in names:
            raise InvalidInput(
                "Rows have no network of their own.", next_step="Count by network instead.", field="columns"
            )
        texts = {name: GROUPED[name][1].format("r.time") if name in GROUPED else shown(name, "r") for name in names}
        picks = ", ".join(f'{text} AS "{name}"' for name, text in texts.items())
        return f"SELECT {picks} FROM ({self._relation}) r ORDER BY r.time, r.source, r.pos"

    @activity.step(activity.LEAKS)
    def leaks(self, rules: LeakRules | None = None) -> Leaks:
        """URLs that were used from more than one place; see :mod:`gt_secure.logs.leaks`."""
        from .leaks import LeakRules, find_leaks

        rules = rules or LeakRules()
        named = rules if rules.networks is not None else replace(rules, networks=self.networks)
        if self.other is not None:
            pair = [find_leaks(hits, named) for hits in (self.other, self)]
            self.coverage.ambiguous = pair[0].to_dict() != pair[1].to_dict()
        return find_leaks(self, named, self.coverage.unread)

    def presigners(self, bucket: str, prefix: str = "") -> tuple[dict[str, int], int]:
        """Return who signed URLs for reading that were opened, the busiest first, and the days that the log covers.

        A role has one entry for all of its sessions, by the ARN of one of them.
        """
        chosen = self.filter(presigned=True, refused=False, test=False, bucket=bucket)
        rows = (chosen.filter(key_prefix=prefix) if prefix else chosen).query(
            f"SELECT min(requester), count(*) AS n FROM {{hits}} WHERE {OPENED} AND NOT {UPLOAD} "
            f"AND requester LIKE 'arn:%' GROUP BY {SIGNER} ORDER BY n DESC, 1"
        )
        [(first, last)] = self.query("SELECT min(time), max(time) FROM {hits}")
        days = 0 if first is None else (last - first).days + 1
        return {str(requester): int(number) for requester, number in rows}, days

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL written by this package, with ``{hits}`` for these rows."""
        return self._asked(lambda hits: hits._store.query(sql.replace("{hits}", f"({hits._relation})")))

    @activity.step(activity.ROWS)
    def to_pandas(self) -> Any:
        """All rows as a pandas DataFrame."""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise MissingExtra("pandas is not installed.", next_step="pip install pandas") from error
        self._compare_rows()
        return self._store.frame(self._select(self._shown))

    @activity.step(activity.ROWS)
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give all rows to pandas, polars, pyarrow, DuckDB or Narwhals; all columns keep their type."""
        self._compare_rows()
        return self._store.arrow_stream(self._select(self._shown), requested_schema)

    def _compare_rows(self) -> None:
        picks = ", ".join(f'"{name}"' for name in self._shown)
        rows = "SELECT {} FROM ({})"
        self._asked(
            lambda hits: (
                hits._store.query(f"SELECT count(*), bit_xor(hash(r)) FROM ({rows.format(picks, hits._relation)}) r")
                if self.other is not None
                else []
            )
        )

    def to_parquet(self, path: str | Path) -> None:
        """Write all rows to a Parquet file."""
        self._copy(path, "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 40960)", [])

    def to_csv(self, path: str | Path) -> None:
        """Write all rows to a CSV file without formulas: where text begins like one, it gets an apostrophe."""
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
        self._compare_rows()
        ordered = in_order(self._store, self._relation, lambda rows: self.where(rows)._select(self._shown))
        with ordered as select, writable(path):
            wrapped = f"SELECT * REPLACE ({guard}) FROM ({select})" if texts else select
            self._store.query(f"COPY ({wrapped}) TO {literal(path)} {options}")

    def _repr_html_(self) -> str:
        import html

        shown = self.count(["remote_ip", "refused"], limit=20)._repr_html_()
        return f"<div>{shown}<p>{html.escape(self.coverage.summary)}</p></div>"
