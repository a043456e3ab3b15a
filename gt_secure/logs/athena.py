"""Athena: the same SQL text in Trino's dialect, over the raw lines in S3. Needs only boto3.

Athena bills the bytes that a query reads, so every query is shown with an estimate and runs only after a yes. The lines
come from a table of our own that is made over the log's prefix and dropped afterwards, or from a table of raw lines
that is there already.

Sources: Amazon Athena API Reference (StartQueryExecution, GetQueryExecution, GetQueryResults, StopQueryExecution,
GetWorkGroup, GetTableMetadata) and Amazon Athena User Guide (*Considerations and limitations*, *Service quotas*:
262,144 bytes of query text; *Query output location*; *Data usage controls*; *Reuse query results*).
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..aws import Aws, aws_errors
from ..errors import InvalidInput, LogError, NotFound
from .athena_flow import Flow, QueryProgress
from .athena_table import AdHoc, RawTable, raw_table
from .coverage import Coverage
from .dialect import TRINO
from .engines import size_text
from .listing import LATE, list_logs, path_ranges, split_uri
from .question import Question, statement

MAX_QUERY_BYTES = 262_144
"""Longest text of a query that Athena takes, in bytes of UTF-8."""
USD_PER_TB = 5.0
"""What AWS lists for most regions in 2026; an assumption for estimates, never a bill."""
LEAST_BYTES = 10_000_000
"""What a query is billed for at least."""
_NAME = re.compile(r"[A-Za-z0-9_]{1,128}")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a query will read and about what that costs.

    Attributes
    ----------
    objects, bytes : int
        Log objects of the time range, with the margin for late delivery, and their bytes as stored.
        Trino opens no object that a condition on ``"$path"`` leaves out; AWS does not document it for Athena, so more
        may be scanned, and the answer says how much was.
    usd_per_tb : float
        The price assumed.
    cutoff : int or None
        Bytes after which the work group cancels a query.
    workgroup, database, table : str
        Where it runs, and on what.
    creates : bool
        Whether the table is made for this query and dropped afterwards.
    """

    objects: int
    bytes: int
    usd_per_tb: float
    workgroup: str
    database: str
    table: str
    creates: bool
    cutoff: int | None = None

    @property
    def usd(self) -> float:
        """About what the query costs, in US dollars."""
        return max(self.bytes, LEAST_BYTES) / 1e12 * self.usd_per_tb

    @property
    def sentence(self) -> str:
        """What a person says yes to."""
        made = (
            f"It makes the table {self.database}.{self.table} over the log, and drops it afterwards."
            if self.creates
            else f"It reads the table {self.database}.{self.table}."
        )
        over = (
            f" The work group cancels it after {size_text(self.cutoff)}, which is less."
            if self.cutoff is not None and self.cutoff < self.bytes
            else ""
        )
        return (
            f"Athena (work group {self.workgroup}) would scan about {size_text(self.bytes)} in {self.objects:,} log "
            f"objects, about {self.usd:,.2f} USD at {self.usd_per_tb:g} USD a TB. {made}{over}"
        )


@dataclass(frozen=True, kw_only=True)
class Athena:
    """How to run a question on Athena.

    Parameters
    ----------
    database : str
        Database of the Glue catalog for the table.
    workgroup : str
        Its own output location and limits hold where it enforces them.
    output : str, optional
        ``s3://bucket/prefix/`` for results; the default is the work group's.
    table : str, optional
        A table of raw lines that is there already: one text column. The default makes one for the query.
    catalog : str
    yes : bool
        Run without asking.
    confirm : callable, optional
        Gets the :class:`Estimate`, returns whether to run.
    usd_per_tb : float
        The price of your region, for the estimate.
    reuse_minutes : int
        Take the result of the same query if it is at most so old; only with a table that stays. 0 turns it off.
    timeout_s : float
        After this time the query is stopped.

    Examples
    --------
    >>> from gt_secure.logs import Athena
    >>> Athena(database="logs", output="s3://results/athena/", yes=True).workgroup
    'primary'
    """

    database: str = "default"
    workgroup: str = "primary"
    output: str | None = None
    table: str | None = None
    catalog: str = "AwsDataCatalog"
    yes: bool = False
    confirm: Callable[[Estimate], bool] | None = None
    usd_per_tb: float = USD_PER_TB
    reuse_minutes: int = 0
    timeout_s: float = 1800.0

    def __post_init__(self) -> None:
        for name in ("database", "table"):
            value = getattr(self, name)
            if value is not None and not _NAME.fullmatch(value):
                raise InvalidInput(
                    f"“{value[:40]}” is no name of a {name}.",
                    next_step="Athena takes letters, digits and underscores.",
                    field=name,
                )
        if self.output is not None and not self.output.startswith("s3://"):
            raise InvalidInput(
                "The output location of Athena is an s3:// address.", next_step="Write s3://bucket/prefix/.",
                field="output",
            )  # fmt: skip
        if not 0 <= self.reuse_minutes <= 10_080:
            raise InvalidInput("Results are reused for 0 to 10,080 minutes.", field="reuse_minutes")
        if self.reuse_minutes and self.table is None:
            raise InvalidInput(
                "A table that is made for one query has no earlier result.",
                next_step="Name a table, or leave reuse_minutes out.",
                field="reuse_minutes",
            )
        if self.usd_per_tb < 0 or self.timeout_s <= 0:
            raise InvalidInput("A price is not negative, and a time-out is positive.", field="timeout_s")


