"""A workteam given by ARN is that ARN:
a team of the same name in another account or region is another team.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import gt_secure
from gt_secure import Connection, Restriction, check
from gt_secure.aws.teams import TeamArn
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.doctor import examine
from gt_secure.restriction.files import dump_restriction, load_restriction
from gt_secure.sandbox import Sandbox

NAME, ACCOUNT, REGION = "open-team", "111122223333", "us-east-1"


def arn(
    region: str = REGION,
    account: str = ACCOUNT,
    crowd: str = "private-crowd",
    partition: str = "aws",
) -> str:
    return f"arn:{partition}:sagemaker:{region}:{account}:workteam/{crowd}/{NAME}"


FOREIGN = arn("eu-west-1", "999999999999")
SURFACES: dict[str, Callable[[Connection, Any], object]] = {
    "workteam": lambda gt, team: gt.workteam(team),
    "jobs": lambda gt, team: gt.jobs(team),
    "plan": lambda gt, team: gt.plan(
        Restriction(team, addresses="203.0.113.0/24", bucket="gt-images")
    ),
    "findings": lambda gt, team: gt.findings(team=team),
    "exposure": lambda gt, team: gt.who_can_open("gt-images", "scans/", team=team),
    "history": lambda gt, team: gt.history(team),
    "export": lambda gt, team: gt.export(team),
    "doctor": lambda gt, team: examine(gt, team=team),
    "team_is_restricted": lambda gt, team: check.team_is_restricted.look(gt, team),
    "no_findings": lambda gt, team: check.no_findings.look(gt, team=team),
    "nothing_drifted": lambda gt, team: check.nothing_drifted.look(gt, Restriction(team)),
}


@pytest.fixture(scope="module")
def gt(sandbox: Sandbox) -> Connection:
    return gt_secure.connect(sandbox=sandbox)


@pytest.mark.parametrize("surface", SURFACES)
def test_another_account_and_region_is_refused_everywhere(gt: Connection, surface: str) -> None:
    own = gt.workteam(NAME)
    shape = SimpleNamespace(workteam_name=NAME, workteam=SimpleNamespace(workteam_arn=FOREIGN))
    for team in (
        FOREIGN,
        arn("eu-west-1"),
        arn(account="999999999999"),
        replace(own, arn=FOREIGN),
        shape,
    ):
        with pytest.raises(
            InvalidInput, match=r"This ARN is of .*; you are connected to us-east-1, 111122223333"
        ):
            SURFACES[surface](gt, team)


def test_the_same_team_is_taken_by_name_arn_and_object(gt: Connection) -> None:
    own = gt.workteam(NAME)
    assert own.arn == arn()
    shape = SimpleNamespace(workteam_name=NAME, workteam=SimpleNamespace(workteam_arn=own.arn))
    wishes = [Restriction(team, url_lock=True) for team in (NAME, own.arn, own, shape)]
    assert len({gt.plan(wish).digest for wish in wishes}) <= 2
    assert [wish.team for wish in wishes] == [NAME] * 4
    assert gt.workteam(own.arn) == gt.workteam(own) == own


def test_a_team_of_another_workforce_has_another_account(gt: Connection) -> None:
    [sold] = [team.arn for team in gt.workteams() if team.kind == "vendor"]
    public = arn(account="394669845002", crowd="public-crowd")
    for here in (sold, public):
        assert gt.plan(Restriction(here, addresses="203.0.113.0/24", bucket="gt-images")).changes
        there = here.replace(REGION, "eu-west-1")
        with pytest.raises(InvalidInput, match="eu-west-1"):
            gt.plan(Restriction(there, addresses="203.0.113.0/24", bucket="gt-images"))


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/",
        "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/a/b",
        "arn:aws:sagemaker:us-east-1:111122223333:workteam/open-team",
        "arn:aws:sagemaker::111122223333:workteam/private-crowd/open-team",
        "arn:aws:sagemaker:us-east-1:1111:workteam/private-crowd/open-team",
        "arn:aws:s3:::gt-images",
        "arn:",
    ],
)
def test_a_malformed_arn_is_no_name(gt: Connection, text: str) -> None:
    for surface in ("workteam", "plan", "findings", "history"):
        with pytest.raises(InvalidInput):
            SURFACES[surface](gt, text)


def test_another_partition_is_named() -> None:
    with pytest.raises(
        InvalidInput, match=r"is of aws-cn, cn-north-1, .*connected to aws, us-east-1"
    ):
        TeamArn.parse(arn("cn-north-1", partition="aws-cn")).check("aws", REGION, ACCOUNT)


def test_a_file_keeps_the_arn(gt: Connection, tmp_path: Path) -> None:
    dump_restriction(Restriction(FOREIGN, url_lock=True), tmp_path / "wish.json")
    with pytest.raises(InvalidInput, match="eu-west-1"):
        gt.plan(load_restriction(tmp_path / "wish.json"))


@pytest.mark.parametrize(
    "words", ["plan --team {}", "findings --team {}", "apply --team {} --yes", "teams {}"]
)
def test_the_command_line_names_its_option(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    assert main(words.format(FOREIGN).split()) == 64
    error = capsys.readouterr().err
    assert (
        "This ARN is of eu-west-1, account 999999999999; you are connected to us-east-1,"
        " 111122223333." in error
    )
    assert "Use --region eu-west-1." in error
