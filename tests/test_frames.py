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

from gt_secure.account.exposure import AccountExposure
from gt_secure.aws.client import Aws
from gt_secure.aws.teams import LabelingJob, Workteam
from gt_secure.base.outcome import CheckResult
from gt_secure.changes.history import HistoryEntry
from gt_secure.changes.journal import ChangeRecord, Journal
from gt_secure.changes.plan import Plan
from gt_secure.check import Report
from gt_secure.connection import Connection
from gt_secure.engine.access.answer import Answer, Answers
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.proof import Proof
from gt_secure.engine.access.signers import Signers, SigningPrincipal
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.findings.listings import Endpoints, Findings, History, Jobs, Workteams
from gt_secure.findings.model import Checked, Finding
from gt_secure.logs import Hits, Table, read_hits
from gt_secure.logs.coverage import Coverage
from gt_secure.logs.leaks import Leak, Leaks
from gt_secure.logs.time_range import parse_time
from gt_secure.logs.url_users import User
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


NOW = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
HERE = ("111122223333", "us-east-1")
RAN = Report(
    (CheckResult("a", "b", True, ""), CheckResult("a", "c", None, "No answer.", {}, "Wait."))
)
ROWS = (
    ReportRow(*HERE, "bucket", "gt-images", allowed=("203.0.113.0/24",)),
    ReportRow(*HERE, "team", "open-team", checked={"url-lock-off": "clean"}),
)
LEAKED = [
    Leak("f", "scans/1.png", None, 600, "leak", tuple(
        User(address, None, f"{address}/24", "curl", dt.datetime(2026, 11, 20, 9), 1, 0)
        for address in ("203.0.113.1", "198.51.100.1")
    )) for _ in "ab"
]  # fmt: skip
FINDINGS = [
    Finding(code, "high", "Open.", "All can.", "Lock it.", "https://x", (), "gt-images", "")
    for code in ("one", "two")
]
TABLES = {
    "teams": Workteams([Workteam(name, f"arn:{name}", "private", url_lock=UrlLock(True)) for name in "ab"]),
    "jobs": Jobs([LabelingJob(name, "InProgress", "arn", 3, 9) for name in "ab"]),
    "endpoints": Endpoints([VpcEndpoint(name, "vpc-1", "Gateway", "available", "") for name in "ab"]),
    "changes by anyone": History([HistoryEntry(NOW, "arn", "url-lock", name) for name in "ab"]),
    "findings": Findings(FINDINGS),
    "signers": Signers(SigningPrincipal(f"arn:aws:iam::1:role/{name}", "signs", "opened") for name in "ab"),
    "answers": Answers([Answer("opened", "worker", depends_on=("aws:A",)), Answer("refused", "other")]),
    "leaks": Leaks(LEAKED, 3, []),
    "rows": Table(("a", "b"), [(1, None), (2, "x")]),
    "a report": AccountReport(NOW, "arn", *HERE, ROWS),
    "hits": None,
    "counts": None,
    "changes": None,
}  # fmt: skip
"""Every table that a person holds, with two rows or more; of the last three the fixtures make one."""


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest, hits: Hits, tmp_path: Path) -> Any:
    if request.param == "changes":
        journal = Journal(tmp_path / "journal")
        begin = {"changes": [{"kind": "url-lock", "target": "open-team"}]}
        journal._records = tuple(ChangeRecord(name, "apply", "applied", begin) for name in "ab")
        return journal
    made = {"hits": hits, "counts": hits.count("remote_ip")}
    return made.get(request.param, TABLES[request.param])


@pytest.mark.needs("pyarrow")
def test_every_way_out_of_a_table_has_the_same_columns(table: Any) -> None:
    import pyarrow

    frame, arrow = table.to_pandas(), pyarrow.RecordBatchReader.from_stream(table).read_all()
    rows = table[:].to_dicts()
    assert len(rows) >= 2
    assert arrow.num_rows == len(frame) == len(rows)
    assert [*frame.columns] == arrow.column_names == [*rows[0]]
    assert isinstance(table, Hits) or (*rows[0],) == (*table.columns,)
    assert all(name.isidentifier() for name in rows[0])
    texts = {name for name, value in rows[0].items() if isinstance(value, str)}
    assert arrow.select(sorted(texts)).to_pylist()[0] == {name: rows[0][name] for name in texts}


