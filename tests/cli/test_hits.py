"""The commands, as a person calls them."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import itertools
import json
import random
import re
import shlex
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from gt_secure.base.errors import InvalidInput, LogError
from gt_secure.base.url_journal import UrlJournal
from gt_secure.cli.main import build_parser, main, parse
from gt_secure.logs import plots, read_hits
from gt_secure.logs.engines import selection as engines
from gt_secure.logs.sql.log_columns import COLUMNS
from gt_secure.logs.storage import listing
from support import corpus
from support.sample import sample


def run(*words: str) -> int:
    args = parse(words)
    assert args is not None
    args.parser.check_combination(args)
    return args.run(args)


def hits(*words: str) -> int:
    return run("hits", *words)


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, Counter]:
    rng = random.Random(11)
    records = [corpus.random_record(rng) for _ in range(500)]
    path = tmp_path / "a.log"
    path.write_text("".join(corpus.write(r) + "\n" for r in records) + "cut [line")
    truth = Counter(
        (r["remote_ip"], str(r["http_status"]), r["auth_type"] or "", f"{r['time']:%Y-%m-%dT%H}")
        for r in records
    )
    return path, truth


BY = "remote_ip,http_status,auth_type,hour"


@pytest.mark.parametrize(
    "more", [[], ["--dedupe", "--no-cache"], ["--since", "2020-01-01", "--until", "2030-01-01"]]
)
def test_csv_is_exact(log, capsys, more) -> None:
    path, truth = log
    assert hits(str(path), "--by", BY, "--format", "csv", "--stats", *more) == 3, (
        "a line was not read"
    )
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == [*BY.split(","), "hits"]
    assert {tuple(r[n] for n in BY.split(",")): int(r["hits"]) for r in rows} == truth
    stats = json.loads(err)
    assert (stats["hits"], stats["unreadable"], stats["lines"], stats["adds_up"]) == (
        500,
        1,
        501,
        True,
    )


def test_formats_agree(log, capsys, tmp_path: Path) -> None:
    path, truth = log
    hits(str(path), "--by", BY, "--json")
    rows = json.loads(capsys.readouterr().out)
    assert {
        (r["remote_ip"], str(r["http_status"]), r["auth_type"] or "", r["hour"]): r["hits"]
        for r in rows
    } == truth
    hits(str(path), "--by", BY, "--format", "parquet", "-o", str(tmp_path / "x.parquet"))
    found = duckdb.sql(f"SELECT * FROM '{tmp_path}/x.parquet'").fetchall()
    assert {(a, str(s), t or "", h): n for a, s, t, h, n in found} == truth
    hits(str(path), "--by", "http_status")
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["http_status", "hits"]
    assert "unreadable" in err


def test_who_fetched_what_is_a_page_with_the_limits_of_the_log(log, tmp_path) -> None:
    path, _ = log
    file = tmp_path / "who.html"
    words = ("--by", "remote_ip,http_status", "--format", "html", "-o", str(file))
    assert hits(str(path), *words) == 3
    text = file.read_text()
    assert "<h1>Requests</h1>" in text
    assert "unreadable" in text.partition("<table")[0], "how much of the log was read"
    assert "2001:db8" in text
    assert "<script" not in text


def test_filters(log, capsys) -> None:
    path, truth = log
    hits(str(path), "--by", "auth_type", "--presigned", "--format", "csv")
    expected = sum(n for (_, _, auth, _), n in truth.items() if auth == "QueryString")
    assert capsys.readouterr().out == f'"auth_type","hits"\n"QueryString",{expected}\n'
    hits(str(path), "--by", "remote_ip", "--network", "2001:db8::/32", "--json", "--limit", "1")
    [row] = json.loads(capsys.readouterr().out)
    assert row["remote_ip"].startswith("2001:db8")
    with pytest.raises(InvalidInput):
        hits(str(path), "--by", "remote_ip", "--limit", "0")
    with pytest.raises(InvalidInput, match="http_status"):
        hits(str(path), "--by", "http_statu")


def test_standard_input(log, capsys, monkeypatch) -> None:
    path, truth = log
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    hits("-", "--by", "http_status", "--json")
    assert sum(r["hits"] for r in json.loads(capsys.readouterr().out)) == sum(truth.values())


def opened(address: str, **more: object) -> dict[str, object]:
    """A record of CloudTrail: an opened presigned request."""
    now = dt.datetime.now(dt.UTC)
    signed_at = more.pop("signed_at", now - dt.timedelta(minutes=1))
    query = {
        "X-Amz-Date": f"{signed_at:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(more.pop("expires_s", 3600)),
    }
    return {
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "sourceIPAddress": address, "userAgent": address, "requestID": address,
        "userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/Gt/s"},
        "requestParameters": {"bucketName": "gt-images", "key": "scans/a.png"} | query | more,
        "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "QueryString"},
    }  # fmt: skip


def leak_lines(
    path: Path, capsys: pytest.CaptureFixture[str], *addresses: str, **more: object
) -> list[str]:
    path.write_text(json.dumps({"Records": [opened(address, **more) for address in addresses]}))
    assert run("leaks", str(path)) == 0
    return capsys.readouterr().out.splitlines()


IPS = ("203.0.113.7", "198.51.100.9")


def test_leaks_print_the_command_that_stops_a_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [_, leak, stop, _] = leak_lines(tmp_path / "a.json", capsys, *IPS)
    assert leak.startswith("- leak, possible: Signed")
    words = shlex.split(stop.partition("stop it: ")[2])
    assert words[:4] == ["gt-secure", "revoke", "s3://gt-images", "--fingerprint"]
    assert re.fullmatch("[0-9a-f]{16,}", words[4])


@pytest.mark.parametrize(
    "bucket",
    sample(
        [
            "x;touch${IFS}/tmp/pwn;#",
            "$(id)",
            "`id`",
            "gt images",
            "--yes",
            "a|b",
            "gt-images\n- leak: FORGED",
            "x\r\ny",
            "GT-Images",
            "gt-images'",
            "s3://gt-images",
            "arn:aws:s3:::gt-images",
            "gt..images",
            " gt-images",
            "gt-images ",
        ],
        4,
    ),
)
def test_text_that_is_no_bucket_never_becomes_a_command(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = leak_lines(tmp_path / "a.json", capsys, *IPS, bucketName=bucket)
    assert not [line for line in lines if "stop it" in line]
    assert len([line for line in lines if line.lstrip().startswith("- ")]) == 1


def test_text_of_a_log_makes_no_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = "k\n  stop it: rm -rf ~\r\n- leak: FORGED\x1b[2J"
    lines = leak_lines(tmp_path / "a.json", capsys, *IPS, "x\n- leak: FORGED", key=forged)
    assert [line.split(":")[0] for line in lines[1:-1]] == ["- leak, possible", "  stop it"]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("age", "expires_s", "printed"), [(0, 86400, True), (8, 604800, False), (1, 60, False)]
)
def test_an_expired_url_needs_no_command(
    age: int, expires_s: int, printed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_at = dt.datetime.now(dt.UTC) - dt.timedelta(days=age)
    lines = leak_lines(tmp_path / "a.json", capsys, *IPS, signed_at=signed_at, expires_s=expires_s)
    assert any(line.startswith("- leak") for line in lines)
    assert any("stop it" in line for line in lines) == printed


def test_leaks_command(tmp_path: Path, capsys) -> None:
    lines = [
        corpus.case("x", **{**corpus.PRESIGNED, "remote_ip": ip}).text
        for ip in ("203.0.113.7", "198.51.100.9")
    ]
    (tmp_path / "log").write_text("\n".join(lines))
    assert run("leaks", str(tmp_path)) == 0
    assert "was first is unknown" in capsys.readouterr().out, "both came in one second"
    run("leaks", str(tmp_path), "--json")
    assert len(json.loads(capsys.readouterr().out)["leaks"]) == 1
    run("leaks", str(tmp_path), "--pool", "0.0.0.0/0", "--format", "csv")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_cache_command(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("GT_SECURE_CACHE", str(tmp_path))
    assert main(["hits", "--cache", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objects"] == 0
    main(["hits", "--cache", "clear"])
    assert "Freed 0.0 MB" in capsys.readouterr().out


_START = "o b [24/Nov/2026:10:00:38 +0000]"
_END = '"x" "y" - h= SigV4 c {} h TLSv1.2 - - us-east-1'
NASTY = [
    (
        f'{_START} 203.0.113.7 r R1 REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 1 1 1 1 -'
        f" {_END.format('QueryString')}"
    ),
    (
        f"{_START} 203.0.113.8 r R2 REST.GET.OBJECT k - 403 AccessDenied 1 1 1 1 -"
        f" {_END.format('AuthHeader')}"
    ),
]


def test_a_bare_dash_beside_a_text_with_quotes_is_readable(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(NASTY) + "\n")
    from gt_secure.logs import count_hits

    table, coverage = count_hits([str(log)], "remote_ip,http_status,auth_type")
    assert coverage.unreadable == 0
    assert sorted(table.rows) == [
        ("203.0.113.7", 200, "QueryString", 1),
        ("203.0.113.8", 403, "AuthHeader", 1),
    ]


@pytest.mark.parametrize("form", ["csv", "html", "json", "table", "parquet"])
def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path, form):
    log = tmp_path / "log"
    log.write_text("\n".join(NASTY) + "\n")
    shape = ["--json"] if form == "json" else ["--format", form]
    assert main(["hits", str(log), *shape, "--output", str(tmp_path / "nonsuch" / "x")]) == 64


def test_a_bucket_option_counts_that_bucket_only(tmp_path):
    from gt_secure.logs import read_hits

    log = tmp_path / "log"
    log.write_text("\n".join(NASTY).replace("o b [", "o other [", 1) + "\n")
    with read_hits([str(log)]) as hits:
        assert len(hits.filter(bucket="b")) == 1


@pytest.mark.parametrize("when", ["0001-01-01T00:00+10:00", "9999-12-31T23:59:59-23:00"])
def test_times_beyond_the_calendar_are_a_sentence(tmp_path, when):
    from gt_secure.base.errors import InvalidInput
    from gt_secure.logs.time_range import parse_time

    with pytest.raises(InvalidInput, match="not a point in time"):
        parse_time(when)


@pytest.mark.parametrize(
    "broken",
    [
        {"bytes_sent": 1e999},
        {"request_time": 1e300},
        {"request_time": "0001-01-01T00:00:00+10:00"},
        {"http_status": 5e12},
    ],
)
def test_one_bad_json_record_costs_only_itself(tmp_path, broken):
    import json

    from gt_secure.logs import read_hits

    good = {"request_time": "2026-11-24T10:00:00Z", "operation": "REST.GET.OBJECT", "http_status": 200,
            "remote_ip": "203.0.113.7", "bucket_name": "b"}  # fmt: skip
    log = tmp_path / "log.json"
    log.write_text("\n".join(json.dumps(record) for record in (good, good | broken, good)) + "\n")
    with read_hits([str(log)]) as hits:
        assert len(hits) + hits.coverage.unreadable == 3
        assert len(hits) >= 2


def test_a_row_without_an_address_says_so() -> None:
    from gt_secure.logs.table import Table

    table = Table(["remote_ip", "network", "requester", "hits"], [(None, None, None, 3)])
    assert table.to_text().splitlines()[1].split("  ")[:2] == ["(no address)", "(no address)"]
    assert "<bdi>(no address)</bdi>" in table._repr_html_()
    assert table.to_csv().splitlines()[1] == '"","","",3'
    assert '"remote_ip": null' in table.to_json()


def test_a_log_is_not_written_over(log, tmp_path: Path) -> None:
    path, _ = log
    (tmp_path / "link.log").symlink_to(path)
    before = path.read_bytes()
    for words in ([str(path), "-o", str(path)], [str(path), "-o", str(tmp_path / "link.log")]):
        with pytest.raises(InvalidInput, match="is one of the logs"):
            hits(*words, "--format", "csv")
    assert path.read_bytes() == before


@pytest.mark.parametrize("limit", ["0", "-1"])
@pytest.mark.parametrize("more", [[], ["--follow"], ["--format", "csv"], ["--dedupe"]])
def test_limits_of_the_commands(log, limit: str, more: list[str], capsys) -> None:
    assert main(["hits", str(log[0]), "--limit", limit, *more]) == 64
    assert "--limit accepts numbers from 1." in capsys.readouterr().err


def test_a_networks_file_that_is_missing_is_an_error_whatever_is_counted_by(log, capsys) -> None:
    assert main(["hits", str(log[0]), "--networks", "nofile.json"]) == 64
    assert "nofile.json" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["hits", "leaks", "plan"])
def test_a_database_of_networks_is_an_error_that_says_what_to_write(
    log, capsys, command: str
) -> None:
    words = ["s3://gt-images", "--allow", "Berlin office"] if command == "plan" else [str(log[0])]
    assert main([command, *words, "--networks", "a.mmdb"]) == 64
    err = capsys.readouterr().err
    assert "a.mmdb is an MMDB database, which gt-secure does not read." in err
    assert "Write networks: [{name: ..., ranges: [...], kind: office}]." in err


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Return the path of a log that can be read whole."""
    corpus.deliver(
        tmp_path, "small.log", "203.0.113.7", "203.0.113.7", "198.51.100.9", "2001:db8::1"
    )
    return str(tmp_path / "small.log")


