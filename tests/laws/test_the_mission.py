"""Each sentence of the mission holds: a test for each row of it, and for each part of the card on
each surface.

The mission: Ground Truth's labeling jobs give the objects of a bucket to a workteam by presigned
URLs, which `grant_read_access` makes in task templates. They are restricted by the worker's address
(`SourceIp`) or VPC endpoint (`VpcSourceIp`), in VPC and other settings, by SageMaker's API and the
AWS CLI. Access is audited, compliant, and only from approved and consistent addresses, and labeling
is not disrupted. The card: pick a workteam, enter addresses or endpoints, apply, test a URL, plot
requests by source; by panel, Python and command line.

Everything is real: requests over HTTP to a sandbox that knows nothing of the engine. No row may go
without a decision.
"""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import gt_secure
from gt_secure import Connection, Restriction, check
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.findings import to_sarif
from gt_secure.logs import plots
from gt_secure.sandbox import create_job, open_task, submit_task
from gt_secure.widgets import panel, testing
from support.account import Account
from support.box import BUCKET, ELSEWHERE, IN_VPC, OFFICE, OTHER_IN_VPC, ROLE, VPCE
from support.consents import AGREED, agree
from support.guards import find_guard

OFFICES, HOME, DESK = "203.0.113.0/24", "192.0.2.44", "203.0.113.8"
KEY, WAITING = "scans/0001.png", "scans/0005.png"
PLACES = (OFFICE, DESK, HOME, ELSEWHERE, IN_VPC, OTHER_IN_VPC)
CONFIRMED = ["--yes", *(word for code in AGREED for word in ("--confirm", code))]


@dataclass
class World:
    """An account with the demo's teams, jobs and bucket, and what people do in it."""

    account: Account
    gt: Connection
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        """Start without a URL lock, with a job for each of two teams."""
        self.account.set_toggles(False, name="radiology-team")
        self.account.set_toggles(False, name="vpc-team")
        client = self.account.sagemaker
        job = client.describe_labeling_job(LabelingJobName="chest-scans")
        given = {
            name: job[name]
            for name in ("LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn")
        }
        tasks = {
            **job["HumanTaskConfig"],
            "WorkteamArn": self.account.team("vpc-team")["WorkteamArn"],
        }
        client.create_labeling_job(LabelingJobName="in-the-vpc", HumanTaskConfig=tasks, **given)

    def statuses(self, url: Any) -> dict[str, int]:
        return {place: self.gt.probe(url, place).status for place in PLACES}

    def opened(self, team: str, place: str, key: str = KEY) -> set[str]:
        """Return the places from which the URL that a worker gets at a place is opened."""
        statuses = self.statuses(open_task(self.gt.aws, team, key, place))
        assert set(statuses.values()) <= {200, 403}
        return {each for each, status in statuses.items() if status == 200}

    def run(self, *words: str) -> tuple[int, str]:
        self.capsys.readouterr()
        code = main([*words])
        return code, "".join(self.capsys.readouterr())

    def apply(self, wish: Restriction, **more: Any) -> Any:
        made = self.gt.plan(wish, **more)
        return self.gt.apply(made, confirm=AGREED)

    def deliver(self) -> None:
        request = urllib.request.Request(
            f"{self.account.rig.url}/_gt_secure/flush-logs", method="POST"
        )
        urllib.request.urlopen(request).close()

    def hits(self) -> Any:
        self.deliver()
        return self.gt.hits(BUCKET, since=self.started)

    @property
    def started(self) -> str:
        return "1h"

    def render(self, template: str, **task: Any) -> str:
        answer = self.account.sagemaker.render_ui_template(
            UiTemplate={"Content": template}, Task={"Input": json.dumps(task)}, RoleArn=ROLE
        )
        return unescape(str(answer["RenderedContent"]))


