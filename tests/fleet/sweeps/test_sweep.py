"""A sweep over three accounts behind one STS: one answers, one denies, one hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

import gt_secure
from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.fleet.sweeps import Sweep, runner
from support.box import until
from support.company import ANSWERS, DENIES, EXTERNAL_ID, HANGS, HUB, ROLE_NAME, Company, running

TEAMS = ["north-team", "open-team", "radiology-team", "south-team", "vpc-team"]
OPEN = ["north-team", "radiology-team", "south-team"]
"""Those with a job on a bucket that is open to presigned requests."""
SARIF = json.loads((Path(__file__).parents[2] / "data" / "sarif-schema-2.1.0.json").read_text())


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


def swept(company: Company, *accounts: str, **more: Any) -> Sweep:
    given = {
        "role_name": ROLE_NAME,
        "external_id": EXTERNAL_ID,
        "regions": "us-east-1,eu-west-1",
    } | more
    return gt_secure.sweep(accounts=accounts or [ANSWERS], connection=company.hub, **given)


def test_one_answers_one_denies_one_hangs(company: Company, monkeypatch: pytest.MonkeyPatch):
    with_keys = Aws.with_keys

    def patient(self: Aws, access_key: str, *given: Any, timeout_s: float, **more: Any) -> Aws:
        """Wait for the account that answers, however busy this machine is."""
        hangs = company.keys[access_key] == HANGS
        return with_keys(self, access_key, *given, timeout_s=timeout_s if hangs else 120, **more)

    monkeypatch.setattr(Aws, "with_keys", patient)
    company.hang.add(HANGS)
    steps: list[runner.SweepProgress] = []
    result = swept(
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
    found = [
        (row.account, row.region, row.team, row.status) for row in result.rows if row not in hanging
    ]
    assert found == [
        *((ANSWERS, "us-east-1", team, "read") for team in TEAMS),
        (DENIES, "17 regions", "", "denied"),
    ]
    assert {row.status for row in hanging} == {"no-answer"}
    assert (len(result.regions), result.total, result.empty) == (17, 51, 16)
    assert (steps[0].done, steps[-1]) == (0, runner.SweepProgress(51, 51, len(TEAMS), 34))
    assert sum(len(row.regions or (row.region,)) for row in hanging) == 17
    assert [company.count(each, "AssumeRole") for each in (ANSWERS, DENIES, HANGS)] == [1, 1, 1]
    assert sum(n for (owner, _), n in company.calls.items() if owner == DENIES) == 1
    assert len(result.unread) == 1 + len(hanging)
    with pytest.raises(AssertionError):
        result.require("high")
    assert not any(row.unread for row in result.rows[: len(TEAMS)])


def test_a_region_without_a_workforce_costs_one_call(company: Company):
    empty = [
        region for region in gt_secure.fleet.sweeps.DEFAULT_REGIONS["aws"] if region != "us-east-1"
    ]
    result = swept(company, regions=empty, workers=4)
    assert (result.rows, result.empty, result.calls) == ((), 16, 16)
    assert company.calls == {(ANSWERS, "AssumeRole"): 1, (ANSWERS, "ListWorkforces"): 16}
    assert result.complete


def test_rows_say_what_is_so(company: Company):
    rows = {row.team: row for row in swept(company).rows}
    open_team, radiology = rows["open-team"], rows["radiology-team"]
    assert (open_team.url_lock, radiology.buckets) == ("off", ("gt-images",))
    assert "url-lock-off" in [finding.code for finding in open_team.findings]
    assert open_team.counts["medium"] == 2
    assert "all addresses" in radiology.exposure
    assert radiology.account == ANSWERS


def test_a_wrong_external_id_is_a_row(company: Company):
    for external in ("", "another-external-id"):
        result = swept(company, external_id=external)
        assert [row.status for row in result.rows] == ["denied"]


def test_throttled_regions_are_read_again_and_slower(company: Company, monkeypatch):
    monkeypatch.setattr(runner, "_FIRST_WAIT_S", 0.01)
    company.throttle[ANSWERS] = 5
    result = swept(company, regions="us-east-1", workers=1)
    assert [row.team for row in result.rows] == TEAMS
    company.throttle[ANSWERS] = 10_000
    result = swept(company, regions="us-east-1", workers=1)
    assert [row.status for row in result.rows] == ["throttled"]


def command(company: Company, *words: str) -> list[str]:
    given = ["--role-name", ROLE_NAME, "--external-id", EXTERNAL_ID]
    return [sys.executable, "-m", "gt_secure", "sweep", *given, *words]


@pytest.mark.slow
def test_killed_in_the_middle_it_resumes(company: Company, tmp_path):
    (tmp_path / "accounts.txt").write_text(f"# ours\n{ANSWERS} production\n{HANGS}\n")
    company.hang.add(HANGS)
    folder = tmp_path / "sweeps"
    words = ["--accounts", "accounts.txt", "--timeout", "300"]
    environment = {**os.environ, **company.environment(), "GT_SECURE_SWEEPS": str(folder)}
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
    assert "An interrupted sweep had read 17 regions of these" in done.stderr
    data = json.loads(done.stdout)
    assert company.count(ANSWERS, "ListWorkforces", "AssumeRole") == 0
    assert company.count(HANGS, "ListWorkforces") >= 17
    assert [(row["account"], row["team"]) for row in data["rows"]] == [
        (a, t) for a in (ANSWERS, HANGS) for t in TEAMS
    ]
    assert data["rows"][0]["account_name"] == "production"
    assert (data["complete"], data["damaged_lines"]) == (True, 1)
    assert not state.exists()


def test_cancelled_it_is_not_complete_and_keeps_its_state(company: Company, tmp_path):
    stop = threading.Event()
    state = tmp_path / "s"

    def progress(now: runner.SweepProgress) -> None:
        if now.done:
            stop.set()

    result = swept(company, regions="all", state=state, cancel=stop, workers=1, progress=progress)
    assert not result.complete
    assert any("stopped" in text for text in result.unread)
    [file] = state.iterdir()
    again: list[runner.SweepProgress] = []
    stop.clear()
    swept(
        company,
        regions="all",
        state=state,
        cancel=stop,
        workers=1,
        progress=lambda now: again.append(now) or stop.set(),
    )
    assert again[0].done, "the same sweep resumes"
    again.clear()
    assert swept(
        company, regions="all", state=state, fresh=True, workers=4, progress=again.append
    ).complete
    assert not again[0].done
    assert not file.exists()


def test_accepted_findings_by_place(company: Company):
    day = {"reason": "known", "until": "2099-01-01"}
    entries = [
        {"finding": "url-lock-off", "subject": f"{ANSWERS}/us-east-1/open-team", **day},
        {"finding": "portal-public-beside-vpc", "subject": f"{HANGS}/*", **day},
    ]
    result = swept(company, accepted=entries)
    assert [each.code for each in result.findings if each.accepted] == ["url-lock-off"]
    assert [entry.finding for entry in result.unused] == ["portal-public-beside-vpc"]
    log = result.to_sarif(source="sweep.yaml")
    jsonschema.Draft4Validator(SARIF).validate(log)
    prints = [
        each["partialFingerprints"]["primaryLocationLineHash"] for each in log["runs"][0]["results"]
    ]
    assert len(set(prints)) == len(prints)


def test_outputs(company: Company, tmp_path):
    result = swept(company, ANSWERS, DENIES)
    assert "<script" not in result._repr_html_()
    assert DENIES in result._repr_html_()
    assert result.to_text(100).startswith(result.headline)
    for number in (1, 2):  # the parts of a sweep
        (tmp_path / f"{number}.json").write_text(json.dumps(result.to_dict()))
    query = (
        "SELECT r.account, r.team FROM (SELECT unnest(rows) AS r FROM"
        f" read_json('{tmp_path}/*.json')) WHERE r.counts.medium > 0 OR len(r.unread) > 0 ORDER"
        " BY ALL"
    )
    assert duckdb.sql(query).fetchall() == sorted(
        [(DENIES, ""), *((ANSWERS, t) for t in TEAMS)] * 2
    )


def test_the_view_filters(company: Company):
    result = swept(company, ANSWERS, DENIES)
    view = gt_secure.SweepView(result)
    assert len(view.rows) == 1 + len(TEAMS)
    view.severity.value = "high"
    assert [row.team for row in view.rows] == OPEN
    view.severity.value = "medium"
    assert [row.team for row in view.rows] == TEAMS
    view.severity.value = "any"
    view.only_unread.value = True
    assert [row.account for row in view.rows] == [DENIES]
    view.only_unread.value = False
    view.words.value = "VPC-team"
    assert [row.team for row in view.rows] == ["vpc-team"]
    assert "vpc-team" in view.shown.value


def test_the_command_line(company: Company, tmp_path, monkeypatch, capsys):
    for name, value in company.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_SWEEPS", str(tmp_path / "sweeps"))
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(
        f'role_name: {ROLE_NAME}\nexternal_id: {EXTERNAL_ID}\naccounts: ["{ANSWERS}"]\nregions:'
        " [us-east-1]\naccepted: [{finding: url-lock-off, reason: known, until: 2099-01-01}]\n"
    )
    assert main(["sweep", "-f", "sweep.yaml", "--fail-on", "medium", "--sarif", "out.sarif"]) == 2
    assert "radiology-team" in capsys.readouterr().out
    jsonschema.Draft4Validator(SARIF).validate(json.loads(Path("out.sarif").read_text()))
    assert main(["sweep", "-f", "sweep.yaml", "--json", "--fail-on", "high"]) == 2
    assert json.loads(capsys.readouterr().out)["complete"] is True
    assert main(["sweep", "-f", "sweep.yaml", "--fail-on", "unknown"]) == 2
    assert "open-team: no bucket is known" in capsys.readouterr().err
    assert main(["sweep", "-f", "sweep.yaml", "--buckets", "used", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["bucket"] for row in rows] == [*[""] * len(TEAMS), "gt-images", "gt-shared"]
    assert main(["sweep", "-f", "sweep.yaml", "--buckets", "tag:a=b", "--fail-on", "unknown"]) == 2
    assert "not applicable, no bucket has the tag a=b" in capsys.readouterr().err
    assert main(["sweep", "-f", "sweep.yaml", "-o", "s.json"]) == 0
    found = {
        each["code"]
        for row in json.loads(Path("s.json").read_text())["rows"]
        for each in row["findings"]
    }
    text = Path("sweep.yaml").read_text().rpartition("accepted")[0]
    known = [
        {"finding": code, "reason": "known", "until": "2099-01-01"}
        for code in sorted(found - {"not-checked"})
    ]
    Path("sweep.yaml").write_text(f"{text}accepted: b.yaml\n")
    assert main(["sweep", "-f", "sweep.yaml"]) == 64, "the entries are in the file itself"
    Path("sweep.yaml").write_text(f"{text}accepted: {json.dumps(known)}\n")
    assert [
        main(["sweep", "-f", "sweep.yaml", "--fail-on", each]) for each in ("info", "unknown")
    ] == [0, 3]
    Path("denied.txt").write_text(DENIES)
    words = [
        "sweep",
        "--role-name",
        ROLE_NAME,
        "--accounts",
        "denied.txt",
        "--regions",
        "us-east-1",
        "--fail-on",
        "high",
    ]
    assert main(words) == 3
    assert not list((tmp_path / "sweeps").iterdir())


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"role_name": "arn:aws:iam::111122223333:role/x"}, "role_name"),
        ({"role_name": ""}, "role_name"),
        ({"external_id": "a b"}, "external_id"),
        ({"regions": "mars-1"}, "regions"),
        ({"regions": "cn-north-1"}, "regions"),
        ({"regions": ""}, "regions"),
        ({"shard": (3, 2)}, "shard"),
        ({"workers": 0}, "workers"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"organization": True}, "accounts"),
        ({"accepted": [{"finding": "x"}]}, "reason"),
    ],
)
def test_bad_input(company: Company, more, field):
    with pytest.raises(InvalidInput) as caught:
        swept(company, **more)
    assert caught.value.field == field
    assert not company.calls


def test_shards_divide_the_accounts(company: Company):
    parts = [
        swept(company, ANSWERS, DENIES, HUB, shard=(n, 2), regions="eu-west-1").accounts
        for n in (1, 2)
    ]
    assert sorted(account.id for part in parts for account in part) == [HUB, ANSWERS, DENIES]
