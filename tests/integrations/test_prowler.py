"""The plugin for Prowler: layout, metadata and outcomes without Prowler,
and the real one where it can be installed.
"""

from __future__ import annotations

import configparser
import csv
import importlib
import json
import resource
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import generate
import gt_secure
from gt_secure.account import FINDINGS, read_state
from gt_secure.changes import wanted_on
from gt_secure.findings.model import Match, catalog, controls
from gt_secure.findings.run import RULES, _finding
from gt_secure.report.region import ROW_OF
from gt_secure.report.rows import ReportRow
from gt_secure.sandbox import Sandbox
from gt_secure_prowler import plugin
from gt_secure_prowler.plugin import outcomes, read_rows
from support.asked import asked_by
from support.box import BUCKET, OPEN_TEAM, ROLE
from support.rig import Rig
from support.rooms import Room, clean
from support.scene import Scene

ROOT = Path(gt_secure.__file__).parents[1]
CODES = [code for code in catalog() if code != "not-checked"]
ANYWHERE, HOLDS = generate.CHECKS
CHECK = f"gt_secure_prowler.services.s3.{HOLDS.name}"


@pytest.fixture(scope="module")
def plugin_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the checkout, so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("prowler")
    for name in ("gt_secure", "integrations"):
        shutil.copytree(
            ROOT / name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"),
        )
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        "dist",
    ]
    subprocess.run([*command, "./integrations/prowler"], cwd=folder, env=clean(), check=True)
    [built] = (folder / "dist").iterdir()
    return built


@pytest.mark.slow
def test_the_wheel_has_each_check_where_prowler_looks(plugin_wheel: Path):
    """Prowler 5.46 imports the modules behind ``prowler.checks.aws``,
    and reads the metadata beside each.
    """
    with zipfile.ZipFile(plugin_wheel) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    points = configparser.ConfigParser()
    points.read_string(
        next(text for name, text in files.items() if name.endswith("entry_points.txt"))
    )
    assert {*points["prowler.checks.aws"]} == {check.name for check in generate.CHECKS}
    for check in generate.CHECKS:
        module = points["prowler.checks.aws"][check.name]
        path = module.replace(".", "/")
        assert ".services.s3." in module
        assert Path(path).name == check.name
        assert all(f'    "{code}",\n' in files[f"{path}.py"] for code in generate.codes_of(check))
        assert json.loads(files[f"{path}.metadata.json"])["CheckID"] == check.name
    metadata = next(text for name, text in files.items() if name.endswith(".dist-info/METADATA"))
    assert f"Version: {gt_secure.__version__}\n" in metadata
    assert "Requires-Dist" not in metadata, (
        "pip would ask an index for a name that anybody can register"
    )
    written = {"gt_secure_prowler/__init__.py", "gt_secure_prowler/plugin.py"}
    assert {name for name in files if ".dist-info/" not in name} == written | set(generate.files())


def test_each_finding_is_in_one_check_and_each_control_in_the_framework():
    """Notes are in no check: a key that encrypts a bucket is no failure."""
    rows = catalog()
    codes = {check.name: generate.codes_of(check) for check in generate.CHECKS}
    assert codes[ANYWHERE.name] == ["presigned-from-anywhere"]
    notes = [code for code in CODES if rows[code]["severity"] == "info"]
    assert sorted([*codes[ANYWHERE.name], *codes[HOLDS.name], *notes]) == sorted(CODES)
    assert {each for code in CODES for each in rows[code]["controls"]} == set(controls())
    checks = {each["Name"]: each["Checks"] for each in generate.framework()["Requirements"]}
    assert checks == {
        f"{control} {row['title']}": [
            check.name
            for check in generate.CHECKS
            if any(control in rows[code]["controls"] for code in codes[check.name])
        ]
        for control, row in controls().items()
    }
    assert checks["SC-7 Boundary Protection"] == [ANYWHERE.name, HOLDS.name]
    assert generate.prowler_id("SC-7(2)") == "sc_7_2"


