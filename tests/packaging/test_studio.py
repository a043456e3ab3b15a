"""The wheel with the packages of SageMaker Distribution images: installed without an index, and the demo in place."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import nbformat
import pytest

from gt_secure.sandbox import Sandbox
from support.rooms import ROOT, Room, clean, python_of

from ..browser.conftest import start_chromium, start_lab
from .test_wheel import NEEDED, holds, smoke

pytestmark = pytest.mark.slow

IMAGES = sorted((ROOT / "tests" / "data" / "sagemaker-distribution").glob("*.txt"))
UNMET = """
from importlib.metadata import requires, version
from packaging.requirements import Requirement
wanted = [Requirement(text) for text in requires("gt_secure")]
print([str(each) for each in wanted if each.marker is None and not each.specifier.contains(version(each.name))])
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
NotebookClient(book, timeout=600, kernel_name="python3").execute()
print(json.dumps([cell["outputs"] for cell in book.cells]))
"""


def image(path: Path, folder: Path) -> Room:
    """An environment with the packages that gt_secure meets in an image."""
    room = Room(folder, python_of("3.12"))
    room.install("-c", str(path), *NEEDED, "pandas", "pyarrow", "ipykernel", "ipython", "nbclient", "aiobotocore")
    return room


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_without_an_index_on_top_of_an_image(path: Path, wheel: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    room = image(path, tmp_path / "room")
    before = room.versions()
    room.install("--no-index", "--no-deps", str(wheel))
    assert {name: version for name, version in room.versions().items() if name != "gt-secure"} == before
    pins = dict(line.split("==") for line in path.read_text().split() if "==" in line)
    assert {name: before[name] for name in NEEDED} == {name: pins[name] for name in NEEDED}
    assert room.run("-c", UNMET).strip() == "[]", "every requirement is met by what the image has"
    holds(smoke(room, sandbox))


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_one_cell_shows_the_panel_and_changes_no_package(path: Path, wheel: Path, tmp_path: Path) -> None:
    room = image(path, tmp_path / "room")
    room.install("--no-index", "--no-deps", str(wheel))
    before = room.versions()
    env = {"HOME": str(tmp_path), "GT_SECURE_SANDBOX_ENV": str(tmp_path / "a folder"), "AWS_PROFILE": "not-there"}
    shown, calls, _ = json.loads(room.run("-c", IN_A_KERNEL, env=env, cwd=tmp_path).splitlines()[-1])
    assert room.versions() == before
    assert "Making an environment for the sandbox" in "".join(output.get("text", "") for output in shown)
    assert "application/vnd.jupyter.widget-view+json" in shown[-1]["data"]
    assert "True ['open-team', 'radiology-team'" in calls[0]["text"]
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
    test.write_text("def test_it(gt_secure_connection):\n    assert gt_secure_connection.workteams()\n")
    env = {"HOME": str(tmp_path), "GT_SECURE_SANDBOX_ENV": str(tmp_path / "env")}
    command = [str(room.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, env={**clean(), **env}, capture_output=True, text=True, cwd=tmp_path)
    assert "gt-secure sandbox install" in done.stdout
    assert "1 error" in done.stdout
    subprocess.run([room.python.with_name("gt-secure"), "sandbox", "install"], env={**clean(), **env}, check=True)
    done = subprocess.run(command, env={**clean(), **env}, capture_output=True, text=True, cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.browser
@pytest.mark.parametrize("by", ["path", "address"])
def test_the_demo_behind_a_proxy(by: str, wheel: Path, tmp_path: Path) -> None:
    """As in Studio: a browser reaches the outer JupyterLab only, and the demo's through it."""
    room = Room(tmp_path / "room", python_of("3.12"))
    room.install("jupyterlab", "jupyter-server-proxy", "ipykernel", f"gt_secure @ {wheel.as_uri()}")
    (tmp_path / "home").mkdir()
    base = "/jupyterlab/default"
    with start_lab(str(room.python), tmp_path / "home", {}, base) as outer:
        given = base if by == "path" else f"{outer.url}/lab/tree/some notebook.ipynb?reset".replace(" ", "%20")
        env = {**clean(), "HOME": str(tmp_path / "home"), "GT_SECURE_SANDBOX_ENV": str(tmp_path / "env")}
        demo = subprocess.Popen(
            [room.python.with_name("gt-secure"), "demo", "--base-url", given, "--work", str(tmp_path / "work")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=tmp_path,
        )  # fmt: skip
        try:
            text = ""
            for line in demo.stdout or ():
                text += line
                if "Ctrl-C" in line:
                    break
            address = re.search(r"JupyterLab\s+(\S+)", text)
            assert address, text
            assert address[1].startswith(f"{base if by == 'path' else outer.url}/proxy/absolute/")
            origin = outer.url.removesuffix(base)
            run_a_cell(f"{outer.url}/lab?token={outer.token}", (origin if by == "path" else "") + address[1])
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=60)
    for book in (tmp_path / "work").glob("*.ipynb"):
        nbformat.validate(nbformat.read(book, as_version=4))


def run_a_cell(log_in: str, address: str) -> None:
    """Log in to the outer JupyterLab, open the inner one, and run the first code cell of its notebook."""
    with start_chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        failed: list[str] = []
        page.on("response", lambda reply: failed.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
        page.goto(log_in)
        page.locator("#jupyterlab-splash, .jp-LabShell").first.wait_for(timeout=60_000, state="attached")
        failed.clear()
        page.goto(address)
        cell = page.locator(".jp-Notebook .jp-CodeCell").first
        cell.wait_for(timeout=60_000)
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        page.locator(".jp-CodeCell .jp-InputPrompt", has_text="[1]").first.wait_for(timeout=60_000)
        assert not [line for line in failed if "/static/" in line or "/api/kernels" in line], failed


def test_there_is_a_file_for_each_supported_image() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in IMAGES]
    for path in IMAGES:
        assert path.stem in text, f"README does not name the image {path.stem}"
