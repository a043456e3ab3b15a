"""Reading access logs: sources in, :class:`Hits` or counts out."""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..base.errors import InvalidInput, LogError, MissingExtra
from ..base.optional import install_command, missing
from ..base.text import count
from ..base.url_journal import UrlJournal
from . import activity
from .coverage import ODD, Coverage, Sample, why_unreadable
from .engines.duckdb_store import MEMORY_LIMIT, Store, from_records, rows_of, write_records
from .engines.selection import EngineChoice, LargeLogs, check_engine, choose
from .hits import Hits
from .ingest.json_records import RecordSink
from .ingest.reader import Reader
from .log_query import LogQuery, Runtime, Sources
from .named_networks import NetworksLike, networks_from
from .network_names import NAMES, named_counts, without_names
from .read_progress import Progress
from .sql.derived_columns import Reads, from_lines
from .sql.group_by import check_columns, distinct, lookup_table, merged
from .sql.log_columns import STORED
from .sql.odd_lines import MAIN, OTHER
from .sql.query import Filters, Question, readings_agree, spell_anew, statement, update_coverage
from .sql.viewers import Viewers
from .storage.cache import CacheLike, open_cache
from .storage.listing import resolve
from .storage.objects import LogObject, S3Object, StandardInput
from .storage.opener import Opener, opener_of
from .stored_table import grouped_table
from .table import Table
from .time_range import ProgressCallback, TimeLike

if TYPE_CHECKING:
    from .engines.athena_settings import Athena

EngineName = Literal["auto", "duckdb", "spark", "athena"]
_SAMPLES = 20
_NEXT_STEPS = {
    "denied": (
        "Give this role s3:GetObject on the log objects, or this user the right to read the files."
    ),
    "damaged": "Read an intact copy of the logs.",
    "not UTF-8": "Convert the logs to UTF-8, for example with 'iconv -f UTF-16 -t UTF-8'.",
    "vanished": "Check the names of the logs, or list them again.",
}
"""Next step where no object could be read, by kind of failure."""


class _Job:
    """One read: objects, reader, store and time range."""

    def __init__(
        self, query: LogQuery, runtime: Runtime, choice: EngineChoice, objects: list[LogObject]
    ) -> None:
        self.query, self.choice, self.cache, self.runtime = query, choice, runtime.cache, runtime
        # The cache keeps whole rows.
        kept = self.cache is not None and any(isinstance(item, S3Object) for item in objects)
        stored = STORED if kept else runtime.stored
        # Standard input cannot be read again.
        self.reads: Reads = (
            "both" if any(isinstance(item, StandardInput) for item in objects) else "once"
        )
        self.missing, self.cached = (
            (objects, []) if self.cache is None else self.cache.split(objects)
        )
        self.store = Store(
            runtime.memory_limit, test_urls=runtime.test_urls, viewers=runtime.viewers
        )
        self.store.stored = stored
        self.sink = RecordSink(self.store.folder / "records.ndjson")
        self.reader = Reader(
            self.missing, self.sink, progress=runtime.progress, cancel=runtime.cancel
        )
        if not any(item.name.endswith((".gz", ".zst")) for item in self.cached):
            before = sum(item.size for item in self.cached)
            self.store.read_bytes = lambda: before + self.reader.read_bytes

    def coverage(self) -> Coverage:
        """Coverage as far as reading alone tells it."""
        tally, choice = self.reader.tally, self.choice
        notes = (
            [f"{self.sink.other:,} CloudTrail events were not about S3."] if self.sink.other else []
        )
        if tally.exports:
            files = count(tally.exports, "export of gt_secure", "exports of gt_secure")
            notes.append(
                f"Read from {files}, with other fingerprints than in the log: a URL is not matched"
                " across both."
            )
        left_out = Counter(tally.left_out.values()) + self.sink.left_out
        return Coverage(
            objects=len(tally.names) + len(self.cached),
            objects_read=tally.read,
            objects_cached=len(self.cached),
            objects_empty=tally.empty,
            lines=tally.lines + len(tally.too_long) + self.sink.count,
            not_utf8=tally.not_utf8,
            bytes=tally.bytes,
            failures=list(tally.failures),
            left_out=dict(sorted(left_out.items())),
            since=self.query.since,
            until=self.query.until,
            last_delivery=max(
                (
                    d
                    for d in (tally.last_delivery, *(o.delivered for o in self.cached))
                    if d is not None
                ),
                default=None,
            ),
            notes=notes if choice.recommended else [*notes, choice.reason],
            engine_reason=choice.reason,
        )

    def samples(self, places: list[tuple[int, int, str]]) -> list[Sample]:
        names = self.reader.tally.names
        found = [
            Sample(names[source], pos, why_unreadable(text), text) for source, pos, text in places
        ]
        long = [Sample(names[s], p, "longer than 4 MiB") for s, p in self.reader.tally.too_long]
        return [*long, *found][:_SAMPLES]

    def read_again(self, sql: str) -> None:
        """Run a statement over all lines once more, for the other readings of odd ones."""
        sink = RecordSink(self.store.folder / "again.ndjson")
        reader = Reader(
            self.missing, sink, progress=self.runtime.progress, cancel=self.runtime.cancel
        )
        self.store.run_on(reader, sql)
        sink.close()
        if reader.cancelled:
            raise cancelled(0)

    def odd_samples(self, places: list[tuple[int, int, str]]) -> list[Sample]:
        return [
            Sample(self.reader.tally.names[source], pos, ODD, text)
            for source, pos, text in places[:_SAMPLES]
        ]

    def refuse_if_nothing(self) -> None:
        """Raise what every object failed with: an empty answer would look like silence."""
        tally = self.reader.tally
        if (
            tally.failures
            and not tally.read
            and not tally.lines
            and not self.sink.count
            and not self.cached
        ):
            first = tally.failures[0]
            raise LogError(
                f"None of {len(tally.names):,} log objects could be read; the first: {first.name}:"
                f" {first.why}",
                next_step=_NEXT_STEPS.get(
                    first.kind, "Try again; if it stays, check the names of the logs."
                ),
                details={"failures": [f.name for f in tally.failures[:20]]},
            )


