"""The blocks of the docs that install something,
run in environments of their own from a copy of the checkout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.sandbox import Sandbox
from gt_secure.sandbox.private_environment import REQUIREMENTS
from support.blocks import blocks_of, pages
from support.rooms import ROOT, Room, clean, python_of
from support.subjects import subjects

pytestmark = pytest.mark.slow
INSTALLING = {
    page: [block.text for block in blocks_of(page) if block.word == "installs"] for page in pages()
}
STEPS = "pip wheel"
"""The block from which on the blocks of a page are steps,
for an image where all that is needed is there already.
"""


def parts(texts: list[str]) -> list[list[str]]:
    """Return the blocks of a page that are choices, and those that are steps."""
    first = next((n for n, text in enumerate(texts) if STEPS in text), len(texts))
    return [each for each in (texts[:first], texts[first:]) if each]


PARTS = list(
    subjects(((page.name, texts) for page, all in INSTALLING.items() for texts in parts(all)), 2)
)


@pytest.mark.parametrize(
    ("page", "texts"), PARTS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_installing_as_documented(page: str, texts: list[str], wheel: Path, tmp_path: Path) -> None:
    is_in_studio = STEPS in texts[0]
    room = Room(tmp_path / "room", python_of("3.12"))
    room.install("pip")
    if is_in_studio:
        room.install("boto3", "ipywidgets", "matplotlib", "duckdb")
    leave = shutil.ignore_patterns(
        ".git", ".venv", "build", "out", "tests", "__pycache__", "node_modules"
    )
    shutil.copytree(ROOT, tmp_path / "here", ignore=leave)  # the page starts in a clone
    if not is_in_studio:  # and with the wheel, unless it is made there
        shutil.copy2(wheel, tmp_path / "here")
    with Sandbox() as sandbox:
        import boto3

        boto3.client("s3", **client(sandbox)).create_bucket(Bucket="my-bucket")
        places = (room.python.parent, Path(sys.executable).parent)  # the second has the AWS CLI
        env = {
            **clean(),
            **sandbox.environment(),
            "PATH": os.pathsep.join([*map(str, places), os.environ["PATH"]]),
            "PIP_FIND_LINKS": str(wheel.parent),
        }
        for text in texts:
            if not is_in_studio:  # each of the choices installs
                subprocess.run(
                    [room.python, "-m", "pip", "uninstall", "--yes", "gt_secure"],
                    env=env,
                    check=True,
                )
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                env=env,
                cwd=tmp_path / "here",
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        said = room.run("-c", "import gt_secure; print(gt_secure.__version__, gt_secure.__file__)")
    assert said.split()[0] == wheel.name.split("-")[1]
    assert "site-packages" in said


def test_the_sandbox_page_for_an_outsider(wheel: Path, tmp_path: Path) -> None:
    """With the wheel, the sandbox's packages and pytest, and no account,
    checkout or variable of ours.
    """
    room = Room(tmp_path / "room", python_of("3.13"))
    room.install(f"gt_secure @ {wheel.as_uri()}", *REQUIREMENTS, "pytest")
    path = os.pathsep.join([str(room.python.parent), os.environ["PATH"]])
    env = {**clean(), "PATH": path, "HOME": str(tmp_path)}
    ran = 0
    for block in blocks_of(ROOT / "docs" / "how-to" / "sandbox-in-tests.md"):
        if block.word == "file":
            (tmp_path / block.value).write_text(block.text, encoding="utf-8")
        elif block.text.startswith("python -m pytest"):
            done = subprocess.run(
                block.text, shell=True, env=env, cwd=tmp_path, capture_output=True, text=True
            )
            assert "2 passed" in done.stdout, done.stdout + done.stderr
            ran += 1
        elif block.language == "python":
            said = room.run("-c", block.text, env={"HOME": str(tmp_path)}, cwd=tmp_path)
            assert "radiology-team" in said
            assert "200 403" in said
            ran += 1
    assert ran == 2
    script = room.python.with_name("gt-secure")
    done = subprocess.run(
        [script, "demo", "--headless"], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert "pip install nbclient" in done.stderr
    assert "Traceback" not in done.stderr


def client(sandbox: Sandbox) -> dict[str, str]:
    env = sandbox.environment()
    return {
        "endpoint_url": sandbox.endpoint_url, "region_name": env["AWS_REGION"],
        "aws_access_key_id": env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
    }  # fmt: skip


def test_there_are_such_blocks() -> None:
    assert [page for page, texts in PARTS if STEPS in texts[0]] == ["install.md"]