@pytest.mark.slow
def test_the_framework_is_where_prowler_looks(plugin_wheel: Path):
    """Prowler 5.46 lists the JSON files of the package behind the entry point ``aws`` of
    ``prowler.compliance``.
    """
    [point] = generate.entry_points()["prowler.compliance"]
    name, _, package = point.partition(" = ")
    folder = package.replace(".", "/")
    with zipfile.ZipFile(plugin_wheel) as archive:
        found = [
            name
            for name in archive.namelist()
            if name.startswith(folder) and name.endswith(".json")
        ]
        framework = json.loads(archive.read(found[0]))
    assert (name, found) == ("aws", [f"{folder}/{generate.FRAMEWORK}.json"])
    for requirement in framework["Requirements"]:
        assert set(requirement) == {"Id", "Name", "Description", "Attributes", "Checks"}
        assert {*requirement["Checks"]} <= {check.name for check in generate.CHECKS}


def test_the_metadata_keeps_the_limits_of_prowler():
    for check in generate.CHECKS:
        data = generate.metadata(check)
        assert data["CheckID"].split("_")[0] == data["ServiceName"]
        assert "-" not in data["CheckID"]
        assert len(data["CheckTitle"]) <= 150
        assert not data["CheckTitle"].startswith("Ensure")
        assert max(len(data["Description"]), len(data["Risk"])) <= 400
        assert (data["RelatedUrl"], data["Remediation"]["Recommendation"]["Url"]) == ("", "")
        assert data["Severity"] in ("critical", "high", "medium", "low", "informational")


def row(**more: Any) -> ReportRow:
    given = {"kind": "team", "name": "open-team", "uses": ("gt-images",)} | more
    return ReportRow("111122223333", "us-east-1", **given)


def test_unknown_is_never_a_pass():
    def found(*depends: str) -> Any:
        return _finding("url-lock-off", Match("open-team", "detail", depends), ())

    def said(made: ReportRow, code: str = "url-lock-off") -> list[str]:
        return [status for status, _, _ in outcomes(made, code)]

    clean = {"url-lock-off": "clean", "guard-open": "clean"}
    assert said(row(checked=clean)) == ["PASS"]
    assert said(row()) == ["MANUAL"]
    assert said(row(checked={"url-lock-off": "unknown"})) == ["MANUAL"]
    assert said(row(checked={"url-lock-off": "not applicable"})) == []
    assert said(row(checked=clean, uses=()), "presigned-from-anywhere") == ["MANUAL"]
    assert said(row(checked=clean), "presigned-from-anywhere") == [], "its bucket has a row"
    not_known = {"presigned-from-anywhere": "unknown"}
    assert said(row(checked=not_known), "presigned-from-anywhere") == ["MANUAL"]
    assert said(row(findings=(found(),))) == ["FAIL"]
    assert said(row(checked=clean, findings=(found(),)), "guard-open") == ["PASS"]
    assert said(row(findings=(found("aws:PrincipalOrgID"),))) == ["MANUAL"]
    assert said(row(checked=clean, unread=("gt-images: denied",))) == ["PASS"], (
        "the rule did not need that"
    )
    assert said(row(unread=("gt-images: denied",))) == ["MANUAL"]
    assert said(row(unread=("gt-images: denied",), findings=(found(),))) == ["FAIL"]
    assert said(row(kind="region", name="", status="failed", unread=("No.",))) == ["MANUAL"]
    assert said(row(kind="region", name="", not_looked_at=("gt-far",))) == []
    bucket = row(kind="bucket", name="gt-images", checked={"presigned-from-anywhere": "clean"})
    assert [each[:2] for each in outcomes(bucket, "presigned-from-anywhere")] == [
        ("PASS", "gt-images")
    ]
    nothing = {"presigned-from-anywhere": "not applicable"}
    one = row(kind="bucket", name="gt-images", checked=nothing)
    assert said(one, "presigned-from-anywhere") == said(one) == []