def _choose(
    query: LogQuery, runtime: Runtime, stacklevel: int = 3
) -> tuple[EngineChoice, list[LogObject]]:
    """Choose the engine, and list the logs, except for an engine elsewhere that was asked for."""
    engine, session, athena = runtime.engine, runtime.session, runtime.athena
    check_engine(engine, session=session, athena=athena)
    if engine in ("spark", "athena"):
        return EngineChoice(engine, f"{engine} was asked for."), []
    opener = opener_of(runtime.aws) if runtime.aws is not None else None
    borders = runtime.cache.borders if runtime.cache is not None else None
    objects = []
    size, reported = 0, time.monotonic()
    for item in resolve(
        query.sources, opener=opener, since=query.since, until=query.until, borders=borders
    ):
        objects.append(item)
        size += item.size
        if runtime.cancel is not None and runtime.cancel.is_set():
            raise cancelled(0)
        if runtime.progress is not None and (now := time.monotonic()) - reported >= 0.1:
            reported = now
            runtime.progress(Progress(0, 0, 0, len(objects), size))
    if engine == "duckdb":
        return EngineChoice(engine, "duckdb was asked for."), objects
    on_s3 = all(item.name.startswith("s3://") for item in objects)
    choice = choose(
        len(objects),
        sum(item.size for item in objects),
        session=session,
        athena=athena,
        on_s3=on_s3,
    )
    if not choice.recommended:
        warnings.warn(choice.reason, LargeLogs, stacklevel=stacklevel)
    return choice, objects


def cancelled(kept: int) -> LogError:
    """Message for a person who stopped the reading."""
    return LogError(
        "Reading the access logs was cancelled.",
        next_step=f"Run it again to resume: {kept:,} objects are kept."
        if kept
        else "Run it again.",
    )


