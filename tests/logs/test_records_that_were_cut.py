"""A record that was cut is not a hit with empty fields, an address is one, and a dash is nothing.

AWS published records of 18 fields, and of 24 and more. Only a cut behind the last field of an older
generation, or within a field, leaves a record that no reader can tell from a whole one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gt_secure.logs import read_hits
from support import corpus

RECORD = {**corpus.BASE, **corpus.PRESIGNED}
TAIL = tuple(corpus.NAMES[corpus.NAMES.index("host_id") :])


def read(path: Path, line: str) -> tuple[list[dict[str, Any]], list[str]]:
    path.write_text(f"{line}\n")
    with read_hits(path, cache=False) as hits:
        return hits.rows(columns=TAIL).to_dicts(), hits.coverage.unread


@pytest.mark.parametrize("fields", range(18, 28))
@pytest.mark.parametrize("end", ["", " ", "\r", " \r"])
def test_no_generation_has_nineteen_to_twenty_three_fields(
    tmp_path: Path, fields: int, end: str
) -> None:
    rows, unread = read(tmp_path / "log", corpus.write(RECORD, fields=fields) + end)
    if 18 < fields < 24:
        assert not rows
        assert "cut or malformed record" in str(unread)
    else:
        assert not unread
        assert rows[0]["auth_type"] == ("QueryString" if fields > 18 else None)


def test_a_record_cut_anywhere_is_exact_or_said(tmp_path: Path) -> None:
    """Whatever comes behind the version id is what the record has, or the beginning of it."""
    whole = corpus.write(RECORD)
    start = len(corpus.write(RECORD, fields=18))
    for end in range(start, len(whole), 7):
        rows, unread = read(tmp_path / "log", whole[:end])
        assert bool(rows) != bool(unread), whole[:end]
        if rows and end > start + 1:
            assert rows[0]["auth_type"] == "QueryString", whole[:end]


@pytest.mark.parametrize("shift", ["AAAAAAAAAAAAAAAAAAAA", "-"])
def test_a_token_before_the_host_id_is_no_field(tmp_path: Path, shift: str) -> None:
    """A console request of 2019 has one there: without it, the record is as short as a cut one."""
    record = corpus.write(RECORD, fields=24)
    head = corpus.write(RECORD, fields=18)
    shifted = f"{head} {shift}{record[len(head) :]}"
    assert read(tmp_path / "log", shifted)[0][0]["auth_type"] == "QueryString"
    assert read(tmp_path / "log", shifted.rpartition(" ")[0])[1]


@pytest.mark.parametrize(
    "quirk", [{"user_agent": 'a "b" c'}, {"referer": '" "'}, {"user_agent": None}]
)
@pytest.mark.parametrize("fields", [19, 21, 23])
def test_a_cut_record_with_quotes_is_cut(
    tmp_path: Path, quirk: dict[str, Any], fields: int
) -> None:
    bare = ("user_agent",) if quirk.get("user_agent", "") is None else ()
    line = corpus.write({**RECORD, **quirk}, fields=fields, bare=bare)
    assert not read(tmp_path / "log", line)[0]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("203.0.113.7", True), ("2001:db8::7", True), ("203.0.113.7:443", True), ("[2001:db8::7]:443", True),
        ("::ffff:203.0.113.7", True), ("-", True), ("arn:aws:iam::111122223333:user/a", False),
        ("3E57427F3EXAMPLE", False), ("79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", False),
        ("REST.GET.OBJECT", False), ("dead.beef", False), ("host.example.com", False),
    ],
)  # fmt: skip
def test_an_address_is_one(tmp_path: Path, text: str, *, is_one: bool) -> None:
    """Fields in another order, or shifted ones, are no record of a client."""
    rows, unread = read(tmp_path / "log", corpus.write({**RECORD, "remote_ip": text}))
    assert (bool(rows), bool(unread)) == (is_one, not is_one)


@pytest.mark.parametrize("host_id", [None, "a", "abc", RECORD["host_id"]])
@pytest.mark.parametrize("version", ["SigV4", "SigV5", None])
@pytest.mark.parametrize("extra", ['"new field"', '"new field" 7', '"a" "b"', '"-"', '""'])
def test_a_new_field_in_quotes_is_said(
    tmp_path: Path, host_id: str | None, version: str | None, extra: str
) -> None:
    line = corpus.write({**RECORD, "host_id": host_id, "signature_version": version})
    rows, unread = read(tmp_path / "log", f"{line} {extra}")
    assert unread or rows[0]["auth_type"] == "QueryString"


def test_a_dash_of_cloudtrail_is_nothing(tmp_path: Path) -> None:
    """As in an access log: one thing is one group."""
    event = {
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventTime": "2026-11-20T09:14:07Z",
        "sourceIPAddress": "203.0.113.7", "requestParameters": {"bucketName": "gt-images", "key": "-"},
        "additionalEventData": dict.fromkeys(
            ("AuthenticationMethod", "SignatureVersion", "CipherSuite", "x-amz-id-2"), "-"
        ),
    }  # fmt: skip
    (tmp_path / "trail.json").write_text(json.dumps({"Records": [event]}))
    with read_hits(tmp_path / "trail.json", cache=False) as hits:
        [row] = hits.rows(columns=[*TAIL, "key"]).to_dicts()
    assert row["key"] == "-"
    assert not any(
        row[name] for name in ("auth_type", "signature_version", "cipher_suite", "host_id")
    )
