"""The plugin for Prowler: layout, metadata and outcomes without Prowler, and the real one where it can be installed."""

from __future__ import annotations

import configparser
import csv
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import gt_secure
from gt_secure.findings.model import Match, catalog
from gt_secure.findings.run import _finding
from gt_secure.prowler import plugin
from gt_secure.prowler.plugin import outcomes, read_rows
from gt_secure.sandbox import Sandbox
from gt_secure.sweeps.row import SweepRow
from support.rooms import Room, clean
from support.scene import Scene

ROOT = Path(gt_secure.__file__).parents[1]
CODES = [code for code in catalog() if code != "not-checked"]
CHECK = "gt_secure.prowler.services.groundtruth.groundtruth_url_lock_off"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_prowler", ROOT / "tools" / "make_prowler.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_files_are_those_of_the_catalog(tool: ModuleType):
    found = {path.name: path.read_text() for path in tool.FOLDER.iterdir() if path.name.startswith("groundtruth_")}
    assert found == tool.files(), "run python tools/make_prowler.py"


def test_the_framework_is_that_of_the_tool_and_maps_each_code_once(tool: ModuleType):
    """Prowler 5.46 lists the JSON files of the package behind the entry point ``aws`` of ``prowler.compliance``."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    name, package = config["options.entry_points"]["prowler.compliance"].strip().split(" = ")
    module = importlib.import_module(package)
    assert name == "aws"
    [file] = Path(module.__path__[0]).glob("*.json")
    assert (file.stem, file.read_text()) == (tool.FRAMEWORK, tool.framework_text()), "run python tools/make_prowler.py"
    mapped = [code for _, _, found in tool.CONTROLS.values() for code in found]
    assert sorted([*mapped, *tool.NO_CONTROL]) == sorted(CODES)
    for requirement in json.loads(file.read_text())["Requirements"]:
        assert set(requirement) == {"Id", "Name", "Description", "Attributes", "Checks"}
        assert set(requirement["Checks"]) <= {tool.name_of(code) for code in CODES}


def test_each_code_is_an_entry_point_that_is_found_as_prowler_finds_it(tool: ModuleType):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.entry_points"]["prowler.checks.aws"].strip().splitlines()
    points = dict(line.split(" = ") for line in lines)
    assert list(points) == [tool.name_of(code) for code in CODES]
    for name, value in points.items():
        assert ".services.groundtruth." in value
        spec = importlib.util.find_spec(value)
        assert spec is not None
        assert spec.origin is not None
        assert Path(spec.origin).stem == name
        assert (Path(spec.origin).parent / f"{name}.metadata.json").is_file()


def test_the_metadata_keeps_the_limits_of_prowler(tool: ModuleType):
    for code in CODES:
        data = tool.metadata(code)
        assert data["CheckID"].split("_")[0] == data["ServiceName"]
        assert "-" not in data["CheckID"]
        assert len(data["CheckTitle"]) <= 150
        assert not data["CheckTitle"].startswith("Ensure")
        assert max(len(data["Description"]), len(data["Risk"])) <= 400
        assert (data["RelatedUrl"], data["Remediation"]["Recommendation"]["Url"]) == ("", "")
        assert data["Severity"] in ("critical", "high", "medium", "low", "informational")


def row(**more: Any) -> SweepRow:
    return SweepRow("111122223333", "us-east-1", **({"team": "open-team"} | more))


def test_unknown_is_never_a_pass():
    def found(*depends: str) -> Any:
        return _finding("url-lock-off", Match("open-team", "detail", depends), ())

    def said(made: SweepRow, code: str = "url-lock-off") -> list[str]:
        return [status for status, _, _ in outcomes(made, code)]

    assert said(row()) == ["PASS"]
    assert said(row(findings=(found(),))) == ["FAIL"]
    assert said(row(findings=(found(),)), "guard-open") == ["PASS"]
    assert said(row(findings=(found("aws:PrincipalOrgID"),))) == ["MANUAL"]
    assert said(row(unread=("gt-images: denied",))) == ["MANUAL"]
    assert said(row(unread=("gt-images: denied",), findings=(found(),))) == ["FAIL"]
    assert said(row(team="", status="failed")) == ["MANUAL"]


def test_the_class_of_a_check(scene: Scene, monkeypatch):
    """A stand-in for the three modules of Prowler that the plugin uses."""

    class Check:
        def metadata(self) -> str:
            return "metadata"

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
    for name in ("prowler", "prowler.lib", "prowler.lib.check", "prowler.providers", "prowler.providers.common"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, models.__name__, models)
    monkeypatch.setitem(sys.modules, providers.__name__, providers)
    scene.use_environment(monkeypatch)
    plugin._check_class.cache_clear()
    try:
        module = importlib.import_module(CHECK)
        made = module.groundtruth_url_lock_off
        assert (made.__name__, made.__module__) == ("groundtruth_url_lock_off", CHECK)
        reports = made().execute()
    finally:
        plugin._check_class.cache_clear()
    assert [each.resource["team"] for each in reports] == ["open-team", "radiology-team", "vpc-team"]
    assert {each.region for each in reports} == {"us-east-1"}
    assert [each.status for each in reports][1:] == ["PASS", "PASS"]
    assert reports[1].resource_arn.endswith(":workteam/private-crowd/radiology-team")
    with pytest.raises(AttributeError):
        module.another_name  # noqa: B018


def test_a_region_that_cannot_be_read_is_a_row(scene: Scene, monkeypatch):
    scene.use_environment(monkeypatch)
    blind = scene.user_with("sts:GetCallerIdentity").aws._session
    [failed] = read_rows(blind, "111122223333", ("us-east-1",))
    assert failed.status == "failed"
    assert "ListWorkforces" in failed.unread[0]


@pytest.mark.slow
def test_the_real_prowler_runs_the_checks(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    """Prowler needs an environment of 2.3 GB, and a Python below 3.14."""
    room = Room(tmp_path_factory.mktemp("room") / "venv")
    room.install("prowler >= 5.46")
    copy = tmp_path / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "node_modules", "build", "tests", "__pycache__"))
    room.install("--no-deps", str(copy))
    with Sandbox(log_delay_s=60, workforce_delay_s=0) as sandbox:
        every = ["--service", "groundtruth", "-M", "csv", "json-ocsf", "json-asff", "html", "-F", "report"]
        controls = ["--compliance", "groundtruth_nist_800_53_revision_5_aws", "-M", "csv", "-F", "controls"]
        for words in (every, controls):
            done = subprocess.run(
                [room.python.with_name("prowler"), "aws", "-f", "us-east-1", *words, "-o", "out", "--no-banner", "-z"],
                cwd=tmp_path, env={**clean(), **sandbox.environment()}, capture_output=True, text=True, timeout=600,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "out" / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert {each["CHECK_ID"] for each in rows} == {f"groundtruth_{code.replace('-', '_')}" for code in CODES}
    assert not [each for each in rows if each["STATUS"] == "MANUAL"]
    lock = {each["RESOURCE_NAME"]: each["STATUS"] for each in rows if each["CHECK_ID"] == "groundtruth_url_lock_off"}
    assert lock == {"open-team": "FAIL", "radiology-team": "PASS", "vpc-team": "PASS"}
    asff = json.loads((tmp_path / "out" / "report.asff.json").read_text())
    assert len(asff) == len(rows)
    assert json.loads((tmp_path / "out" / "report.ocsf.json").read_text())
    assert (tmp_path / "out" / "report.html").exists()
    mapped = {each["CHECK_ID"]: each["COMPLIANCE"] for each in rows}
    assert "NIST-800-53-Revision-5-Ground-Truth: ac_3" in mapped["groundtruth_url_lock_off"]
    assert mapped["groundtruth_cors_missing"] == ""
    with (tmp_path / "out" / "compliance" / "controls_groundtruth_nist_800_53_revision_5_aws.csv").open(
        newline=""
    ) as file:
        found = {(each["REQUIREMENTS_ID"], each["STATUS"]) for each in csv.DictReader(file, delimiter=";")}
    assert {control for control, _ in found} == {"ac_3", "ac_4", "ac_6", "au_12", "cm_6", "sc_7", "sc_7_2"}
    assert {("ac_3", "FAIL"), ("ac_3", "PASS")} <= found
