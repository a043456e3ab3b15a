"""A sandbox, a JupyterLab and a Chromium; everything offline, on free ports,
in a home of its own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import nbformat
import pytest

import gt_secure
from gt_secure.sandbox import Sandbox
from support.chromium import axe_script, chromium_program, start_chromium
from support.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "out" / "screenshots"
START_S = 240
"""A bound for a busy machine: nothing waits for it when all is well."""
SECRETS = re.compile(
    r"X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|A[KS]IA[A-Z0-9]{12}|aws_secret"
)

FAILED = pytest.StashKey[bool]()
OPENED = pytest.StashKey[list["Notebook"]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
        for notebook in item.stash.get(OPENED, []):
            report.sections.append((f"what {notebook.name} shows", notebook.seen()))
    return report


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Lab:
    """A running JupyterLab: where it is, and where its files are."""

    url: str
    token: str
    folder: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def notebook(self, name: str, *cells: str) -> Path:
        """Write a notebook with code cells."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        path = self.folder / name
        nbformat.write(book, path)
        return path

    def load(self, page: Any, path: str = "", *, reset: bool = False) -> None:
        """Load JupyterLab in a page, until it has its layout."""
        page.goto(f"{self.url}/lab{path}?token={self.token}{'&reset' if reset else ''}")
        page.wait_for_function("() => window.jupyterapp?.restored")
        page.evaluate("() => window.jupyterapp.restored")
        page.wait_for_selector("#jupyterlab-splash", state="detached")


def open_step(panel: Any, title: str) -> None:
    """Open a step of a panel, which folds the one that is open."""
    toggle = panel.get_by_role("button", name=title, exact=True)
    toggle.wait_for()
    if toggle.get_attribute("aria-expanded") != "true":
        toggle.press("Enter")
        panel.get_by_role("button", name=title, exact=True, expanded=True).wait_for()


def remove(notebook: Any, name: str, panel: Any = None) -> None:
    """Press Remove this protection, type the name, and press what carries it out."""
    panel = notebook.panel if panel is None else panel
    notebook.click(panel.get_by_role("button", name=UNDO))
    box = panel.get_by_label(re.compile("to remove its protection"))
    box.fill(name)
    notebook.click(panel.get_by_role("button", name=re.compile(r"^Undo \d")))


UNDO = re.compile("^(Remove this protection|Undo (this|the last) change)$")


