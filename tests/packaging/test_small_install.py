"""The small install of a CI job: gt_secure with boto3 alone.
What reads logs says which packages it needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gt_secure.sandbox import Sandbox
from support.rooms import Room, clean

CHECKS: dict[str, Any] = {
    "version": 1,
    "checks": [{"check": "team_is_restricted", "team": "radiology-team"}],
}
LOG = {"check": "no_leaked_urls", "logs": "access.log"}
LINE = (
    "b4d gt-images [20/Nov/2026:10:00:00 +0000] 203.0.113.7 arn:aws:iam::111122223333:user/a R1"
    ' REST.GET.OBJECT a.png "GET'
    " /a.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261120T100000Z&X-Amz-Expires=600"
    ' HTTP/1.1" 200 - 10 10 1 1 "-" "curl/8" - h= SigV4 TLS_AES_128_GCM_SHA256 QueryString'
    " gt-images.s3.amazonaws.com TLSv1.3 - -\n"
)

PROVE = """import gt_secure

proof = gt_secure.connect().prove(gt_secure.Restriction(bucket="gt-images", addresses="203.0.113.0/24"))
assert proof.proved is False and not proof
"""
TEST = """import gt_secure
import pytest
from gt_secure import check


@pytest.mark.parametrize("team", ["radiology-team", "open-team"])
def test_lock(team):
    check.team_is_restricted(gt_secure.connect(), team)
"""


def size_mb(room: Room) -> float:
    files = (each for each in room.path.rglob("*") if each.is_file() and each.suffix != ".pyc")
    return sum(each.stat().st_size for each in files) / 1e6


@pytest.mark.slow
def test_it_checks_and_names_what_logs_need(
    wheel: Path, running_sandbox: Sandbox, tmp_path: Path
) -> None:
    running_sandbox.reset()
    room = Room(tmp_path / "room", sys.executable)
    room.install("boto3")
    room.install("--no-deps", str(wheel))
    (tmp_path / "access.log").write_text(LINE)
    env = {**clean(), **running_sandbox.environment(), "HOME": str(tmp_path)}

    def run(*words: str) -> tuple[int, str]:
        command = [str(room.python), "-m", "gt_secure", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300
        )
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        return done.returncode, done.stdout + done.stderr

    def check(*checks: dict[str, Any]) -> tuple[int, str]:
        (tmp_path / "checks.json").write_text(
            json.dumps({**CHECKS, "checks": [*CHECKS["checks"], *checks]})
        )
        return run("check", "-f", "checks.json")

    needs = "Reading access logs needs duckdb and numpy"
    assert check()[0] == 0
    assert run("prove", "s3://gt-images", "--allow", "203.0.113.0/24")[0] == 2
    assert run("findings", "s3://gt-images")[0] in (0, 3)
    assert run("report", "--no-logs")[0] in (0, 3)
    assert run("doctor")[0] == 0
    small = size_mb(room)
    assert small < 60
    (tmp_path / "prove.py").write_text(PROVE)
    assert (
        subprocess.run([room.python, "prove.py"], cwd=tmp_path, env=env, timeout=300).returncode
        == 0
    )
    code, text = run("hits", "--bucket", "gt-images")
    assert (code, needs in text) == (1, True), text
    code, text = run("plot", "--bucket", "gt-images", "-o", "plot.svg")
    assert (code, "pip install" in text) == (1, True), text
    room.install("pytest")
    (tmp_path / "test_lock.py").write_text(TEST)
    of_pytest = [room.python, "-m", "pytest", "-q", "test_lock.py"]
    done = subprocess.run(
        of_pytest, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout

    code, text = check(LOG)
    assert code == 3, text
    assert needs in text
    code, text = run("leaks", "--bucket", "gt-images")
    assert (code, needs in text) == (1, True), text
    assert "pip install --only-binary :all: duckdb numpy" in text

    room.install("duckdb", "numpy")
    code, text = check(LOG)
    assert code in (0, 2), text
    assert needs not in text
    print(f"{small:.0f} MB with boto3, {size_mb(room):.0f} MB with DuckDB and NumPy")