def test_a_row_of_several_findings_passes_only_where_all_do():
    def found(code: str, *depends: str) -> Any:
        return _finding(code, Match("open-team", "detail", depends), ())

    def said(made: ReportRow) -> list[tuple[str, str]]:
        reports = plugin.reported(made, ("url-lock-off", "url-lock-one-path"))
        return [(each.status, each.severity) for each in reports]

    clean = {"url-lock-off": "clean", "url-lock-one-path": "clean"}
    [passed] = plugin.reported(row(checked=clean), ("url-lock-off", "url-lock-one-path"))
    assert passed[:3] == ("PASS", "open-team", "open-team has none of 2 findings looked for.")
    off, absent = found("url-lock-off"), found("url-lock-one-path")
    assert said(row(checked=clean, findings=(off,))) == [("FAIL", "medium")]
    assert said(row(checked=clean, findings=(off, absent))) == [("FAIL", "medium"), ("FAIL", "low")]
    assert said(row(checked={"url-lock-off": "clean"})) == [("MANUAL", "")]
    assert said(row(unread=("gt-images: denied",))) == [("MANUAL", "")], "once, not once a code"
    assert said(row(findings=(off,))) == [("FAIL", "medium"), ("MANUAL", "")]
    assert said(row(checked=dict.fromkeys(clean, "not applicable"))) == []
    [failed] = plugin.reported(row(checked=clean, findings=(off,)), ("url-lock-off",))
    assert failed.text.endswith("[url-lock-off, NIST SP 800-53 AC-3]")
    noted = row(checked=clean, findings=(replace(off, severity="info"),))
    assert said(noted) == [("FAIL", "informational")], "a bucket that nobody named"


def test_the_class_of_a_check(scene: Scene, monkeypatch, tmp_path):
    """A stand-in for the three modules of Prowler that the plugin uses."""

    class Check:
        def metadata(self) -> str:
            return json.dumps({"Severity": "high"})

    class Report:
        def __init__(self, metadata: str, resource: dict[str, Any]) -> None:
            self.metadata, self.resource = metadata, resource

    session = scene.gt.aws._session
    provider = SimpleNamespace(
        identity=SimpleNamespace(account="111122223333", partition="aws"),
        session=SimpleNamespace(current_session=session),
        generate_regional_clients=lambda service: {"us-east-1": service, "eu-west-1": service},
    )
    models = ModuleType("prowler.lib.check.models")
    models.Check, models.Check_Report_AWS = Check, Report  # type: ignore[attr-defined]
    providers = ModuleType("prowler.providers.common.provider")
    providers.Provider = SimpleNamespace(get_global_provider=lambda: provider)  # type: ignore[attr-defined]
    for name in (
        "prowler",
        "prowler.lib",
        "prowler.lib.check",
        "prowler.providers",
        "prowler.providers.common",
    ):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, models.__name__, models)
    monkeypatch.setitem(sys.modules, providers.__name__, providers)
    scene.use_environment(monkeypatch)
    plugin._check_class.cache_clear()
    generate.write(tmp_path)
    monkeypatch.setattr(
        importlib.import_module(generate.PACKAGE), "__path__", [str(tmp_path / generate.PACKAGE)]
    )
    try:
        module = importlib.import_module(CHECK)
        made = getattr(module, HOLDS.name)
        assert (made.__name__, made.__module__) == (HOLDS.name, CHECK)
        reports = made().execute()
    finally:
        plugin._check_class.cache_clear()
    assert {each.region for each in reports} == {"us-east-1"}, "the other one has no bucket"
    off = [each for each in reports if "[url-lock-off," in each.status_extended]
    assert [each.resource_id for each in off] == ["north-team", "south-team"]
    assert {json.loads(each.metadata)["Severity"] for each in off} == {"medium"}
    assert off[1].resource_arn.endswith(":workteam/private-crowd/south-team")
    buckets = {each.resource_arn for each in reports if each.resource["kind"] == "bucket"}
    assert {"arn:aws:s3:::gt-images", "arn:aws:s3:::gt-logs"} < buckets, "all, by default"
    with pytest.raises(AttributeError):
        module.another_name  # noqa: B018


