"""Filters, counts, restrictions, and the ways out."""

from __future__ import annotations

import csv
import io
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.url_journal import UrlJournal
from gt_secure.logs import Hits, count_hits, plots, read_hits
from gt_secure.logs.plots.drawn_columns import COLUMNS as DRAWN
from gt_secure.logs.read import read_columns
from gt_secure.logs.table import Table
from support import corpus
from support.sample import sample

MARKER = "MARKER"


def record(**changes):
    return {**corpus.BASE, **corpus.PRESIGNED, **changes}


ROWS = [
    record(remote_ip="203.0.113.7", key="scans/1.png", request_id="A"),
    record(
        remote_ip="203.0.113.7",
        key="scans/2.png",
        request_id="B",
        http_status=403,
        error_code="AccessDenied",
    ),
    record(
        remote_ip="198.51.100.9", key="scans/1.png", request_id="C", time=datetime(2026, 11, 21, 10)
    ),
    record(remote_ip="2001:db8:40::1f", key="other/3.png", request_id="D"),
    record(remote_ip="10.0.3.4", request_id="E"),
    record(
        remote_ip="203.0.113.8",
        request_id="F",
        auth_type="AuthHeader",
        request_uri="GET /x HTTP/1.1",
    ),
    record(
        remote_ip=None,
        request_id="G",
        requester="AmazonS3",
        operation="S3.EXPIRE.OBJECT",
        request_uri=None,
        auth_type=None,
        http_status=None,
    ),
    record(
        remote_ip="203.0.113.9",
        request_id="H",
        user_agent="=1+1",
        request_uri=corpus.PRESIGNED["request_uri"].replace(
            "&X-Amz-Signature", f"&x-gt-secure-test={MARKER}&X-Amz-Signature"
        ),
    ),
]


@pytest.fixture
def hits(tmp_path: Path) -> Hits:
    marker = UrlJournal().new_marker()
    UrlJournal().record_use(marker, corpus.BASE["time"].replace(tzinfo=UTC).timestamp())
    (tmp_path / "log").write_text(
        "".join(corpus.write(r) + "\n" for r in ROWS).replace(MARKER, marker)
    )
    return read_hits(tmp_path)


def ids(hits: Hits) -> str:
    return "".join(sorted(hits.rows(columns=["request_id"]).column("request_id")))


@pytest.mark.check
def test_presigned_is_told_without_other_columns(tmp_path: Path) -> None:
    """Lines of before 2019 name no way of authentication: there their query is looked at."""
    rows = [{**row, "auth_type": None} for row in ROWS]
    (tmp_path / "log").write_text("".join(corpus.write(row) + "\n" for row in rows))
    with read_columns(DRAWN["ip"], tmp_path) as some, read_hits(tmp_path) as every:
        assert ids(some.filter(presigned=True)) == ids(every.filter(presigned=True)) != ""


@pytest.mark.check
@pytest.mark.parametrize("kind", ["ip", "network", "time", "age", "refused"])
def test_a_figure_is_that_of_all_columns(hits: Hits, tmp_path: Path, kind: plots.PlotKind) -> None:
    drawn = [plots.draw(each, kind) for each in (hits, read_columns(DRAWN[kind], tmp_path))]
    assert plots.png(drawn[0], ground="#ffffff") == plots.png(drawn[1], ground="#ffffff")


@pytest.mark.parametrize(
    ("options", "expected"),
    sample(
        [
            ({}, "ABCDEFGH"),
            ({"since": "2026-11-21"}, "C"),
            ({"until": "2026-11-21"}, "ABDEFGH"),
            ({"address": "203.0.113.7"}, "AB"),
            ({"address": "2001:0db8:0040:0:0::1f"}, "D"),
            ({"address": ["203.0.113.7", "10.0.3.4"]}, "ABE"),
            ({"network": "203.0.113.0/24"}, "ABFH"),
            ({"network": ["2001:db8::/32", "10.0.0.0/8"]}, "DE"),
            ({"status": 403}, "B"),
            ({"status": [200, 403], "address": "203.0.113.7"}, "AB"),
            ({"auth_type": "AuthHeader"}, "F"),
            ({"presigned": True}, "ABCDEH"),
            ({"presigned": False}, "FG"),
            ({"refused": True}, "B"),
            ({"test": True}, "H"),
            ({"key": "scans/1.png"}, "AC"),
            ({"key": "*/?.png"}, ""),
            ({"key": "*.png", "key_prefix": "other/"}, "D"),
            ({"key": "scans_1.png"}, ""),
            ({"requester": "AmazonS3"}, "G"),
            ({"status": []}, ""),
            ({"key": "'; DROP TABLE rows; --"}, ""),
        ],
        3,
    ),
)
def test_filter(hits: Hits, options, expected) -> None:
    assert ids(hits.filter(**options)) == expected
    assert ids(hits) == "ABCDEFGH"