def read_hits(
    sources: Sources,
    *,
    since: TimeLike | None = None,
    until: TimeLike | None = None,
    engine: str = "auto",
    aws: Opener | Any = None,
    dedupe: bool = False,
    cache: CacheLike = True,
    memory_limit: str = MEMORY_LIMIT,
    progress: ProgressCallback | None = None,
    cancel: threading.Event | None = None,
    session: Any = None,
    athena: Athena | None = None,
    filters: Filters | None = None,
    networks: NetworksLike | None = None,
    test_urls: UrlJournal | None = None,
    viewers: Viewers | None = None,
) -> Hits:
    """Read access logs.

    Parameters
    ----------
    sources : str, path, LogLocation or iterable of them
        Files, folders, globs, ``s3://bucket/prefix``, ``-``. Plain, gzip or Zstandard; access logs,
        CloudTrail data events, access logs in JSON form, what CloudWatch Logs or
        :meth:`Hits.to_parquet` exported; by content.
    since, until : str or datetime, optional
        UTC; ``until`` is not included. ``7d`` and ``24h`` are ages.
    engine : str
        ``duckdb`` reads here; ``spark`` and ``athena`` run the same query elsewhere and bring its
        rows here; ``auto`` chooses by the bytes that listing found
        (``logs.engines.selection.choose``) among what was handed over.
    aws : Aws, boto3 S3 client or Opener, optional
        For ``s3://``.
    dedupe : bool
        Leave out records that were delivered twice.
    cache : bool, path or Cache
        Keep what is parsed from S3 on disk, so that a second look reads only what is new; in this
        folder.
    progress, cancel : optional
        See ``logs.ingest.reader.Reader``; Athena reports a :class:`~gt_secure.logs.QueryProgress`
        instead.
    session : pyspark.sql.SparkSession, optional
        For Spark.
    athena : Athena, optional
        For Athena: work group, output location, and who says yes.
    filters : mapping, optional
        What :meth:`Hits.filter` takes, applied where the query runs.
    networks : Networks or path, or several paths, optional
        Names of networks, as :meth:`Hits.with_networks` takes them.
    test_urls : UrlJournal, optional
        The journal of our own test URLs (default: that of the default journal).
    viewers : Viewers, optional
        How URLs name their viewers, and whose signatures count (default: ``x-viewer``,
        everybody's).

    Raises
    ------
    LogError
        If no object can be read, or reading was cancelled.
    MissingExtra
        Without DuckDB and NumPy, or without the wheel of the engine.
    NotFound, AccessDenied, InvalidInput
        For sources that cannot be listed.
    """
    return read_columns(STORED, **locals())


def read_columns(
    stored: Collection[str],
    sources: Sources,
    *,
    since: TimeLike | None = None,
    until: TimeLike | None = None,
    engine: str = "auto",
    dedupe: bool = False,
    cache: CacheLike = True,
    filters: Filters | None = None,
    networks: NetworksLike | None = None,
    test_urls: UrlJournal | None = None,
    **more: Any,
) -> Hits:
    """Read access logs as :func:`read_hits` does, for a question that needs only some of the
    stored columns: the others are NULL, and cost nothing.
    """
    if absent := missing(("duckdb", "numpy")):  # a small install has neither
        text = f"Reading access logs needs {' and '.join(absent)}: not installed."
        raise MissingExtra(text, next_step=f"Run '{install_command(*absent)}'.")
    # a bad file is an error before the logs are read
    known = None if networks is None else networks_from(networks)
    query = LogQuery.parse(sources, since, until, filters, dedupe=dedupe)
    kept = open_cache(cache)
    runtime = Runtime(
        engine=engine, cache=kept, test_urls=test_urls or UrlJournal(), stored=stored, **more
    )
    choice, objects = _choose(query, runtime, stacklevel=4)
    if choice.engine != "duckdb":
        from .engines.remote import read_elsewhere

        hits = read_elsewhere(choice, query, runtime)
    else:
        hits = _read_here(query, runtime, choice, objects)
        hits = hits.filter(**filters) if filters else hits
    return hits if known is None else hits.with_networks(known)


def _read_here(
    query: LogQuery, runtime: Runtime, choice: EngineChoice, objects: list[LogObject]
) -> Hits:
    cache, dedupe = runtime.cache, query.dedupe
    job = _Job(query, runtime, choice, objects)
    store = job.store
    lines, records = store.folder / "lines.parquet", store.folder / "records.parquet"
    try:
        # Raise before the reading what would end it: the rows need room on disk, packed about a
        # tenth of their lines.
        size = (
            sum(
                item.size if item.name.endswith((".gz", ".zst")) else item.size // 10
                for item in job.missing
            )
            // 2
        )
        folder = tempfile.gettempdir()
        if size > (free := shutil.disk_usage(folder).free):
            raise LogError(
                f"The rows of these logs need about {size / 1e6:,.0f} MB in {folder}, where"
                f" {free / 1e6:,.0f} MB are free.",
                next_step="Read a shorter time range, or name a folder with more room in TMPDIR.",
            )
        if job.cached and not job.missing:  # a statement over no lines takes its time too
            job.sink.close()
            return _hits(job, None, None, dedupe)
        store.write_lines(job.reader, lines, job.reads)
        with activity.kept_whole():  # Cancel ends the reader; what it has read is kept
            first = f"SELECT 1 FROM ({rows_of([lines])}) WHERE reading = {MAIN} LIMIT 1"
            is_odd = job.reads == "once" and bool(store.query(first))
        if is_odd and not job.reader.cancelled:
            store.add_readings(job.read_again, lines)
        with activity.kept_whole():
            job.sink.close()
            events = records if job.sink.count else None
            if events is not None:
                store.query(write_records(events, job.sink, store.stored))
            if job.reader.cancelled:
                if cache is None or is_odd:  # odd lines have one of their readings as yet
                    raise cancelled(0)
                raise cancelled(cache.keep(store, lines, events, job.reader.tally, job.sink))
        job.refuse_if_nothing()
        return _hits(job, lines, events, dedupe)
    except BaseException:
        store.close()
        raise