def test_buckets_have_rows_where_they_are_asked_for(scene: Scene, monkeypatch):
    scene.use_environment(monkeypatch)
    rows = read_rows(scene.gt.aws._session, "111122223333", ("us-east-1",), "gt-images")
    names = [each.name for each in rows]
    assert {"gt-images", "gt-shared", "open-team"} < {*names}, "a row for each team and bucket"
    bucket = rows[names.index("gt-images")]
    assert plugin._arn("aws", bucket) == "arn:aws:s3:::gt-images"
    [(status, subject, text)] = outcomes(bucket, "presigned-from-anywhere")
    assert (status, subject) == ("FAIL", "gt-images"), "the scene guards a part"
    assert "Objects under scans/: only 203.0.113.0/24." in text
    scene.change_guard(
        '"arn:aws:s3:::gt-images/scans/*"', '["arn:aws:s3:::gt-images","arn:aws:s3:::gt-images/*"]'
    )
    read_rows.cache_clear()
    rows = read_rows(scene.gt.aws._session, "111122223333", ("us-east-1",), "gt-images")
    [bucket] = [each for each in rows if each.name == "gt-images"]
    [(status, subject, _)] = outcomes(bucket, "presigned-from-anywhere")
    assert (status, subject) == ("PASS", "gt-images")


def test_a_region_that_cannot_be_read_is_a_row(scene: Scene, monkeypatch):
    scene.use_environment(monkeypatch)
    blind = scene.user_with("sts:GetCallerIdentity").aws._session
    [failed] = read_rows(blind, "111122223333", ("us-east-1",), "")
    assert failed.status == "failed"
    assert "ListWorkforces" in failed.unread[0]


WHICH = "which buckets the team uses"
LOST: dict[str, set[str]] = {
    "sagemaker:DescribeWorkteam": {"team", "jobs", "templates"},
    "sagemaker:ListWorkforces": set(),  # each team names its own
    "sagemaker:DescribeWorkforce": {"workforce"},
    "sagemaker:ListLabelingJobsForWorkteam": {"jobs", "templates", WHICH},
    "sagemaker:DescribeLabelingJob": {"jobs", "templates", WHICH},
    "sagemaker:ListFlowDefinitions": {WHICH},
    "ec2:DescribeVpcEndpoints": {"endpoints"},
    "s3:GetObject": {"templates"},
    "s3:GetBucketPolicy": {"bucket.policy", "bucket.log_bucket.policy"},
    "s3:GetBucketLogging": {"bucket.logging", "bucket.log_bucket"},
    "s3:GetBucketCORS": {"bucket.cors"},
    "s3:GetBucketPublicAccessBlock": {"bucket.public_access_block"},
    "s3:GetBucketOwnershipControls": set(),  # these buckets are open without ACLs
    "s3:GetEncryptionConfiguration": {"bucket.encryption", "bucket.log_bucket.encryption"},
    "s3:GetBucketWebsite": {"bucket.website"},
    "s3:GetReplicationConfiguration": {"bucket.replicas"},
    "s3:GetBucketAcl": {"bucket.acl_grants"},
    "s3:ListAccessPoints": {"bucket.access_points"},
    "s3:GetBucketObjectLockConfiguration": {"bucket.log_bucket.object_lock"},
    "s3:GetBucketRequestPayment": {"bucket.log_bucket.requester_pays"},
    "s3:ListAllMyBuckets": set(),
    "ec2:DescribeVpcs": set(),
    "organizations:DescribeOrganization": set(),
}
"""Each action that a role may lack, and the parts that it reads.
The policies of an organization can only refuse.
"""
OPERATIONS = {
    "GetBucketCors": "GetBucketCORS", "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration", "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration", "ListBuckets": "ListAllMyBuckets",
}  # fmt: skip
"""Operations whose action has another name."""
NOT_DENIED = {
    "GetCallerIdentity": "no policy can deny it",
    "GetAccountAuthorizationDetails": "no rule asks who can write a policy",
    "ListRoles": "no rule asks who can write a policy",
    "HeadBucket": "the region of a bucket is in the refusal, too",
    "ListWorkteams": "without it there is no team to ask about",
}
OFTEN = (
    "sagemaker:ListFlowDefinitions", "sagemaker:ListLabelingJobsForWorkteam", "s3:GetBucketLogging", "s3:GetBucketAcl",
)  # fmt: skip
DESCRIBE = "sagemaker:DescribeLabelingJob"
Words = dict[tuple[str, str], list[str]]


