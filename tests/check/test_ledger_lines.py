"""A process of a notebook adds its record to the file of the kernel: the outcome of a command."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.base.outcome import CheckResult
from gt_secure.check import ledger
from gt_secure.check.ledger import LedgerEntry, RecordedPlace, record, recorded_place
from gt_secure.cli import main as cli
from gt_secure.cli.exit_codes import ERROR, FOUND, OK, USAGE

PLACE = RecordedPlace("111122223333", "eu-west-1", "sandbox")


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of a kernel, as a process that it started sees it."""
    path = tmp_path / "ledger"
    monkeypatch.setenv(ledger.FILE, str(path))
    monkeypatch.setattr(ledger, "kernel_shell", lambda: None)
    return path


def test_a_record_is_read_as_it_was_written(file: Path) -> None:
    record("no_findings", "a\nb (c)", "unknown", RecordedPlace("", "eu-west-1"), "2 findings")
    entry = LedgerEntry(**json.loads(file.read_text()))
    assert re.fullmatch(r"2\d+-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.time)
    assert entry._replace(time="") == LedgerEntry(
        "no_findings", entry.subject, "unknown", region="eu-west-1", evidence="2 findings"
    )
    assert "\n" not in entry.subject
    assert entry.subject.endswith("b (c)")


def test_a_file_that_is_gone_is_no_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ledger.FILE, str(file / "of a kernel that ended"))
    record("no_findings", "gt-images", "failed")


def test_outside_of_a_notebook_only_a_promise_asks_for_the_account(
    file: Path, monkeypatch: Any
) -> None:
    asked = []

    class Caller:
        region, is_local = "eu-north-1", True

        @property
        def account_id(self) -> str:
            asked.append(1)
            return "444455556666"

    monkeypatch.delenv(ledger.FILE)
    monkeypatch.setattr(ledger, "_unasked", {})
    caller: Any = Caller()
    record("no_findings", "gt-images", "failed", recorded_place(caller))
    assert (file.exists(), asked) == (False, [])
    last = ledger.recorded_here(["no_findings"])[-1]
    assert (last.subject, *last.place) == ("gt-images", "444455556666", "eu-north-1", "sandbox")


@pytest.mark.parametrize(("is_local", "on"), [(True, "sandbox"), (False, "")])
def test_the_place_of_a_record_is_that_of_the_caller(is_local: bool, on: str, file: Path) -> None:
    class Unknown:
        region, is_local = "eu-west-1", True

        @property
        def account_id(self) -> str:
            raise OSError("no credentials")

    caller: Any = SimpleNamespace(account_id="111122223333", region="eu-west-1", is_local=is_local)
    unknown: Any = Unknown()
    assert recorded_place(caller) == ("111122223333", "eu-west-1", on)
    assert recorded_place(unknown) == ("", "eu-west-1", "sandbox")
    assert recorded_place(None) is None


def test_a_result_is_recorded_with_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(ledger, "record", lambda *given: kept.append(given))
    result = CheckResult("no_findings", "gt-images", None, "No log.", {})
    assert ledger.recorded(result, PLACE) is result
    assert kept == [("no_findings", "gt-images", "unknown", PLACE, "No log.")]


@pytest.mark.parametrize(
    ("code", "status"), [(OK, "passed"), (FOUND, "failed"), (ERROR, "unknown"), (USAGE, "unknown")]
)
@pytest.mark.parametrize(
    ("command", "is_verdict", "is_recording", "records"),
    [
        ("prove", True, True, True),
        ("check", True, True, False),  # each of its checks records itself
        ("prove", False, True, False),
        ("prove", True, False, False),
    ],
)
def test_a_verdict_of_a_command_is_recorded_by_its_exit_code(
    command: str, is_verdict: bool, is_recording: bool, records: bool, code: int, status: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    kept: list[Any] = []
    monkeypatch.setattr(cli, "is_recording", lambda: is_recording)
    monkeypatch.setattr(cli, "record", lambda *given: kept.append(given))
    monkeypatch.setattr(cli, "last_caller", lambda: "the caller")
    monkeypatch.setattr(cli, "recorded_place", lambda caller: ("place of", caller))
    words = ["s3://gt-images/a b", "--json", "--team", "radiology-team"]
    args = argparse.Namespace(command=command, is_verdict=is_verdict, words=words)
    assert cli.record_verdict(args, code) == code
    subject = "'s3://gt-images/a b' --team radiology-team"
    entry = (command, subject, status, ("place of", "the caller"), f"exit code {code}")
    assert kept == [entry] * records
