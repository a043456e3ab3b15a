"""A viewer is signed only where S3 has checked it: everything else in a query is claimed, in every
spelling.

The sampler writes URLs, answers and requesters, and says of each whether the tag was proven. It
knows neither SQL nor the canonical form of a query. The same lines are read here, and by the text
for Athena.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gt_secure.logs import Viewers, count_hits, read_hits
from gt_secure.logs.sql import viewers as viewers_module
from gt_secure.logs.sql.derived_columns import from_lines
from gt_secure.logs.sql.dialects import DUCKDB, TRINO
from gt_secure.logs.sql.query import Question, statement
from support import corpus, trino

APP, OTHER = (
    "arn:aws:sts::111122223333:assumed-role/App",
    "arn:aws:sts::444455556666:assumed-role/App",
)
REQUESTERS = (f"{APP}/a", f"{APP}/b", f"{OTHER}/a", "arn:aws:sts::111122223333:assumed-role/Apple/a",
              "arn:aws:iam::111122223333:user/App", "arn:aws:iam::444455556666:root", None)  # fmt: skip
SIGNERS = {"arn:aws:iam::111122223333:role/team/App": lambda who: who.startswith(f"{APP}/"),
           "arn:aws:iam::111122223333:user/App": lambda who: who.endswith(":user/App")}  # fmt: skip
NAMES = (
    "anna",
    "bob",
    "a+b@example.com",
    "Müller & Co",
    "50%",
    "%41nna",
    "日本",
    "a=b",
    "x" * 128,
    "anna (guest)",
)
PARAMETERS = ("x-viewer", "x-user_id", "x-my.viewer")
ANSWERS = ((200, None, True), (206, None, True), (304, None, True), (404, "NoSuchKey", True),
           (403, "AccessDenied", True), (403, "SignatureDoesNotMatch", False), (403, "InvalidAccessKeyId", False),
           (400, "AuthorizationQueryParametersError", False), (403, "RequestTimeTooSkewed", False))  # fmt: skip
AUTHENTICATED = (("SigV4", "QueryString"),) * 8 + (
    ("SigV2", "QueryString"),
    ("SigV4", "AuthHeader"),
    (None, None),
)
SIGNED_AT = dt.datetime(2026, 11, 20, 9)


def spelled(text: str, rng: random.Random, much: float) -> str:
    """Return one of the many spellings of a text in a query."""
    out = []
    for letter in text:
        usual = quote(letter, safe="-_.~")
        if letter == " " and rng.random() < 0.3:
            out.append("+")
        elif len(usual) == 1 and rng.random() < much:
            out.append(f"%{ord(letter):02{rng.choice('xX')}}")
        else:
            out.append(usual.lower() if rng.random() < 0.2 and len(usual) > 1 else usual)
    return "".join(out)


def drawn(
    rng: random.Random, parameter: str, signers: tuple[str, ...]
) -> tuple[dict[str, Any], str | None]:
    """Draw one record of a log, and the viewer that it has."""
    version, kind = rng.choice(AUTHENTICATED)
    much = rng.choice((0, 0, 0.1, 0.6))
    tags = [rng.choice(NAMES) for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 2)))]
    lifetime, used = 600, rng.choice((1, 599, 600, 601, 5000))
    given = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20261120/us/s3/x"),
    ]
    given += [
        ("X-Amz-Date", "20261120T090000Z"),
        ("X-Amz-Expires", str(lifetime)),
        ("X-Amz-SignedHeaders", "host"),
    ]
    given += [("X-Amz-Signature", "X" * 32)]
    if version == "SigV2":
        given = [
            ("AWSAccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
            ("Expires", "1795170000"),
            ("Signature", "abc="),
        ]
    pairs = [(spelled(name, rng, much), spelled(value, rng, 0)) for name, value in given if version]
    others = rng.sample(
        ("x-viewers", "xx-viewer", "a?x-viewer", "response-content-type", "x-user.id"), 2
    )
    pairs += [(spelled(other, rng, 0).replace("%3F", "?"), "eve") for other in others]
    places = sorted(rng.randint(0, len(pairs)) for _ in tags)
    # the first tag is the first in the query
    for place, tag in reversed([*zip(places, tags, strict=True)]):
        pairs.insert(place, (spelled(parameter, rng, much), spelled(tag, rng, much)))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    status, code, checked = rng.choice(ANSWERS[:3] if rng.random() < 0.4 else ANSWERS)
    requester = rng.choice(REQUESTERS) if version else None
    method = "HEAD" if rng.random() < 0.1 else "GET"
    path = rng.choice(("/scans/1.png", "/x-viewer=mallory&x-viewer=mallory"))
    record = {
        **corpus.BASE, "request_uri": f"{method} {path}?{query} HTTP/1.1", "http_status": status, "error_code": code,
        "requester": requester, "signature_version": version, "auth_type": kind, "key": path[1:],
        "operation": f"REST.{method}.OBJECT", "time": SIGNED_AT + dt.timedelta(seconds=used),
        "request_id": f"{rng.getrandbits(64):016X}",
    }  # fmt: skip
    in_time = code != "AccessDenied" or (used <= lifetime and method != "HEAD")
    known = requester is not None and (
        not signers or any(SIGNERS[each](requester) for each in signers)
    )
    proven = (
        (version, kind) == ("SigV4", "QueryString")
        and checked
        and in_time
        and known
        and len(tags) == 1
    )
    return record, (tags[0] + ("" if proven else " (claimed)") if tags else None)


def check(path: Path, seed: int, number: int, parameters: tuple[str, ...] = PARAMETERS) -> None:
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    for parameter in parameters:
        for signers in ((), tuple(SIGNERS)):
            wanted = Viewers(parameter, signers)
            cases = [drawn(rng, parameter, signers) for _ in range(number)]
            text = [corpus.write(record) + "\n" for record, _ in cases]
            log = path / f"{parameter}-{len(signers)}.log"
            log.write_text("".join(text), encoding="utf-8")
            with read_hits(log, viewers=wanted) as hits:
                rows = dict(hits.rows(columns=["request_id", "viewer"], limit=None).rows)
            wrong = [(record, rows[record["request_id"]], viewer) for record, viewer in cases
                     if rows[record["request_id"]] != viewer]  # fmt: skip
            assert wrong == []
            if len(parameters) > 1:
                table, _ = count_hits(log, "viewer", viewers=wanted)
                assert dict(table.rows) == Counter(viewer for _, viewer in cases)
            for _, viewer in cases:
                counts[
                    "none"
                    if viewer is None
                    else "claimed"
                    if viewer.endswith("(claimed)")
                    else "signed"
                ] += 1
    assert min(counts[word] for word in ("none", "claimed", "signed")) * 12 >= counts.total(), (
        counts
    )


def test_some_viewers_are_signed(tmp_path: Path) -> None:
    check(tmp_path, 47, 150, ("x-user_id",))


def test_no_viewer_is_signed_by_the_query_alone(tmp_path: Path) -> None:
    check(tmp_path, 470, 2_000)


@pytest.mark.slow
def test_no_viewer_is_signed_by_the_query_alone_in_many_queries(tmp_path: Path) -> None:
    for seed in range(20):
        check(tmp_path, seed, 10_000)


def test_the_text_for_athena_has_the_same_viewers() -> None:
    duckdb = pytest.importorskip("duckdb")
    rng, wanted = random.Random(7), Viewers("x-user_id", tuple(SIGNERS))
    database = duckdb.connect()
    database.execute(trino.MACROS)
    database.execute("CREATE TABLE lines_in (source VARCHAR, pos BIGINT, line VARCHAR)")
    cases = [drawn(rng, "x-user_id", tuple(SIGNERS)) for _ in range(60)]
    database.executemany(
        "INSERT INTO lines_in VALUES ('s', 1, ?)", [(corpus.write(record),) for record, _ in cases]
    )
    question = Question(("viewer",), viewers=wanted)
    for dialect in (DUCKDB, TRINO):
        text = statement(question, from_lines("lines_in", dialect), dialect)
        rows = database.execute(trino.to_duckdb(text) if dialect is TRINO else text).fetchall()
        counts: Counter[str | None] = Counter()
        for _, viewer, number, *_ in rows:
            counts[viewer] += number
        assert counts == Counter(viewer for _, viewer in cases)


FAULTS = {
    "version 2": (
        "auth_type = 'QueryString' AND signature_version = 'SigV4' AND",
        "auth_type = 'QueryString' AND",
    ),
    "a header": ("auth_type = 'QueryString' AND", ""),
    "nobody": ("requester IS NOT NULL", "true"),
    "after its end": ("{in_time} <= expires_s", "true"),
    "any error": ("error_code = 'NoSuchKey'", "true"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_condition_that_is_missing(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = FAULTS[fault]
    text = viewers_module._AUTHENTICATED
    assert before in text
    monkeypatch.setattr(viewers_module, "_AUTHENTICATED", text.replace(before, after))
    with pytest.raises(AssertionError):
        check(tmp_path, 47, 150, ("x-user_id",))


def test_the_law_sees_that_every_signer_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Viewers, "_signed_by", lambda _: "true")
    with pytest.raises(AssertionError):
        check(tmp_path, 47, 150, ("x-user_id",))
