"""The rows of a sweep as files: CSV, a page, and Parquet partitions."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..html import Markup, output
from ..logs.table import safe_cell

if TYPE_CHECKING:
    from .row import SweepRow

CSV_COLUMNS = (
    "account", "account_name", "region", "team", "status", "url_lock", "portal_lock", "guard", "buckets", "exposure",
    "high", "medium", "low", "info", "accepted", "codes", "unread",
)  # fmt: skip
PARQUET_TYPES = (
    "account VARCHAR, account_name VARCHAR, region VARCHAR, team VARCHAR, status VARCHAR, url_lock VARCHAR, "
    "portal_lock VARCHAR, guard VARCHAR, buckets VARCHAR[], exposure VARCHAR, high INTEGER, medium INTEGER, "
    "low INTEGER, info INTEGER, accepted INTEGER, codes VARCHAR[], unread VARCHAR[], swept_at TIMESTAMP, day VARCHAR"
)


def record(row: SweepRow) -> dict[str, Any]:
    """Return a row with one value for each column."""
    texts = ("account", "account_name", "region", "team", "status", "url_lock", "portal_lock", "guard", "exposure")
    return {
        **{name: getattr(row, name) for name in texts},
        "buckets": list(row.buckets),
        **row.counts,
        "accepted": len(row.findings) - len(row.open),
        "codes": sorted({finding.code for finding in row.open}),
        "unread": list(row.unread),
    }


def to_csv(rows: Iterable[SweepRow]) -> str:
    """Return rows as CSV: every text is quoted, and none is a formula."""
    target = io.StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        data = record(row)
        writer.writerow([_cell(data[name]) for name in CSV_COLUMNS])
    return target.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, int):
        return value
    return safe_cell("; ".join(map(str, value)) if isinstance(value, list) else str(value))


def to_page(title: str, parts: Sequence[Markup], at: dt.datetime) -> str:
    """Return a page that needs no other file and has no script."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    name = escape(f"Sweep {at:%Y-%m-%d %H:%M} UTC: {title}")
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<meta name="color-scheme" content="light dark">'
        f"<title>{name}</title></head><body><main><h1>Sweep</h1>{output(*parts)}</main></body></html>\n"
    )


def to_parquet(rows: Iterable[SweepRow], at: dt.datetime, folder: Path) -> Path:
    """Write rows as ``day=.../region=.../NAME.parquet``; a later sweep or another part adds files."""
    import duckdb

    moment = {"swept_at": f"{at:%Y-%m-%dT%H:%M:%S}", "day": f"{at:%Y-%m-%d}"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="gt-secure-") as scratch:
            source = Path(scratch) / "rows.ndjson"
            source.write_text(
                "".join(json.dumps(record(row) | moment, ensure_ascii=True) + "\n" for row in rows), encoding="utf-8"
            )
            with duckdb.connect() as db:
                db.execute(f"CREATE TABLE sweep ({PARQUET_TYPES})")
                if source.stat().st_size:
                    db.execute(f"INSERT INTO sweep BY NAME FROM read_json({_quoted(source)}, columns={_types()})")
                db.execute(
                    f"COPY sweep TO {_quoted(folder)} (FORMAT parquet, PARTITION_BY (day, region), APPEND, "
                    "FILENAME_PATTERN 'sweep-{uuid}')"
                )
    except (OSError, duckdb.IOException) as error:
        raise InvalidInput(
            f"{folder} cannot be written: {type(error).__name__}.", next_step="Choose another folder.", field="out"
        ) from error
    return folder


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _types() -> str:
    pairs = [pair.split(" ", 1) for pair in PARQUET_TYPES.split(", ")]
    return "{" + ", ".join(f"{name}: '{kind}'" for name, kind in pairs) + "}"