def test_bad_filter_is_told(hits: Hits) -> None:
    with pytest.raises(InvalidInput):
        hits.filter(address="300.1.1.1")
    with pytest.raises(InvalidInput):
        hits.filter(network="203.0.113.7/24")
    with pytest.raises(InvalidInput, match="restriction"):
        hits.filter(allowlist="inside")
    with pytest.raises(InvalidInput, match=r"remote_ip"):
        hits.count("remote_ipp")


def test_count(hits: Hits) -> None:
    assert hits.count().rows == [(8,)]
    assert hits.count("remote_ip,http_status").rows[0] == ("10.0.3.4", 200, 1)
    assert ("203.0.113.0/24", 4) in hits.count("network").rows
    assert ("2001:db8:40::/64", 1) in hits.count(["network"]).rows
    assert hits.count("hour").rows == [("2026-11-20T09", 7), ("2026-11-21T10", 1)]
    assert hits.count("day", limit=1).rows == [("2026-11-20", 7)]
    assert dict(hits.count("presigned").rows) == {True: 6, False: 2}


def test_restriction(hits: Hits) -> None:
    joined = hits.with_restriction(["203.0.113.0/29", "2001:db8:40::/48", "vpce-0a1b2c3d"])
    assert ids(joined.filter(allowlist="inside")) == "ABD"
    assert ids(joined.filter(allowlist="outside")) == "CFH"
    assert ids(joined.filter(allowlist="endpoint")) == "E"
    assert ids(joined.filter(allowlist="unknown")) == "G"
    assert sum(joined.count("allowlist").column("hits")) == 8
    again = joined.with_restriction(["198.51.100.0/24"])
    assert ids(again.filter(allowlist="inside")) == "C"


PLAIN = ("203.0.113.7", "198.51.100.9", "10.0.3.4", "2001:db8:40::1f")
MAPPED = ("::ffff:203.0.113.7", "::FFFF:198.51.100.9", "::ffff:a00:304", "2001:db8:40::1f")


@pytest.fixture
def both(tmp_path: Path) -> tuple[Hits, Hits]:
    """The same requests twice: plain, and with IPv4 addresses in their IPv6 form."""
    found = []
    for name, addresses in (("plain", PLAIN), ("mapped", MAPPED)):
        rows = [record(remote_ip=ip, request_id="ABCD"[i]) for i, ip in enumerate(addresses)]
        (tmp_path / name).write_text("".join(corpus.write(row) + "\n" for row in rows))
        found.append(read_hits(tmp_path / name))
    return found[0], found[1]


@pytest.mark.parametrize(
    "options",
    sample(
        [
            {"address": "203.0.113.7"},
            {"address": ["198.51.100.9", "2001:db8:40::1f"]},
            {"address": "::ffff:203.0.113.7"},
            {"network": "203.0.113.0/24"},
            {"network": ["10.0.0.0/8", "198.51.100.9"]},
            {"network": "::/0"},
            {"network": "0.0.0.0/0"},
        ],
        3,
    ),
)
def test_an_ipv4_address_in_its_ipv6_form_is_filtered_as_one(
    both: tuple[Hits, Hits], tmp_path, options
) -> None:
    plain, mapped = (ids(hits.filter(**options)) for hits in both)
    assert plain == mapped != ""
    for name in ("plain", "mapped"):
        table, _ = count_hits(tmp_path / name, "request_id", filters=options)
        assert "".join(sorted(table.column("request_id"))) == plain


def test_an_ipv4_address_in_its_ipv6_form_is_on_the_same_side(both: tuple[Hits, Hits]) -> None:
    for hits in both:
        sides = hits.with_restriction(["203.0.113.0/24", "2001:db8:40::/48", "vpce-0a1b2c3d"])
        assert [
            ids(sides.filter(allowlist=side)) for side in ("inside", "outside", "endpoint")
        ] == ["AD", "B", "C"]
        assert {row[0] for row in hits.count("network").rows} == {
            "203.0.113.0/24", "198.51.100.0/24", "10.0.3.0/24", "2001:db8:40::/64",
        }  # fmt: skip