@pytest.fixture(scope="session")
def running_lab(
    running_sandbox: Sandbox, warm: Warm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    given = {**running_sandbox.environment(), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    environment = warm.environment(given)  # in which a cell finds gt-secure
    home = tmp_path_factory.mktemp("home")
    (home / "config").mkdir()
    (home / "config" / "jupyter_server_config.py").write_text(DEAF)
    with start_lab(sys.executable, home, environment) as running:
        yield running


@pytest.fixture
def lab(running_lab: Lab, sandbox: Sandbox) -> Lab:
    """One JupyterLab for all browser tests of a worker;
    its kernels see a sandbox that each file finds as seeded.
    """
    return running_lab


DEAF = """
from pathlib import Path

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection as Connection

connect, restarted, forward = Connection.connect, Connection.on_kernel_restarted, Connection.handle_outgoing_message
deaf, died = [], []

def connected(self):
    if died and not deaf:
        deaf.append(self)
    return connect(self)

def told(self):
    if Path("deaf").exists():
        died.append(self)
    restarted(self)

def heard(self, stream, messages):
    if self not in deaf or stream.channel != "iopub":
        forward(self, stream, messages)

Connection.connect, Connection.on_kernel_restarted, Connection.handle_outgoing_message = connected, told, heard
"""
"""Makes a server subscribe too late where a file ``deaf`` is: the first connection to the first
kernel that was started again hears nothing on the channel of statuses.

So it happens to a busy machine, since the server does not wait for a kernel that was busy when it
died.
"""


@contextlib.contextmanager
def start_lab(python: str, home: Path, more: Mapping[str, str], base: str = "") -> Iterator[Lab]:
    """JupyterLab of one Python, on a free port, with a home of its own and no setting of this
    machine.

    ``base`` is its base URL without a slash at the end.
    """
    folder, environment = lab_home(home, more)
    token, port = "test", free_port()
    options = {
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.base_url": f"{base}/",
        "IdentityProvider.token": token,
        "ServerApp.root_dir": folder,
        "LabApp.expose_app_in_browser": True,
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [python, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    with (home / "lab.log").open("wb") as said:
        process = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            cwd=folder,
            env=environment,
            stdout=said,
            stderr=said,
        )
        running = Lab(f"http://127.0.0.1:{port}{base}", token, folder, process)
        try:
            _wait(running, home / "lab.log")
            yield running
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def lab_home(home: Path, more: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """Make the folders of a server of notebooks, and return that of its notebooks and its
    environment.
    """
    folder = home / "notebooks"
    folder.mkdir()
    _settings(home / "settings" / "@jupyterlab")
    link_extension(home / "data")
    ours = ("AWS_", "JUPYTER", "GT_SECURE", "PYTHON", "VIRTUAL_ENV")
    return folder, {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        # The extension of this checkout, not one that is installed in the environment.
        "JUPYTER_PREFER_ENV_PATH": "0",
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "GT_SECURE_JOURNAL": str(home / "journal"),
        **more,
    }


def link_extension(data: Path) -> None:
    """Let a JupyterLab find the extension of this checkout."""
    (data / "labextensions").mkdir(parents=True)
    (data / "labextensions" / "gt_secure").symlink_to(ROOT / "gt_secure" / "labextension")


def _settings(folder: Path) -> None:
    choices: dict[str, dict[str, Any]] = {
        "apputils-extension/notification.jupyterlab-settings": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
        # The strictest case for secrets: the state of all widgets goes into the notebook.
        "../@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings": {"saveState": True},
        "docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
    }
    for name, values in choices.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def _wait(lab: Lab, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if lab.process.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{lab.url}/api?token={lab.token}", timeout=2),
        ):
            return
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


_browser = contextlib.ExitStack()
_running: list[Any] = []
_contexts: dict[str, Any] = {}
_loaded: dict[str, Any] = {}
"""For a lab its page where JupyterLab is loaded and nothing is open:
loading it costs more than most tests.
"""

_EMPTY = """async () => {
  const app = window.jupyterapp, { shell, serviceManager } = app;
  for (const area of ['main', 'right'])
    for (const each of [...shell.widgets(area)])
      if (area === 'main' || each.id.startsWith('gt-secure')) each.dispose();
  shell.expandLeft();
  shell.collapseRight();
  await serviceManager.sessions.shutdownAll();
  serviceManager.kernels.commsOverSubshells = 'perCommTarget';
  const settings = await (%s).load('gt_secure:plugin');
  for (const name of Object.keys(settings.user)) await settings.remove(name);
  if (document.body.dataset.jpThemeLight !== 'true')
    await app.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
  await app.commands.execute('apputils:dismiss-all-notifications').catch(() => {});
  return !document.querySelector('.jp-Dialog');
}"""
SETTINGS = (
    "[...window.jupyterapp.pluginRegistry?._plugins?.values?.() ??"
    " window.jupyterapp._plugins.values()].find(each => each.id ==="
    " '@jupyterlab/apputils-extension:settings').service"
)
"""JupyterLab's registry of settings, in JavaScript."""


PATIENT = """{
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = ms => timeout(ms === 2000 ? %d : ms);
}"""
"""anywidget gives a page two seconds to load a widget's module, then drops every message to that
widget: a busy machine gets longer."""


def take_page(chromium: Any, lab: Lab, width: int = 1280, height: int = 1000) -> Any:
    """Take a page with JupyterLab where nothing is open:
    the one that was put back, or a new one.
    """
    page = _loaded.pop(lab.url, None)
    if page is None:
        if lab.url not in _contexts:
            # Chromium draws here without a graphics card: what turns until an answer comes costs
            # more than the answer.
            context = chromium.new_context(reduced_motion="reduce")
            context.set_default_timeout(START_S * 1000)
            context.add_init_script(PATIENT % (START_S * 1000))
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=lab.url)
            _contexts[lab.url] = context
        page = _contexts[lab.url].new_page()
        page.set_viewport_size({"width": width, "height": height})
        lab.load(page, reset=True)
    page.set_viewport_size({"width": width, "height": height})
    return page


def put_back(lab: Lab, page: Any, *, failed: bool) -> None:
    """Close what is open in JupyterLab, and end its kernels;
    a page that cannot do that is closed.
    """
    with contextlib.suppress(Exception):  # the page may be in any state after a failure
        if page.evaluate(_EMPTY % SETTINGS) and not failed:
            _loaded[lab.url] = page
            return
    page.close()


@pytest.fixture
def chromium() -> Any:
    """One Chromium for all browser tests that follow each other."""
    if not _running:
        program = chromium_program()
        if program is None:
            pytest.fail(
                "The browser tests need Chromium: install the package chromium of your system."
            )
        _running.append(_browser.enter_context(start_chromium(program)))
    return _running[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    """End Chromium after the last browser test:
    playwright's event loop runs in this thread until then.
    """
    result = yield
    if nextitem is None or nextitem.path.parent != item.path.parent:
        _running.clear()
        _contexts.clear()
        _loaded.clear()
        _browser.close()
    return result


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core from npm."""
    return axe_script()


def wait_for_hits(sandbox: Sandbox, address: str, since: float) -> None:
    """Wait until the access log has a request of ours from an address that came after a moment."""
    env = sandbox.environment()
    session = boto3.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_REGION"]
    )
    gt = gt_secure.connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        times = gt.hits("gt-images").filter(address=address).rows(columns=["time"]).to_dicts()
        if any(row["time"].replace(tzinfo=dt.UTC).timestamp() >= int(since) for row in times):
            return
        time.sleep(0.1)
    pytest.fail(f"the access log told nothing of {address}")


def until(page: Any, script: str) -> None:
    """Run an async function in the page until it gives true.

    ``page.wait_for_function`` takes the promise itself for true, and does not run it again.
    """
    end = time.monotonic() + START_S
    while not page.evaluate(script):
        assert time.monotonic() < end, f"never true: {script}"
        page.wait_for_timeout(100)


class Notebook:
    """A notebook that is open in a browser page."""

    def __init__(self, lab: Lab, page: Any, name: str) -> None:
        self.lab, self.page, self.name = lab, page, name
        self.problems: list[str] = []
        page.on("pageerror", self._problem)

    def _problem(self, error: Exception) -> None:
        self.problems.append(str(error))

    def open(self) -> None:
        self.command("docmanager:open", path=self.name, factory="Notebook")
        self.page.wait_for_function(
            "name => { const shown = window.jupyterapp.shell.currentWidget; return"
            " shown?.context?.path === name &&"
            " shown.sessionContext?.session?.kernel?.connectionStatus === 'connected' }",
            arg=self.name,
        )

    def command(self, name: str, **args: Any) -> None:
        # What a command gives back may be half of JupyterLab.
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args) }",
            [name, args],
        )

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")
        self.panel.wait_for(timeout=START_S * 1000)

    def settle(self) -> None:
        """Wait until no panel on the page works any more:
        what arrives then moves what stands below.
        """
        self.page.wait_for_function(
            "() => !document.querySelector('.gts-panel .gts-busy') &&"
            " ![...document.querySelectorAll('.gts-role')].some(e =>"
            " e.textContent.startsWith('Checking what'))"
        )

    def agree(self, words: str) -> None:
        """Tick a box of what asks before Apply, when the plan that asks is the last one."""
        box = self.panel.get_by_label(words)
        box.wait_for()
        self.settle()
        box.check()

    def click(self, target: Any) -> None:
        """Click when nothing moves: a press whose release lands elsewhere,
        as the page grew meanwhile, is no click.
        """
        target.wait_for()
        self.settle()
        target.click()

    def theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=name)
        wanted = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{wanted}"]', state="attached")
        # JupyterLab lays its splash over the page while it changes the theme, and fades it out
        # after that.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def save(self) -> str:
        """Save with the state of all widgets, and return the file's text."""
        # Once more when something arrived meanwhile, until nothing is unsaved.
        until(
            self.page,
            "async () => { await window.jupyterapp.commands.execute('docmanager:save');"
            " return !window.jupyterapp.shell.currentWidget.model.dirty }",
        )
        return (self.lab.folder / self.name).read_text(encoding="utf-8")

    @property
    def panel(self) -> Any:
        return self.page.locator(".gts-panel").first

    def shoot(self, name: str) -> None:
        """Keep a picture of the panel in both themes,
        where pictures are wanted (``GT_SECURE_PICTURES=1``).
        """
        if not os.environ.get("GT_SECURE_PICTURES"):
            return
        SHOTS.mkdir(parents=True, exist_ok=True)
        for theme in ("Light", "Dark"):
            self.theme(f"JupyterLab {theme}")
            self.panel.screenshot(path=SHOTS / f"{name}-{theme.lower()}.png")
        self.theme("JupyterLab Light")

    def seen(self) -> str:
        """Describe the page for the report of a failure: its text, its entries,
        the focus, and errors.
        """
        try:
            text = self.page.evaluate(
                "() => [...document.querySelectorAll('.jp-Cell-outputArea, .jp-Dialog')].map(e =>"
                " e.innerText).join('\\n') + '\\nentered: ' +"
                " JSON.stringify([...document.querySelectorAll('.gts-panel"
                " input[type=text]')].map(e => [e.labels?.[0]?.textContent, e.value])) + '\\nfocus:"
                " ' + (document.activeElement?.outerHTML ?? '').slice(0, 200) + '\\nkernel: ' +"
                " window.jupyterapp.shell.currentWidget?.sessionContext?.kernelDisplayStatus"
            )
        except Exception as error:
            text = f"the page does not answer: {type(error).__name__}"
        log = (self.lab.folder.parent / "lab.log").read_text(errors="replace")[-3000:]
        return "\n".join([str(text), *self.problems, "JupyterLab's log:", log])

    def close(self, *, failed: bool) -> None:
        self.page.remove_listener("pageerror", self._problem)
        put_back(self.lab, self.page, failed=failed)


@pytest.fixture
def open_notebook(lab: Lab, chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    opened: list[Notebook] = []
    request.node.stash[OPENED] = opened

    def open_one(name: str, *cells: str, width: int = 1280, height: int = 1000) -> Notebook:
        lab.notebook(name, *cells)
        notebook = Notebook(lab, take_page(chromium, lab, width, height), name)
        notebook.open()
        opened.append(notebook)
        return notebook

    yield open_one
    failed = request.node.stash.get(FAILED, False)
    kept = []
    for notebook in opened:
        if failed:
            SHOTS.mkdir(parents=True, exist_ok=True)
            notebook.page.screenshot(path=SHOTS / f"failed-{request.node.name}.png")
        else:
            kept.append((notebook.save(), notebook.name))
        notebook.close(failed=failed)
    for saved, name in kept:  # after every test: outputs, metadata and the state of all widgets
        assert '"widgets"' in saved, f"{name} was saved without the state of its widgets"
        assert not SECRETS.search(saved), f"{name} holds a secret: {SECRETS.search(saved)}"


@pytest.fixture
def session_of(lab: Lab) -> Iterator[Callable[[Mapping[str, str]], str]]:
    """Code that makes a boto3 session of some keys,
    which stand in a file and not in the notebook.
    """
    path = lab.folder / "keys.json"

    def code(keys: Mapping[str, str]) -> str:
        names = ("AccessKeyId", "SecretAccessKey")
        path.write_text(json.dumps([keys[name] for name in names]))
        return (
            "import boto3, json, os\nsession = boto3.Session(*json.load(open('keys.json')),"
            " region_name='us-east-1')"
        )

    yield code
    path.unlink(missing_ok=True)