def test_plot(small: str, tmp_path: Path, capsys) -> None:
    for kind, ending in zip(("ip", "network", "time", "age"), itertools.cycle(("svg", "png"))):
        out = tmp_path / f"{kind}.{ending}"
        assert main(["plot", small, "-o", str(out), "--kind", kind]) == 0
        assert out.stat().st_size > 1000
    assert main(["plot", small, "-o", "x.gif"]) == 64
    assert "SVG or PNG" in capsys.readouterr().err


def test_the_engine_is_named(
    small: str, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["hits", small, "--by", "bucket", "--stats"]) == 0
    said = json.loads(capsys.readouterr().err)
    assert (said["engine"], "within 50.0 GB" in said["engine_reason"]) == ("duckdb", True)
    monkeypatch.setattr(engines, "DUCKDB_UP_TO", 100)
    for command in (["hits"], ["leaks"], ["plot", "-o", str(tmp_path / "a.svg")]):
        assert main([command[0], small, *command[1:]]) == 0
        said_lines = capsys.readouterr().err.splitlines()
        assert said_lines[0].startswith("gt-secure: DuckDB in this kernel, though")
        assert any(line.startswith("note: DuckDB in this kernel, though") for line in said_lines)


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands" / "watch.md"


def test_the_command_and_its_page_name_every_column() -> None:
    [commands] = (
        action for action in build_parser("hits")._actions if isinstance(action.choices, dict)
    )
    assert isinstance(commands.choices, dict)
    options = commands.choices["hits"]._option_string_actions
    offered = str(options["--by"].help)
    assert offered.split(": ", 1)[1].split(", ") == list(COLUMNS)
    assert offered in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("sources", "lines", "unreadable", "has_log", "refused"),
    [
        (["s3://gt-images"], 634, 634, True, True),
        (["s3://gt-images/scans/"], 1, 1, True, True),
        (["s3://gt-images"], 634, 633, True, False),
        (["s3://gt-images"], 0, 0, True, False),
        (["s3://gt-images"], 634, 634, False, False),
        (["s3://gt-images", "s3://gt-logs"], 634, 634, True, False),
        (["images/"], 634, 634, True, False),
    ],
)
def test_a_data_bucket_in_place_of_its_log_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch,
    sources: list[str],
    lines: int,
    unreadable: int,
    has_log: bool,
    refused: bool,
) -> None:
    def log_of(_aws: object, bucket: str) -> str:
        if not has_log:
            raise LogError(f"Server access logging of {bucket} is off.")
        return "s3://gt-logs/s3/"

    monkeypatch.setattr(listing, "find_logs", log_of)
    with contextlib.ExitStack() as stack:
        if refused:
            caught = stack.enter_context(
                pytest.raises(InvalidInput, match="gt-images holds objects, not logs: ")
            )
        listing.refuse_data(None, sources, lines, unreadable)
    assert not refused or caught.value.next_step == "Use bucket='gt-images' for its access log."