def test_secrets_stay_out(hits: Hits, tmp_path: Path) -> None:
    hits.to_csv(tmp_path / "x.csv")
    hits.to_json(tmp_path / "x.json")
    hits.to_parquet(tmp_path / "x.parquet")
    everything = (
        (tmp_path / "x.csv").read_text()
        + (tmp_path / "x.json").read_text()
        + str(hits.rows().rows)
        + repr(hits)
    )
    everything += hits._repr_html_()
    for secret in ("ASIAEXAMPLEKEYID0001", "IQoJb3JpZ2luX2VjEXAMPLETOKEN", "XXXXXXXX"):
        assert secret not in everything
    assert "X-Amz-Expires=600" in everything


def test_ways_out_agree(hits: Hits, tmp_path: Path) -> None:
    hits.to_csv(tmp_path / "x.csv")
    hits.to_json(tmp_path / "x.json")
    rows = list(csv.DictReader((tmp_path / "x.csv").open()))
    objects = [json.loads(line) for line in (tmp_path / "x.json").read_text().splitlines()]
    frame = hits.to_pandas()
    names = [r["request_id"] for r in rows]
    assert names == [o["request_id"] for o in objects] == list(frame["request_id"])
    assert sorted(names) == list("ABCDEFGH")
    assert {r["user_agent"] for r in rows} == {"S3Console/0.4", "'=1+1"}
    assert rows[names.index("G")]["http_status"] == ""


def test_table_is_safe() -> None:
    from gt_secure.logs import Table

    table = Table(
        ["key", "hits"], [("=HYPERLINK(1)", 2), ("<script>", -1), (None, 0), ("a\x1b[2Jb", 1)]
    )
    assert table.to_csv().splitlines()[1:4] == ['"\'=HYPERLINK(1)",2', '"<script>",-1', '"",0']
    assert "<script>" not in table._repr_html_()
    assert "\x1b" not in table.to_text()
    assert json.loads(table.to_json())[2] == {"key": None, "hits": 0}


