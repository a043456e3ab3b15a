"""The SageMaker SDK, the real package, in an environment of its own:
it is large and slow to import.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gt_secure
from gt_secure.aws.teams import team_name
from gt_secure.base.errors import InvalidInput
from support.blocks import blocks_of
from support.rooms import ROOT, Room, python_of

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import boto3, gt_secure
assert "sagemaker" not in sys.modules, "gt_secure must not import it"
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Workteam
from gt_secure import Restriction, check, expect
from gt_secure.doctor import examine, execution_role

boto = boto3.Session(region_name="us-east-1")
session = Session(boto_session=boto, sagemaker_client=boto.client("sagemaker"))
gt = gt_secure.connect(sagemaker_session=session)
# Workteam.get() of sagemaker-core 2.27 fails by itself (pydantic: workteam_name is required and not passed).
theirs = {team.workteam_name: team for team in Workteam.get_all(session=boto, region="us-east-1")}["radiology-team"]
ours = gt.workteam(theirs)
wish = Restriction(
    theirs, addresses="203.0.113.0/24", bucket="gt-images", prefix="scans/", expectations=[expect.refused("192.0.2.9")]
)
plan = gt.plan(wish)
change = gt.apply(plan, confirm=[each.code for each in plan.asks])
panel = gt_secure.panel(gt, team=theirs)
role = boto3.client("sts").assume_role(
    RoleArn="arn:aws:iam::111122223333:role/GroundTruthExecution", RoleSessionName="studio"
)["Credentials"]
assumed = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], region_name="us-east-1")
in_studio = gt_secure.connect(
    sagemaker_session=Session(boto_session=assumed, sagemaker_client=assumed.client("sagemaker"))
)
print(json.dumps({
    "region": gt.aws.region,
    "same_session": gt.aws._session is boto,
    "name": ours.name,
    "lock": ours.url_lock.mode,
    "theirs": str(theirs.workteam.worker_access_configuration.s3_presign.iam_policy_constraints.source_ip),
    "jobs": [job.name for job in gt.jobs(theirs)],
    "findings": [finding.code for finding in gt.findings(team=theirs)],
    "check": check.team_is_restricted.look(gt, theirs).status,
    "who": gt.who_can_open("gt-images", "scans/0001.png", team=theirs).at("203.0.113.7", "worker").answer,
    "by_session": [
        check.team_is_restricted.look(session, theirs).status, check.nothing_drifted.look(session, wish).status,
        examine(session, team=theirs, features=["teams"]).state("teams").status,
        gt_secure.panel(session, team=theirs).picker.value,
    ],
    "wish": wish.team,
    "applied": change.outcome,
    "drifted": check.nothing_drifted.look(gt, wish).status,
    "holds": check.expectations_hold.look(gt, wish).status,
    "no_findings": check.no_findings.look(gt, team=theirs, severity="high").subject,
    "doctor": examine(gt, team=theirs, features=["teams", "endpoints"]).headline,
    "panel": panel.picker.value,
    "undone": gt.undo(change).outcome,
    "role": execution_role(in_studio).arn,
    "caller": in_studio.aws.caller_arn,
}))
"""


@pytest.mark.slow
def test_with_the_real_package(tmp_path, sandbox):
    room = Room(tmp_path / "room", python_of("3.12"))
    room.install("sagemaker-core", "duckdb", "matplotlib", "ipywidgets")
    room.install("--no-deps", str(ROOT))
    out = room.run("-c", SCRIPT, env=sandbox.environment())
    said = json.loads(out.strip().splitlines()[-1])
    assert said["region"] == "us-east-1"
    assert said["same_session"] is True
    assert said["name"] == "radiology-team"
    assert (said["lock"], said["theirs"]) == ("SourceIp", "Enabled")
    assert said["jobs"] == ["chest-scans"]
    assert said["check"] == "passed"
    assert said["who"] == "opened"
    assert said["wish"] == said["panel"] == said["no_findings"] == "radiology-team"
    assert said["by_session"] == ["passed", "passed", "yes", "radiology-team"]
    assert (said["applied"], said["undone"]) == ("applied", "undone")
    assert (said["drifted"], said["holds"]) == ("passed", "passed")
    assert said["doctor"] == "2 of 2 features can be used."
    assert "url-lock-off" not in said["findings"]
    assert said["role"] == "arn:aws:iam::111122223333:role/GroundTruthExecution"
    assert ":assumed-role/GroundTruthExecution/studio" in said["caller"]

    page = [
        block.text
        for block in blocks_of(ROOT / "docs" / "how-to" / "restrict.md")
        if block.word == "sagemaker"
    ]
    script = "\n".join(page)
    assert len(page) == 2
    out = room.run("-c", script, env=sandbox.environment())
    assert "SourceIp" in out
    assert "Plan for workteam radiology-team" in out
    assert "features can be used" in out


V2_SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import boto3, gt_secure
from importlib.metadata import version
from gt_secure import Restriction, check
from gt_secure.doctor import execution_role
from gt_secure.base.errors import InvalidInput
import sagemaker
from sagemaker.local import LocalSession
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker_core.resources import Workteam

boto = boto3.Session(region_name="us-east-1")
sessions = {
    "Session": sagemaker.Session(boto_session=boto),
    "LocalSession": LocalSession(boto_session=boto),
    "PipelineSession": PipelineSession(boto_session=boto),
}
names, undone = {}, {}
for kind, session in sessions.items():
    gt = gt_secure.connect(sagemaker_session=session)
    names[kind] = [team.name for team in gt.workteams()]
    wish = Restriction("open-team", addresses="203.0.113.0/24", bucket="gt-images")
    change = gt.apply(gt.plan(wish), confirm=["url-lock-one-path", "loses-access:radiology-team"])
    undone[kind] = gt.undo(change).outcome
