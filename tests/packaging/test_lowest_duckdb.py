"""Access logs and CloudTrail give the same answers with the lowest DuckDB of setup.cfg and with
that of every image.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from support import corpus
from support.rooms import ROOT, Room, run

_DUCKDB = re.compile(r"^\s*duckdb *[>=]= *([0-9.]+)$", re.MULTILINE)
IMAGES = sorted((ROOT / "tests" / "data" / "sagemaker-distribution").glob("*.txt"))
VERSIONS = sorted({_DUCKDB.findall(path.read_text())[0] for path in (ROOT / "setup.cfg", *IMAGES)})
OFFICE, STRANGER = "203.0.113.7", "198.51.100.9"
LONG = 2 << 20
"""Characters of a user agent: its record takes more room than DuckDB is asked for at first."""

ASK = """
import json, os, sys
import duckdb

# As on a machine with many cores: each thread of DuckDB needs memory of its own.
connect, os.cpu_count = duckdb.connect, lambda: 16
duckdb.connect = lambda path, config: connect(path, config=config | {"threads": "16"})

from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.logs.sql.query import Question, load_rows

answers = {}
for path in sys.argv[1:]:
    counts, coverage = count_hits(path, "remote_ip,auth_type", filters={"presigned": True})
    with read_hits(path, cache=False, dedupe=True) as hits:
        leaks = hits.leaks()
        answers[path] = [
            counts.rows, coverage.doubts, hits.count("remote_ip,auth_type").rows, leaks.leaked, leaks.unread,
            [len(row["user_agent"]) for row in hits.rows()],
        ]
store = Store()
rows = [("hit", "a" * 3_000_000, 1, None, None, None), ("hit", "b", 2, None, None, None)]
table = load_rows(store, Question(("key",)), rows)
answers["remote"] = store.query(f"SELECT length(key), hits FROM {table} ORDER BY 2")
print(json.dumps([duckdb.__version__, answers]))
"""


def event(second: int, address: str, agent: str = "curl/8") -> dict[str, Any]:
    signed = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": "20261120T090000Z",
        "X-Amz-Expires": "600",
    }
    return {
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "eventTime": f"2026-11-20T09:00:{second:02}Z",
        "sourceIPAddress": address,
        "userAgent": agent,
        "requestID": f"R{second}",
        "requestParameters": {
            "bucketName": "gt-images",
            "key": "scans/1.png",
            "Host": "h",
            **signed,
        },
        "additionalEventData": {"AuthenticationMethod": "QueryString", "SignatureVersion": "SigV4"},
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An access log, a small CloudTrail file, and one with a large record;
    a stranger opens a URL in each.
    """
    folder = tmp_path_factory.mktemp("logs")
    pair = (OFFICE, STRANGER)
    lines = [
        corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": each, "request_id": each})
        for each in pair
    ]
    texts = {
        "access.log": "".join(f"{line}\n" for line in lines),
        "trail.json": json.dumps({"Records": [event(i, each) for i, each in enumerate(pair)]}),
        "large.json": json.dumps(
            {"Records": [event(i, each, "x" * (LONG * i + 1)) for i, each in enumerate(pair)]}
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in texts]


def asked(said: str) -> tuple[str, dict[str, Any]]:
    version, answers = json.loads(said)
    return version, answers


@pytest.mark.parametrize("version", VERSIONS)
def test_logs_are_read_alike(version: str, logs: list[str], tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    room.install(f"duckdb=={version}", "numpy")
    here = {"PYTHONPATH": str(ROOT)}
    found, answers = asked(room.run("-c", ASK, *logs, env=here))
    assert found == version
    assert answers == asked(run(sys.executable, "-c", ASK, *logs))[1]
    for path in logs:
        counts, doubts, rows, leaked, unread, agents = answers[path]
        assert rows == counts == [[STRANGER, "QueryString", 1], [OFFICE, "QueryString", 1]]
        assert (leaked, doubts, unread) == (1, [], [])
        assert "large" not in path or max(agents) == LONG + 1
    assert answers["remote"] == [[3_000_000, 1], [1, 2]]