@activity.step(activity.COUNTING)
def _hits(job: _Job, lines_file: Path | None, records_file: Path | None, dedupe: bool) -> Hits:
    store, coverage = job.store, job.coverage()
    files = [file for file in (lines_file, records_file) if file is not None]
    relation = rows_of(files) if files else ""
    if job.cache is not None:
        if lines_file is not None:
            with activity.kept_whole():
                job.cache.keep(store, lines_file, records_file, job.reader.tally, job.sink)
        relation, lines, blank = job.cache.with_cached(
            store, relation, job.cached, len(job.reader.tally.names)
        )
        coverage.lines += lines
        coverage.blank += blank
        coverage.notes += job.cache.notes
        job.reader.tally.names += [item.name for item in job.cached]
    inside_range = f"readable AND {job.query.in_range}"
    delay, joined = _delivery_times(job, relation)
    [(rows, readable, inside, first, last, typical, coverage.odd)] = store.query(
        f"SELECT count(*), count(*) FILTER (readable), count(*) FILTER ({inside_range}), "
        f"min(time) FILTER ({inside_range}), max(time) FILTER ({inside_range}), {delay}, "
        f"count(*) FILTER (reading = {MAIN}) FROM {joined} WHERE reading < {OTHER}"
    )
    coverage.typical_delay_s = None if typical is None else float(typical)
    too_long = len(job.reader.tally.too_long)
    coverage.unreadable = rows - readable + too_long
    coverage.outside = readable - inside
    coverage.blank = coverage.lines - rows - too_long
    coverage.first_hit, coverage.last_hit = first, last
    bad = (
        f"SELECT source, pos, sample FROM ({relation}) WHERE {{}} ORDER BY source, pos LIMIT"
        f" {_SAMPLES}"
    )
    unreadable = bad.format(f"NOT readable AND reading < {OTHER}")
    coverage.samples = job.samples(store.query(unreadable) if readable < rows else [])
    good = other = f"SELECT * FROM ({relation}) WHERE readable AND {job.query.in_range}"
    if coverage.odd:
        coverage.odd_samples = job.odd_samples(store.query(bad.format(f"reading = {MAIN}")))
        good, other = f"{good} AND reading < {OTHER}", f"{other} AND reading <> {MAIN}"
    kinds = (
        {row[0] for row in store.query(f"SELECT DISTINCT source_kind FROM ({good})")}
        if job.sink.count
        else set()
    )
    if coverage.odd:
        other = _once(store, other, len(kinds), dedupe)
    good = _once(store, good, len(kinds), dedupe)
    coverage.hits = inside
    if dedupe or len(kinds) > 1:
        coverage.hits = store.query(f"SELECT count(*) FROM ({good})")[0][0]
        coverage.duplicates = inside - coverage.hits
    return Hits(store, (good, other) if coverage.odd else (good,), coverage)


def _once(store: Store, rows: str, kinds: int, dedupe: bool) -> str:
    rows = merged(store, rows) if kinds > 1 else rows
    return distinct(store, rows) if dedupe else rows


def _delivery_times(job: _Job, relation: str) -> tuple[str, str]:
    """Return the expression for the typical delay of a record,
    and the rows with the delivery of their objects.
    """
    objects = [*job.reader.tally.objects, *job.cached]
    known = [
        (i, o.delivered) for i, o in enumerate(objects) if isinstance(o, S3Object) and o.delivered
    ]
    if not known:
        return "NULL", f"({relation})"
    name = lookup_table(
        job.store,
        "delivered",
        {"source": [i for i, _ in known], "at_time": [d for _, d in known]},
        {"source": "INTEGER", "at_time": "TIMESTAMP"},
    )
    delay = "median(epoch(at_time) - epoch(time)) FILTER (readable)"
    return delay, f"({relation}) r LEFT JOIN {name} d USING (source)"


