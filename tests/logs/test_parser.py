"""The parser reads every quirk exactly; both installed forms of the same text."""

from __future__ import annotations

import random

import duckdb
import pytest

from gt_secure.logs.sql import line_parser as sql
from gt_secure.logs.sql.dialects import DUCKDB
from gt_secure.logs.sql.log_columns import FIELDS
from support import corpus
from support.lines import PUBLISHED

CASES = corpus.cases()


def parse(lines: list[str]) -> list[dict[str, object]]:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE lines (n INT, line VARCHAR)")
        con.executemany("INSERT INTO lines VALUES (?, ?)", list(enumerate(lines)))
        cur = con.execute(
            f"SELECT n, readable, blank, {', '.join(FIELDS)} FROM ({sql.parsed('lines')}) ORDER"
            " BY n"
        )
        return [
            dict(zip(["n", "readable", "blank", *FIELDS], row, strict=True))
            for row in cur.fetchall()
        ]


@pytest.mark.parametrize("end", ["", " ", "\r", "  \r", "\r "])
def test_every_quirk(end: str) -> None:
    wrong = []
    for case, row in zip(CASES, parse([c.text + end for c in CASES]), strict=True):
        if case.truth is None:
            if row["readable"]:
                wrong.append((case.name, "was read"))
        elif not row["readable"]:
            wrong.append((case.name, "was not read"))
        else:
            wrong += [(case.name, k, row[k], v) for k, v in case.truth.items() if row[k] != v]
    assert wrong == []


def test_blank_lines_are_blank_and_nothing_else_is() -> None:
    rows = parse(["", "   ", "\r", *[c.text for c in CASES]])
    assert [r["blank"] for r in rows[:3]] == [True] * 3
    assert not any(r["blank"] for r in rows[3:])
    assert not any(r["readable"] for r in rows[:3])


def test_hostile_text_never_changes_what_matters() -> None:
    """Status, authentication type and address cannot be forged by what a client sends."""
    rng = random.Random(7)
    records = [corpus.random_record(rng, hostile=1.0) for _ in range(3000)]
    rows = parse([corpus.write(r) for r in records])
    watched = [n for n in FIELDS if n not in ("referer", "user_agent")]
    wrong = [
        (n, row[n], record[n])
        for record, row in zip(records, rows, strict=True)
        for n in watched
        if row[n] != record[n]
    ]
    assert wrong == []
    assert all(r["readable"] for r in rows)


@pytest.mark.parametrize("signed", [corpus.PRESIGNED, {}], ids=["presigned", "anonymous"])
@pytest.mark.parametrize("version", [None, "Y7ufX4ilpyCWWkwfu.KaaRtIEBXLX.XZ"])
@pytest.mark.parametrize("extra", ["", "AIDAISBTTLPGXGH6YFFAY"])
def test_a_bare_user_agent_after_a_referer_with_quotes(
    signed: dict[str, str], version: str | None, extra: str
) -> None:
    """Such a line looks like one with two texts, whose tail begins with one dash more."""
    record = {**corpus.BASE, **signed, "user_agent": None, "version_id": version}
    referers = ['a" "b', '" "', "a", 'a"b', 'x" "-" SigV4 c AuthHeader h "']
    lines = [corpus.write({**record, "referer": r}, bare=("user_agent",), extra=extra, fields=n)
             for r in referers for n in range(20, 28)]  # fmt: skip
    names = (
        "http_status",
        "host_id",
        "signature_version",
        "cipher_suite",
        "auth_type",
        "host_header",
    )
    for n, row in zip([*range(20, 28)] * len(referers), parse(lines), strict=True):
        truth = corpus.truth(record, n)
        assert {name: row[name] for name in names} == {name: truth[name] for name in names}


def test_cut_anywhere_is_unreadable_or_a_prefix_of_the_truth() -> None:
    """A line cut at any byte gives no field that the whole line does not have,
    but for the one that was cut.
    """
    case = next(c for c in CASES if c.name == "presigned-27")
    assert case.truth is not None
    rows = parse([case.text[:n] for n in range(len(case.text))])
    for row in rows:
        if not row["readable"]:
            continue
        seen = [n for n in FIELDS if row[n] is not None]
        wrong = [n for n in seen if row[n] != case.truth[n]]
        assert len(wrong) <= 1
        assert all(str(case.truth[n]).startswith(str(row[n])) for n in wrong)
        assert wrong in ([], [seen[-1]])