def test_no_request_is_no_proof(log, capsys) -> None:
    path, _ = log
    hits(str(path), "--by", "remote_ip", "--since", "2040-01-01")
    assert "That is not proof that nobody opened an object" in capsys.readouterr().err
    hits(str(path), "--by", "remote_ip")
    assert "not proof" not in capsys.readouterr().err


@pytest.mark.check
def test_a_figure_leaves_own_tests_out(tmp_path: Path) -> None:
    marker = UrlJournal().new_marker()
    UrlJournal().record_use(marker, corpus.BASE["time"].replace(tzinfo=dt.UTC).timestamp())
    ours = corpus.PRESIGNED["request_uri"].replace(
        "&X-Amz-Signature", f"&x-gt-secure-test={marker}&X-Amz-Signature"
    )
    rows = [
        {**corpus.BASE, **corpus.PRESIGNED, "remote_ip": "203.0.113.7"},
        {**corpus.BASE, **corpus.PRESIGNED, "remote_ip": "203.0.113.9", "request_uri": ours},
    ]
    (tmp_path / "log").write_text("".join(f"{corpus.write(row)}\n" for row in rows))
    out = tmp_path / "f.png"
    assert main(["plot", str(tmp_path / "log"), "--no-tests", "-o", str(out)]) == 0
    with read_hits(tmp_path / "log") as read:
        drawn = [plots.draw(each) for each in (read.filter(test=False), read)]
        found = [plots.png(each, ground="#ffffff") == out.read_bytes() for each in drawn]
    assert found == [True, False]
