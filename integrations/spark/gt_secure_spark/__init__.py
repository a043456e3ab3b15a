"""Spark: the same SQL text that DuckDB runs, on a session that is there, for logs too large for one
machine.

Needs Spark 3.5 or newer; paths are what that Spark can read (``s3a://``, or ``s3://`` on EMR and
Glue, with its own credentials), plain or with the ending ``.gz``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gt_secure.base.errors import GtSecureError, InvalidInput, LogError, MissingExtra, NotFound
from gt_secure.logs.coverage import Coverage
from gt_secure.logs.sql.derived_columns import from_lines
from gt_secure.logs.sql.dialects import JAVA_DECODE, JAVA_DECODED, Dialect
from gt_secure.logs.sql.query import Question, statement
from gt_secure.logs.storage.objects import S3Object

NEEDED = (3, 5)
"""The oldest Spark that knows every function of the SQL text: try_to_timestamp is new in 3.5."""
VIEW = "gt_secure_lines"
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # 3.5 needs more than its 100 for the layers of the SQL text
    "spark.sql.analyzer.maxIterations": ("1000"),
}
"""Settings of the session under which the SQL text runs."""
# Spark's url_decode fails at a percent sign without two digits, and try_url_decode is new in 4.0:
# such a sign is encoded first, and decodes to itself as in DuckDB.
_SPARK_DECODE = "url_decode(regexp_replace({0}, '%(?![0-9A-Fa-f][0-9A-Fa-f])', '%25'))"
# + would become a blank
_SPARK_KEEPS_PLUS = _SPARK_DECODE.replace("{0}", "replace({0}, '+', '%2B')")
SPARK = Dialect(
    name="spark",
    split="split({0}, '{1}', -1)",
    item="get({0}, {1} - 1)",
    length="size({0})",
    find="coalesce(array_position({0}, ''), 0)",
    extract="regexp_extract({0}, '{1}', {2})",
    replace="regexp_replace({0}, '{1}', '{2}')",
    group="$1",
    part="split_part({0}, '{1}', {2})",
    sha256="sha2({0}, 256)",
    sorted="sort_array({0})",
    join="array_join({0}, '{1}')",
    each="transform({0}, p -> {1})",
    keep="filter({0}, p -> {1})",
    one="array({0})",
    unnest="SELECT *, explode({0}) AS {1} FROM {2}",
    time="try_to_timestamp(substr({0}, 2), 'dd/MMM/yyyy:HH:mm:ss')",
    compact_time="try_to_timestamp({0}, 'yyyyMMdd HHmmss')",
    seconds="timestampdiff(SECOND, {0}, {1})",
    shown="date_format({0}, 'yyyy-MM-dd HH:mm:ss')",
    integer="try_cast({0} AS BIGINT)",
    shift="timestampadd(MINUTE, -({1}), {0})",
    decode=JAVA_DECODE.replace("{decoded}", _SPARK_KEEPS_PLUS),
    decoded=JAVA_DECODED.replace("{decoded}", _SPARK_KEEPS_PLUS),
    loose=_SPARK_DECODE,
    string="STRING",
    escape=True,
)
"""SQL of Spark 3.5 and newer."""


class SparkRun:
    """One question on Spark 3.5 or newer, over files."""

    def __init__(
        self, sources: Any, session: Any = None, cancel: threading.Event | None = None
    ) -> None:
        self.paths = list(dict.fromkeys(_path(source) for source in _each(sources)))
        self.session = session if session is not None else _session()
        version = str(getattr(self.session, "version", "0"))
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < NEEDED:
            needed = ".".join(map(str, NEEDED))
            raise InvalidInput(
                f"This is Spark {version}, but the query needs functions of Spark {needed}.",
                next_step=(
                    f"Use Spark {needed} or newer (EMR 7, Glue 5 or pip install"
                    f" 'pyspark>={needed}'), or another engine."
                ),
                field="session",
            )
        self._cancel = cancel
        self._files = 0

    def rows(self, question: Question, *, with_source: bool) -> Iterator[Any]:
        """Run a question in Spark, and yield the rows of its answer."""
        spark = self.session
        before = {name: spark.conf.get(name) for name in SETTINGS}
        for name, value in SETTINGS.items():
            spark.conf.set(name, value)
        try:
            self._files = self._view()
            sql = statement(
                question, from_lines(VIEW, SPARK, "both"), SPARK, with_source=with_source
            )
            for row in spark.sql(sql).toLocalIterator():
                if self._cancel is not None and self._cancel.is_set():
                    raise LogError(
                        "Reading the access logs was cancelled.",
                        next_step="Start it again to read on.",
                    )
                yield row
        except GtSecureError:
            raise
        except Exception as error:  # py4j and Spark Connect have their own trees of errors
            raise _ours(error) from error
        finally:
            for name, value in before.items():
                spark.conf.set(name, value)

    def _view(self) -> int:
        """Make the view that the SQL text reads, and return the number of its files."""
        lines = (
            self.session.read.option("recursiveFileLookup", "true")
            .option("lineSep", "\n")
            .text(self.paths)
        )
        lines.selectExpr(
            "value AS line", "input_file_name() AS source", "CAST(NULL AS BIGINT) AS pos"
        ).createOrReplaceTempView(VIEW)
        return len(lines.inputFiles())

    def describe(self, coverage: Coverage) -> None:
        """Add to a coverage the files read, and the limits of Spark."""
        coverage.objects = coverage.objects_read = self._files
        coverage.notes.append(
            "Counted by Spark, which gives no offsets of lines and does not report when the files"
            " were delivered. It takes the lines as access logs, reads all files under the paths,"
            " and leaves out those whose names begin with _ or a dot."
        )


def _ours(error: Exception) -> GtSecureError:
    text = str(error)
    if "PATH_NOT_FOUND" in text or "Path does not exist" in text:
        return NotFound(
            "Spark finds no file there.",
            next_step="Check the path; Spark reads it with its own rights.",
        )
    if "No FileSystem for scheme" in text or "S3AFileSystem not found" in text:
        return InvalidInput(
            "This Spark cannot read such an address.",
            next_step=(
                "Name it s3a:// and give Spark the package hadoop-aws; on EMR and Glue s3:// works."
            ),
            field="sources",
        )
    return LogError(f"Spark failed: {text.splitlines()[0][:300] if text else type(error).__name__}")


def _each(sources: Any) -> list[Any]:
    single = isinstance(sources, (str, Path)) or hasattr(sources, "uri") or hasattr(sources, "open")
    return [sources] if single else list(sources)


def _path(source: Any) -> str:
    text = str(getattr(source, "uri", None) or getattr(source, "name", None) or "")
    if isinstance(source, (str, Path)):
        text = str(source)
    if text in ("", "-"):
        raise InvalidInput(
            "Spark reads files and folders, not this source.",
            next_step="Use the duckdb engine.",
            field="sources",
        )
    return text if isinstance(source, S3Object) else _of_prefix(text)


def _of_prefix(text: str) -> str:
    """Return the Spark path that reads an ``s3://`` address as a prefix, like the other engines."""
    scheme, found, rest = text.partition("://")
    if (
        not found
        or scheme not in ("s3", "s3a", "s3n")
        or rest.endswith("/")
        or set("*?[{") & set(rest)
    ):
        return text
    return f"{text}*" if "/" in rest else f"{text}/"


def _session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtra(
            "pyspark is not installed.", next_step="pip install 'pyspark>=3.5'"
        ) from error
    return SparkSession.builder.getOrCreate()
