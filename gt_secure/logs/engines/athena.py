"""Athena: the same SQL text in Trino's dialect, over the raw lines in S3. Needs only boto3.

Athena bills the bytes that a query reads, so every query is shown with an estimate and runs only
after a yes. The lines come from a table of our own that is made over the log's prefix and dropped
afterwards, or from a table of raw lines that is there already.

Sources: Amazon Athena API Reference (StartQueryExecution, GetQueryExecution, GetQueryResults,
StopQueryExecution, GetTableMetadata) and Amazon Athena User Guide (*Considerations and
limitations*, *Service quotas*: 262,144 bytes of query text; *Query output location*; *Data usage
controls*).
"""

# ruff: noqa: S608 - names are checked by Athena.__post_init__, locations are quoted

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...base.errors import InvalidInput, LogError, NotFound
from ...base.text import size_text
from ..coverage import Coverage
from ..sql.derived_columns import from_lines
from ..sql.dialects import TRINO
from ..sql.query import Question, statement
from ..storage.listing import LATE, list_logs, path_ranges, split_uri
from ..storage.opener import Opener
from .athena_query import CATALOG, Flow, QueryProgress, QueryService
from .athena_settings import MAX_QUERY_BYTES, Athena, Estimate

_TEXT = ("string", "varchar", "char")
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


@dataclass(frozen=True)
class RawTable:
    """A table with one column that holds a whole line, and its ``s3://`` folder with a slash at the
    end, if that is known.
    """

    database: str
    name: str
    column: str
    location: str

    def lines(self, condition: str) -> str:
        """A relation with source, pos and line, for objects whose ``"$path"`` fulfils a condition.

        Hive takes the text ``\\N`` for an absent value: it is given back.
        """
        return (
            f'(SELECT "$path" AS source, CAST(NULL AS BIGINT) AS pos, coalesce("{self.column}",'
            f' \'\\N\') AS line FROM "{self.database}"."{self.name}" WHERE {condition}) l0'
        )


@dataclass(frozen=True)
class AdHoc(RawTable):
    """A table that is made for one query."""

    @classmethod
    def over(cls, uri: str, database: str) -> AdHoc:
        """A table over the folder of a prefix;
        a prefix that ends within a name is narrowed by ``"$path"``.
        """
        bucket, prefix = split_uri(uri)
        folder = prefix[: prefix.rfind("/") + 1]
        return cls(
            database, f"gt_secure_lines_{secrets.token_hex(6)}", "line", f"s3://{bucket}/{folder}"
        )

    @property
    def create(self) -> str:
        """The statement that makes it; the last column takes the rest of the line (Apache Hive,
        LazySimpleSerDe).
        """
        return f"""CREATE EXTERNAL TABLE `{self.database}`.`{self.name}` (`line` string)
ROW FORMAT SERDE '{_LAZY}' WITH SERDEPROPERTIES ('serialization.last.column.takes.rest' = 'true')
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{_quoted(self.location)}'"""

    @property
    def drop(self) -> str:
        """The statement that drops the table."""
        return f"DROP TABLE IF EXISTS `{self.database}`.`{self.name}`"


def raw_table(client: QueryService, database: str, name: str) -> RawTable:
    """Look up a table, and refuse one that splits lines into fields:
    it loses odd lines before a query sees them.
    """
    said = client.table(CatalogName=CATALOG, DatabaseName=database, TableName=name)
    columns = said.get("Columns", [])
    options = said.get("Parameters", {})
    serde = options.get("serde.serialization.lib", "")
    pattern = options.get("serde.param.input.regex", "")
    place = f"{database}.{name}"
    if "RegexSerDe" in serde and not (len(columns) == 1 and pattern in ("(.*)", "^(.*)$")):
        raise InvalidInput(
            f"{place} reads lines with a regular expression (RegexSerDe), as AWS documents it for"
            " access logs. S3 does not escape quotes, so such a pattern gives rows of NULL for"
            " lines with quotes in the request URI or the user agent, and a referer can forge a"
            " status: presigned URLs with a file name are lost.",
            next_step=(
                "Leave table= out, so that a table of raw lines is made for the query, or name a"
                " table with one text column."
            ),
            field="table",
        )
    if len(columns) != 1 or not str(columns[0].get("Type", "")).lower().startswith(_TEXT):
        raise InvalidInput(
            f"{place} has {len(columns)} columns; what is needed is a table of raw lines: one text"
            " column.",
            next_step="Leave table= out, so that such a table is made for the query.",
            field="table",
        )
    location = str(options.get("location", ""))
    return RawTable(
        database, name, str(columns[0]["Name"]), location.rstrip("/") + "/" if location else ""
    )