@pytest.fixture
def world(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    account.sandbox.reset()
    settings = {**account.sandbox.environment(), "GT_SECURE_JOURNAL": str(account.journal.path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    gt = replace(account.rig.gt, journal=account.journal, cache=False)
    return World(account, gt, capsys)


# The rows.


def test_row_01_workers_annotate_objects_of_labeling_jobs(world: World) -> None:
    [before] = world.gt.jobs("radiology-team")
    answer = submit_task(world.gt.aws, "radiology-team", WAITING, OFFICE)
    [after] = world.gt.jobs("radiology-team")
    assert (answer["job"], before.name) == ("chest-scans", "chest-scans")
    assert after.pending == before.pending - 1


def test_row_02_tasks_go_to_the_workteam_that_is_assigned(world: World) -> None:
    assert [job.name for job in world.gt.jobs("radiology-team")] == ["chest-scans"]
    assert not world.gt.jobs("open-team")
    with pytest.raises(InvalidInput, match="no labeling job in progress"):
        submit_task(world.gt.aws, "open-team", KEY, OFFICE)


def test_row_02_a_team_without_a_job_sees_no_task(world: World) -> None:
    with pytest.raises(InvalidInput):
        open_task(world.gt.aws, "open-team", KEY, OFFICE)


def test_row_03_workers_get_presigned_urls_that_end(world: World) -> None:
    url = open_task(world.gt.aws, "radiology-team", KEY, OFFICE)
    facts = gt_secure.inspect(url.reveal())
    assert (facts.bucket, facts.key) == (BUCKET, KEY)
    assert 0 < (facts.expires_in_s or 0) <= 3600
    assert facts.expires_at is not None


def test_row_04_grant_read_access_makes_the_urls_of_a_template(world: World) -> None:
    image = f"s3://{BUCKET}/{KEY}"
    page = world.render(
        '<img src="{{ task.input.taskObject | grant_read_access }}">', taskObject=image
    )
    [url] = re.findall(r'src="([^"]+)"', page)
    assert "X-Amz-Signature" in url
    assert world.gt.probe(url, OFFICE).status == 200
    bare = world.render('<img src="{{ task.input.taskObject }}">', taskObject=image)
    assert image in bare
    assert "X-Amz-Signature" not in bare


def test_row_05_the_browser_opens_the_object_directly(world: World) -> None:
    answer = world.gt.probe(open_task(world.gt.aws, "radiology-team", KEY, OFFICE), OFFICE)
    assert (answer.status, answer.headers.get("content-type")) == (200, "image/png")


def test_row_05_documents_as_well_as_images(world: World) -> None:
    world.account.s3.put_object(
        Bucket=BUCKET, Key="docs/a.pdf", Body=b"%PDF-1.7", ContentType="application/pdf"
    )
    page = world.render(
        '{% for each in task.input.all %}<a href="{{ each | grant_read_access }}">{% endfor %}',
        all=[f"s3://{BUCKET}/docs/a.pdf", f"s3://{BUCKET}/{KEY}"],
    )
    urls = re.findall(r'href="([^"]+)"', page)
    kinds = [world.gt.probe(url, OFFICE).headers.get("content-type") for url in urls]
    assert kinds == ["application/pdf", "image/png"]


def test_row_06_restricted_by_the_workers_address(world: World) -> None:
    world.apply(Restriction("radiology-team", url_lock="SourceIp"))
    assert world.opened("radiology-team", OFFICE) == {OFFICE}
    assert world.opened("radiology-team", HOME) == {HOME}


def test_row_07_or_by_the_vpc_endpoint(world: World) -> None:
    world.account.set_toggles(False, True, name="vpc-team")
    assert world.opened("vpc-team", IN_VPC) == {IN_VPC}


def test_row_08_both_settings_open_nothing_and_every_surface_says_so(world: World) -> None:
    world.account.set_toggles(True, True, name="vpc-team")
    assert world.opened("vpc-team", IN_VPC) == world.opened("vpc-team", OFFICE) == set()
    [found] = [each for each in world.gt.findings(team="vpc-team") if each.code == "url-lock-both"]
    assert found.severity == "high"
    with pytest.raises(InvalidInput, match="cannot both be on"):
        Restriction("vpc-team", url_lock=["SourceIp", "VpcSourceIp"])  # type: ignore[arg-type]


def test_row_09_sensitive_data_is_protected_from_others(world: World) -> None:
    url = world.gt.sign(BUCKET, KEY, sign_with="own-keys")
    assert set(world.statuses(url).values()) == {200}
    world.apply(Restriction(bucket=BUCKET, addresses=OFFICES))
    url = world.gt.sign(BUCKET, KEY, sign_with="own-keys")
    assert {place for place, status in world.statuses(url).items() if status == 200} == {
        OFFICE,
        DESK,
    }
    assert world.account.s3.get_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "image/png", (
        "signed in the header"
    )


def test_row_10_vpc_and_other_settings_at_once(world: World) -> None:
    office = Restriction("radiology-team", bucket=BUCKET, addresses=OFFICES, url_lock="SourceIp")
    both = Restriction("vpc-team", bucket=BUCKET, endpoints=VPCE, url_lock="VpcSourceIp").including(
        [office]
    )
    world.apply(both)
    world.apply(replace_lock(office, both))
    assert world.opened("radiology-team", OFFICE) == {OFFICE}
    assert world.opened("vpc-team", IN_VPC) == {IN_VPC}


def replace_lock(one: Restriction, guard: Restriction) -> Restriction:
    """Return the restriction of a team with the guard of another one."""
    return one.including([guard])


def test_row_11_every_change_and_request_is_on_record(world: World) -> None:
    done = world.apply(Restriction(bucket=BUCKET, addresses=OFFICES), reason="RISK-1")
    world.account.s3.delete_bucket_policy(Bucket=BUCKET)
    history = world.gt.history(bucket=BUCKET)
    calls = {each.operation: (each.by_gt_secure, each.reason, each.change_id) for each in history}
    assert calls["PutBucketPolicy"] == (True, "RISK-1", done.id)
    assert calls["DeleteBucketPolicy"] == (False, "", "")
    assert all(each.who and each.source for each in history)
    assert world.run("history", "verify")[0] == 0


def test_row_12_findings_name_the_controls_that_they_violate(world: World) -> None:
    report = world.gt.report(buckets=BUCKET, since=None)
    controls = {name.split()[0]: codes for name, _, codes in report.controls}
    assert "presigned-from-anywhere" in controls["SC-7"]
    assert "SC-7 Boundary Protection" in report.to_text()
    rules = to_sarif(report.findings)["runs"][0]["tool"]["driver"]["rules"]
    assert any("NIST-800-53-SC-7" in each["properties"]["tags"] for each in rules)
    assert "SC-7 Boundary Protection" in report._repr_html_()


def test_row_13_labeling_is_not_disrupted(world: World) -> None:
    world.account.set_toggles(True, name="radiology-team")
    alone = Restriction("vpc-team", bucket=BUCKET, endpoints=VPCE, url_lock=None)
    made = world.gt.plan(alone)
    [stop] = made.blockers
    assert "labeling job chest-scans of radiology-team" in stop.text
    with pytest.raises(InvalidInput, match="refuses-team"):
        world.gt.apply(made)
    joined = world.gt.plan(
        alone.including([Restriction("radiology-team", bucket=BUCKET, addresses=OFFICES)])
    )
    assert joined.blockers == ()
    world.gt.apply(joined, confirm=AGREED)
    assert OFFICE in world.opened("radiology-team", OFFICE)
    assert submit_task(world.gt.aws, "radiology-team", WAITING, OFFICE)["status"] == "InProgress"


SETTINGS = {
    "S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}}
}


def test_row_14_by_the_api_of_sagemaker(world: World) -> None:
    client = world.account.sagemaker
    client.update_workteam(WorkteamName="radiology-team", WorkerAccessConfiguration=SETTINGS)
    assert world.gt.workteam("radiology-team").url_lock.mode == "SourceIp"  # type: ignore[union-attr]
    assert world.opened("radiology-team", OFFICE) == {OFFICE}
    wrong = {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "On"}}}
    with pytest.raises(ClientError, match="ValidationException"):
        client.update_workteam(WorkteamName="radiology-team", WorkerAccessConfiguration=wrong)


def test_row_15_by_the_aws_cli(world: World) -> None:
    code, text = world.run(
        "plan", "--team", "open-team", "--url-lock", "SourceIp", "--format", "cli"
    )
    assert code == 2
    [line] = [
        line
        for line in text.replace("\\\n# ", " ").replace("\\\n", " ").splitlines()
        if line.startswith("# aws sagemaker update-workteam")  # the plan asks
    ]
    words = shlex.split(line.removeprefix("# "))
    values = dict(zip(words[3::2], words[4::2], strict=False))
    name, settings = values["--workteam-name"], json.loads(values["--worker-access-configuration"])
    world.account.sagemaker.update_workteam(WorkteamName=name, WorkerAccessConfiguration=settings)
    assert world.gt.plan(Restriction("open-team", url_lock="SourceIp")).empty


def test_row_16_by_the_object_worker_access_configuration(world: World) -> None:
    world.apply(Restriction("open-team", url_lock="SourceIp"))
    assert world.account.team("open-team")["WorkerAccessConfiguration"] == SETTINGS


def test_row_17_the_access_log_explains_a_refusal(world: World) -> None:
    world.apply(Restriction("radiology-team", url_lock="SourceIp"))
    url = open_task(world.gt.aws, "radiology-team", KEY, OFFICE)
    refused = world.gt.probe(url, ELSEWHERE)
    assert "URL lock" in world.gt.explain(refused, url=url).to_text()
    with world.hits() as hits:
        assert (ELSEWHERE, 403, 1) in hits.filter(address=ELSEWHERE).count(
            "remote_ip,http_status"
        ).rows


def test_row_18_only_from_approved_addresses(world: World) -> None:
    wish = Restriction(bucket=BUCKET, addresses=OFFICES)
    url = open_task(world.gt.aws, "radiology-team", KEY, OFFICE)
    world.gt.probe(url, OFFICE)
    with world.hits() as hits:
        assert check.no_foreign_hits.look(hits, wish).status == "passed"
    world.gt.probe(url, ELSEWHERE)
    with world.hits() as hits:
        assert check.no_foreign_hits.look(hits, wish).status == "failed"


def test_row_19_and_consistent_addresses(world: World) -> None:
    team, key = world.gt.workteam("radiology-team"), "own/1.png"
    world.account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    create_job(world.gt.aws, team.name, "own", tasks=[{"source-ref": f"s3://{BUCKET}/{key}"}])
    url = open_task(world.gt.aws, "radiology-team", key, OFFICE)
    world.gt.probe(url, OFFICE)
    with world.hits() as hits:
        assert check.urls_are_consistent.look(hits, team=team).status == "passed"
    shared = open_task(world.gt.aws, "vpc-team", KEY, OFFICE)
    for place in (OFFICE, DESK):
        world.gt.probe(shared, place)
    with world.hits() as hits:
        result = check.urls_are_consistent.look(hits, team=team)
        assert result.status == "unknown", "both teams have a job for this object, and one role"
        assert "The URL lock is off of vpc-team." in result.message
    world.gt.probe(url, DESK)
    with world.hits() as hits:
        assert check.no_leaked_urls.look(hits).status == "passed", "both desks are in one network"
        result = check.urls_are_consistent.look(hits, team=team)
        assert (result.status, result.details["unbound"]) == ("failed", [])
    world.apply(Restriction("radiology-team", url_lock="SourceIp"))
    with world.hits() as hits:
        result = check.urls_are_consistent.look(hits, team=world.gt.workteam("radiology-team"))
    assert len(result.details["unbound"]) == 1
    assert "older than the lock" in result.message
    assert (
        world.run("check", "urls-are-consistent", f"s3://{BUCKET}", "--team", "radiology-team")[0]
        == 2
    )


def test_row_20_the_steps_enable_test_validate(world: World) -> None:
    place = [f"s3://{BUCKET}", "--team", "radiology-team"]
    code, text = world.run("apply", *place, "--allow", OFFICES, *CONFIRMED)
    assert code == 0, text
    for where, status in ((OFFICE, 200), (ELSEWHERE, 403)):
        text = world.run("probe", f"s3://{BUCKET}/{KEY}", "--bound-to", OFFICE, "--from", where)[1]
        assert str(status) in text
    world.gt.probe(open_task(world.gt.aws, "radiology-team", KEY, OFFICE), OFFICE)
    world.deliver()
    assert world.run("check", "team-is-restricted", "--team", "radiology-team")[0] == 0
    assert world.run("check", "urls-are-consistent", *place)[0] == 0


# The card.


@contextmanager
def panel_of(world: World, **chosen: Any) -> Iterator[Any]:
    with testing():
        made = panel(world.gt, **chosen)
        yield made
        made.close()


def pick_by_panel(world: World) -> str:
    with panel_of(world) as made:
        made.picker.value = "radiology-team"
        return str(made.allow.team)


def guard_of(world: World) -> tuple[list[str], list[str]]:
    """Return the addresses and endpoints that the bucket policy lists,
    read without the package's connection.
    """
    guard = find_guard(world.account.policy())
    return ([], []) if guard is None else ([*map(str, guard.networks)], [*guard.endpoints])


def entered_by_panel(world: World, addresses: str = "", endpoint: str = "") -> Any:
    with panel_of(world, bucket=BUCKET) as made:
        made.allow.address_input.input.value = addresses
        made.allow.endpoint_input.input.value = endpoint
        return made.review.plan.restriction


def plan_by_command(world: World, *words: str) -> Any:
    _, text = world.run("plan", f"s3://{BUCKET}", *words, "--json")
    return Restriction.from_dict(
        json.loads(text[text.index("{") : text.rindex("}") + 1])["restriction"]
    )


def apply_by_panel(world: World) -> None:
    with panel_of(world, bucket=BUCKET, addresses=[OFFICES]) as made:
        agree(made.review)
        made.review.apply()


def tried_by_panel(world: World) -> int:
    with panel_of(world, team="radiology-team", bucket=BUCKET) as made:
        made.test.key = KEY
        made.test.bound_to = OFFICE
        made.test.sign()
        made.test.probe()
        return int(made.test.tried[-1].probe.status)


def plotted_by_panel(world: World) -> str:
    with panel_of(world, bucket=BUCKET) as made:
        made.hits.plot_hits()
        return str(made.hits.plot.picture.value) + str(made.hits.table.value)


def plotted_by_command(world: World) -> str:
    assert world.run("plot", "--bucket", BUCKET, "--no-cache", "-o", "hits.svg")[0] == 0
    return Path("hits.svg").read_text(encoding="utf-8")


OFFICE_WISH = Restriction(bucket=BUCKET, addresses=OFFICES)
CARD: dict[str, dict[str, Callable[[World], Any]]] = {
    "pick": {
        "panel": pick_by_panel,
        "Python": lambda world: world.gt.workteam("radiology-team").name,
        "command line": lambda world: re.findall("radiology-team", world.run("teams")[1])[0],
    },
    "enter addresses": {
        "panel": lambda world: entered_by_panel(world, addresses=OFFICES),
        "Python": lambda world: world.gt.plan(OFFICE_WISH).restriction,
        "command line": lambda world: plan_by_command(world, "--allow", OFFICES),
    },
    "enter endpoints": {
        "panel": lambda world: entered_by_panel(world, endpoint=VPCE),
        "Python": lambda world: (
            world.gt.plan(Restriction(bucket=BUCKET, endpoints=VPCE)).restriction
        ),
        "command line": lambda world: plan_by_command(world, "--endpoint", VPCE),
    },
    "apply": {
        "panel": apply_by_panel,
        "Python": lambda world: world.apply(OFFICE_WISH),
        "command line": lambda world: world.run(
            "apply", f"s3://{BUCKET}", "--allow", OFFICES, *CONFIRMED
        ),
    },
    "test URL": {
        "panel": tried_by_panel,
        "Python": lambda world: world.gt.probe(world.gt.sign(BUCKET, KEY, bound_to=OFFICE)).status,
        "command line": lambda world: world.run(
            "probe", f"s3://{BUCKET}/{KEY}", "--bound-to", OFFICE
        )[1],
    },
    "plot": {
        "panel": plotted_by_panel,
        "Python": lambda world: plots.svg(world.gt.plot(world.hits(), kind="ip")),
        "command line": plotted_by_command,
    },
}
"""What a person does for each part of the card, by surface."""


@pytest.mark.parametrize("surface", ["panel", "Python", "command line"])
@pytest.mark.parametrize("part", CARD)
def test_the_card(
    part: str, surface: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if part == "plot":
        world.gt.probe(open_task(world.gt.aws, "radiology-team", KEY, OFFICE), OFFICE)
        world.deliver()
    result = CARD[part][surface](world)
    if part == "pick":
        assert result == "radiology-team"
    elif part == "enter addresses":
        assert [str(each) for each in result.addresses] == [OFFICES]
    elif part == "enter endpoints":
        assert result.endpoints == (VPCE,)
    elif part == "apply":
        assert guard_of(world) == ([OFFICES], [])
    elif part == "test URL":
        assert "403" in str(result), "the kernel is not where the URL is bound to"
    else:
        assert OFFICE in result


def missing() -> list[str]:
    """Return the rows and parts that have no test."""
    rows = {int(name[9:11]) for name in globals() if name.startswith("test_row_")}
    parts = ("pick", "enter addresses", "enter endpoints", "apply", "test URL", "plot")
    pairs = [(part, surface) for part in parts for surface in ("panel", "Python", "command line")]
    left = [f"row {number}" for number in range(1, 21) if number not in rows]
    return left + [
        f"{part} by {surface}" for part, surface in pairs if surface not in CARD.get(part, {})
    ]


def test_no_row_and_no_part_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing() == []
    monkeypatch.delitem(globals(), "test_row_13_labeling_is_not_disrupted")
    monkeypatch.delitem(CARD["plot"], "panel")
    assert missing() == ["row 13", "plot by panel"]


FAULTS: dict[str, tuple[Callable[[World], None], str, Any]] = {
    "a plan for one team stops another one in silence": (
        test_row_13_labeling_is_not_disrupted, "gt_secure.changes.plan RULES", ()),
    "two addresses prove nothing": (
        test_row_19_and_consistent_addresses, "gt_secure.check.logs _unbound", lambda *_: []),
    "findings name no control": (
        test_row_12_findings_name_the_controls_that_they_violate, "gt_secure.report.result control_names", lambda _: []),
}  # fmt: skip
"""Faults that this law is for, with the row that shows each."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_finds_a_fault(fault: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row, place, value = FAULTS[fault]
    module, name = place.split()
    monkeypatch.setattr(import_module(module), name, value)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        row(world)
