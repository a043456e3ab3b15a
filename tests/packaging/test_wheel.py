"""The wheel as people get it: built, installed in clean environments,
and the main job done there.
"""

from __future__ import annotations

import email
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from gt_secure.sandbox import Sandbox
from gt_secure.sandbox.private_environment import REQUIREMENTS
from support.rooms import ROOT, VERSIONS, Room, clean, python_of, run, source_files

pytestmark = pytest.mark.slow

SMOKE = Path(__file__).with_name("smoke.py")
NEEDED = ("boto3", "ipywidgets", "matplotlib", "duckdb")
LOWEST = ("boto3==1.37.3", "ipywidgets==8.1.8", "matplotlib==3.10.0", "duckdb==1.5.1")


def smoke(room: Room, sandbox: Sandbox | None = None) -> dict:
    """The main job there, on a sandbox of its own or on one that runs here.

    The emulator pins botocore, so environments with another one are clients of a sandbox that runs
    here.
    """
    args = [str(SMOKE)] if sandbox is not None else [str(SMOKE), "--sandbox"]
    env = sandbox.environment() if sandbox is not None else {}
    return json.loads(room.run(*args, env=env).strip().splitlines()[-1])


def holds(said: dict) -> None:
    assert said["statuses"] == [200, 403]
    assert said["checks"] == ["passed"] * 3
    assert said["plotted"]
    assert said["panel"]
    assert said["wrong"] == []
    assert {"plan", "apply", "probe", "hits", "check", "doctor"} <= set(said["commands"])


def test_what_is_in_the_wheel(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        meta = email.message_from_bytes(
            archive.read(next(n for n in names if n.endswith(".dist-info/METADATA")))
        )
        points = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert wheel.name.endswith("-py3-none-any.whl")
    for name in source_files():
        if name.startswith("gt_secure/"):
            # No package: it is installed where JupyterLab looks for extensions.
            built = name.replace("gt_secure/labextension", "share/jupyter/labextensions/gt_secure")
            assert any(each.endswith(built) for each in names), f"{name} is not in the wheel"
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert meta["License-Expression"] == "Apache-2.0"
    assert meta["Requires-Python"] == ">=3.11"
    assert meta.get_all("Provides-Extra") == ["notebooks"]
    assert "gt-secure = gt_secure.cli.__main__:run" in points
    assert "gt_secure = gt_secure.pytest_plugin" in points
    assert wheel.stat().st_size < 1_500_000


@pytest.mark.parametrize("version", VERSIONS)
def test_newest_versions(wheel: Path, tmp_path, version):
    room = Room(tmp_path / "room", python_of(version))
    room.install(f"gt_secure @ {wheel.as_uri()}", *REQUIREMENTS)
    said = smoke(room)
    assert said["python"].startswith(version)
    holds(said)


def test_lowest_versions(wheel: Path, tmp_path, sandbox):
    room = Room(tmp_path / "room", python_of("3.11"))
    room.install(*LOWEST, f"gt_secure @ {wheel.as_uri()}")
    versions = room.versions()
    assert [f"{name}=={versions[name]}" for name in NEEDED] == list(LOWEST)
    said = smoke(room, sandbox)
    assert said["notes"] == ["UpdateWorkforce.IpAddressType", "endpoint"], (
        "this SDK does not know IPv6 portals"
    )
    holds(said)


def test_lowest_versions_are_those_of_the_metadata():
    text = (ROOT / "setup.cfg").read_text()
    for pin in LOWEST:
        name, version = pin.split("==")
        assert (
            f"{name} >= {version.removesuffix('.0') if name == 'matplotlib' else version}" in text
        )


def test_without_the_emulator_it_says_what_to_install(wheel: Path, tmp_path):
    room = Room(tmp_path / "room")
    room.install(f"gt_secure @ {wheel.as_uri()}")
    script = room.python.with_name("gt-secure")
    nowhere = {**clean(), "GT_SECURE_SANDBOX_ENV": str(tmp_path / "none")}
    done = subprocess.run([script, "sandbox"], capture_output=True, text=True, env=nowhere)
    assert done.returncode == 1
    assert "gt-secure sandbox install" in done.stderr
    assert "Traceback" not in done.stderr
    done = subprocess.run([script, "demo"], capture_output=True, text=True, env=nowhere)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    room.run("-c", "import gt_secure, gt_secure.check, gt_secure.doctor, gt_secure.sandbox")
    run(str(script), "tutorials", str(tmp_path / "books"))
    copied = {path.name: path.read_bytes() for path in (tmp_path / "books").rglob("*.ipynb")}
    assert copied == {
        path.name: path.read_bytes() for path in (ROOT / "notebooks").rglob("*.ipynb")
    }


def test_the_plugin_in_an_environment_with_pytest_alone(wheel: Path, tmp_path):
    """The plugin is loaded by every pytest of the environment:
    it must not break those that do not want it.
    """
    room = Room(tmp_path / "room")
    room.install("pytest")
    room.install("--no-deps", str(wheel))
    (tmp_path / "test_other.py").write_text(
        "import sys\ndef test_it():\n    assert 'boto3' not in sys.modules\n"
    )
    out = room.run(
        "-m", "pytest", "-q", "-W", "error", str(tmp_path / "test_other.py"), cwd=tmp_path
    )
    assert "1 passed" in out
