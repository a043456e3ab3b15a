"""Each line of Python that the program or a guide prints can be written as it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure import Restriction, check, logs
from gt_secure.base.errors import GtSecureError
from gt_secure.sandbox import Sandbox
from support.command_lines import write_files
from support.printed_python import calls_in, lines, problem_of

UNKNOWN = (
    "gt.teams()",
    "gt.plan(restriction, portal=True)",
    "gt.plan(restriction).applied",
    "gt_secure.connect(profile_name='a')",
    "gt_secure.restrict('a')",
    "Restriction(allow='203.0.113.0/24')",
    "gt.hits('gt-images').leaked()",
    "gt.journal.check()",
    "check.guard_is_there(gt)",
    "check.guard_is_in_place.outside('30s')",
    "gt.undo('a', 'b', 'c')",
    "gt.workteam()",
    "gt.workteam('a').url_lock.modus",
)


@pytest.mark.parametrize("line", UNKNOWN)
def test_a_wrong_line_is_found(line: str) -> None:
    assert list(calls_in(f"Write {line} here.")) == [line]
    assert problem_of(line) != ""


def test_every_printed_line_names_what_exists() -> None:
    assert len(lines()) > 120
    assert {
        line: f"{place}: {problem}"
        for line, place in lines().items()
        if (problem := problem_of(line))
    } == {}


OFFICE = "203.0.113.0/24"
KEY = "scans/0001.png"
PLACEHOLDERS = {
    '"NAME"': '"gt-images"',
    '"RANGE"': f'"{OFFICE}"',
    "'FILE'": '"open-team.json"',
    '"ID"': "change.id",
    "'ID'": "change.id",
    "'X'": "change.id",
    '"CODE"': '"loses-access:radiology-team"',
    "'{}'": '"loses-access:radiology-team"',
    '"FOLDER"': '"journal"',
    '"..."': '""',
}
"""The names of a text that a person fills in, and what is filled in here."""
SHORT = {
    "gt.plan(...)": "gt.plan(restriction)",
    "gt.hits(...)": 'gt.hits("gt-images")',
    "gt.findings(...)": 'gt.findings(bucket="gt-images")',
    "gt.findings(team=..., bucket=...)": 'gt.findings(team="open-team", bucket="gt-images")',
    "gt.who_can_open(...)": 'gt.who_can_open("gt-images")',
    "Restriction('team', ...)": f"Restriction('open-team', addresses='{OFFICE}', bucket='gt-images')",
    "Restriction('team', addresses=...)": f"Restriction('open-team', addresses='{OFFICE}', bucket='gt-images')",
    "expect.allowed(...)": 'expect.allowed("203.0.113.7")',
    "expect.refused(...)": 'expect.refused("198.51.100.9")',
    "check.promise(...)": 'check.promise(guard_is_in_place=["gt-images"])',
    "connect(sandbox=...)": "connect(sandbox=True)",
    "connect(context={...})": 'connect(context={"aws:PrincipalOrgID": "o-abc123"})',
    "sandbox.environment(...)": "sandbox.environment()",
}
"""Calls that a text shortens."""
NOT_RUN = {
    "Athena": "Athena is not here",
    "SecretCheck": "it waits for a notebook that is saved",
    "Config": "of botocore",
    "Journal()": "the journal of the person who runs the tests",
    "Sandbox": "starts another sandbox, which the docs' blocks do",
    "demo.": "starts another sandbox, which the docs' blocks do",
    "gt_secure.demo": "starts another sandbox, which the docs' blocks do",
    "gt_secure.connection.connect()": "the script of the demonstration",
    "plan()": "the name of a method",
    "gt.sign()": "the name of a method",
    "gt.who_can_open()": "the name of a method",
    "gt.undo(None)": "an error, as the text says",
    'gt.undo("")': "an error, as the text says",
    "Viewers": "run by the docs' blocks",
    "gt_secure.panel": "run by the docs' blocks",
    "panel(": "run by the docs' blocks",
    "SavedSecret": "what the check returns, shown as it looks",
    "Networks": "run by the docs' blocks",
}


def filled_in(line: str) -> str:
    for texts in (SHORT, PLACEHOLDERS):
        for before, after in texts.items():
            line = line.replace(before, after)
    return line


def is_run(line: str) -> bool:
    return not any(line.startswith(beginning) for beginning in NOT_RUN)


@pytest.fixture
def names(
    running_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """Return what the texts call by name: a connection and its answers, after one change."""
    running_sandbox.reset()
    monkeypatch.chdir(tmp_path)
    for name, value in running_sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("GT_SECURE_REPORTS", str(tmp_path / "reports"))
    write_files(tmp_path, dt.datetime.now(dt.UTC))
    (tmp_path / "networks.json").write_text('{"version": 1, "networks": []}')
    gt = gt_secure.connect(sandbox=True)
    restriction = Restriction("open-team", addresses=OFFICE, bucket="gt-images")
    plan = gt.plan(restriction)
    change = gt.apply(plan, confirm=[each.code for each in plan.asks])
    url = gt.sign("gt-images", KEY, bound_to="203.0.113.7")
    hits = gt.hits("gt-images")
    yield {
        **{name: getattr(home, name) for home in (logs, gt_secure) for name in home.__all__},
        "gt_secure": gt_secure,
        "check": check,
        "gt": gt,
        "restriction": restriction,
        "office": restriction,
        "r": restriction,
        "plan": gt.plan(restriction),
        "change": change,
        "done": change,
        "url": url,
        "probe": gt.probe(url, "203.0.113.7"),
        "hits": hits,
        "leak": None,
        "leaks": hits.leaks(),
        "report": gt.report(buckets="gt-images"),
        "bucket": "gt-images",
        "key": KEY,
        "team": gt.workteam("open-team"),
        "wanted": restriction,
        "columns": "remote_ip",
        "put": {"method": "PUT"},
        "question": lambda rows: rows.count("remote_ip"),
    }
    running_sandbox.reset()


def outcome(line: str, names: dict[str, Any]) -> GtSecureError | None:
    try:
        eval(line, dict(names))
    except GtSecureError as error:
        return error
    return None


@pytest.mark.check
def test_every_printed_line_runs_on_the_sandbox(names: dict[str, Any]) -> None:
    """It returns something, or is answered by an error of ours, which has a next step."""
    lost: dict[str, str] = {}
    answered: dict[str, str] = {}
    done = 0
    for line, place in lines().items():
        if is_run(line):
            try:
                error = outcome(filled_in(line), names)
            except Exception as caught:
                lost[line] = f"{place}: {type(caught).__name__}: {caught}"
            else:
                done += error is None
                answered |= {line: f"{error} {error.next_step}"} if error else {}
    assert lost == {}
    assert [line for line, said in answered.items() if len(said) < 20] == []
    assert done >= 80, answered


SITUATIONS = (
    "gt.workteam('nobody')",
    "gt.plan(Restriction('nobody', addresses=OFFICE))",
    "gt.apply(restriction)",
    "gt.apply('open-team.json')",
    "gt.plan('open-team.json')",
    "gt.explain(url)",
    "gt.undo(None)",
    "gt.undo('nothing')",
    "gt.revoke(None)",
    "gt.plot(restriction)",
    "gt_secure.panel('gt')",
    "gt_secure.connect(accepted={'finding': 'nothing'})",
)


@pytest.mark.check
@pytest.mark.parametrize("line", SITUATIONS)
def test_what_an_error_says_leads_on(line: str, names: dict[str, Any]) -> None:
    """The next step is done, or asks something else."""
    error = outcome(line, {**names, "OFFICE": OFFICE})
    assert error is not None
    assert error.next_step
    for step in calls_in(error.next_step or ""):
        again = outcome(filled_in(step), names)
        assert again is None or str(again) != str(error), step
