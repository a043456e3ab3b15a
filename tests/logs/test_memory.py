"""Rows of a log that was delivered twice are read, joined with CloudTrail and exported within 400 MB."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import corpus

ROWS, EVENTS = 200_000, 4_000
MOST_MB = 400
EXPORT = """
import sys
from pathlib import Path
from gt_secure.logs import read_hits
folder, options = Path(sys.argv[1]), dict(each.split("=") for each in sys.argv[2:])
with read_hits([folder / "a.log", folder / "trail.json"], dedupe=True, **options) as hits:
    hits.to_parquet(folder / "rows.parquet")
    print(len(hits), hits.coverage.duplicates)
print(Path("/proc/self/status").read_text())
"""


def write_logs(folder: Path) -> None:
    """Write a log in which every tenth record is there twice, and events of some of its requests."""
    line = corpus.write({**corpus.BASE, **corpus.PRESIGNED, "request_id": "{id:016X}", "key": "scans/{key:06}.png"})
    with (folder / "a.log").open("w") as log:
        for number in range(ROWS):
            request = number - (number % 10 == 9)
            log.write(line.format(id=request, key=request * 7919 % 99_991) + "\n")
    event = {"eventVersion": "1.11", "eventSource": "s3.amazonaws.com", "eventName": "GetObject"}
    event |= {"eventTime": "2026-11-20T09:14:07Z", "sourceIPAddress": "203.0.113.7", "vpcEndpointId": "vpce-0a1b2c3d"}
    events = [event | {"requestID": f"{number * 40:016X}"} for number in range(EVENTS)]
    (folder / "trail.json").write_text(json.dumps({"Records": events}))


def peak_mb(folder: Path, *options: str) -> float:
    command = [sys.executable, "-c", EXPORT, str(folder), *options]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith(f"{ROWS * 9 // 10} "), printed[:100]
    peak = re.search(r"VmHWM:\s+([0-9]+) kB", printed)
    assert peak is not None
    return int(peak[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_rows_are_joined_and_exported_in_little_memory(tmp_path: Path) -> None:
    write_logs(tmp_path)
    assert peak_mb(tmp_path) <= MOST_MB
    assert peak_mb(tmp_path, "memory_limit=400MB") > MOST_MB, "the engine would not have used more"
