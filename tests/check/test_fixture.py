"""The pytest fixtures in a project of somebody else: parallel,
and without a trace in the person's own folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
import os
import boto3
import pytest
from gt_secure import Restriction

OWN = dict(os.environ)


@pytest.mark.parametrize("number", range({count}))
def test_apply_and_undo(gt_secure_connection, number):
    gt = gt_secure_connection
    office = Restriction("open-team", addresses="203.0.113.0/24", bucket="gt-images", prefix="scans/")
    change = gt.apply(gt.plan(office), confirm=["url-lock-one-path", "loses-access:radiology-team"])
    assert len(gt.journal)
    gt.undo(change)


def test_other_clients_use_the_sandbox(gt_secure_sandbox):
    assert len(boto3.client("sagemaker").list_workteams()["Workteams"]) == 5
    assert boto3.client("s3").list_buckets()["Buckets"]


def test_a_test_without_the_sandbox_keeps_its_environment():
    assert {{name: os.environ.get(name) for name in OWN if name != "PYTEST_CURRENT_TEST"}} == {{
        name: value for name, value in OWN.items() if name != "PYTEST_CURRENT_TEST"
    }}
    assert "AWS_ENDPOINT_URL" not in os.environ
"""


def run(folder: Path, count: int, workers: int) -> tuple[int, str, list[str]]:
    """Run the project with a hostile environment; returns exit code, output,
    and what is new in the home folder.
    """
    home = folder / "home"
    (home / ".aws").mkdir(parents=True, exist_ok=True)
    (home / ".aws" / "config").write_text(
        "[default]\nregion = eu-west-1\ncli_pager = cat\ns3 =\n  use_accelerate_endpoint = true\n"
    )
    (folder / "test_project.py").write_text(PROJECT.format(count=count))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GT_SECURE_", "PYTEST_"))
    }
    hostile = {
        "HOME": str(home), "AWS_PROFILE": "missing", "AWS_SESSION_TOKEN": "stale", "http_proxy": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(home / ".cache"),
    }  # fmt: skip
    before = sorted(str(path) for path in home.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(workers), "test_project.py"],
        cwd=folder, env={**kept, **hostile}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    after = sorted(str(path) for path in home.rglob("*"))
    return (
        done.returncode,
        done.stdout + done.stderr,
        [path for path in after if path not in before],
    )


@pytest.mark.slow
def test_the_fixtures_in_parallel_leave_nothing_behind(tmp_path):
    code, output, new = run(tmp_path, count=2, workers=2)
    assert code == 0, output
    assert "4 passed" in output
    assert new == []


@pytest.mark.slow
def test_ten_runs_of_24_changes_by_four_workers(tmp_path):
    for _ in range(10):
        code, output, new = run(tmp_path, count=24, workers=4)
        assert code == 0, output
        assert "26 passed" in output
        assert new == []
