"""CloudTrail data events and access logs in JSON form, alone and together with access logs."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.logs import count_hits, read, read_hits
from gt_secure.logs.engines import duckdb_store
from gt_secure.logs.sql.log_columns import OPENED
from gt_secure.logs.storage.objects import StandardInput
from support import corpus
from support.sample import sample

EVENT = {
    "eventVersion": "1.10",
    "userIdentity": {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker",
        "accessKeyId": "ASIAEXAMPLEKEYID0001",
    },
    "eventTime": "2026-11-20T09:14:07Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "10.0.3.4",
    "userAgent": "[Mozilla/5.0]",
    "requestParameters": {
        "bucketName": "gt-images",
        "key": "scans/0007.png",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": "20261120T091400Z",
        "X-Amz-Expires": "600",
        "X-Amz-SignedHeaders": "host",
        "Host": "gt-images.s3.us-east-1.amazonaws.com",
    },
    "additionalEventData": {
        "AuthenticationMethod": "QueryString",
        "SignatureVersion": "SigV4",
        "bytesTransferredOut": 113,
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "x-amz-id-2": "abc=",
    },
    "requestID": "REQ1",
    "vpcEndpointId": "vpce-0a1b2c3d",
    "tlsDetails": {"tlsVersion": "TLSv1.3"},
}
JSON_LOG = {
    "schema_version_id": "V_1_0",
    "bucket_arn": "arn:aws:s3:::gt-images",
    "bucket_name": "gt-images",
    "request_time": "2026-11-20T09:14:07.123Z",
    "remote_ip": "203.0.113.7",
    "requester": None,
    "request_id": "REQ2",
    "operation": "REST.GET.OBJECT",
    "key": "scans/1.png",
    "request_uri": corpus.PRESIGNED["request_uri"],
    "http_status": "403",
    "error_code": "AccessDenied",
    "bytes_sent": 243,
    "auth_type": "QueryString",
}


def rows(path: Path):
    with read_hits(path) as hits:
        assert hits.coverage.adds_up
        return list(hits.rows()), hits.coverage


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("indent", sample([None, 2], 2))
def test_cloudtrail(tmp_path: Path, packed: bool, indent: int | None) -> None:
    denied = {**EVENT, "errorCode": "AccessDenied", "requestID": "REQ3"}
    other = {**EVENT, "eventSource": "ec2.amazonaws.com"}
    text = json.dumps({"Records": [EVENT, denied, other]}, indent=indent).encode()
    (tmp_path / "x.json").write_bytes(gzip.compress(text) if packed else text)
    found, coverage = rows(tmp_path)
    assert [(r["http_status"], r["refused"]) for r in found] == [(None, False), (403, True)]
    row = found[0]
    assert row["endpoint"] == "vpce-0a1b2c3d"
    assert row["operation"] == "REST.GET.OBJECT"
    assert row["user_agent"] == "Mozilla/5.0"
    assert row["auth_type"] == "QueryString"
    assert row["presigned"] is True
    assert row["source_kind"] == "cloudtrail"
    assert row["bytes_sent"] == 113
    assert "ASIAEXAMPLE" not in str(found)
    assert coverage.notes == ["1 CloudTrail events were not about S3."]
    table, _ = count_hits(tmp_path, "remote_ip,http_status,source_kind")
    assert table.rows == [("10.0.3.4", 403, "cloudtrail", 1), ("10.0.3.4", None, "cloudtrail", 1)]


def test_json_access_log(tmp_path: Path) -> None:
    wrapped = {"timestamp": 1, "message": json.dumps({**JSON_LOG, "request_id": "REQ4"})}
    bad = '{"request_time": "soon"}'
    (tmp_path / "x.ndjson").write_text(
        "\n".join([json.dumps(JSON_LOG), json.dumps(wrapped), bad, "", "not json"])
    )
    found, coverage = rows(tmp_path)
    assert [r["request_id"] for r in found] == ["REQ2", "REQ4"]
    assert found[0]["remote_ip"] == "203.0.113.7"
    assert found[0]["refused"] is True
    assert found[0]["presigned"] is True
    assert "IQoJ" not in str(found)
    assert (coverage.unreadable, coverage.lines) == (2, 4)


def test_one_request_in_several_logs_counts_once(tmp_path: Path) -> None:
    line = corpus.case(
        "x", **{**corpus.PRESIGNED, "request_id": "REQ1", "remote_ip": "10.0.3.4"}
    ).text
    (tmp_path / "a.log").write_text(line + "\n")
    (tmp_path / "b.json").write_text(
        json.dumps({"Records": [EVENT, {**EVENT, "requestID": "ONLY"}]})
    )
    (tmp_path / "c.ndjson").write_text(
        json.dumps(JSON_LOG) + "\n" + json.dumps({**JSON_LOG, "request_id": "REQ1"})
    )
    found, coverage = rows(tmp_path)
    assert sorted((r["request_id"], r["source_kind"]) for r in found) == [
        ("ONLY", "cloudtrail"), ("REQ1", "access-log"), ("REQ2", "json-log")]  # fmt: skip
    assert next(r for r in found if r["request_id"] == "REQ1")["endpoint"] == "vpce-0a1b2c3d"
    assert coverage.duplicates == 2
    table, coverage = count_hits(tmp_path, "request_id")
    assert table.rows == [("ONLY", 1), ("REQ1", 1), ("REQ2", 1)]
    assert coverage.duplicates == 2
    [(_, number)] = count_hits((tmp_path / n for n in ("b.json", "c.ndjson")), "bucket")[0].rows
    assert number == 3
    with pytest.raises(InvalidInput, match="Standard input"):
        count_hits([StandardInput(io.BytesIO(line.encode())), tmp_path / "b.json"], "bucket")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n{"b": 2}\n',
        "{",
        "[1, 2]",
        '{"Records": 3}',
        "[" * 5000,
        '{"Records": [{"eventSource": 1}]}',
        "{}\n\n",
    ],
)
def test_other_json_is_unreadable_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    found, coverage = rows(tmp_path)
    assert found == []
    assert coverage.unreadable + len(coverage.notes) >= 1


def test_strange_values(tmp_path: Path) -> None:
    events = [
        {**EVENT, "requestParameters": None},
        {**EVENT, "requestParameters": {"key": ["a", "b"], "bucketName": {"x": 1}}},
        {**EVENT, "additionalEventData": {"bytesTransferredOut": "x"}},
        {**EVENT, "eventTime": 5},
        {**EVENT, "userAgent": "\ud800\x00x"},
        {**EVENT, "userIdentity": "root"},
    ]
    (tmp_path / "x.json").write_text(json.dumps({"Records": events}))
    found, coverage = rows(tmp_path)
    assert len(found) + coverage.unreadable == 6


@pytest.mark.parametrize(
    ("code", "status", "refused"),
    sample(
        [
            (None, None, False),
            ("AccessDenied", 403, True),
            ("VpceAccessDenied", None, True),
            ("AllAccessDisabled", 403, True),
            ("InvalidAccessKeyId", 403, True),
            ("SignatureDoesNotMatch", 403, True),
            ("NoSuchBucketPolicy", 404, False),
            ("ReplicationConfigurationNotFoundError", 404, False),
            ("BucketNotEmpty", 409, False),
            ("SomethingNew", None, False),
        ],
        3,
    ),
)
def test_no_status_is_invented(
    tmp_path: Path, code: str | None, status: int | None, refused: bool
) -> None:
    message = "denied: https://b.s3.amazonaws.com/k?X-Amz-Signature=abcdef0123&X-Amz-Security-Token=IQoSECRET"
    event = {**EVENT, "errorCode": code, "errorMessage": message if code else None}
    (tmp_path / "x.json").write_text(json.dumps({"Records": [event]}))
    with read_hits(tmp_path) as hits:
        [row] = hits.rows()
        assert len(hits.filter(refused=True)) == refused
        assert hits.query(f"SELECT {OPENED} FROM {{hits}}") == [(code is None,)]
    assert (row["http_status"], row["refused"]) == (status, refused)
    assert (row["error_message"] or "").startswith("denied" if code else "")
    assert "SECRET" not in str(row)
    assert "abcdef0123" not in str(row)
    table, _ = count_hits(tmp_path, "refused,http_status")
    assert table.rows == [(refused, status, 1)]


def test_the_message_of_a_refusal_joins_the_request_of_the_access_log(tmp_path: Path) -> None:
    line = corpus.case("x", **{**corpus.PRESIGNED, "request_id": "REQ1", "http_status": 403}).text
    (tmp_path / "a.log").write_text(line + "\n")
    event = {
        **EVENT,
        "errorCode": "AccessDenied",
        "errorMessage": "explicit deny in a resource-based policy",
    }
    (tmp_path / "b.json").write_text(json.dumps({"Records": [event]}))
    [row], _ = rows(tmp_path)
    assert (row["source_kind"], row["error_message"]) == ("access-log", event["errorMessage"])


def test_a_marker_holds_no_secret(tmp_path: Path) -> None:
    query = "x-gt-secure-test=%26X-Amz-Security-Token=IQoSECRET%26&X-Amz-Signature=abcdef0123&X-Amz-Expires=1"
    uri = f"GET /k?{query} HTTP/1.1"
    (tmp_path / "a.log").write_text(
        corpus.case("x", **{**corpus.PRESIGNED, "request_uri": uri}).text + "\n"
    )
    with read_hits(tmp_path) as hits:
        [row] = hits.query("SELECT * FROM {hits}")
    assert "SECRET" not in str(row)
    assert "abcdef0123" not in str(row)


@pytest.mark.parametrize("length", [10, 2 << 20])
def test_duckdb_makes_room_for_the_longest_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """DuckDB before 2.0.1 reserves several times that room, however small the file is."""
    made: list[str] = []
    really = duckdb_store.from_records
    for place in (duckdb_store, read):
        monkeypatch.setattr(
            place, "from_records", lambda sink: made.append(really(sink)) or made[-1]
        )
    events = [EVENT, {**EVENT, "userAgent": "x" * length, "requestID": "REQ9"}]
    (tmp_path / "trail.json").write_text(json.dumps({"Records": events}))
    table, _ = count_hits(tmp_path / "trail.json", "user_agent")
    with read_hits(tmp_path / "trail.json", cache=False) as hits:
        assert sorted(map(len, hits.rows().column("user_agent"))) == sorted(
            len(row[0]) for row in table.rows
        )
    sizes = {int(text.rpartition("maximum_object_size=")[2].rstrip(")")) for text in made}
    assert len(made) > 2
    assert all(max(1 << 20, length) <= size < length + (1 << 20) + 1 for size in sizes)