@pytest.fixture(scope="module")
def of_prowler(running_scene: Scene) -> Callable[[Any], Words]:
    """Return the words of each team and code, for a session."""

    def look(session: Any) -> Words:
        read_rows.cache_clear()
        rows = read_rows(session, "111122223333", ("us-east-1",), "")
        return {
            (team.name, code): [
                word
                for each in (
                    team,
                    *(row for row in rows if row.kind == "portal" or row.name in team.uses),
                )
                for word, _, _ in outcomes(each, code)
            ]
            for team in rows
            if team.kind == "team"
            for code in CODES
        }

    return look


def parts_of(scene: Scene, team: str, buckets: Iterable[str | None]) -> dict[str, frozenset[str]]:
    """Return the parts that each rule asks for, about a team and its buckets."""
    found: dict[str, frozenset[str]] = {}
    for bucket in buckets:
        state = read_state(scene.gt.aws, team=team, bucket=bucket, needs=FINDINGS)
        wanted, *wishes = *wanted_on(scene.gt.aws, scene.gt.journal, state), None
        state = replace(state, wanted=wanted, wishes=tuple(filter(None, wishes)))
        for rule in RULES:
            found[rule.code] = found.get(rule.code, frozenset()) | asked_by(rule, state)
    return found


@pytest.mark.parametrize(
    "action", [pytest.param(each, marks=() if each in OFTEN else pytest.mark.slow) for each in LOST]
)
def test_a_denied_call_takes_exactly_the_rules_that_ask_for_it(
    scene: Scene, of_prowler: Callable[[Any], Words], monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """A rule that asks for what the call reads has no PASS; every other one keeps its words."""
    scene.use_environment(monkeypatch)
    session, calls = scene.session_of(), set[str]()
    session.events.register("before-call", lambda model, **_: calls.add(model.name))
    before = of_prowler(session)
    denied = {"Effect": "Deny", "Action": action, "Resource": "*"}
    after = of_prowler(
        scene.user({"Effect": "Allow", "Action": "*", "Resource": "*"}, denied).aws._session
    )
    named = {each.partition(":")[2] for each in LOST}
    assert {OPERATIONS.get(each, each) for each in calls} - set(NOT_DENIED) == named, (
        "each call has its action"
    )
    counts, wrong = Counter[str](), []
    for team in ("open-team", "radiology-team", "vpc-team"):
        # the one with a job
        gone = LOST[action] if action != DESCRIBE or team == "radiology-team" else set()
        asked = parts_of(
            scene, team, (None if team == "vpc-team" and WHICH not in gone else BUCKET,)
        )
        for code in CODES:
            word, now = before[team, code], after[team, code]
            of_bucket = any(part.partition(".")[0] == "bucket" for part in asked[code])
            asks = (WHICH in gone and of_bucket) or any(
                f"{part}.".startswith(f"{name}.") for part in asked[code] for name in gone
            )
            # of any bucket
            whatever = WHICH in gone and not of_bucket and (word, now) == ([], ["PASS"])
            # the bucket has its own row, and the team one where a bucket may be missing
            whatever = whatever or (WHICH in gone and (ROW_OF.get(code) == "bucket" or not now))
            if ({*now} == {"PASS"}) if asks else (now != word and not whatever):
                wrong.append((team, code, word, now, sorted(asked[code])))
            counts["lost" if word == ["PASS"] and asks else "kept"] += 1
    print(action, dict(counts))
    assert not wrong
    assert counts["kept"] > 40
    assert bool(counts["lost"]) is bool(LOST[action])


def three_outcomes(rig: Rig) -> dict[str, str]:
    """Give a team a bucket whose policy is denied, beside an unguarded bucket and an idle team;
    return the keys.
    """
    rig.client("s3").create_bucket(Bucket="gt-reviewed")
    loop = {
        "WorkteamArn": OPEN_TEAM.replace("open-team", "vpc-team"),
        "TaskTitle": "t",
        "TaskDescription": "d",
    }
    page = OPEN_TEAM.replace("workteam/private-crowd/open-team", "human-task-ui/page")
    rig.client("sagemaker").create_flow_definition(
        FlowDefinitionName="review", HumanLoopConfig=loop | {"HumanTaskUiArn": page, "TaskCount": 1},
        OutputConfig={"S3OutputPath": "s3://gt-reviewed/"}, RoleArn=ROLE,
    )  # fmt: skip
    deny = {
        "Effect": "Deny",
        "Action": "s3:GetBucketPolicy",
        "Resource": "arn:aws:s3:::gt-reviewed",
    }
    made = rig.keys({"Effect": "Allow", "Action": "*", "Resource": "*"}, deny)
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
    }