@dataclass
class AthenaRun:
    """One question on Athena.

    Parameters
    ----------
    aws : Aws
    settings : Athena
    uri : str or None
        ``s3://`` prefix of the log; None takes what the table holds.
    since, until : datetime, optional
        UTC; they prune objects by their keys, with the margin of :data:`~gt_secure.logs.listing.LATE`.
    progress : callable, optional
        Gets a :class:`~gt_secure.logs.athena_flow.QueryProgress`.
    cancel : threading.Event, optional
        Stops the query.
    """

    aws: Aws
    settings: Athena
    uri: str | None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    progress: Callable[[QueryProgress], object] | None = None
    cancel: threading.Event | None = None
    estimate: Estimate | None = field(default=None, init=False)
    _scanned: int = field(default=0, init=False)
    _reused: bool = field(default=False, init=False)
    _notes: list[str] = field(default_factory=list, init=False)

    dialect = TRINO

    def rows(self, question: Question, *, with_source: bool) -> Iterator[list[str | None]]:
        """Ask, run and give the rows as text.

        Raises
        ------
        InvalidInput
            If nobody said yes, or settings cannot be used.
        AccessDenied
            Where AWS refuses; it names the action.
        LogError
            If the query fails, is cancelled or takes too long.
        """
        client = self.aws.client("athena")
        cutoff = self._look_at_workgroup(client)
        table = self._table(client)
        uri = self.uri or table.location
        if not uri:
            raise InvalidInput(
                f"Where {table.database}.{table.name} lies is not told, so that nothing can be estimated.",
                next_step="Name the s3:// prefix too.",
                field="sources",
            )
        self._check_output(table.location or uri)
        objects, size = self._listed(uri)
        self.estimate = Estimate(
            objects, size, self.settings.usd_per_tb, self.settings.workgroup, self.settings.database, table.name,
            isinstance(table, AdHoc), cutoff,
        )  # fmt: skip
        sql = statement(question, table.lines(self._path_condition(uri)), TRINO, with_source=with_source)
        if len(sql.encode()) > MAX_QUERY_BYTES:
            raise InvalidInput(
                f"The query has {len(sql.encode()):,} bytes; Athena takes {MAX_QUERY_BYTES:,}.",
                next_step="Filter by fewer values; filter the rest after reading.",
                field="filters",
            )
        self._ask(self.estimate)
        yield from self._run(client, table, sql)

    def _run(self, client: Any, table: RawTable, sql: str) -> Iterator[list[str | None]]:
        flow = Flow(client, self.settings, self.progress, self.cancel)
        made = False
        try:
            if isinstance(table, AdHoc):
                made = True  # a time-out may come after Athena has made it
                flow.wait(flow.start(table.create))
            query = flow.start(sql, reuse_minutes=self.settings.reuse_minutes)
            done = flow.wait(query)
            self._scanned = int(done.get("Statistics", {}).get("DataScannedInBytes") or 0)
            reuse = done.get("Statistics", {}).get("ResultReuseInformation") or {}
            self._reused = bool(reuse.get("ReusedPreviousResult"))
            yield from flow.results(query)
        finally:
            if made and isinstance(table, AdHoc):
                self._drop(Flow(client, self.settings, None, None), table)

    def _drop(self, flow: Flow, table: AdHoc) -> None:
        try:
            flow.wait(flow.start(table.drop))
        except Exception as error:  # the answer is worth more than the tidy end, but the person must know
            self._notes.append(
                f"The table {self.settings.database}.{table.name} could not be dropped ({type(error).__name__}): "
                f"run {table.drop}"
            )

    def _look_at_workgroup(self, client: Any) -> int | None:
        name = self.settings.workgroup
        try:
            with aws_errors("athena:GetWorkGroup", f"arn:aws:athena:*:*:workgroup/{name}"):
                group = client.get_work_group(WorkGroup=name)["WorkGroup"]
        except PermissionError:
            return None  # a role may run queries without it; Athena itself says what is missing
        if group.get("State", "ENABLED") != "ENABLED":
            raise InvalidInput(
                f"The work group {name} is disabled.", next_step="Choose another work group.", field="workgroup"
            )
        config = group.get("Configuration", {})
        own = config.get("ResultConfiguration", {}).get("OutputLocation")
        managed = config.get("ManagedQueryResultsConfiguration", {}).get("Enabled")
        if not own and not managed and self.settings.output is None:
            raise InvalidInput(
                f"The work group {name} has no output location, and none is given.",
                next_step="Give output='s3://bucket/prefix/' (--athena-output), in a bucket of the same region.",
                field="output",
            )
        if config.get("EnforceWorkGroupConfiguration") and self.settings.output and own != self.settings.output:
            self._notes.append(f"The work group {name} enforces its own output location.")
        cutoff = config.get("BytesScannedCutoffPerQuery")
        return int(cutoff) if cutoff else None

    def _table(self, client: Any) -> RawTable:
        if self.settings.table is not None:
            return raw_table(client, self.settings.catalog, self.settings.database, self.settings.table)
        if self.uri is None:
            raise InvalidInput(
                "Athena reads s3:// prefixes or a table.", next_step="Name the prefix, or table=.", field="sources"
            )
        return AdHoc.over(self.uri, self.settings.database)

    def _check_output(self, location: str) -> None:
        output = self.settings.output
        if output is not None and location and output.startswith(location):
            raise InvalidInput(
                "The output location lies within the log: the results would be read as log lines.",
                next_step="Choose another prefix or bucket for the results.",
                field="output",
            )

    def _listed(self, uri: str) -> tuple[int, int]:
        objects = size = 0
        for item in list_logs(self.aws.client("s3"), uri, since=self.since, until=self.until):  # may be millions
            objects, size = objects + 1, size + item.size
            if self.cancel is not None and self.cancel.is_set():
                raise LogError("Listing the access logs was cancelled.", next_step="Start it again to read on.")
        if not objects:
            raise NotFound(f"No log objects under {uri} in this time.", next_step="Check the prefix and the time.")
        return objects, size

    def _path_condition(self, uri: str) -> str:
        """Ranges of ``"$path"``: plain comparisons, which Trino turns into files that are not opened."""
        bucket, _ = split_uri(uri)
        parts = []
        for low, high in path_ranges(self.aws.client("s3"), uri, since=self.since, until=self.until, late=LATE):
            sides = [f"\"$path\" >= '{_quoted(f's3://{bucket}/{low}')}'"]
            if high:
                sides.append(f"\"$path\" < '{_quoted(f's3://{bucket}/{high}')}'")
            parts.append(f"({' AND '.join(sides)})")
        return " OR ".join(parts) or "true"

    def _ask(self, estimate: Estimate) -> None:
        if self.settings.yes:
            return
        if self.settings.confirm is None:
            raise InvalidInput(
                f"{estimate.sentence} Nobody said yes.",
                next_step="Pass Athena(yes=True) or Athena(confirm=...); on the command line --yes.",
                field="yes",
                details={"objects": estimate.objects, "bytes": estimate.bytes, "usd": round(estimate.usd, 2)},
            )
        if not self.settings.confirm(estimate):
            raise LogError("Nothing was run: the question was answered with no.")

    def describe(self, coverage: Coverage) -> None:
        """Say what Athena read, as far as it tells."""
        if self.estimate is not None:
            coverage.objects = coverage.objects_read = self.estimate.objects
            coverage.notes.append(self._scanned_note(self.estimate))
        coverage.bytes = self._scanned
        coverage.notes.append(
            "Counted by Athena, which gives no offsets of lines and does not tell which objects it read. It takes the "
            "lines as access logs, ends a line at a carriage return too, and leaves out objects whose names begin with "
            "_ or a dot."
        )
        coverage.notes.extend(self._notes)

    def _scanned_note(self, estimate: Estimate) -> str:
        if self._reused:
            return "Athena gave an earlier result of the same query; nothing was scanned."
        said = f"Athena scanned {size_text(self._scanned)}; listing had found {size_text(estimate.bytes)}."
        if self._scanned > estimate.bytes * 1.1:
            return said + " More than that was read: objects outside of the time range too, or more arrived meanwhile."
        return said


def _quoted(text: str) -> str:
    return text.replace("'", "''")