def test_fingerprint_is_the_url_but_the_signature(tmp_path: Path) -> None:
    uri = corpus.PRESIGNED["request_uri"]
    same = [
        uri,
        uri.replace("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "0" * 64),
        uri.replace("%2F", "/"),
        uri.replace(
            "X-Amz-Date=20261120T091400Z&X-Amz-Expires=600",
            "X-Amz-Expires=600&X-Amz-Date=20261120T091400Z",
        ),
    ]
    other = [
        uri.replace("T091400Z", "T091401Z"),
        uri.replace("GET ", "HEAD "),
        uri.replace("KEYID0001", "KEYID0002"),
        uri.replace("Expires=600", "Expires=601"),
        uri.replace("TOKEN", "TOKEM"),
    ]
    (tmp_path / "log").write_text(
        "".join(corpus.write(record(request_uri=u)) + "\n" for u in [*same, *other])
    )
    with read_hits(tmp_path) as hits:
        prints = hits.count("fingerprint").rows
    assert [n for _, n in prints] == [len(same), *[1] * len(other)]
    assert all(len(p) == 16 for p, _ in prints)


@pytest.mark.parametrize(
    ("changes", "presigned"),
    sample(
        [
            ({}, True),
            ({"auth_type": "AuthHeader"}, False),
            ({"auth_type": None, "requester": None}, False),
            ({"auth_type": "HtmlForm"}, True),
            ({"request_uri": "GET /a?X-Amz-Date=1 HTTP/1.1"}, True),
            (
                {"auth_type": "AuthHeader", "request_uri": "GET /a?b=1&X-Amz-Expires=1 HTTP/1.1"},
                False,
            ),
            ({"request_uri": "GET /a?b=1&X-Amz-Expires=1 HTTP/1.1"}, True),
            ({"request_uri": "GET /a?Expires=1&AWSAccessKeyId=A&Signature=b HTTP/1.1"}, True),
            ({"request_uri": None}, True),
            (
                {
                    "auth_type": None,
                    "request_uri": "GET /a?Expires=1&AWSAccessKeyId=A&Signature=b HTTP/1.1",
                },
                True,
            ),
            ({"auth_type": None, "request_uri": "GET /a?Expires=1 HTTP/1.1"}, False),
        ],
        3,
    ),
)
def test_presigned(tmp_path: Path, changes, presigned) -> None:
    (tmp_path / "log").write_text(corpus.write(record(**changes)))
    with read_hits(tmp_path) as hits:
        assert hits.count("presigned").rows == [(presigned, 1)]


def test_dedupe(tmp_path: Path) -> None:
    line = corpus.write(record(request_id="A"))
    batch = [
        corpus.write(record(request_id="B", operation="BATCH.DELETE.OBJECT", key=f"k{i}"))
        for i in range(3)
    ]
    none = corpus.write(record(request_id=None))
    (tmp_path / "log").write_text("\n".join([line, line, line, *batch, none, none]))
    with read_hits(tmp_path, dedupe=True) as hits:
        assert (len(hits), hits.coverage.duplicates) == (6, 2)
        assert hits.coverage.adds_up
    with read_hits(tmp_path) as hits:
        assert len(hits) == 8


@pytest.mark.parametrize("again", [1, 2, 3, 9])
def test_of_each_request_the_first_delivery_stays(tmp_path: Path, again: int) -> None:
    """The first stays where most rows are second deliveries as where few are;
    all rows without an id do.
    """
    for number in range(again):
        requests = [f"A{at}" for at in range(5)] + ([None, "B"] if number == again // 2 else [])
        lines = [
            corpus.write(record(request_id=name, user_agent=f"file {number}")) for name in requests
        ]
        (tmp_path / f"{number}.log").write_text("\n".join(lines))
    with read_hits(tmp_path, dedupe=True) as hits:
        agents = [
            row["user_agent"]
            for row in hits.rows(columns=["request_id", "user_agent"])
            if row["request_id"] not in (None, "B")
        ]
        assert (len(hits), hits.coverage.duplicates) == (7, 5 * (again - 1))
        assert agents == ["file 0"] * 5
        assert hits.coverage.adds_up


@pytest.mark.parametrize(
    "text",
    sample(
        [
            "=1+1",
            "+1",
            "-1",
            "@x",
            "\t=1",
            "x;=cmd|'/C calc'!A0",
            "a;  =1",
            'a;"=1"',
            "a\t@x",
            "a|+1",
            "a,=1",
            'a"=1',
        ],
        4,
    ),
)
def test_no_cell_of_a_csv_file_is_a_formula(tmp_path: Path, text: str) -> None:
    """However a spreadsheet splits the file, in a table and in a file of rows."""
    table = Table(["key", "hits"], [(text, -3)]).to_csv()
    (tmp_path / "a.log").write_text(
        corpus.case("x", user_agent=text.replace("\t", " ")).text + "\n"
    )
    with read_hits(tmp_path / "a.log") as hits:
        hits.to_csv(tmp_path / "rows.csv")
    contents = (table, (tmp_path / "rows.csv").read_text())
    for content, separator in itertools.product(contents, (",", ";", "\t", "|")):
        for row in csv.reader(io.StringIO(content), delimiter=separator):
            for cell in row:
                begin = (
                    cell.lstrip(" \"'" if separator != "," else " ")[:1]
                    if not cell.startswith("'")
                    else ""
                )
                assert begin not in tuple("=+@\t\r"), (separator, cell)
    assert f'"{table.splitlines()[0].split(",")[0].strip(chr(34))}"' in table


@pytest.mark.parametrize("limit", [0, -1, True, "3", 2.5])
def test_a_limit_is_a_number_from_one(hits: Hits, limit: object) -> None:
    for ask in (lambda: hits.count("remote_ip", limit=limit), lambda: hits.rows(limit=limit)):  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="from 1"):
            ask()
    assert len(hits.count("remote_ip", limit=2)) == 2
    assert len(hits.rows(limit=None)) == len(hits)


@pytest.mark.parametrize(
    "status", sample(["abc", "", [403, "x"], True, [None], 403.5, object()], 3)
)
def test_a_status_is_a_number(hits: Hits, tmp_path: Path, status: object) -> None:
    path = tmp_path / "one.log"
    path.write_text(corpus.write(record()) + "\n")
    asks = (
        lambda: hits.filter(status=status),  # type: ignore[arg-type]
        lambda: count_hits(path, "key", filters={"status": status}),
        lambda: read_hits(path, filters={"status": status}),
    )
    for ask in asks:
        with pytest.raises(InvalidInput, match="status"):
            ask()


@pytest.mark.parametrize(("status", "number"), [(403, 1), ("403", 1), ([200, "403"], 7), ([], 0)])
def test_a_status_may_be_text(hits: Hits, status: object, number: int) -> None:
    assert len(hits.filter(status=status)) == number  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "said"),
    [("presignd", 'Did you mean "presigned"?'), ("since", "Pass since="), ("allowlist", "with_restriction"),
     ("colour", "Choose from"), (7, "Choose from")],
)  # fmt: skip
def test_an_unknown_filter_names_what_to_write(tmp_path: Path, name: object, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_hits(tmp_path, filters={name: True})  # type: ignore[dict-item]
    assert said in (caught.value.next_step or "")
