"""A report on three accounts behind one STS: one answers, one denies, one hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.findings.accepted import read_accepted
from gt_secure.report import AccountReport, report, role, runner
from gt_secure.report.accounts import DEFAULT_REGIONS
from support.box import until
from support.company import ANSWERS, DENIES, EXTERNAL_ID, HANGS, HUB, ROLE_NAME, Company, running

TEAMS = ["north-team", "open-team", "radiology-team", "south-team", "vpc-team"]
SARIF = json.loads((Path(__file__).parents[1] / "data" / "sarif-schema-2.1.0.json").read_text())


@pytest.fixture(scope="module")
def started() -> Iterator[Company]:
    with running(ANSWERS, DENIES, HANGS) as company:
        yield company


@pytest.fixture
def company(started: Company) -> Iterator[Company]:
    started.calls.clear()
    yield started
    started.hang.clear()
    started.throttle.clear()


def made(company: Company, *accounts: str, **more: Any) -> AccountReport:
    hub = replace(company.hub, accepted=read_accepted(more.pop("accepted", None)))
    given = {"role": (ROLE_NAME, EXTERNAL_ID), "regions": "us-east-1,eu-west-1"} | more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "WORKERS", given.pop("workers", runner.WORKERS))
        patch.setattr(role, "TIMEOUT_S", given.pop("timeout_s", role.TIMEOUT_S))
        return report(hub, accounts=accounts or [ANSWERS], **given)


def test_one_answers_one_denies_one_hangs(company: Company, monkeypatch: pytest.MonkeyPatch):
    with_keys = Aws.with_keys

    def patient(self: Aws, access_key: str, *given: Any, timeout_s: float, **more: Any) -> Aws:
        """Wait for the account that answers, however busy this machine is."""
        hangs = company.keys[access_key] == HANGS
        return with_keys(self, access_key, *given, timeout_s=timeout_s if hangs else 120, **more)

    monkeypatch.setattr(Aws, "with_keys", patient)
    company.hang.add(HANGS)
    steps: list[runner.ReportProgress] = []
    result = made(
        company,
        ANSWERS,
        DENIES,
        HANGS,
        regions="all",
        timeout_s=1,
        workers=40,
        progress=steps.append,
    )
    # one row for each way in which the time ran out
    hanging = [row for row in result.rows if row.account == HANGS]
    assert [row.name for row in result.teams] == TEAMS
    [denied] = [row for row in result.rows if row.account == DENIES]
    assert (denied.region, denied.kind, denied.status) == ("17 regions", "region", "denied")
    assert {row.status for row in hanging} == {"no-answer"}
    assert (result.places, result.places_read, result.empty) == (51, 51, 16)
    assert steps[0].done == 0
    assert steps[-1][:2] == (51, 51)
    assert steps[-1].failed == 34
    assert sum(len(row.regions or (row.region,)) for row in hanging) == 17
    assert [company.count(each, "AssumeRole") for each in (ANSWERS, DENIES, HANGS)] == [1, 1, 1]
    assert sum(n for (owner, _), n in company.calls.items() if owner == DENIES) == 1
    templates = [line for line in result.unread if "templates/" in line]
    assert len(templates) == 3, "the role reads no object"
    assert len(result.unread) == len(templates) + 1 + len(hanging)
    with pytest.raises(AssertionError):
        result.require("high")
    assert {text for row in result.rows if row.account == ANSWERS for text in row.unread} == {
        line.split(": ", 1)[1] for line in templates
    }
    assert "Not read" in str(result).partition("Buckets")[0], "what was not read comes first"


def test_a_region_without_a_workforce_costs_one_call(company: Company):
    empty = [region for region in DEFAULT_REGIONS["aws"] if region != "us-east-1"]
    result = made(company, regions=empty, workers=4)
    assert (result.rows, result.empty, result.calls) == ((), 16, 16)
    assert company.calls == {
        (ANSWERS, "AssumeRole"): 1,
        (ANSWERS, "ListWorkforces"): 16,
        (HUB, "GetCallerIdentity"): 1,
    }
    assert result.unread == ("workteams: not applicable, there are none",)


def test_rows_say_what_is_so(company: Company):
    result = made(company)
    teams = {row.name: row for row in result.teams}
    assert (teams["open-team"].locks, teams["radiology-team"].uses) == ("off", ("gt-images",))
    assert "url-lock-off" in [finding.code for finding in teams["open-team"].findings]
    assert teams["open-team"].counts["medium"] == 1
    [portal] = {row.region: row for row in result.of("portal") if row.account == ANSWERS}.values()
    assert "portal-public-beside-vpc" in [finding.code for finding in portal.findings]
    assert not any(each.code.startswith("portal") for row in result.teams for each in row.findings)
    buckets = {row.name: row for row in result.buckets}
    assert [*buckets] == ["gt-images", "gt-shared"]
    assert buckets["gt-shared"].uses == ("north-team", "south-team")
    assert (buckets["gt-images"].tone, buckets["gt-images"].account) == ("open", ANSWERS)
    assert [each.code for each in buckets["gt-shared"].findings] == ["presigned-from-anywhere"], (
        "one finding for one cause, however many teams use the bucket"
    )
    assert buckets["gt-shared"].leaked is None
    assert "not looked for" in buckets["gt-shared"].leaked_text


def test_several_regions_of_the_own_account_need_no_role(company: Company):
    result = report(company.hub, regions="us-east-1,eu-west-1", since=None)
    assert (result.places, {row.account for row in result.rows}) == (2, {HUB})
    assert [row.name for row in result.teams] == TEAMS
    assert not company.count(HUB, "AssumeRole")


def test_a_wrong_external_id_is_a_row(company: Company):
    for external in ("", "another-external-id"):
        result = made(company, role=(ROLE_NAME, external))
        assert [row.status for row in result.rows] == ["denied"]


def test_throttled_regions_are_read_again_and_slower(company: Company, monkeypatch):
    monkeypatch.setattr(runner, "WAITS_S", (0.01,) * 5)
    company.throttle[ANSWERS] = 5
    result = made(company, regions="us-east-1", workers=1)
    assert [row.name for row in result.teams] == TEAMS
    company.throttle[ANSWERS] = 10_000
    result = made(company, regions="us-east-1", workers=1)
    assert [row.status for row in result.rows] == ["throttled"]


def command(company: Company, *words: str) -> list[str]:
    given = ["--role", ROLE_NAME, "--external-id", EXTERNAL_ID]
    return [sys.executable, "-m", "gt_secure", "report", *given, *words]


@pytest.mark.slow
def test_killed_in_the_middle_it_resumes(company: Company, tmp_path):
    (tmp_path / "accounts.txt").write_text(f"# ours\n{ANSWERS} production\n{HANGS}\n")
    company.hang.add(HANGS)
    folder = tmp_path / "reports"
    words = ["--accounts", "accounts.txt"]
    environment = {**os.environ, **company.environment(), "GT_SECURE_REPORTS": str(folder)}
    process = subprocess.Popen(command(company, *words), cwd=tmp_path, env=environment)
    try:
        until(lambda: any(path.read_text().count("\n") >= 17 for path in folder.glob("*.ndjson")))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert company.count(ANSWERS, "ListWorkforces") >= 17
    [state] = folder.glob("*.ndjson")
    assert state.stat().st_mode & 0o077 == 0
    with state.open("a") as file:
        file.write('{"account": "2222')  # as a kill in the middle of a write leaves it
    company.hang.clear()
    company.calls.clear()
    done = subprocess.run(
        [*command(company, *words), "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "An interrupted report had read 17 regions of these" in done.stderr
    data = json.loads(done.stdout)
    assert company.count(ANSWERS, "ListWorkforces", "AssumeRole") == 0
    assert company.count(HANGS, "ListWorkforces") >= 17
    teams = [(row["account"], row["name"]) for row in data["rows"] if row["kind"] == "team"]
    assert teams == [(a, t) for a in (ANSWERS, HANGS) for t in TEAMS]
    assert data["rows"][0]["account_name"] == "production"
    assert (data["places"], data["places_read"]) == (34, 34)
    assert not state.exists()


def test_cancelled_it_is_not_complete_and_keeps_its_state(company: Company, tmp_path):
    stop = threading.Event()
    state = tmp_path / "s"

    def progress(now: runner.ReportProgress) -> None:
        if now.done:
            stop.set()

    result = made(company, regions="all", folder=state, cancel=stop, workers=1, progress=progress)
    assert result.places_read < result.places
    assert any("stopped" in text for text in result.unread)
    [file] = state.glob("*.ndjson")
    again: list[runner.ReportProgress] = []
    stop.clear()
    made(
        company,
        regions="all",
        folder=state,
        cancel=stop,
        workers=1,
        progress=lambda now: again.append(now) or stop.set(),
    )
    assert again[0].done, "the same report resumes"
    again.clear()
    stop.clear()
    whole = made(company, regions="all", folder=state, fresh=True, workers=4, progress=again.append)
    assert whole.places_read == whole.places
    assert not again[0].done
    assert not file.exists()


def test_accepted_findings_by_place(company: Company):
    day = {"reason": "known", "until": "2099-01-01"}
    entries = [
        {"finding": "url-lock-off", "subject": f"{ANSWERS}/us-east-1/open-team", **day},
        {"finding": "portal-public-beside-vpc", "subject": f"{HANGS}/*", **day},
    ]
    result = made(company, accepted=entries)
    assert [each.code for each in result.findings if each.accepted] == ["url-lock-off"]
    assert result.unused == (), "the role reads no template, so not everything was read"
    log = result.to_sarif(source="accepted.yaml")
    jsonschema.Draft4Validator(SARIF).validate(log)
    prints = [
        each["partialFingerprints"]["primaryLocationLineHash"] for each in log["runs"][0]["results"]
    ]
    assert len(set(prints)) == len(prints)


def test_outputs(company: Company, tmp_path):
    result = made(company, ANSWERS, DENIES)
    assert "<script" not in result._repr_html_()
    assert DENIES in result._repr_html_()
    assert result.headline in result.to_text(100)
    for number in (1, 2):  # the parts of a report
        (tmp_path / f"{number}.json").write_text(json.dumps(result.to_dict()))
    query = (
        "SELECT r.account, r.name FROM (SELECT unnest(rows) AS r FROM"
        f" read_json('{tmp_path}/*.json')) WHERE r.kind IN ('portal', 'region') AND"
        " (r.counts.medium > 0 OR len(r.unread) > 0) ORDER BY ALL"
    )
    assert duckdb.sql(query).fetchall() == sorted(
        [(DENIES, ""), (ANSWERS, "private-workforce")] * 2
    )


def test_the_command_line(company: Company, tmp_path, monkeypatch, capsys):
    for name, value in company.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.chdir(tmp_path)
    Path("accounts.txt").write_text(ANSWERS)
    words = ["report", "--role", ROLE_NAME, "--external-id", EXTERNAL_ID, "--regions", "us-east-1"]
    one = [*words, "--accounts", "accounts.txt"]
    entries = [{"finding": "url-lock-off", "reason": "known", "until": "2099-01-01"}]
    Path("check.json").write_text(json.dumps({"version": 1, "checks": [], "accepted": entries}))
    assert main([*one, "--accepted", "check.json", "--fail-on", "medium", "-o", "out.sarif"]) == 2
    assert "buckets" in capsys.readouterr().out
    jsonschema.Draft4Validator(SARIF).validate(json.loads(Path("out.sarif").read_text()))
    assert main([*one, "--json", "--fail-on", "high"]) == 2
    data = json.loads(capsys.readouterr().out)
    assert (data["places"], data["places_read"], data["leaks"]) == (1, 1, None)
    assert main([*one, "--fail-on", "unknown"]) == 2
    assert "open-team: no bucket is known" in capsys.readouterr().err
    assert main([*one, "--buckets", "used", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["name"] for row in rows if row["kind"] == "bucket"] == ["gt-images", "gt-shared"]
    assert main([*one, "--buckets", "tag:a=b", "--fail-on", "unknown"]) == 2
    assert "not applicable, no bucket has the tag a=b" in capsys.readouterr().err
    assert main([*one, "--no-logs"]) == main([*one, "--since", "7d"]) == 64
    assert main(words) == 64
    Path("denied.txt").write_text(DENIES)
    assert main([*words, "--accounts", "denied.txt", "--fail-on", "high"]) == 3
    assert not [*(tmp_path / "reports").glob("*.ndjson")]
    assert main([*one, "--since", "last", "-o", "out.md"]) == 0
    assert "### Changes since 20" in Path("out.md").read_text()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"role": "arn:aws:iam::111122223333:role/x"}, "role"),
        ({"role": ""}, "role"),
        ({"role": (ROLE_NAME, "a b")}, "role"),
        ({"regions": "mars-1"}, "regions"),
        ({"regions": "cn-north-1"}, "regions"),
        ({"regions": ""}, "regions"),
        ({"accepted": [{"finding": "x"}]}, "reason"),
    ],
)
def test_bad_input(company: Company, more, field):
    with pytest.raises(InvalidInput) as caught:
        made(company, **more)
    assert caught.value.field == field
    assert not company.count(ANSWERS)