@pytest.mark.slow
def test_the_real_prowler_runs_the_checks(
    plugin_wheel: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    """Prowler needs an environment of 2.3 GB, and a Python below 3.14."""
    room = Room(tmp_path_factory.mktemp("room") / "venv")
    room.install("prowler >= 5.46")
    copy = tmp_path / "source"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(".git", "node_modules", "build", "tests", "__pycache__"),
    )
    room.install("--no-deps", str(copy), str(plugin_wheel))
    with Sandbox(log_delay_s=60, workforce_delay_s=0) as sandbox:
        keys = three_outcomes(Rig(sandbox))
        every = ["--check", *(check.name for check in generate.CHECKS)]
        every += ["-M", "csv", "json-ocsf", "json-asff", "html", "-F", "report"]
        controls = ["-f", "us-east-1", "--compliance", generate.FRAMEWORK]
        controls += ["-M", "csv", "-F", "controls"]
        for words in (every, controls):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                [room.python.with_name("prowler"), "aws", *words, "-o", "out", "--no-banner", "-z"],
                cwd=tmp_path, env={**clean(), **sandbox.environment(), **keys}, capture_output=True, text=True,
                timeout=600,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            assert spent < 120, "seconds of processor for every region of the sandbox"
    with (tmp_path / "out" / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert {each["CHECK_ID"] for each in rows} == {check.name for check in generate.CHECKS}
    assert {each["SERVICE_NAME"] for each in rows} == {"s3"}
    anywhere = [each for each in rows if each["CHECK_ID"] == ANYWHERE.name]
    told = {
        each["RESOURCE_UID"].rpartition(":")[2].rpartition("/")[2]: (
            each["STATUS"],
            each["STATUS_EXTENDED"],
        )
        for each in anywhere
    }
    assert told["gt-images"][0] == "FAIL", "it is not guarded"
    assert told["open-team"] == ("MANUAL", "No bucket of open-team is known.")
    assert told["gt-reviewed"][0] == "MANUAL"
    assert "s3:GetBucketPolicy" in told["gt-reviewed"][1]
    holds = [each for each in rows if each["CHECK_ID"] == HOLDS.name]
    off = [each for each in holds if "[url-lock-off," in each["STATUS_EXTENDED"]]
    assert {each["RESOURCE_NAME"] for each in off} == {"north-team", "open-team", "south-team"}
    assert {(each["STATUS"], each["SEVERITY"]) for each in off} == {("FAIL", "medium")}
    asff = json.loads((tmp_path / "out" / "report.asff.json").read_text())
    assert len(asff) == sum(each["STATUS"] != "MANUAL" for each in rows), "ASFF has no word for it"
    assert json.loads((tmp_path / "out" / "report.ocsf.json").read_text())
    assert (tmp_path / "out" / "report.html").exists()
    mapped = {each["CHECK_ID"]: each["COMPLIANCE"] for each in rows}
    assert "NIST-800-53-Revision-5-Presigned: " in mapped[HOLDS.name]
    assert mapped[ANYWHERE.name].endswith("Presigned: sc_7")
    with (
        tmp_path / "out" / "compliance" / "controls_presigned_nist_800_53_revision_5_aws.csv"
    ).open(newline="") as file:
        found = {
            (each["REQUIREMENTS_ID"], each["STATUS"])
            for each in csv.DictReader(file, delimiter=";")
        }
    assert {control for control, _ in found} == {
        "ac_3",
        "ac_4",
        "ac_6",
        "au_12",
        "cm_6",
        "sc_7",
        "sc_7_2",
    }
    assert ("sc_7", "FAIL") in found