def test_every_table_is_cut_and_walked(table: Any) -> None:
    rows, several = table[:].to_dicts(), len([*table])
    assert several == len(table) >= 2
    for part in (table.head(1), table[:1]):
        assert len(part) == 1
        assert part.to_dicts() == rows[: len(rows) // several]
    assert next(iter(table[::-1])) == [*table][-1] == table[-1] == table[several - 1]
    assert len(table[1:]) == several - 1
    with pytest.raises(IndexError):
        table[several]


def test_every_table_is_copied_or_says_why_not(table: Any) -> None:
    ways: list[Any] = [lambda each: pickle.loads(pickle.dumps(each)), copy.copy, copy.deepcopy]
    for way in ways:
        if isinstance(table, Hits):
            with pytest.raises(TypeError, match="cannot be pickled or copied"):
                way(table)
        else:
            assert type(way(table)) is type(table)
            assert way(table)[:].to_dicts() == table[:].to_dicts()


def test_a_table_is_short_in_a_console(table: Any) -> None:
    assert len(repr(table)) < 1_200
    assert " at 0x" not in repr(table)
    assert f"{type(table).__name__}(" not in repr(table) or isinstance(table, Hits | Table)


SAID = {
    "a check": (RAN.results[1], "<CheckResult: unknown: a(c): No answer. Wait.>"),
    "a record": (ChangeRecord("1", "undo", "applied", {}, of="0"), "<ChangeRecord: 1, applied, undo of 0, ->"),
    "a row": (ROWS[0], "<ReportRow: bucket gt-images in 111122223333/us-east-1: unknown, findings: unknown>"),
    "a finding": (FINDINGS[0], "<Finding: high: Open. (gt-images). Lock it.>"),
    "a proof": (Proof(None, None, ("aws:A",)), "<Proof: Not known: it depends on aws:A.>"),
    "a reading": (Coverage(objects=1, objects_read=1), "<Coverage: Read: 1 log object, 0 unreadable lines.>"),
    "a team": (TABLES["teams"][0], "<Workteam a: private, URL lock on (SourceIp)>"),
    "a leak": (LEAKED[0], f"<Leak: {LEAKED[0].sentence}>"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_a_result_is_a_sentence_in_a_console(name: str) -> None:
    result, said = SAID[name]
    assert repr(result) == said


EMPTY = {"summary": Leaks([], 3, []), "rows": Findings((), (Checked("url-lock-off", "clean"),))}


@pytest.mark.parametrize(
    "table", [Workteams(), Jobs(), Endpoints(), History(), Answers([Answer("opened")]), *EMPTY.values()],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_every_table_has_its_ways_out_and_keeps_its_type(table: Any) -> None:
    assert len(table.to_dicts()) == len(table.to_pandas()) == len(table)
    assert table._repr_html_()
    part = table.head(1)
    assert type(part) is type(table[:1]) is type(table)
    assert part.to_dicts() == table[:1].to_dicts() == table.to_dicts()[:1]
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


def test_a_table_of_a_log_can_be_cut(hits: Hits) -> None:
    for table in (hits.count("remote_ip"), Table(("a",), [(n,) for n in range(9)])):
        rows = table.to_dicts()
        assert (table[0], table[-1]) == (rows[0], rows[-1])
        assert table[2:4].to_dicts() == rows[2:4]
        assert table.head().to_dicts() == rows[:5]
        assert len(table.head(2).to_pandas()) == 2
        with pytest.raises(IndexError):
            table[99]


def test_a_journal_can_be_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    records = [ChangeRecord(str(n), "apply", "applied", {}) for n in range(3)]
    journal._records = tuple(records)
    assert journal[-1] is records[-1]
    assert [*journal[1:]] == records[1:]
    assert isinstance(journal.head(2), Journal)
    assert len(journal.head(2)) == 2
    assert len(journal) == 3


def test_results_are_members_of_sets() -> None:
    one, other = (CheckResult("a", name, True, "", {"seen": [name]}) for name in "bc")
    assert {one, other, one} == {one, other}
    assert len({Checked("url-lock-off", "clean")} | {Checked("url-lock-off", "clean")}) == 1


KEPT_HERE = {
    "a connection": lambda hits: Connection(object.__new__(Aws)),
    "a plan": lambda hits: object.__new__(Plan),
    "hits": lambda hits: hits,
    "a report with hits": lambda hits: AccountReport(
        dt.datetime.now(dt.UTC), "arn", "111122223333", "us-east-1",
        (ReportRow("111122223333", "us-east-1", "bucket", "gt-images", hits=hits),),
    ),
    "an exposure": lambda hits: object.__new__(Exposure),
    "an exposure of an account": lambda hits: object.__new__(AccountExposure),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT_HERE)
def test_what_belongs_to_an_account_or_process_says_that_it_cannot_be_copied(
    name: str, hits: Hits
) -> None:
    item = KEPT_HERE[name](hits)
    ways: list[Any] = [pickle.dumps, copy.deepcopy]
    for way in [*ways, *([] if name.startswith("a report") else [copy.copy])]:
        with pytest.raises(TypeError, match=r"cannot be pickled or copied.* \S+\("):
            way(item)


def test_a_report_without_hits_is_copied() -> None:
    made = AccountReport(dt.datetime.now(dt.UTC), "arn", "111122223333", "us-east-1", ())
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == copy.copy(made) == made
    checks = Report((CheckResult("a", "b", True, ""),), "checks.json")
    assert pickle.loads(pickle.dumps(checks)) == copy.copy(checks) == checks
