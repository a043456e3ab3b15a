"""The ready files of the guide for checks on a schedule: each one is read,
and its commands run on the sandbox.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from support.blocks import ROOT, blocks_of
from support.kernels import START_S
from support.sample import sample
from support.scene import BUCKET, TEAM, Scene

PAGE = ROOT / "docs" / "how-to" / "watch-in-ci.md"
FILES = {block.value: block.text for block in blocks_of(PAGE) if block.word == "file"}
_BLOCKS = [block.text for block in blocks_of(PAGE) if block.language == "python"]
_FIRST = next(n for n, text in enumerate(_BLOCKS) if text.startswith("CHECKS = "))
CELLS = _BLOCKS[_FIRST : _FIRST + 3]
"""The cells of the notebook job."""
GOOD = {"checks": [{"check": "guard_is_in_place", "bucket": BUCKET, "prefix": "scans/"}]}
BAD = {"checks": [{"check": "no_findings", "team": TEAM, "severity": "info"}]}


def test_github_gets_the_least_permissions_and_pinned_actions():
    data = yaml.safe_load(FILES["gt-secure.yml"])
    assert data[True]["schedule"][0]["cron"]  # YAML 1.1 reads the key 'on' as true
    assert data["permissions"] == {
        "actions": "read", "contents": "read", "id-token": "write", "security-events": "write",
    }  # fmt: skip
    [job] = data["jobs"].values()
    actions = [step for step in job["steps"] if "uses" in step]
    assert [
        step["uses"] for step in actions if not re.search(r"@[0-9a-f]{40}$", step["uses"])
    ] == []
    assert actions[0]["uses"].startswith("actions/checkout@")
    assert actions[0]["with"] == {"persist-credentials": False}
    uploads = [step for step in actions if "upload" in step["uses"]]
    assert [step["if"] for step in uploads] == ["${{ !cancelled() }}"] * 2
    assert uploads[0]["with"]["sarif_file"] == "report.sarif"


def scripts(name: str) -> list[str]:
    """The commands of a file, in order."""
    data: dict[Any, Any] = yaml.safe_load(FILES[name])
    if name == "gt-secure.yml":
        [job] = data["jobs"].values()
        return [step["run"] for step in job["steps"] if "run" in step]
    if name == "gitlab-ci.yml":
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
    more = {"PATH": f"{tools}:{os.environ['PATH']}"}
    token = {
        "GT_SECURE_TOKEN": "token",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / ".gt-secure-token"),
    }
    return {**os.environ, **scene.sandbox.environment(), **more, **token}


@pytest.mark.parametrize("name", sample(["gt-secure.yml", "gitlab-ci.yml", "buildspec.yml"], 3))
@pytest.mark.parametrize(("checks", "code"), [(GOOD, 0), (BAD, 2)])
def test_the_commands_run_and_write_the_reports(name, checks, code, machine, tmp_path):
    (tmp_path / "checks.json").write_text(json.dumps(checks))
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(scripts(name))],
        cwd=tmp_path,
        env=machine,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert "install wheels/gt_secure-*.whl" in (tmp_path / "pip.log").read_text()
    assert "<testsuite" in (tmp_path / "report.xml").read_text()
    assert json.loads((tmp_path / "report.sarif").read_text())["version"] == "2.1.0"
    if name == "gitlab-ci.yml":
        assert (tmp_path / ".gt-secure-token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("checks", "code"), sample([(GOOD, 0), (BAD, 1)], 2))
def test_the_cells_run_as_a_notebook_job_and_upload(scene: Scene, tmp_path, checks, code):
    assert "assert" not in "".join(CELLS)  # python -O would skip it
    (tmp_path / "checks.json").write_text(json.dumps(checks))
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    cells[0].metadata["tags"] = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nbformat.write(notebook, tmp_path / "checks.ipynb")
    words = [sys.executable, "-m", "papermill", "checks.ipynb", "result.ipynb", "--no-progress-bar"]
    prefix = f"nightly-{code}"
    words += [
        "--start-timeout",
        str(START_S),
        "-p",
        "REPORTS",
        f"s3://{BUCKET}/{prefix}/",
        "-p",
        "SANDBOX",
        "True",
    ]
    env = {**os.environ, **scene.sandbox.environment(), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(code), done.stderr
    if code:
        assert "CheckFailed" in done.stderr
        assert "no_findings" in done.stderr
    s3 = scene.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    assert [key.rsplit("/", 1)[1] for key in keys] == ["report.sarif", "report.xml"]
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)
