"""The wheel with the packages of SageMaker Distribution images: installed without an index,
and the demo in place.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gt_secure.base.optional import OPTIONAL
from gt_secure.sandbox import Sandbox
from support.rooms import ROOT, Room, clean, python_of
from support.subjects import subjects

from .test_wheel import NEEDED, holds, smoke

pytestmark = pytest.mark.slow

IMAGES = subjects(sorted((ROOT / "tests" / "data" / "sagemaker-distribution").glob("*.txt")), 2)
UNMET = """
from importlib.metadata import distributions, requires
from packaging.requirements import Requirement
has = {each.name.lower(): each.version for each in distributions()}
wanted = [each for text in requires("gt_secure") if (each := Requirement(text)).marker is None]
unmet = [each.name for each in wanted if not each.specifier.contains(has.get(each.name, "0"))]
print(*(f"{name}=={has[name]}" if name in has else name for name in unmet))
"""
IN_A_KERNEL = """
import asyncio, json, sys
import nbformat
from nbclient import NotebookClient

book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (
    "import gt_secure\\ndemo = gt_secure.demo()\\ndemo",
    "print(gt_secure.demo() is demo, [team.name for team in demo.connection.workteams()])",
    "demo.stop()",
)])
NotebookClient(book, timeout=600, startup_timeout=600, iopub_timeout=600, kernel_name="python3").execute()
print(json.dumps([cell["outputs"] for cell in book.cells]))
"""


def image(path: Path, folder: Path) -> Room:
    """An environment with the packages that gt_secure meets in an image."""
    room = Room(folder, python_of("3.12"))
    room.install(
        "-c",
        str(path),
        *NEEDED,
        "pandas",
        "pyarrow",
        "ipykernel",
        "ipython",
        "nbclient",
        "aiobotocore",
    )
    return room


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_without_an_index_on_top_of_an_image(
    path: Path, wheel: Path, tmp_path: Path, sandbox: Sandbox
) -> None:
    room = image(path, tmp_path / "room")
    before = room.versions()
    room.install("--no-index", "--no-deps", str(wheel))
    assert {
        name: version for name, version in room.versions().items() if name != "gt-secure"
    } == before
    pins = dict(line.split("==") for line in path.read_text().split() if "==" in line)
    assert {name: before[name] for name in NEEDED} == {name: pins[name] for name in NEEDED}
    assert set(room.run("-c", UNMET).split()) <= {*OPTIONAL}, "only these may be missing"
    holds(smoke(room, sandbox))


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_one_cell_shows_the_panel_and_changes_no_package(
    path: Path, wheel: Path, tmp_path: Path
) -> None:
    room = image(path, tmp_path / "room")
    room.install("--no-index", "--no-deps", str(wheel))
    before = room.versions()
    env = {
        "HOME": str(tmp_path),
        "GT_SECURE_SANDBOX_ENV": str(tmp_path / "a folder"),
        "AWS_PROFILE": "not-there",
    }
    shown, calls, _ = json.loads(
        room.run("-c", IN_A_KERNEL, env=env, cwd=tmp_path).splitlines()[-1]
    )
    assert room.versions() == before
    assert "Making an environment for the sandbox" in "".join(
        output.get("text", "") for output in shown
    )
    assert "application/vnd.jupyter.widget-view+json" in shown[-1]["data"]
    same, teams = calls[0]["text"].split(" ", 1)
    assert same == "True"
    assert "'radiology-team'" in teams
    [made] = (tmp_path / "a folder").iterdir()
    assert (made / ".complete").is_file()
    assert not (tmp_path / ".gt_secure").exists(), "the demo has its own journal"
    script = room.python.with_name("gt-secure")
    done = subprocess.run([script, "sandbox", "install", "--json"], capture_output=True, text=True,
                          env={**clean(), **env})  # fmt: skip
    assert json.loads(done.stdout) == {"python": str(made / "bin" / "python")}


def test_the_fixture_uses_the_separate_environment(wheel: Path, tmp_path: Path) -> None:
    room = image(IMAGES[-1], tmp_path / "room")
    room.install("pytest")
    room.install("--no-index", "--no-deps", str(wheel))
    test = tmp_path / "test_it.py"
    test.write_text(
        "def test_it(gt_secure_connection):\n    assert gt_secure_connection.workteams()\n"
    )
    env = {"HOME": str(tmp_path), "GT_SECURE_SANDBOX_ENV": str(tmp_path / "env")}
    command = [str(room.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(
        command, env={**clean(), **env}, capture_output=True, text=True, cwd=tmp_path
    )
    assert "gt-secure sandbox install" in done.stdout
    assert "1 error" in done.stdout
    subprocess.run(
        [room.python.with_name("gt-secure"), "sandbox", "install"],
        env={**clean(), **env},
        check=True,
    )
    done = subprocess.run(
        command, env={**clean(), **env}, capture_output=True, text=True, cwd=tmp_path
    )
    assert "1 passed" in done.stdout, done.stdout


def test_there_is_a_file_for_each_supported_image() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in IMAGES]
    for path in IMAGES:
        assert path.stem in text, f"README does not name the image {path.stem}"