@dataclass
class AthenaRun:
    """One question on Athena.

    Without ``uri`` it reads what the table holds. ``since`` and ``until`` prune objects by their
    keys, with the margin of :data:`~gt_secure.logs.storage.listing.LATE`.
    """

    client: QueryService
    opener: Opener
    settings: Athena
    uri: str | None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    progress: Callable[[QueryProgress], object] | None = None
    cancel: threading.Event | None = None
    estimate: Estimate | None = field(default=None, init=False)
    _scanned: int = field(default=0, init=False)
    _notes: list[str] = field(default_factory=list, init=False)

    def rows(self, question: Question, *, with_source: bool) -> Iterator[list[str | None]]:
        """Run a question in Athena, and yield the rows of its answer."""
        table = self._table()
        uri = self.uri or table.location
        if not uri:
            raise InvalidInput(
                f"The location of {table.database}.{table.name} is unknown, so the cost cannot be"
                " estimated.",
                next_step="Name the s3:// prefix too.",
                field="sources",
            )
        output = self.settings.output
        if output is not None and output.startswith(table.location or uri):
            raise InvalidInput(
                "The output location is inside the log location, so the results would be read as"
                " log lines.",
                next_step="Choose another prefix or bucket for the results.",
                field="output",
            )
        objects, size = self._listed(uri)
        self.estimate = Estimate(
            objects,
            size,
            self.settings.usd_per_tb,
            self.settings.workgroup,
            self.settings.database,
            table.name,
            isinstance(table, AdHoc),
        )
        records = from_lines(table.lines(self._path_condition(uri)), TRINO, "both")
        sql = statement(question, records, TRINO, with_source=with_source)
        if len(sql.encode()) > MAX_QUERY_BYTES:
            raise InvalidInput(
                f"The query has {len(sql.encode()):,} bytes; Athena accepts {MAX_QUERY_BYTES:,}.",
                next_step="Filter by fewer values; filter the rest after reading.",
                field="filters",
            )
        self.settings.ask(self.estimate)
        yield from self._run(table, sql)

    def _run(self, table: RawTable, sql: str) -> Iterator[list[str | None]]:
        flow = Flow(self.client, self.settings, self.progress, self.cancel)
        made = False
        try:
            if isinstance(table, AdHoc):
                made = True  # a time-out may come after Athena has made it
                flow.wait(flow.start(table.create))
            query = flow.start(sql)
            done = flow.wait(query)
            self._scanned = int(done.get("Statistics", {}).get("DataScannedInBytes") or 0)
            yield from flow.results(query)
        finally:
            if made and isinstance(table, AdHoc):
                self._drop(Flow(self.client, self.settings, None, None), table)

    def _drop(self, flow: Flow, table: AdHoc) -> None:
        try:
            flow.wait(flow.start(table.drop))
        except (
            Exception
        ) as error:  # the answer is worth more than the tidy end, but the person must know
            self._notes.append(
                f"The table {self.settings.database}.{table.name} could not be dropped"
                f" ({type(error).__name__}): run {table.drop}"
            )

    def _table(self) -> RawTable:
        if self.settings.table is not None:
            return raw_table(self.client, self.settings.database, self.settings.table)
        if self.uri is None:
            raise InvalidInput(
                "Athena reads s3:// prefixes or a table.",
                next_step="Name the prefix, or table=.",
                field="sources",
            )
        return AdHoc.over(self.uri, self.settings.database)

    def _listed(self, uri: str) -> tuple[int, int]:
        objects = size = 0
        # may be millions
        for item in list_logs(self.opener, uri, since=self.since, until=self.until):
            objects, size = objects + 1, size + item.size
            if self.cancel is not None and self.cancel.is_set():
                raise LogError(
                    "Listing the access logs was cancelled.", next_step="Start it again to read on."
                )
        if not objects:
            raise NotFound(
                f"No log objects under {uri} in this time.",
                next_step="Check the prefix and the time.",
            )
        return objects, size

    def _path_condition(self, uri: str) -> str:
        """Ranges of ``"$path"``: plain comparisons,
        which Trino turns into files that are not opened.
        """
        bucket, _ = split_uri(uri)
        parts = []
        for low, high in path_ranges(
            self.opener, uri, since=self.since, until=self.until, late=LATE
        ):
            sides = [f"\"$path\" >= '{_quoted(f's3://{bucket}/{low}')}'"]
            if high:
                sides.append(f"\"$path\" < '{_quoted(f's3://{bucket}/{high}')}'")
            parts.append(f"({' AND '.join(sides)})")
        return " OR ".join(parts) or "true"

    def describe(self, coverage: Coverage) -> None:
        """Add to a coverage what was scanned, and the limits of Athena."""
        if self.estimate is not None:
            coverage.objects = coverage.objects_read = self.estimate.objects
            listed = self.estimate.bytes
            note = (
                f"Athena scanned {size_text(self._scanned)}; listing had found {size_text(listed)}."
            )
            if self._scanned > listed * 1.1:
                note += (
                    " More than that was read: objects outside of the time range too, or more"
                    " arrived meanwhile."
                )
            coverage.notes.append(note)
        coverage.bytes = self._scanned
        coverage.notes.append(
            "Counted by Athena, which gives no offsets of lines and does not report the objects it"
            " read. It reads the lines as access logs, ends a line at a carriage return too, and"
            " leaves out objects whose names begin with _ or a dot."
        )
        coverage.notes.extend(self._notes)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
