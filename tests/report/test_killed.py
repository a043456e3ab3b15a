"""A report on 200 accounts that is killed again and again ends as one that nobody killed."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from support.box import until

ACCOUNTS, KILLS, WORKERS = 200, 5, 8
PROGRAM = """
import json, os, sys, time
from pathlib import Path
from types import SimpleNamespace
from gt_secure.report import report, run
from gt_secure.report.rows import ReportRow

log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
run.Members = lambda *_: SimpleNamespace(role_name="R", external_id="", connect=lambda *_: (None, ["c"]))

def read_region(_connection, account, *_, **__):
    os.write(log, f"{account.id}\\n".encode())
    time.sleep(0.02)
    return None if int(account.id) % 5 == 0 else [ReportRow(account.id, "us-east-1", "team", f"team {account.id}")]

run.read_region = read_region
accounts = [f"{number:012}" for number in range(10**11, 10**11 + int(sys.argv[3]))]
aws = SimpleNamespace(endpoint_url="", partition="aws", account_id="1", region="us-east-1", caller_arn="a", is_local=True)
gt = SimpleNamespace(aws=aws, accepted=())
found = report(gt, role="R", accounts=accounts, regions="us-east-1", folder=Path(sys.argv[1]))
print(json.dumps([found.places_read, found.empty, found.calls, [row.to_dict() for row in found.rows]]))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    words = [
        sys.executable,
        "-c",
        PROGRAM,
        str(folder / "state"),
        str(folder / "reads"),
        str(ACCOUNTS),
    ]
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "us-east-1"}
    return subprocess.Popen(words, env={**os.environ, **keys}, stdout=subprocess.PIPE, text=True)


def result(folder: Path) -> list[object]:
    process = start(folder)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    found: list[object] = json.loads(text)
    return found


def kept(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (folder / "state").glob("*.ndjson"))


def test_a_report_on_200_accounts_killed_five_times(tmp_path: Path) -> None:
    draw = random.Random(41)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    marks = sorted(draw.sample(range(5, ACCOUNTS - 20), KILLS))
    for mark in marks:
        process = start(killed)
        until(lambda mark=mark: kept(killed) >= mark)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert kept(killed) < ACCOUNTS
    before = kept(killed)
    resumed, uninterrupted = result(killed), result(whole)
    assert resumed[:3] == uninterrupted[:3] == [ACCOUNTS, ACCOUNTS // 5, ACCOUNTS]
    assert resumed[3] == uninterrupted[3]
    names = [row["account"] for row in resumed[3]]
    assert len(names) == len(set(names)) == ACCOUNTS - ACCOUNTS // 5
    reads = Counter((killed / "reads").read_text().split())
    assert len(reads) == ACCOUNTS
    assert sum(reads.values()) <= ACCOUNTS + KILLS * WORKERS, (
        "only what was under way is read again"
    )
    assert marks[-1] <= before < ACCOUNTS
    assert not list((killed / "state").glob("*.ndjson"))