@pytest.mark.parametrize("status", ["1e2", "2E2", "+20", "2.0", "099", "20", "1000", "2OO", ""])
def test_what_is_no_status_is_not_read(status: str) -> None:
    line = corpus.case("x", **corpus.PRESIGNED).text
    assert line.count('" 200 - ') == 1
    assert [
        row["readable"] for row in parse([line, line.replace('" 200 - ', f'" {status} - ')])
    ] == [True, False]


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published lines are not here")
def test_published_lines() -> None:
    """Read by an independent character walk, and by what a person sees in the lines."""
    lines = PUBLISHED.read_text().splitlines()
    rows = parse(lines)
    assert len(rows) == 26
    # Its publisher cut the tail of one, which has 19 fields.
    assert [at for at, row in enumerate(rows) if not row["readable"]] == [22]
    for line, row in zip(lines, rows, strict=True):
        expected = walk(line)
        got = {name: row[name] for name in expected}
        assert got == expected, line[:120]
    auth = [r["auth_type"] for r in rows]
    assert auth == [None] * 3 + ["QueryString"] + [None] * 2 + ["AuthHeader"] + [None] * 3 + [
        "AuthHeader"
    ] * 7 + [
        None,
        "AuthHeader",
        None,
        None,
        None,
        None,
        "AuthHeader",
        None,
        "AuthHeader",
    ]
    assert [r["http_status"] for r in rows] == [
        200,
        404,
        304,
        200,
        304,
        200,
        206,
        206,
        200,
        200,
        403,
        404,
        None,
        206,
        404,
        404,
        200,
        206,
        404,
        403,
        200,
        None,
        None,
        204,
        206,
        200,
    ]
    assert rows[18]["host_id"] == lines[18].split()[-6]
    assert rows[25]["source_region"] == "us-east-1"
    assert rows[22]["host_id"] == lines[22].split()[-1]


def walk(line: str) -> dict[str, object]:
    """The fields at the two ends, found without patterns: by blanks from the left,
    and from the last quote.
    """
    import datetime as dt

    words = line.split()
    nil = lambda w: None if w in ("-", '"-"') else w  # noqa: E731
    out: dict[str, object] = {
        "bucket_owner": words[0],
        "bucket": words[1],
        "time": dt.datetime.strptime(words[2], "[%d/%b/%Y:%H:%M:%S"),
        "remote_ip": nil(words[4]),
        "requester": nil(words[5]),
        "request_id": words[6],
        "operation": words[7],
        "key": nil(words[8]),
    }
    if '"' not in line:
        tail = words[18:]
        out["request_uri"] = None
    else:
        tail = line[line.rindex('"') + 1 :].split()
        start = line.index('"') + 1
        end = start
        while True:  # the first quote after which status, code and four numbers follow
            end = line.index('"', end)
            after = line[end + 1 :].split()[:6]
            if (after[0] == "-" or (len(after[0]) == 3 and after[0].isdigit())) and all(
                w == "-" or w.isdigit() for w in after[2:]
            ):
                break
            end += 1
        out["request_uri"] = nil(line[start:end])
        numbers = [None if w == "-" else int(w) for w in (after[0], *after[2:])]
        names = ("http_status", "bytes_sent", "object_size", "total_time", "turn_around_time")
        out.update(dict(zip(names, numbers, strict=True)), error_code=nil(after[1]))
    out["version_id"] = nil(tail[0])
    if len(tail) > 1 and len(tail[1]) in (20, 21) and tail[1][:4] in ("AIDA", "AROA"):
        del tail[1]
    names = (
        "host_id",
        "signature_version",
        "cipher_suite",
        "auth_type",
        "host_header",
        "tls_version",
        "access_point_arn",
        "acl_required",
        "source_region",
    )
    out.update(
        {name: nil(tail[i + 1]) if len(tail) > i + 1 else None for i, name in enumerate(names)}
    )
    return out


@pytest.mark.parametrize(
    ("operation", "written", "key"),
    [
        ("REST.GET.OBJECT", "scans/a%2520b.png", "scans/a b.png"),
        ("REST.GET.OBJECT", "%2522", '"'),
        ("REST.GET.OBJECT", "foo-%2525Y", "foo-%Y"),
        ("BATCH.DELETE.OBJECT", "foo-%2525Y", "foo-%25Y"),
        (
            "BATCH.DELETE.OBJECT",
            "Screen+Shot+2019-09-09+at+9.08.44+AM.png",
            "Screen Shot 2019-09-09 at 9.08.44 AM.png",
        ),
        ("BATCH.DELETE.OBJECT", "this+im+%2B+age+blah.txt", "this im + age blah.txt"),
        ("S3.EXPIRE.OBJECT", "a+b", "a+b"),
        ("REST.GET.OBJECT", "a+b%2520c", "a+b c"),
        ("S3.EXPIRE.OBJECT", "a%20b", "a b"),
        ("REST.GET.OBJECT", "a+b", "a+b"),
        ("REST.GET.OBJECT", "%25FF%25FE", "%FF%FE"),  # no UTF-8: shown encoded
        ("REST.GET.OBJECT", "%25E2%2598%2583", "☃"),
        ("REST.GET.OBJECT", "100%", "100%"),
        ("REST.GET.OBJECT", "plain", "plain"),
    ],
)
def test_key_decoding(operation: str, written: str, key: str) -> None:
    with duckdb.connect() as con:
        expression = sql.decoded_key(DUCKDB)
        assert con.execute(
            f"SELECT {expression} FROM (SELECT ? AS key, ? AS operation)", [written, operation]
        ).fetchone() == (key,)
