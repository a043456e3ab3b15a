"""gt-secure teams prints the teams, one of them, or none, and names the parts that were not read."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.aws.teams import CREATE_TEAM, LabelingJob, Workteam
from gt_secure.base.errors import GtSecureError
from gt_secure.cli import teams
from gt_secure.cli.exit_codes import OK, UNKNOWN
from gt_secure.findings.listings import Jobs, Workteams
from support.states import FORCE, OTHER, TEAM

JOB = LabelingJob("chest-scans", "InProgress", TEAM.arn, 8, 12)
LIMITED = replace(FORCE, cidrs=("203.0.113.0/24", "198.51.100.0/24"))
DENIED = GtSecureError("It was denied.")


def value(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(
        *, listed: Any = (TEAM, OTHER), workforce: Any = FORCE, jobs: Any = (JOB,), team: str | None = None, json: bool = False
    ) -> tuple[int, list[Any]]:  # fmt: skip
        said: list[Any] = []
        gt = SimpleNamespace(
            aws=SimpleNamespace(region="eu-west-1", is_local=True),
            workteams=lambda: Workteams(listed),
            workteam=lambda name: {TEAM.name: TEAM, OTHER.name: OTHER}[name],
            workforce=lambda: value(workforce),
            jobs=lambda team: Jobs(value(jobs)),
        )
        monkeypatch.setattr(teams, "connection", lambda args: gt)
        monkeypatch.setattr(teams, "say", lambda text="": said.append(" ".join(str(text).split())))
        monkeypatch.setattr(teams, "note", lambda text: said.append(("note", text)))
        monkeypatch.setattr(teams, "show_json", said.append)
        return teams._run(argparse.Namespace(team=team, json=json)), said

    return run


PORTAL = "Worker portal (default): open to every address."
SHARED = f"{PORTAL} It is shared by radiology-team, open-team."


def test_all_teams_are_a_table_and_a_sentence(run: Any) -> None:
    code, [table, blank, sentence] = run()
    assert (code, blank, sentence) == (OK, "", SHARED)
    assert table.startswith("WORKTEAM KIND") or "radiology-team" in table
    assert table.index("radiology-team") < table.index("open-team")


def test_without_a_team_it_says_what_to_do(run: Any) -> None:
    assert run(listed=()) == (OK, [
        f"There are no workteams in eu-west-1. {CREATE_TEAM}",
        "Without one, restrict a bucket: gt-secure plan s3://NAME --allow RANGE",
    ])  # fmt: skip


def test_a_portal_that_is_not_read_is_unknown(run: Any) -> None:
    unknown = "The portal lock is unknown: it cannot be read."
    code, said = run(workforce=DENIED)
    assert (code, said[2:]) == (UNKNOWN, [unknown, ("note", "note: It was denied.")])
    code, said = run(workforce=DENIED, team="radiology-team")
    assert (code, said[4]) == (UNKNOWN, f"portal lock {unknown}")
    assert run(workforce=DENIED, json=True)[0] == UNKNOWN


def test_one_team_in_full(run: Any) -> None:
    assert run(team="radiology-team") == (OK, [
        "radiology-team (private)", "description", "groups radiologists", f"URL lock {TEAM.url_lock_text}",
        f"portal lock {PORTAL}", "job chest-scans InProgress, 8 of 12 objects still to label",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("jobs", "code", "said"),
    [((), OK, "jobs none awaiting workers"), (DENIED, UNKNOWN, "jobs It was denied.")],
)
def test_jobs_of_a_team_are_none_or_not_read(jobs: Any, code: int, said: str, run: Any) -> None:
    found, lines = run(team="radiology-team", jobs=jobs)
    assert (found, lines[-1]) == (code, said)
    found, [data] = run(team="radiology-team", jobs=jobs, json=True)
    assert (found, data["jobs"], data["unseen"]) == (code, [], str(jobs) if code else "")


def test_the_data_of_teams(run: Any) -> None:
    assert run(json=True) == (OK, [
        {"workteams": [TEAM.to_dict(), OTHER.to_dict()], "workforce": asdict(FORCE), "unseen": ""}
    ])  # fmt: skip
    data = {
        **TEAM.to_dict(),
        "workforce": None,
        "jobs": [asdict(JOB)],
        "unseen": "It was denied. Nor these.",
    }
    assert run(workforce=None, json=True, listed=()) == (
        OK,
        [{"workteams": [], "workforce": None, "unseen": ""}],
    )
    found, [shown] = run(
        team="radiology-team", workforce=DENIED, jobs=GtSecureError("Nor these."), json=True
    )
    assert (found, shown) == (UNKNOWN, {**data, "jobs": []})


@pytest.mark.parametrize(
    ("workforce", "names", "sentence"),
    [
        (None, ["a", "b"], "The portal lock is unknown: it cannot be read."),
        (FORCE, ["a"], PORTAL),
        (FORCE, ["a", "b"], f"{PORTAL} It is shared by a, b."),
        (LIMITED, [], "Worker portal (default): open only to 203.0.113.0/24, 198.51.100.0/24."),
        (
            replace(LIMITED, vpc_id="vpc-1"), [],
            "Worker portal (default): in VPC vpc-1, and on the internet open only to 203.0.113.0/24, 198.51.100.0/24.",
        ),
    ],
)  # fmt: skip
def test_who_can_open_the_portal(workforce: Any, names: list[str], sentence: str) -> None:
    assert teams.portal_sentence(workforce, names) == sentence


def test_the_result_of_the_magic_is_the_team_or_the_list(run: Any) -> None:
    run()
    one = teams._teams_from(argparse.Namespace(team="open-team"))
    every = teams._teams_from(argparse.Namespace(team=None))
    assert isinstance(one, Workteam)
    assert [*every] == [TEAM, OTHER]  # type: ignore[misc]
