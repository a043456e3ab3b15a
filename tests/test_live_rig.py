"""The live rig through its own entry point, with a sandbox in the place of the account."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.sandbox import Sandbox
from support.box import ACCOUNT
from support.rig import Rig
from support.rooms import ROOT
from support.sample import sample

QUESTIONS = {
    "both URL lock settings on": "accepted; then SourceIp Enabled, VpcSourceIp Enabled",
    "WorkerAccessConfiguration left out of UpdateWorkteam": "kept",
    "other members left out of UpdateWorkteam": "kept",
    "a letter of a name of the query percent-encoded": "200",
    "two kinds of authentication": "400 InvalidArgument",
    "requester of an altered URL": "-",
    "a guard holds": "within 0 s",
    "an ACL on an object of a new bucket": "AccessControlListNotSupported",
}
"""What decision record 21 says the sandbox does."""


def make_test_live(
    sandbox: Sandbox, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run what ``tools/live.py`` runs; the profile of the person names the sandbox."""
    config = folder / "config"
    config.write_text(
        f"[profile named]\nregion = us-east-1\nendpoint_url = {sandbox.endpoint_url}\n"
    )
    own = {"AWS_CONFIG_FILE": str(config), "GT_SECURE_JOURNAL": str(folder / "journal")}
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GT_SECURE_LIVE_"))
    } | own
    keys = sandbox.environment()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        config.write_text(config.read_text() + f"{name.lower()} = {keys[name]}\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "live", "tests/live"]
    env |= {f"GT_SECURE_LIVE_{name}": value for name, value in variables.items()}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def resources(rig: Rig) -> set[str]:
    buckets = {each["Name"] for each in rig.client("s3").list_buckets()["Buckets"]}
    teams = {
        each["WorkteamName"]
        for each in rig.client("sagemaker").list_workteams(MaxResults=100)["Workteams"]
    }
    return buckets | teams | {each["RoleName"] for each in rig.client("iam").list_roles()["Roles"]}


@pytest.mark.slow
def test_everything_passes_is_answered_and_removed(sandbox: Sandbox, tmp_path: Path) -> None:
    rig = Rig(sandbox)
    before = resources(rig)
    done = make_test_live(sandbox, tmp_path, PROFILE="named", CONFIRM=ACCOUNT, LOG_WAIT_MIN="1")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout, done.stdout[-3000:]
    for question, answer in QUESTIONS.items():
        assert f"\n{question}: {answer}\n" in done.stdout
    assert "left in the account: nothing" in done.stdout
    assert resources(rig) == before


@pytest.mark.parametrize("confirm", sample(["999999999999", ""], 2))
def test_it_refuses_without_the_confirmation_of_this_account(
    sandbox: Sandbox, tmp_path: Path, confirm: str
) -> None:
    rig = Rig(sandbox)
    before = resources(rig)
    done = make_test_live(sandbox, tmp_path, PROFILE="named", CONFIRM=confirm)
    assert done.returncode == 3
    assert f"CONFIRM={ACCOUNT}" in done.stdout + done.stderr
    assert "passed" not in done.stdout
    assert resources(rig) == before


def test_it_refuses_without_a_profile(sandbox: Sandbox, tmp_path: Path) -> None:
    assert make_test_live(sandbox, tmp_path, PROFILE="", CONFIRM=ACCOUNT).returncode == 3