theirs = {team.workteam_name: team for team in Workteam.get_all(session=boto, region="us-east-1")}["radiology-team"]
role = boto3.client("sts").assume_role(
    RoleArn="arn:aws:iam::111122223333:role/GroundTruthExecution", RoleSessionName="studio"
)["Credentials"]
assumed = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], region_name="us-east-1")
in_studio = gt_secure.connect(sagemaker_session=sagemaker.Session(boto_session=assumed))

import os
url = os.environ.pop("AWS_ENDPOINT_URL")
split = sagemaker.Session(boto_session=boto, sagemaker_client=boto.client("sagemaker", endpoint_url=url))
try:
    gt_secure.connect(sagemaker_session=split)
    refused = False
except InvalidInput:
    refused = True
private = "https://vpce-0a1b.api.sagemaker.us-east-1.vpce.amazonaws.com"
inside = sagemaker.Session(boto_session=boto, sagemaker_client=boto.client("sagemaker", endpoint_url=private))
aws = gt_secure.connect(sagemaker_session=inside).aws
print(json.dumps({
    "versions": [version("sagemaker"), version("sagemaker-core")],
    "names": names,
    "undone": undone,
    "check": check.team_is_restricted.look(sessions["Session"], theirs).status,
    "role": execution_role(in_studio).arn,
    "refused": refused,
    "private": [aws.client(name).meta.endpoint_url for name in ("sagemaker", "s3")],
}))
"""


@pytest.mark.slow
def test_with_the_second_generation_and_gt_secure_changes_nothing_there(tmp_path, wheel, sandbox):
    """The versions of SageMaker Distribution 3.9:
    installing gt_secure must leave every other package as it was.
    """
    room = Room(tmp_path / "room", python_of("3.12"))
    room.install("sagemaker==2.245.0", "duckdb", "matplotlib", "ipywidgets")
    before = room.versions()
    room.install("--no-deps", str(wheel))
    after = room.versions()
    assert {name: version for name, version in after.items() if name != "gt-secure"} == before
    out = room.run(
        "-c",
        V2_SCRIPT,
        env={**sandbox.environment(), "GT_SECURE_JOURNAL": str(tmp_path / "journal")},
    )
    said = json.loads(out.strip().splitlines()[-1])
    assert said["versions"] == [before["sagemaker"], before["sagemaker-core"]]
    assert {tuple(names[:5]) for names in said["names"].values()} == {
        ("north-team", "open-team", "radiology-team", "south-team", "vpc-team")
    }
    assert set(said["undone"].values()) == {"undone"}
    assert said["check"] == "passed"
    assert said["role"] == "arn:aws:iam::111122223333:role/GroundTruthExecution"
    assert said["refused"] is True
    assert said["private"] == [
        "https://vpce-0a1b.api.sagemaker.us-east-1.vpce.amazonaws.com", "https://s3.us-east-1.amazonaws.com",
    ]  # fmt: skip


class Session:
    """As much of a SageMaker session as is used, for the cases that need no package."""

    def __init__(self, region: str | None = "eu-west-1") -> None:
        import boto3

        self.boto_session = boto3.session.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
        self.boto_region_name = region


class Team:
    def __init__(self, name: object) -> None:
        self.workteam_name = name


def test_a_session_gives_credentials_and_region():
    session = Session()
    gt = gt_secure.connect(sagemaker_session=session)
    assert gt.aws.region == "eu-west-1"
    assert (
        gt_secure.connect(sagemaker_session=session, region="us-east-1").aws.region == "us-east-1"
    )
    assert gt.aws.client("s3").meta.region_name == "eu-west-1"


def test_a_session_stands_for_a_connection():
    from gt_secure import check
    from gt_secure.connection import connection_of

    session = Session()
    gt = connection_of(session)
    assert gt.aws.region == "eu-west-1"
    assert connection_of(gt) is gt
    for other in (session.boto_session, "eu-west-1", None):
        with pytest.raises(InvalidInput) as caught:
            connection_of(other)
        assert "gt_secure.connect()" in caught.value.next_step
        with pytest.raises(InvalidInput):
            check.team_is_restricted.look(other, "a-team")
    with pytest.raises(InvalidInput, match="not a boto3 session") as caught:
        gt_secure.connect(boto3_session=session)
    assert "sagemaker_session=" in caught.value.next_step


@pytest.mark.parametrize(
    "more",
    [
        {"sagemaker_session": object()},
        {"sagemaker_session": "session"},
        {"sagemaker_session": Session(), "profile": "x"},
        {"sagemaker_session": Session(), "boto3_session": Session().boto_session},
    ],
)
def test_what_is_no_session_is_refused(more):
    with pytest.raises(InvalidInput) as caught:
        gt_secure.connect(**more)
    assert caught.value.field == "sagemaker_session"
    assert caught.value.next_step


def test_names_of_teams():
    from gt_secure.aws.teams import Workteam

    assert team_name("a-team") == "a-team"
    assert team_name(Team("a-team")) == "a-team"
    assert team_name(Workteam("a-team", "arn:x", "private")) == "a-team"
    assert team_name(
        Workteam("Sold", "arn:aws:sagemaker:us-east-1:1:workteam/vendor-crowd/sold", "vendor")
    ).startswith("arn:")
    for bad in (Team(None), Team(3), object(), 3, None):
        with pytest.raises(InvalidInput):
            team_name(bad)  # type: ignore[arg-type]


def test_our_own_code_imports_no_sagemaker():
    root = Path(gt_secure.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import sagemaker" not in text, path
        assert "from sagemaker" not in text, path
