"""Each command whose exit code is a verdict fails a notebook in all three spellings: function,
magic and shell.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction, magics
from gt_secure.base.errors import GtSecureError
from gt_secure.check import CheckFailed, ledger
from gt_secure.cli.commands import COMMANDS, find_command
from gt_secure.cli.main import main
from support.scene import Scene

OPEN = {
    "check": "check guard-is-in-place s3://gt-archive",
    "prove": "prove s3://gt-archive --allow 203.0.113.0/24",
    "history": "history verify",
    "findings": "findings s3://gt-archive --fail-on info",
    "report": "report --no-logs --fail-on info",
}
"""A line of each verdict command that does not end with 0: for nothing is guarded."""
FUNCTIONS: dict[str, Any] = {
    "check": lambda gt: gt_check().run_specs(gt, []).require(),
    "prove": lambda gt: gt.prove(
        Restriction(bucket="gt-archive", addresses="203.0.113.0/24")
    ).require(),
    "history": lambda gt: gt.journal.verify().require(),
    "findings": lambda gt: gt.findings(bucket="gt-archive").require("info"),
    "report": lambda gt: gt.report(since=None).require("info"),
}


def gt_check() -> Any:
    from gt_secure import check

    return check


@pytest.fixture
def place(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    scene.use_environment(monkeypatch)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "accounts.txt").write_text("111122223333\n")
    scene.client("s3").create_bucket(Bucket="gt-archive")
    return scene


def test_the_table_marks_them() -> None:
    assert {item.name for item in COMMANDS if item.verdict} == set(OPEN)
    for name, line in OPEN.items():
        command = find_command(name)
        assert command is not None
        assert command.is_verdict(shlex.split(line))
    for line in (
        "plan -f x",
        "hits --by key",
        "leaks",
        "findings",
        "report",
        "doctor",
        "history",
        "history show x",
    ):
        command = find_command(line.split()[0])
        assert command is not None
        assert not command.is_verdict(shlex.split(line)), line


def test_each_is_loud_in_all_spellings(place: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    quiet = []
    for name, line in OPEN.items():
        code = main(shlex.split(line))
        if code not in (2, 3):
            quiet.append(f"gt-secure {line} ends with {code}")
        try:
            exec("run(line)", {"run": magics.run_line, "line": line})
            quiet.append(f"%gt_secure {line}")
        except GtSecureError:
            pass
        if name in FUNCTIONS:
            try:
                FUNCTIONS[name](place.gt)
                quiet.append(f"the function of {name}")
            except CheckFailed:
                pass
    assert quiet == []
    for name in {*OPEN} - {"check", "history"}:
        exec("value = run(line)", {"run": magics.run_line, "line": OPEN[name]})


def test_a_process_of_a_notebook_adds_its_record_to_the_file_of_the_kernel(
    place: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ledger"
    monkeypatch.setenv(ledger.FILE, str(file))
    command = [sys.executable, "-m", "gt_secure", *OPEN["prove"].split()]
    subprocess.run(command, capture_output=True, timeout=120)
    told = json.loads(file.read_text())
    assert [told[name] for name in ("check", "status", "account", "on")] == [
        "prove",
        "failed",
        "111122223333",
        "sandbox",
    ]
    assert told["subject"] == "s3://gt-archive --allow 203.0.113.0/24"
