"""Columns of age: the time of signing, the lifetime, and the age of a URL when it was used."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from gt_secure.logs import count_hits, read_hits
from support import corpus, lines
from support.sample import sample

AT = dt.datetime(2026, 11, 20, 9)


def log(tmp_path: Path, *queries: str, **fields: str | None) -> str:
    path = tmp_path / "a.log"
    found = [
        corpus.case(
            "x",
            **{**corpus.PRESIGNED, "time": AT, "request_uri": f"GET /a?{query} HTTP/1.1", **fields},
        ).text
        for query in queries
    ]
    path.write_text("".join(f"{text}\n" for text in found), encoding="utf-8")
    return str(path)


def ages(path: str) -> list[tuple[str | None, int | None, int | None]]:
    with read_hits(path) as hits:
        return [
            (None if signed_at is None else str(signed_at), age, lifetime)
            for signed_at, age, lifetime in hits.rows(
                columns=["signed_at", "age_s", "expires_s"]
            ).rows
        ]


@pytest.mark.parametrize("query", sample(lines.AGES, 3))
def test_a_query_gives_its_time_and_lifetime(tmp_path: Path, query: str) -> None:
    signed_at, lifetime = lines.AGES[query]
    age = None if signed_at is None else 300
    assert ages(log(tmp_path, f"{query}&X-Amz-Signature=abc")) == [(signed_at, age, lifetime)]


def test_a_signer_ahead_of_s3_has_the_age_zero(tmp_path: Path) -> None:
    path = log(tmp_path, "X-Amz-Date=20261120T090459Z&X-Amz-Expires=60&X-Amz-Signature=abc")
    assert ages(path) == [("2026-11-20 09:04:59", 0, 60)]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1800000000&Signature=abc&X-Amz-Date=20261120T085500Z",
         {"signature_version": "SigV2"}),
        ("X-Amz-Date=20261120T085500Z&X-Amz-Expires=60", {"auth_type": "AuthHeader"}),
        ("X-Amz-Date=20261120T085500Z&X-Amz-Expires=60", {"auth_type": None, "requester": None}),
    ],
    ids=["sigv2", "header", "anonymous"],
)  # fmt: skip
def test_other_requests_have_no_age(
    tmp_path: Path, query: str, fields: dict[str, str | None]
) -> None:
    assert ages(log(tmp_path, query, **fields)) == [(None, None, None)]


def test_counting_without_rows_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "all.log"
    path.write_text("".join(f"{text}\n" for text in lines.all_lines()), encoding="utf-8")
    for name in ("signed_at", "age_s", "expires_s"):
        with read_hits(str(path)) as hits:
            assert count_hits(str(path), name)[0].rows == hits.count(name).rows


def test_cloudtrail_tells_the_age_too(tmp_path: Path) -> None:
    event = {
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventTime": "2026-11-20T09:00:00Z",
        "sourceIPAddress": "203.0.113.7", "requestID": "1",
        "requestParameters": {"bucketName": "b", "key": "k", "X-Amz-Date": "20261120T085500Z", "X-Amz-Expires": "300"},
        "additionalEventData": {"AuthenticationMethod": "QueryString", "SignatureVersion": "SigV4"},
    }  # fmt: skip
    path = tmp_path / "trail.json"
    path.write_text(json.dumps({"Records": [event]}), encoding="utf-8")
    assert ages(str(path)) == [("2026-11-20 08:55:00", 300, 300)]


def test_the_figure_names_signers_and_the_longest_lifetime(tmp_path: Path) -> None:
    from gt_secure.logs import plots
    from gt_secure.logs.plots.age import age_rows

    path = log(
        tmp_path,
        "X-Amz-Date=20261120T085959Z&X-Amz-Expires=60&X-Amz-Signature=a",
        "X-Amz-Date=20261120T080000Z&X-Amz-Expires=604800&X-Amz-Signature=b",
        "X-Amz-Expires=60&X-Amz-Signature=c",
    )
    with read_hits(path) as hits:
        [row] = age_rows(hits)
        assert (row.signer, row.requests, row.youngest, row.oldest) == (
            "role GroundTruthExecution",
            2,
            1,
            3600,
        )
        assert row.lifetime == 604800
        words = plots.alt_text(plots.draw(hits, "age"))
        assert "oldest 1 h" in words
        assert "lives 7 d" in words
        for theme in ("light", "dark"):
            assert plots.svg(plots.draw(hits, "age", theme=theme)) == plots.svg(
                plots.draw(hits, "age", theme=theme)
            )
        assert "No URL with a known age" in plots.alt_text(
            plots.draw(hits.filter(presigned=False), "age")
        )


def test_durations_have_two_units() -> None:
    from gt_secure.base.text import duration

    assert [duration(s) for s in (0, 59, 60, 3725, 90061, 604800)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h 2 min",
        "1 d 1 h",
        "7 d",
    ]
