"""What a command over logs says of its coverage, and the exit code that follows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.base.viewers import VIEWER
from gt_secure.cli import log_options
from gt_secure.cli.exit_codes import OK, UNKNOWN
from gt_secure.cli.log_options import athena_settings, log_query, tell
from gt_secure.cli.main import parse
from gt_secure.logs import Table, Viewers
from gt_secure.logs.coverage import DELAY, NOTHING, Coverage

ROLE = "arn:aws:iam::111122223333:role/R"

READ = Coverage(objects=2, objects_read=2, lines=3, hits=3)
UNREADABLE = Coverage(objects=2, objects_read=2, lines=3, hits=2, unreadable=1)
EMPTY = Coverage(objects=1, objects_read=1)


@pytest.mark.parametrize(
    ("coverage", "code", "lines"),
    [
        (READ, OK, ["Read: 2 log objects, 0 unreadable lines."]),
        (EMPTY, UNKNOWN, ["Read: 1 log object, 0 unreadable lines.", f"unknown: {NOTHING}"]),
        (
            UNREADABLE,
            UNKNOWN,
            ["Read: 2 log objects, 1 unreadable line. What was not read is unknown.", "unknown: 1"],
        ),
    ],
)
def test_what_was_not_read_is_said_and_makes_the_code(
    coverage: Coverage, code: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(coverage, False) == code
    output = capsys.readouterr()
    assert output.out == ""
    found = " ".join(output.err.split())
    assert found.startswith(lines[0])
    assert all(" ".join(line.split()) in found for line in lines)
    assert DELAY not in output.err
    assert found.count("unknown: ") == len(lines) - 1


def test_what_was_left_out_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        tell(
            Coverage(objects=1, objects_read=1, lines=1, hits=1, left_out={"digest files": 2}),
            False,
        )
        == OK
    )
    assert "note: Left out, because they hold no requests:" in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize("slower", [[], ["isal"]])
def test_the_numbers_are_json(
    slower: list[str], monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        log_options, "missing", lambda names: [name for name in names if name in slower]
    )
    assert tell(EMPTY, True) == UNKNOWN
    data = json.loads(capsys.readouterr().err)
    assert data.pop("slower_without", []) == slower
    assert data == json.loads(json.dumps(EMPTY.to_dict()))


def parsed(*words: str) -> Any:
    args = parse([*words])
    assert args is not None
    return args


FILTERS = {
    "bucket": None,
    "presigned": None,
    "refused": None,
    "test": None,
    "network": None,
    "key_prefix": None,
}


@pytest.mark.parametrize(
    ("words", "options", "filters"),
    [
        ((), {}, {}),
        (("--presigned", "--refused"), {}, {"presigned": True, "refused": True}),
        (("--no-tests",), {}, {"test": False}),
        (
            ("--network", "203.0.113.0/24", "--network", "192.0.2.7"),
            {},
            {"network": ["203.0.113.0/24", "192.0.2.7"]},
        ),
        (
            ("--memory-limit", "2GB", "--engine", "duckdb"),
            {"memory_limit": "2GB", "engine": "duckdb"},
            {},
        ),
        (("--viewer-parameter", "x-who"), {"viewers": Viewers("x-who", ())}, {}),
        (("--viewer-signer", ROLE), {"viewers": Viewers(VIEWER, (ROLE,))}, {}),
    ],
)
def test_an_option_reaches_the_reading(
    words: tuple[str, ...], options: Any, filters: dict[str, Any]
) -> None:
    sources, found = log_query(parsed("hits", "log", *words))
    assert sources == ["log"]
    assert {"aws": None, "filters": FILTERS | filters, "athena": None} | options == {
        name: found[name] for name in ("aws", "filters", "athena", *options)
    }
    assert [name for name in ("since", "until", "networks") if found[name] is not None] == []


def test_athena_has_its_settings() -> None:
    words = (
        "--athena-database",
        "logs",
        "--athena-workgroup",
        "w",
        "--athena-output",
        "s3://o/",
        "--athena-table",
        "t",
    )
    made = athena_settings(parsed("hits", "log", *words, "--athena-table", "t", "--yes"))
    assert made is not None
    assert (made.database, made.workgroup, made.output, made.table, made.yes) == (
        "logs",
        "w",
        "s3://o/",
        "t",
        True,
    )
    assert athena_settings(parsed("hits", "log")) is None


class Delivery:
    """The hits of a delivery, of which one question is asked."""

    def __init__(self, hits: int, unreadable: int = 0) -> None:
        self.coverage = Coverage(
            objects=1, objects_read=1, lines=hits, hits=hits, unreadable=unreadable
        )
        self.asked_for: list[Any] = []

    def __len__(self) -> int:
        return self.coverage.hits

    def count(self, by: str, *, limit: int | None) -> Table:
        self.asked_for.append((by, limit))
        return Table(("remote_ip", "requests"), [("203.0.113.7", len(self))])

    def asked(self, question: Any) -> Any:
        return question(self), self.coverage


def follow(
    monkeypatch: pytest.MonkeyPatch, deliveries: list[Delivery], *words: str
) -> tuple[int, dict[str, Any], list[str]]:
    """Return the exit code, the options of the reading, and what happened at its end."""
    given: dict[str, Any] = {}
    closed: list[str] = []

    def follow_hits(sources: Any, **options: Any) -> Any:
        given.update(options, sources=sources)
        try:
            yield from deliveries
        finally:
            closed.append("closed")

    monkeypatch.setattr("gt_secure.cli.hits.follow_hits", follow_hits)
    args = parsed("hits", "log", "--follow", *words)
    return args.run(args), given, closed


def test_following_prints_each_delivery_and_ends_with_the_sum(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliveries = [Delivery(3), Delivery(2)]
    words = (
        "--format",
        "csv",
        "--wait-s",
        "90",
        "--no-cache",
        "--dedupe",
        "--by",
        "remote_ip",
        "--limit",
        "5",
    )
    code, given, closed = follow(monkeypatch, deliveries, *words)
    output = capsys.readouterr()
    assert (code, closed) == (OK, ["closed"])
    assert {name: given[name] for name in ("sources", "wait_s", "cache", "dedupe")} == {
        "sources": ["log"], "wait_s": 90.0, "cache": False, "dedupe": True,
    }  # fmt: skip
    assert callable(given["progress"])
    assert output.out.replace('"', "").split() == [
        "remote_ip,requests",
        "203.0.113.7,3",
        "203.0.113.7,2",
    ], "one header in all"
    assert [each.asked_for for each in deliveries] == [[("remote_ip", 5)]] * 2
    said = " ".join(output.err.split())
    assert "Following for at most 1 min 30 s; Ctrl-C ends it." in said
    assert said.count("Read: 1 log object, 0 unreadable lines.") == 2
    assert said.endswith("Ended after 1 min 30 s: 5 requests. A later delivery may bring more.")


@pytest.mark.parametrize(
    ("deliveries", "code"),
    [
        ([], UNKNOWN),
        ([Delivery(0)], UNKNOWN),
        ([Delivery(1)], OK),
        ([Delivery(1, 1), Delivery(1)], UNKNOWN),
    ],
)
def test_following_without_a_request_or_with_an_unread_line_is_unknown(
    deliveries: list[Delivery],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert follow(monkeypatch, deliveries, "--json", "--stats")[0] == code
    output = capsys.readouterr()
    rows = [json.loads(line) for line in output.out.splitlines()]
    assert rows == [{"remote_ip": "203.0.113.7", "requests": len(each)} for each in deliveries]
    assert output.err.count('"unreadable":') == len(deliveries), (
        "--stats has the numbers of each delivery"
    )