def count_hits(
    sources: Sources,
    by: str | Sequence[str],
    *,
    since: TimeLike | None = None,
    until: TimeLike | None = None,
    aws: Opener | Any = None,
    memory_limit: str = MEMORY_LIMIT,
    progress: ProgressCallback | None = None,
    cancel: threading.Event | None = None,
    engine: str = "auto",
    session: Any = None,
    athena: Athena | None = None,
    filters: Filters | None = None,
    networks: NetworksLike | None = None,
    test_urls: UrlJournal | None = None,
    viewers: Viewers | None = None,
) -> tuple[Table, Coverage]:
    """Count hits in one pass without keeping rows: the fast way for one question, and for logs of
    any size.

    Parameters are those of :func:`read_hits` and :meth:`Hits.count`.

    Returns
    -------
    Table, Coverage
    """
    asked = dict(locals())
    names = check_columns(asked.pop("by"), NAMES if networks is not None else ())
    # a bad file is an error, whatever is counted by
    known = asked["networks"] = None if networks is None else networks_from(networks)
    if known is not None and (others := without_names(names)) != names:
        table, coverage = count_hits(**asked | {"by": others, "networks": None})
        return named_counts(table, names, known), coverage
    query = LogQuery.parse(sources, since, until, filters)
    runtime = Runtime(
        aws=aws,
        engine=engine,
        session=session,
        athena=athena,
        memory_limit=memory_limit,
        progress=progress,
        cancel=cancel,
        test_urls=test_urls or UrlJournal(),
        viewers=viewers,
    )
    choice, objects = _choose(query, runtime)
    if choice.engine != "duckdb":
        from .engines.remote import count_elsewhere

        return count_elsewhere(names, choice, query, runtime)
    if query.local_filters:  # these need the addresses first
        with _read_here(query, runtime, choice, objects).filter(**query.filters) as hits:
            return hits.asked(lambda each: each.count(names))
    return _counted_here(names, query, runtime, choice, objects)


def _counted_here(
    names: Sequence[str],
    query: LogQuery,
    runtime: Runtime,
    choice: EngineChoice,
    objects: list[LogObject],
) -> tuple[Table, Coverage]:
    """Return hits counted on this machine: lines and records are grouped as they are read."""
    question = Question(
        tuple(names), query.since, query.until, query.filters, runtime.test_urls, runtime.viewers
    )
    columns = ", ".join(f'"{name}"' for name in question.columns())
    job = _Job(query, runtime, choice, objects)
    store = job.store
    try:
        sql = statement(question, from_lines("lines_in", reads=job.reads))
        store.run_on(job.reader, f"CREATE TEMP TABLE grouped ({columns}) AS {sql}")
        odd_lines = "SELECT 1 FROM grouped WHERE state LIKE 'odd %' LIMIT 1"
        if job.reads == "once" and store.query(odd_lines):
            sql = statement(question, from_lines("lines_in", reads="other"))
            job.read_again(f"INSERT INTO grouped {sql}")
        job.sink.close()
        if job.reader.cancelled:
            raise cancelled(0)
        kinds = int(bool(job.reader.tally.lines))
        if job.sink.count:
            records = f"SELECT DISTINCT source_kind FROM ({from_records(job.sink)}) WHERE readable"
            kinds += len(store.query(records))
        if kinds > 1:  # one request may be in each of them: the rows are needed to tell
            if any(isinstance(item, StandardInput) for item in objects):
                raise InvalidInput(
                    "Standard input and logs of another kind cannot be counted together.",
                    next_step="Save it to a file first, and name that.",
                    field="sources",
                )
            store.close()
            with _read_here(query, runtime, choice, objects).filter(**query.filters) as hits:
                return hits.asked(lambda each: each.count(names))
        if job.sink.count:
            store.query(f"INSERT INTO grouped {statement(question, from_records(job.sink))}")
        job.refuse_if_nothing()
        coverage = job.coverage()
        lines, too_long = coverage.lines, len(job.reader.tally.too_long)
        unreadable, odd = update_coverage(coverage, store, "grouped")
        coverage.lines = lines
        coverage.unreadable += too_long
        coverage.samples = job.samples(
            sorted((int(source), pos, text) for source, pos, text in unreadable)
        )
        coverage.odd_samples = job.odd_samples(
            sorted((int(source), pos, text) for source, pos, text in odd)
        )
        several = spell_anew(store, "grouped", names) or job.sink.count or coverage.odd
        coverage.ambiguous = bool(coverage.odd) and not readings_agree(store, "grouped", names)
        store.query("DELETE FROM grouped WHERE state NOT IN ('hit', 'odd hit')")
        counted = grouped_table(store, "grouped", names, once=not several, doubts=coverage.doubts)
        return counted, coverage
    except BaseException:
        store.close()
        raise
