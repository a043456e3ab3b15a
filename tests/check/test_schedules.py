"""Ready files for a schedule: each one is read, and its commands run on the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from gt_secure.check.schedules import FILE_NAMES, FORMATS, schedule
from gt_secure.cli.main import main
from gt_secure.errors import InvalidInput
from support.scene import BUCKET, TEAM, Scene

GOOD = {"checks": [{"check": "guard_is_in_place", "bucket": BUCKET}]}
BAD = {"checks": [{"check": "no_findings", "team": TEAM, "severity": "info"}]}


def scripts(form: str) -> list[str]:
    """The commands of a file, in order."""
    data: dict[Any, Any] = yaml.safe_load(schedule(form, "ci/checks.json"))
    if form == "github-actions":
        [job] = data["jobs"].values()
        assert data[True]["schedule"][0]["cron"]  # YAML 1.1 reads the key 'on' as true
        uploads = [step for step in job["steps"] if "upload" in step.get("uses", "")]
        assert [step["if"] for step in uploads] == ["${{ !cancelled() }}"] * 2
        assert uploads[0]["with"]["sarif_file"] == "report.sarif"
        return [step["run"] for step in job["steps"] if "run" in step]
    if form == "gitlab":
        [job] = data.values()
        assert job["artifacts"]["reports"]["junit"] == "report.xml"
        assert job["artifacts"]["when"] == "always"
        return list(job["script"])
    assert data["version"] == 0.2
    assert data["reports"]["gt-secure"]["file-format"] == "JUNITXML"
    return [*data["phases"]["install"]["commands"], *data["phases"]["build"]["commands"]]


@pytest.fixture
def machine(scene: Scene, tmp_path: Path) -> dict[str, str]:
    """The environment of a CI machine: 'python -m pip' is recorded, not run."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python").write_text(
        f'#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "$@" >> {tmp_path}/pip.log; exit 0; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    (tools / "gt-secure").write_text(f'#!/bin/sh\nexec {sys.executable} -m gt_secure "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    (tmp_path / "ci").mkdir()
    more = {"PATH": f"{tools}:{os.environ['PATH']}", "GT_SECURE_PACKAGE": "wheels/gt_secure-*.whl"}
    token = {"GT_SECURE_TOKEN": "token", "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / ".gt-secure-token")}
    return {**os.environ, **scene.sandbox.environment(), **more, **token}


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "notebook-job"])
@pytest.mark.parametrize(("checks", "code"), [(GOOD, 0), (BAD, 2)])
def test_the_commands_run_and_write_the_reports(form, checks, code, machine, tmp_path):
    (tmp_path / "ci" / "checks.json").write_text(json.dumps(checks))
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(scripts(form))], cwd=tmp_path, env=machine, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "install wheels/gt_secure-*.whl" in (tmp_path / "pip.log").read_text()
    assert "<testsuite" in (tmp_path / "report.xml").read_text()
    assert json.loads((tmp_path / "report.sarif").read_text())["version"] == "2.1.0"
    if form == "gitlab":
        assert (tmp_path / ".gt-secure-token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("checks", "code"), [(GOOD, 0), (BAD, 1)])
def test_the_notebook_runs_with_papermill_and_uploads(scene: Scene, tmp_path, checks, code):
    (tmp_path / "checks.json").write_text(json.dumps(checks))
    path = tmp_path / FILE_NAMES["notebook-job"]
    path.write_text(schedule("notebook-job"))
    nbformat.validate(nbformat.read(path, as_version=4))
    words = [sys.executable, "-m", "papermill", path.name, "result.ipynb", "--no-progress-bar"]
    prefix = f"nightly-{code}"
    words += ["-p", "REPORTS", f"s3://{BUCKET}/{prefix}/", "-p", "SANDBOX", "True"]
    env = {**os.environ, **scene.sandbox.environment(), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(code), done.stderr
    if code:
        assert "no_findings" in done.stderr
    s3 = scene.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    assert [key.rsplit("/", 1)[1] for key in keys] == ["report.sarif", "report.xml"]
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"form": "jenkins"}, "format"),
        ({"checks": "a b.json"}, "file"),
        ({"checks": "x.json; rm -rf /"}, "file"),
        ({"checks": "-x.json"}, "file"),
        ({"role_arn": "GtSecureChecks"}, "role_arn"),
        ({"region": "$(id)"}, "region"),
        ({"package": "gt_secure; id"}, "package"),
        ({"package": "--index-url=x"}, "package"),
    ],
)
def test_values_that_do_not_belong_into_a_script(more, field):
    with pytest.raises(InvalidInput) as caught:
        schedule(**({"form": "gitlab"} | more))
    assert caught.value.field == field


def test_values_are_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("checks.json").write_text(json.dumps(GOOD))
    role = "arn:aws:iam::111122223333:role/path/Checks"
    words = ["check", "-f", "checks.json", "--print-schedule", "github-actions", "--role-arn", role]
    assert main([*words, "--region", "eu-west-1", "--package", "gt-secure[geo]==1.2"]) == 0
    data = yaml.safe_load(capsys.readouterr().out)
    [job] = data["jobs"].values()
    [assume] = [step["with"] for step in job["steps"] if "aws-actions" in step.get("uses", "")]
    assert assume == {"role-to-assume": role, "aws-region": "eu-west-1"}
    assert job["env"]["GT_SECURE_PACKAGE"] == "gt-secure[geo]==1.2"
    assert main(["check", "--print-schedule", "gitlab"]) == 1
    Path("checks.json").write_text("{}")
    assert main(["check", "-f", "checks.json", "--print-schedule", "gitlab"]) == 1
