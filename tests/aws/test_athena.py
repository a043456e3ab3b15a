"""Athena: the calls and their order over HTTP against ministack, and what its answers become.

What this cannot prove, because ministack is no Athena: that Trino takes the text (see test_dialects
for what stands in), that ``"$path"`` prunes, what is billed, and what a work group's cutoff does
(its messages are played with botocore's Stubber).
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gt_secure.aws.athena_client import AthenaClient
from gt_secure.aws.client import Aws, connect_aws
from gt_secure.aws.s3_opener import AwsOpener
from gt_secure.base.errors import AccessDenied, GtSecureError, InvalidInput, LogError, NotFound
from gt_secure.cli.main import main
from gt_secure.connection import Connection
from gt_secure.logs import Athena, Estimate, QueryProgress, count_hits, read_hits
from gt_secure.logs.engines import athena as athena_module, selection as engines
from gt_secure.logs.engines.athena import AdHoc, raw_table
from gt_secure.logs.engines.athena_query import Flow
from gt_secure.logs.sql.log_columns import COLUMNS, STORED
from gt_secure.logs.storage.listing import list_logs, path_ranges
from support import corpus, lines
from support.athena_emulator import Emulator
from support.sample import sample

LOG = "s3://gt-logs/s3/"
OUTPUT = "s3://results/athena/"
RANGE = {"since": "2026-11-20T06:00", "until": "2026-11-20T18:00"}
COUNTS = (
    "lines",
    "hits",
    "outside",
    "duplicates",
    "unreadable",
    "blank",
    "first_hit",
    "last_hit",
    "objects",
)


def client_of(url: str, key: str = "test", secret: str = "test") -> Aws:
    return connect_aws(
        boto3_session=boto3.session.Session(key, secret, region_name="us-east-1"), endpoint_url=url
    )


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    emulator = Emulator(tmp_path_factory.mktemp("ministack"), translate=True)
    try:
        aws = client_of(emulator.url)
        s3 = aws.client("s3")
        for bucket in ("gt-logs", "results", "many"):
            s3.create_bucket(Bucket=bucket)
        aws.client("glue").create_database(DatabaseInput={"Name": "logs"})
        found = lines.all_lines(300)
        days = ["2026-10-01", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-24"]
        # the first and the last lie outside of the range and its margin
        for n, day in enumerate(days):
            body = "".join(line + "\n" for line in found[n::5])
            s3.put_object(Bucket="gt-logs", Key=f"s3/{day}-11-00-00-ABCDEF{n}", Body=body.encode())
        yield aws
    finally:
        emulator.close()


def athena(**changes: Any) -> Athena:
    return Athena(**{"database": "logs", "output": OUTPUT, "yes": True, **changes})


def rows(hits: Any) -> list[Any]:
    return sorted(hits.query(f"SELECT {', '.join(STORED)} FROM {{hits}}"), key=str)


def tables(aws: Aws) -> list[str]:
    return [
        table["Name"] for table in aws.client("glue").get_tables(DatabaseName="logs")["TableList"]
    ]


def queries(aws: Aws) -> set[str]:
    return set(aws.client("athena").list_query_executions()["QueryExecutionIds"])


# rows and counts


@pytest.mark.parametrize("options", [{}, RANGE], ids=["all", "range"])
def test_rows_are_those_of_duckdb(aws: Aws, options: dict[str, Any]) -> None:
    with (
        read_hits(LOG, aws=aws, cache=False, engine="duckdb", **options) as here,
        read_hits(LOG, aws=aws, engine="athena", athena=athena(), **options) as there,
    ):
        assert rows(there) == rows(here)
        assert len(there) > 100
        for name in COUNTS:
            assert getattr(there.coverage, name) == getattr(here.coverage, name), name
        assert there.coverage.adds_up
        assert {s.text for s in there.coverage.samples} & {s.text for s in here.coverage.samples}
        assert {s.name for s in there.coverage.samples} <= {
            s.name for s in list_logs(AwsOpener(aws), LOG)
        }
        assert [leak.to_dict() for leak in there.leaks()] == [
            leak.to_dict() for leak in here.leaks()
        ]
    assert tables(aws) == []


FILTERS: list[dict[str, Any]] = [
    {"presigned": True, "test": False},
    {"status": 403, "key_prefix": "scans/"},
    {"key": ["scans/00*", "it's"], "refused": False},
    {"network": "203.0.113.0/25", "operation": "REST.GET.OBJECT"},
    {"address": ["203.0.113.7", "2001:db8:40::1f"], "bucket": "gt-images"},
]


@pytest.mark.parametrize("filters", sample(FILTERS, 3), ids="-".join)
def test_filters_are_those_of_duckdb(aws: Aws, filters: dict[str, Any]) -> None:
    by = "network,hour,http_status,presigned,key"
    with read_hits(LOG, aws=aws, cache=False, filters=filters, **RANGE) as here:
        table, coverage = count_hits(
            LOG, by, aws=aws, engine="athena", athena=athena(), filters=filters, **RANGE
        )
        assert sorted(table.rows, key=str) == sorted(here.count(by).rows, key=str)
        assert [getattr(coverage, n) for n in COUNTS] == [getattr(here.coverage, n) for n in COUNTS]


@pytest.mark.parametrize(
    "by",
    sample([((),), *((tuple(COLUMNS)[start::6],) for start in range(6))], 3),
    ids=lambda by: "-".join(by[:2]) or "none",
)
def test_counts_are_those_of_duckdb(aws: Aws, by: tuple[str, ...]) -> None:
    """By every column, some at a time; ``test_dialects`` has the text of the
    query for each alone.
    """
    table, _ = count_hits(LOG, by, aws=aws, engine="athena", athena=athena())
    expected, _ = count_hits(LOG, by, aws=aws, engine="duckdb")
    assert sorted(table.rows, key=str) == sorted(expected.rows, key=str)


def test_names_of_networks_are_those_of_duckdb(aws: Aws) -> None:
    by = ("network_name", "http_status")
    table, _ = count_hits(
        LOG, by, aws=aws, engine="athena", athena=athena(), networks=lines.NETWORKS
    )
    with read_hits(
        LOG, aws=aws, engine="athena", athena=athena(), networks=lines.NETWORKS
    ) as there:
        assert sorted(there.count(by).rows, key=str) == sorted(table.rows, key=str)
    expected, _ = count_hits(LOG, by, aws=aws, engine="duckdb", networks=lines.NETWORKS)
    assert sorted(table.rows, key=str) == sorted(expected.rows, key=str)
    assert {row[0] for row in table.rows} >= {"Berlin office", None}


def test_pages(aws: Aws) -> None:
    rng = random.Random(4)
    found = [corpus.write(corpus.random_record(rng)) for _ in range(2500)]
    aws.client("s3").put_object(
        Bucket="many", Key="a/x", Body="".join(f"{t}\n" for t in [*found, found[7]]).encode()
    )
    seen: list[QueryProgress] = []
    with read_hits(
        "s3://many/a/", aws=aws, engine="athena", athena=athena(), progress=seen.append
    ) as hits:
        assert len(hits) == 2501
    assert [p.rows for p in seen if p.rows] == [1000, 2000, 2500]
    with read_hits("s3://many/a/", aws=aws, engine="athena", athena=athena(), dedupe=True) as hits:
        assert (len(hits), hits.coverage.duplicates) == (2500, 1)
        assert hits.coverage.adds_up


def test_too_many_rows_are_an_error(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gt_secure.logs.sql.query.MOST_ROWS", 50)
    with pytest.raises(LogError, match="More than 50 rows"):
        read_hits(LOG, aws=aws, engine="athena", athena=athena())
    assert tables(aws) == []


def test_no_secret_reaches_the_result_bucket(aws: Aws) -> None:
    with read_hits(
        LOG, aws=aws, engine="athena", athena=athena(output="s3://results/secret/")
    ) as hits:
        assert "***" in str(rows(hits))
    s3 = aws.client("s3")
    keys = [
        entry["Key"] for entry in s3.list_objects_v2(Bucket="results", Prefix="secret/")["Contents"]
    ]
    text = "".join(s3.get_object(Bucket="results", Key=key)["Body"].read().decode() for key in keys)
    assert "gt-images" in text
    assert [secret for secret in lines.SECRETS if secret in text] == []


def test_a_prefix_that_ends_within_a_name(aws: Aws) -> None:
    s3 = aws.client("s3")
    for name in ("log-a", "log-b", "logs"):
        s3.put_object(
            Bucket="many", Key=f"p/{name}", Body=f"{corpus.case('x', key=name).text}\n".encode()
        )
    table, coverage = count_hits(
        "s3://many/p/log-", "key", aws=aws, engine="athena", athena=athena()
    )
    assert [row[0] for row in table.rows] == ["log-a", "log-b"]
    assert coverage.objects == 2


# a table that is there


def test_a_table_of_raw_lines(aws: Aws) -> None:
    table = AdHoc("logs", "raw", "line", LOG)
    flow = Flow(AthenaClient(aws.client("athena"), "primary"), athena(), None, None)
    flow.wait(flow.start(table.create))
    try:
        found, _ = count_hits(
            LOG, "http_status", aws=aws, engine="athena", athena=athena(table="raw")
        )
        expected, _ = count_hits(LOG, "http_status", aws=aws)
        assert found.rows == expected.rows
        assert tables(aws) == ["raw"]
        # ministack does not tell the location
        with pytest.raises(InvalidInput, match="the cost cannot be estimated"):
            count_hits([], "http_status", aws=aws, engine="athena", athena=athena(table="raw"))
    finally:
        flow.wait(flow.start(table.drop))


def described(columns: list[str], **parameters: str) -> Any:
    """A client whose GetTableMetadata answers as the AWS CLI reference shows it."""
    client = boto3.client(
        "athena", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(client)
    said = {
        "Name": "t",
        "Columns": [{"Name": c, "Type": "string"} for c in columns],
        "Parameters": parameters,
    }
    stub.add_response("get_table_metadata", {"TableMetadata": said})
    stub.activate()
    return client


def looked_up(columns: list[str], **parameters: str) -> AthenaClient:
    return AthenaClient(described(columns, **parameters), "primary")


REGEX = "org.apache.hadoop.hive.serde2.RegexSerDe"


def test_tables_are_looked_at() -> None:
    lazy = {
        "serde.serialization.lib": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "location": "s3://b/p",
    }
    assert raw_table(looked_up(["l"], **lazy), "d", "t").location == "s3://b/p/"
    whole = {"serde.serialization.lib": REGEX, "serde.param.input.regex": "(.*)"}
    assert raw_table(looked_up(["l"], **whole), "d", "t").column == "l"
    documented = {
        "serde.serialization.lib": REGEX,
        "serde.param.input.regex": '([^ ]*) ([^ ]*) "([^"]*)"',
    }
    with pytest.raises(InvalidInput, match="presigned URLs with a file name are lost"):
        raw_table(looked_up(["bucketowner", "bucket_name"], **documented), "d", "t")
    with pytest.raises(InvalidInput, match="2 columns"):
        raw_table(looked_up(["a", "b"], **lazy), "d", "t")


# a yes before it costs money


def test_nothing_runs_without_a_yes(aws: Aws) -> None:
    before, asked = queries(aws), []

    def no(estimate: Estimate) -> bool:
        asked.append(estimate)
        return False

    with pytest.raises(InvalidInput, match="not confirmed") as caught:
        count_hits(LOG, "bucket", aws=aws, engine="athena", athena=athena(yes=False), **RANGE)
    with pytest.raises(LogError, match="answered with no"):
        count_hits(
            LOG, "bucket", aws=aws, engine="athena", athena=athena(yes=False, confirm=no), **RANGE
        )
    assert queries(aws) == before
    assert tables(aws) == []
    listed = list(list_logs(AwsOpener(aws), LOG, since=dt.datetime(2026, 11, 20, 6),
                            until=dt.datetime(2026, 11, 20, 18)))  # fmt: skip
    [estimate] = asked
    assert (
        (estimate.objects, estimate.bytes)
        == (len(listed), sum(item.size for item in listed))
        == (3, estimate.bytes)
    )
    assert caught.value.details["bytes"] == estimate.bytes
    assert "about 0.00 USD at 5 USD a TB" in estimate.sentence
    assert "drops it afterwards" in estimate.sentence


def test_a_yes_runs_it(aws: Aws) -> None:
    table, coverage = count_hits(
        LOG,
        "bucket",
        aws=aws,
        engine="athena",
        athena=athena(yes=False, confirm=lambda e: e.objects == 5),
    )
    assert sum(row[-1] for row in table.rows) == coverage.hits
    assert coverage.engine == "athena"


def test_what_an_estimate_says() -> None:
    estimate = Estimate(10, 3 * 10**12, 5.0, "primary", "logs", "raw", False)
    assert (round(estimate.usd, 2), Estimate(1, 5, 5.0, "w", "d", "t", True).usd) == (15.0, 5e-05)
    assert "about 3.0 TB in 10 log objects, about 15.00 USD" in estimate.sentence


def test_auto_asks_before_it_costs(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    _, coverage = count_hits(LOG, "bucket", aws=aws, athena=athena(yes=False))
    assert coverage.engine == "duckdb"
    monkeypatch.setattr(engines, "DUCKDB_UP_TO", 1000)
    with pytest.raises(InvalidInput, match="not confirmed"):
        count_hits(LOG, "bucket", aws=aws, athena=athena(yes=False))
    _, coverage = count_hits(LOG, "bucket", aws=aws, athena=athena())
    assert coverage.engine == "athena"
    assert "it asks before it costs money" in coverage.engine_reason


# cancel, time-out, failure


def state_of(aws: Aws, query: str) -> str:
    found = aws.client("athena").get_query_execution(QueryExecutionId=query)["QueryExecution"]
    return str(found["Status"]["State"])


SLOW = {"filters": {"key": "SLEEP"}}  # the stand-in waits at that word


def test_cancel_stops_the_query(aws: Aws) -> None:
    cancel, seen = threading.Event(), []

    def watch(progress: QueryProgress) -> None:
        seen.append(progress.query_id)
        if progress.state == "RUNNING" and progress.seconds > 0.5:
            cancel.set()

    with pytest.raises(LogError, match="cancelled"):
        count_hits(
            LOG,
            "key",
            aws=aws,
            engine="athena",
            athena=athena(),
            progress=watch,
            cancel=cancel,
            **SLOW,
        )
    assert state_of(aws, seen[-1]) == "CANCELLED"
    assert tables(aws) == []


def test_time_out_stops_the_query(aws: Aws) -> None:
    seen: list[QueryProgress] = []
    with pytest.raises(LogError, match="took longer than 1 s"):
        count_hits(
            LOG,
            "key",
            aws=aws,
            engine="athena",
            athena=athena(timeout_s=1),
            progress=seen.append,
            **SLOW,
        )
    assert state_of(aws, seen[-1].query_id) == "CANCELLED"
    assert tables(aws) == []


def test_an_interrupt_stops_the_query(aws: Aws) -> None:
    seen: list[QueryProgress] = []

    def interrupt(progress: QueryProgress) -> None:
        seen.append(progress)
        if len(seen) > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_hits(
            LOG, "key", aws=aws, engine="athena", athena=athena(), progress=interrupt, **SLOW
        )
    assert state_of(aws, seen[-1].query_id) == "CANCELLED"
    assert tables(aws) == []


def test_waits_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, slept = Flow(None, athena(timeout_s=100), None, None), []
    clock = itertools.count(0.0, 0.1)
    monkeypatch.setattr("gt_secure.logs.engines.athena_query.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("gt_secure.logs.engines.athena_query.time.sleep", slept.append)
    answers = itertools.chain(["QUEUED"] * 3, ["RUNNING"] * 9, ["SUCCEEDED"])

    class Client:
        def get_query_execution(self, QueryExecutionId: str) -> Any:
            return {"QueryExecution": {"Status": {"State": next(answers)}}}

    flow.client = AthenaClient(Client(), "primary")
    flow.wait("q")
    assert slept[0] == 0.2
    assert slept == sorted(slept)
    assert max(slept) == 5.0


@pytest.mark.parametrize(("after", "ends"), [(["QUEUED", "SUCCEEDED"], True), (["FAILED"], False)])
def test_athena_may_start_a_failed_query_again(
    monkeypatch: pytest.MonkeyPatch, after: list[str], ends: bool
) -> None:
    """API reference: the state may go from FAILED to QUEUED."""
    monkeypatch.setattr("gt_secure.logs.engines.athena_query.time.sleep", lambda s: None)
    answers = iter(["RUNNING", "FAILED", *after])

    class Client:
        def get_query_execution(self, QueryExecutionId: str) -> Any:
            error = {"Retryable": True, "ErrorMessage": "INTERNAL"}
            return {"QueryExecution": {"Status": {"State": next(answers), "AthenaError": error}}}

    flow = Flow(AthenaClient(Client(), "primary"), athena(), None, None)
    if ends:
        assert flow.wait("q")["Status"]["State"] == "SUCCEEDED"
    else:
        with pytest.raises(LogError, match="failed: INTERNAL"):
            flow.wait("q")


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"database": "nowhere"}, LogError, "Schema 'nowhere' does not exist"),
        ({"output": "s3://no-such-bucket/x/"}, GtSecureError, "could not write the result"),
        ({"output": None}, InvalidInput, "has no output location"),
        ({"output": LOG + "results/"}, InvalidInput, "results would be read as log lines"),
        ({"table": "absent", "output": OUTPUT}, InvalidInput, "0 columns"),
    ],
)
def test_failures_are_sentences(
    aws: Aws, changes: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        count_hits(LOG, "bucket", aws=aws, engine="athena", athena=athena(**changes))
    assert tables(aws) == []


def test_athena_says_itself_that_the_output_is_missing(aws: Aws) -> None:
    with pytest.raises(InvalidInput, match="no output location"):
        Flow(AthenaClient(aws.client("athena"), "primary"), athena(output=None), None, None).start(
            "SELECT 1"
        )


def test_nothing_to_read(aws: Aws) -> None:
    with pytest.raises(NotFound, match="No log objects"):
        count_hits("s3://gt-logs/other/", "bucket", aws=aws, engine="athena", athena=athena())
    with pytest.raises(InvalidInput, match="one s3:// prefix"):
        count_hits("x.log", "bucket", aws=aws, engine="athena", athena=athena())
    with pytest.raises(InvalidInput, match="connection to AWS"):
        count_hits(LOG, "bucket", engine="athena", athena=athena())


def test_work_groups(aws: Aws) -> None:
    client = aws.client("athena")
    client.create_work_group(
        Name="limited",
        Configuration={"BytesScannedCutoffPerQuery": 10_000_000, "EnforceWorkGroupConfiguration": True,
                       "ResultConfiguration": {"OutputLocation": "s3://results/group/"}},
    )  # fmt: skip
    _, coverage = count_hits(
        LOG, "bucket", aws=aws, engine="athena", athena=athena(workgroup="limited", output=None)
    )
    assert coverage.hits


def test_without_permission(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    document = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":"*"}]}'
    )
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    other = client_of(str(aws.endpoint_url), key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(AccessDenied) as caught:
        count_hits(LOG, "bucket", aws=other, engine="athena", athena=athena())
    assert caught.value.action == "athena:StartQueryExecution"
    assert "workgroup/primary" in caught.value.resource


def test_a_table_that_cannot_be_dropped_is_named(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdHoc, "drop", property(lambda self: "DROP TABLE logs.never_there"))
    _, coverage = count_hits(LOG, "bucket", aws=aws, engine="athena", athena=athena())
    monkeypatch.undo()
    [left] = tables(aws)
    assert any(f"logs.{left} could not be dropped" in note for note in coverage.notes)
    aws.client("glue").delete_table(DatabaseName="logs", Name=left)


# answers that ministack never gives


def ended(state: str, reason: str) -> GtSecureError:
    client = boto3.client(
        "athena", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(client)
    status = {"State": state, "StateChangeReason": reason}
    stub.add_response(
        "get_query_execution", {"QueryExecution": {"QueryExecutionId": "q", "Status": status}}
    )
    stub.activate()
    with pytest.raises(GtSecureError) as caught:
        Flow(AthenaClient(client, "primary"), athena(), None, None).wait("q")
    stub.assert_no_pending_responses()
    return caught.value


def test_reasons() -> None:
    over = ended("CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded")
    assert "scanned more than the group allows" in over.message
    assert (
        "cancelled: Query was cancelled by user"
        in ended("CANCELLED", "Query was cancelled by user").message
    )
    denied = ended("FAILED", "User is not authorized to perform: glue:CreateTable on resource: x")
    assert isinstance(denied, AccessDenied)
    assert denied.action == "glue:CreateTable"
    s3 = ended("FAILED", "PERMISSION_DENIED: Access Denied (Service: Amazon S3; Status Code: 403)")
    assert isinstance(s3, AccessDenied)
    assert s3.action == "s3:GetObject"
    hidden = ended(
        "FAILED",
        "SYNTAX_ERROR near X-Amz-Security-Token=IQoJb3JpZ2luX2VjEJvTOKEN&a AKIAQ3EGRZ5NV7B2YTKD",
    )
    assert not [secret for secret in lines.SECRETS if secret in str(hidden)]


def test_the_output_is_sent() -> None:
    client = boto3.client(
        "athena", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(client)
    stub.add_response(
        "start_query_execution",
        {"QueryExecutionId": "q"},
        {
            "QueryString": "SELECT 1",
            "WorkGroup": "primary",
            "QueryExecutionContext": {"Database": "logs", "Catalog": "AwsDataCatalog"},
            "ResultConfiguration": {"OutputLocation": OUTPUT},
        },
    )
    stub.activate()
    assert Flow(AthenaClient(client, "primary"), athena(), None, None).start("SELECT 1") == "q"


@pytest.mark.parametrize(
    "changes",
    [{"database": "a;b"}, {"table": 'x"y'}, {"output": "/tmp"}, {"timeout_s": 0}, {"usd_per_tb": -1}],
)  # fmt: skip
def test_settings_are_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        athena(**changes)


def test_a_query_that_is_too_long(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(athena_module, "MAX_QUERY_BYTES", 20_000)
    keys = [f"scans/{n:04}.png" for n in range(900)]
    with pytest.raises(InvalidInput, match="Athena accepts 20,000"):
        count_hits(LOG, "bucket", aws=aws, engine="athena", athena=athena(), filters={"key": keys})


# keys


def test_ranges_hold_what_is_listed(aws: Aws) -> None:
    s3 = aws.client("s3")
    base = "parted/111122223333/us-east-1/gt-images/"
    for day in range(1, 29):
        name = f"{base}2026/11/{day:02}/2026-11-{day:02}-00-00-00-AB"
        s3.put_object(Bucket="many", Key=name, Body=b"x")
    since, until = dt.datetime(2026, 11, 10, 5), dt.datetime(2026, 11, 12)
    [(low, high)] = path_ranges(AwsOpener(s3), "s3://many/parted/", since=since, until=until)
    assert (low, high) == (f"{base}2026/11/10", f"{base}2026/11/15")
    keys = [
        item.key for item in list_logs(AwsOpener(s3), "s3://many/parted/", since=since, until=until)
    ]
    assert keys
    assert all(low <= key < high for key in keys)
    assert path_ranges(AwsOpener(s3), "s3://many/parted/") == [("parted/", "parted0")]
    assert path_ranges(AwsOpener(s3), "s3://many/") == [("", "")]


# the connection and the command line


def test_connection(aws: Aws) -> None:
    gt = Connection(aws)
    options: dict[str, Any] = {"logs": LOG, "engine": athena()}
    table, coverage = gt.count_hits(
        "gt-images", ["http_status", "bucket"], filters={"presigned": True}, **options
    )
    with gt.hits("gt-images", logs=LOG) as here, gt.hits("gt-images", **options) as there:
        assert table.rows == here.filter(presigned=True).count("http_status,bucket").rows
        assert rows(there) == rows(here)
    assert {row[1] for row in table.rows} == {"gt-images"}
    assert coverage.engine == "athena"
    with pytest.raises(InvalidInput, match="Neither a bucket"):
        gt.count_hits()


def run(aws: Aws, *args: str, monkeypatch: pytest.MonkeyPatch) -> int:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
                        "AWS_ENDPOINT_URL": str(aws.endpoint_url)}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return main(
        [
            "hits",
            LOG,
            "--by",
            "remote_ip,http_status",
            "--format",
            "csv",
            "--since",
            RANGE["since"],
            *args,
        ]
    )


def test_command_line(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ("--engine", "athena", "--athena-database", "logs", "--athena-output", OUTPUT)
    assert run(aws, "--presigned", "--no-cache", monkeypatch=monkeypatch) == 3, (
        "some lines cannot be read"
    )
    expected = capsys.readouterr().out
    assert run(aws, "--presigned", *engine, "--yes", "--stats", monkeypatch=monkeypatch) == 3
    out, err = capsys.readouterr()
    assert out == expected
    assert '"engine": "athena"' in err
    before = queries(aws)
    assert run(aws, *engine, monkeypatch=monkeypatch) == 64
    out, err = capsys.readouterr()
    assert "would scan about" in err
    assert "--yes" in err
    assert queries(aws) == before


def test_plain_ministack_refuses_the_text(tmp_path: Path) -> None:
    """So that nobody takes these tests for a proof of the text: what runs it here is DuckDB."""
    emulator = Emulator(tmp_path, translate=False)
    try:
        aws = client_of(emulator.url)
        for bucket in ("gt-logs", "results"):
            aws.client("s3").create_bucket(Bucket=bucket)
        aws.client("glue").create_database(DatabaseInput={"Name": "logs"})
        aws.client("s3").put_object(Bucket="gt-logs", Key="s3/a", Body=b"x\n")
        with pytest.raises(LogError, match="The Athena query failed: Binder Error"):
            count_hits(LOG, "bucket", aws=aws, engine="athena", athena=athena())
    finally:
        emulator.close()
