"""Tables go into every frame: rows as dictionaries, pandas, HTML and a stream of Arrow;
a slice keeps its type.
"""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import pytest

from gt_secure.aws.client import Aws
from gt_secure.changes.plan import Plan
from gt_secure.connection import Connection
from gt_secure.engine.access.answer import Answer, Answers
from gt_secure.findings.listings import Endpoints, Findings, History, Jobs, Workteams
from gt_secure.findings.model import Checked
from gt_secure.logs import Hits, Table, read_hits
from gt_secure.logs.leaks import Leaks
from gt_secure.logs.time_range import parse_time
from gt_secure.report import AccountReport, ReportRow

LINE = (
    "owner gt-images [20/Nov/2026:09:00:{0:02} +0000] 203.0.113.{0} - R{0} REST.GET.OBJECT"
    ' scans/{0}.png "GET /gt-images/scans/{0}.png HTTP/1.1" 200 - 10 10 5 4 "-" "curl" - h SigV4'
    " TLS AuthHeader host TLSv1.2 - -"
)


@pytest.fixture
def hits(tmp_path: Path) -> Hits:
    path = tmp_path / "log"
    path.write_text("\n".join(LINE.format(number) for number in range(1, 9)))
    return read_hits(str(path))


def readers() -> dict[str, Any]:
    import duckdb
    import pandas
    import pyarrow

    return {
        "pyarrow": lambda table: pyarrow.table(table).num_rows,
        "duckdb": lambda frame: duckdb.sql("SELECT count(*) FROM frame").fetchall()[0][0],
        "pandas": lambda table: len(pandas.DataFrame.from_arrow(table)),
    }


@pytest.mark.parametrize("name", ["pyarrow", "duckdb", "pandas"])
@pytest.mark.needs("pyarrow")
def test_libraries_of_frames_read_hits_and_tables(hits: Hits, name: str) -> None:
    read = readers()[name]
    assert read(hits) == len(hits) > 0
    counted = hits.count("remote_ip")
    assert read(counted) == len(counted) > 0
    assert read(Table(("a", "b"), [(1, None), (2, "x")])) == 2


@pytest.mark.needs("pyarrow")
def test_a_stream_lives_on_while_other_queries_run(hits: Hits) -> None:
    import pyarrow

    reader = pyarrow.RecordBatchReader.from_stream(hits)
    assert hits.count("remote_ip")
    assert [column.name for column in reader.schema] == list(hits.to_pandas().columns)
    assert reader.read_all().num_rows == len(hits)


EMPTY = {"summary": Leaks([], 3, []), "rows": Findings((), (Checked("url-lock-off", "clean"),))}


@pytest.mark.parametrize(
    "table", [Workteams(), Jobs(), Endpoints(), History(), Answers([Answer("opened")]), *EMPTY.values()],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_every_table_has_its_ways_out_and_keeps_its_type(table: Any) -> None:
    assert len(table.to_dicts()) == len(table.to_pandas()) == len(table)
    assert table._repr_html_()
    part = table[:1]
    assert type(part) is type(table)
    assert part._repr_html_()
    assert getattr(part, "checked", None) == getattr(table, "checked", None)


def test_a_report_gives_its_table() -> None:
    here = ("111122223333", "us-east-1", "team")
    rows = (
        ReportRow(*here, "open-team", checked={"url-lock-off": "clean"}),
        ReportRow("111122223333", "eu-west-1", status="denied", unread=("No.",)),
    )
    made = AccountReport(dt.datetime.now(dt.UTC), "arn", *here[:2], rows, 2, 2).to_pandas()
    assert made["region"].to_list() == ["us-east-1", "eu-west-1"]
    assert made["findings"].to_list() == ["none", "unknown"]
    assert made["status"].to_list() == ["read", "denied"]


def test_a_timedelta_is_an_age() -> None:
    day, since = parse_time("1d"), parse_time(dt.timedelta(days=1))
    assert day is not None
    assert since is not None
    assert abs(since - day) < dt.timedelta(seconds=5)


@pytest.mark.parametrize("kind", [Connection, Plan])
def test_what_belongs_to_an_account_says_that_it_cannot_be_copied(kind: type) -> None:
    item = Connection(object.__new__(Aws)) if kind is Connection else object.__new__(Plan)
    for way in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(item)
