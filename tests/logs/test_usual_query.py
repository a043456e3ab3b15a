"""The short way to read the query of a presigned URL gives what reading each parameter gives."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import duckdb

from gt_secure.logs.sql.derived_columns import derived, from_lines
from gt_secure.logs.sql.dialects import DUCKDB, Dialect
from gt_secure.logs.sql.log_columns import STORED
from support import corpus

NAMES = {
    "X-Amz-Algorithm": ["AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", ""],
    "X-Amz-Credential": ["ASIAEXAMPLEKEYID0001%2F20261120%2Fus-east-1%2Fs3%2Faws4_request", "AKIAEXAMPLEKEYID0001/x",
                         ""],
    "X-Amz-Date": ["20261120T091400Z", "20261320T091400Z", "20260230T091400Z", "20261120T240000Z",
                   "20261120T091460Z", "1"],
    "X-Amz-Expires": ["600", "9999999", "99999999", "6%300", "-1", ""],
    "X-Amz-SignedHeaders": ["host", "host%3Bx-amz-date", "host%3d"],
    "X-Amz-Security-Token": ["IQoJb3JpZ2luX2VjE%2Bab%2F%3D%3D", "IQoJ/b3=", "a%26X-Amz-Date=b", "a%25b",
                             "%41%C3%A9", "%C3", "%zz", "%2"],
    "X-Amz-Signature": ["XXXXXXXXXXXXXXXX", "5eb63bbbe01eeed093cb22bb8f5acdc3", ""],
}  # fmt: skip
OTHERS = [
    "x-id=GetObject",
    "response-content-type=image%2Fpng",
    "X-Amz-Date=20261121T000000Z",
    "X-Amz-Zoo",
    "a+b=c",
]
PATHS = [
    "/scans/0007.png",
    "/a&X-Amz-Credential=ASIAEXAMPLEKEYID0001b",
    "/Signature=abc",
    "/%C3%A9%2520",
    "/s?a",
]


def queries(number: int) -> Iterator[str]:
    """Yield usual queries, and usual ones with one or two things that are not."""
    rng = random.Random(7)
    for _ in range(number):
        pairs = [f"{name}={values[0]}" for name, values in NAMES.items()]
        for _ in range(rng.choice((0, 1, 1, 2))):
            at = rng.randrange(len(NAMES))
            name = list(NAMES)[at]
            pairs[at] = f"{name}={rng.choice(NAMES[name])}"
        if rng.random() < 0.3:
            pairs.pop(rng.randrange(len(pairs)))
        if rng.random() < 0.2:
            pairs.insert(rng.randrange(len(pairs) + 1), rng.choice(OTHERS))
        if rng.random() < 0.2:
            at = rng.randrange(len(pairs))
            pairs[at] = rng.choice(
                (
                    pairs[at].lower(),
                    pairs[at].replace("-", "%2D", 1),
                    f"{pairs[at]}+",
                    pairs[at][:-1],
                )
            )
        if rng.random() < 0.5:
            rng.shuffle(pairs)
        yield (
            f"GET {rng.choice(PATHS) if rng.random() < 0.3 else PATHS[0]}?{'&'.join(pairs)}"
            " HTTP/1.1"
        )


def lines() -> list[str]:
    """Return records of all kinds of the corpus, and the queries in records of several kinds."""
    rng = random.Random(8)
    changes: tuple[dict[str, str | None], ...] = (
        {}, {}, {}, {"signature_version": "SigV2"}, {"signature_version": None}, {"auth_type": None},
        {"auth_type": "HtmlForm"}, {"auth_type": "AuthHeader"}, {"host_header": "gt-images.S3.amazonaws.com:443"},
        {"host_header": None}, {"key": None},
    )  # fmt: skip
    made = [
        corpus.write({**corpus.BASE, **corpus.PRESIGNED, "request_uri": uri, **rng.choice(changes)})
        for uri in queries(3_000)
    ]
    return made + [case.text for case in corpus.cases()]


def rows(database: duckdb.DuckDBPyConnection, dialect: Dialect) -> list[tuple[object, ...]]:
    """Return all columns of all lines, read in one of the two ways."""
    names = ", ".join(f'"{name}"' for name in ("pos", *STORED))
    return database.execute(
        f"SELECT {names} FROM ({derived(from_lines('l', dialect), dialect)}) ORDER BY pos"
    ).fetchall()


def test_both_ways_give_the_same() -> None:
    texts = lines()
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE l AS SELECT 0 AS source, unnest(?::BIGINT[]) AS pos, unnest(?::VARCHAR[])"
            " AS line",
            [list(range(len(texts))), texts],
        )
        short, whole = (
            rows(database, d) for d in (DUCKDB, dataclasses.replace(DUCKDB, shortcut=False))
        )
        for text, one, other in zip(texts, short, whole, strict=True):
            assert one == other, text
        [(usual,)] = database.execute(
            f"SELECT count(*) FROM ({derived(from_lines('l'))}) WHERE fingerprint IS NOT NULL AND"
            " signed_at IS NOT NULL"
        ).fetchall()
    assert usual > 1_000
