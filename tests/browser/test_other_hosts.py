"""A panel whose kernel is paused turns grey, and one whose kernel is culled is a sentence and its
saved text: in JupyterLab, in Notebook 7 and in Voila.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gt_secure.sandbox import Sandbox

from .conftest import PATIENT, ROOT, START_S, free_port, lab_home
from .test_ages import AGE, COLOUR, NO_KERNEL, PANEL, SKIP

pytestmark = pytest.mark.browser

WANTED = ("notebook==7.6.5", "voila==0.5.13", "websockets==15.0.1")
"""Hosts beside JupyterLab, and what they need that JupyterLab does not bring."""
PLACES = {
    "jupyterlab": "lab/tree/ages.ipynb?token=test",
    "notebook": "notebooks/ages.ipynb?token=test",
    "voila": "",
}
SERVED = (
    "--allow-root",
    "--IdentityProvider.token=test",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
)
CULLED = {"cull_idle_timeout": 20, "cull_interval": 2, "cull_connected": True}
RUN_ALL = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells') }"
CONNECTED = (
    "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
    "?.connectionStatus === 'connected'"
)


SHOWS = f"import os\nprint('pid', os.getpid())\n{PANEL}"


def hosts() -> Path:
    """Notebook 7 and Voila in the build folder; skips the test where pip cannot fetch them."""
    kept = ROOT / "out" / "hosts"
    names = [each.replace("==", "-") for each in WANTED]
    if not all((kept / f"{name}.dist-info").exists() for name in names):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--no-deps"]
        made = subprocess.run(
            [*command, "--target", kept, *WANTED], capture_output=True, text=True, timeout=600
        )
        if made.returncode != 0:
            pytest.skip(f"Notebook 7 and Voila cannot be fetched: {made.stderr[-200:]}")
    return kept


@contextlib.contextmanager
def running(host: str, home: Path, sandbox: Sandbox) -> Iterator[str]:
    """Run a server that culls kernels which are idle for 20 seconds; gives the URL of its
    notebook.
    """
    paths = [ROOT] if host == "jupyterlab" else [ROOT, hosts()]
    more = {
        **sandbox.environment(),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "JUPYTER_PATH": os.pathsep.join(f"{each}/share/jupyter" for each in paths),
    }
    folder, environment = lab_home(home, more)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOWS)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, folder / "ages.ipynb")
    port = free_port()
    command = [sys.executable, "-m", host, "--no-browser", f"--port={port}"]
    command += ["ages.ipynb"] if host == "voila" else SERVED
    command += [f"--MappingKernelManager.{name}={value}" for name, value in CULLED.items()]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(port) or server.poll() is not None)
            assert server.poll() is None, (home / "log").read_text(errors="replace")[-3000:]
            yield f"http://127.0.0.1:{port}/{PLACES[host]}"
        finally:
            server.terminate()
            server.wait(START_S)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + START_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(reduced_motion="reduce")
    context.set_default_timeout(START_S * 1000)
    context.add_init_script(PATIENT % (START_S * 1000))
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.slow
@pytest.mark.parametrize("host", PLACES)
def test_a_panel_ages_and_outlives_its_kernel(
    host: str, sandbox: Sandbox, page: Any, tmp_path: Path
) -> None:
    sandbox.reset()
    with running(host, tmp_path, sandbox) as url:
        page.goto(url)
        if host != "voila":  # which runs the notebook itself
            page.wait_for_function(CONNECTED)
            page.evaluate(RUN_ALL)
        headline = page.locator(".gts-headline", has_text="Only 203.0.113.0/24").first
        headline.wait_for()
        said = page.get_by_text(re.compile(r"^\s*pid \d+\s*$")).first.inner_text()
        kernel = int(said.split()[1])
        green = headline.evaluate(COLOUR)
        os.kill(kernel, signal.SIGSTOP)
        try:
            page.evaluate(SKIP, 95_000)
            grey = headline.evaluate(COLOUR)
            assert grey != green
            assert "more than 90 s ago" in page.locator(".gts-age").first.evaluate(AGE)
        finally:
            os.kill(kernel, signal.SIGCONT)
        wait_until(lambda: not Path(f"/proc/{kernel}").exists())
        panel = page.locator(".gts-panel.jupyter-widgets-disconnected").first
        panel.wait_for()
        assert panel.evaluate("e => getComputedStyle(e, '::before').content") == NO_KERNEL
        assert headline.inner_text().startswith("Only 203.0.113.0/24")
        assert headline.evaluate(COLOUR) != green
        assert panel.locator("button:visible:not(.gts-toggle), input:visible").count() == 0
        assert panel.get_by_text("gt-images").first.is_visible()
