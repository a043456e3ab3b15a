"""What goes wrong in real life: slow and late answers, cancel, restart, reload, two panels,
refusals, no mouse.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import START_S, UNDO, open_step, remove

pytestmark = pytest.mark.browser

SHOW = "import gt_secure\np = gt_secure.panel(); p"
# A call that is held answers when the test writes a file, not after a time: how fast this machine
# is does not matter.
HELD = """
import time, gt_secure
from pathlib import Path
from gt_secure.connection import Connection

def hold(name):
    Path(f"{name}.held").touch()
    while not Path(f"{name}.go").exists():
        time.sleep(0.02)
    Path(f"{name}.done").touch()

class Held(Connection):
    def workteams(self):
        if HOLD == "teams":
            hold(HOLD)
        return super().workteams()
    def jobs(self, team):
        found = super().jobs(team)
        if HOLD == "jobs" and team.name == "radiology-team":
            hold(HOLD)
        return found

p = gt_secure.panel(Held(gt_secure.connect().aws)); p
"""


FOCUSED = (
    "() => { const e = document.activeElement; return e.labels?.[0]?.textContent || e.textContent }"
)


def choose(panel: Any, start: str) -> None:
    open_step(panel, "Team or bucket")
    select = panel.get_by_label("Workteam", exact=True)
    option = select.locator("option", has_text=re.compile(rf"^{start}\s"))
    option.wait_for(state="attached")
    select.select_option(label=option.text_content())


def wait_for_file(path: Path) -> None:
    end = time.monotonic() + START_S
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.02)


def test_cancel_then_read_again_while_the_kernel_stays_free(open_notebook: Any, lab: Any) -> None:
    notebook = open_notebook("cancel.ipynb", f"HOLD = 'teams'\n{HELD}", "'the kernel is ' + 'free'")
    notebook.run_all()
    panel = notebook.panel
    cancel = panel.get_by_role("button", name="Cancel", exact=True).first
    cancel.wait_for()
    notebook.page.get_by_text("the kernel is free").wait_for()
    notebook.shoot("loading")
    cancel.click()
    panel.get_by_text("Cancelled.").first.wait_for()
    notebook.shoot("cancelled")
    (lab.folder / "teams.go").touch()
    wait_for_file(lab.folder / "teams.done")
    answered(panel)
    options = panel.get_by_label("Workteam", exact=True).locator("option")
    assert options.count() == 0, "the answer that nobody waits for any more is not shown"
    notebook.click(panel.get_by_role("button", name="Refresh"))
    options.first.wait_for(state="attached")


def answered(panel: Any) -> None:
    """A round trip through the kernel: what it had to say before has been said."""
    name = "Team or bucket"
    toggle = panel.get_by_role("button", name=name, exact=True)
    opened = toggle.get_attribute("aria-expanded")
    for is_open in (opened != "true", opened == "true"):
        toggle.click()
        panel.get_by_role("button", name=name, exact=True, expanded=is_open).wait_for()


def test_a_late_answer_for_another_team_is_dropped(open_notebook: Any, lab: Any) -> None:
    notebook = open_notebook("late.ipynb", f"HOLD = 'jobs'\n{HELD}")
    notebook.run_all()
    panel = notebook.panel
    choose(panel, "radiology-team")
    panel.get_by_text("Reading the workforce and the labeling jobs").wait_for()
    wait_for_file(lab.folder / "jobs.held")
    choose(panel, "open-team")
    panel.locator(".gts-title .gts-who").get_by_text("open-team").wait_for()
    (lab.folder / "jobs.go").touch()
    wait_for_file(lab.folder / "jobs.done")
    answered(panel)
    answered(panel)
    assert panel.get_by_text("chest-scans").count() == 0
    assert panel.get_by_label("Bucket", exact=True).input_value() == "", "not that of its jobs"


def test_two_panels_in_one_notebook_do_not_disturb_each_other(open_notebook: Any) -> None:
    notebook = open_notebook("two.ipynb", SHOW, "q = gt_secure.panel(); q", height=3000)
    notebook.run_all()
    panels = notebook.page.locator(".gts-panel")
    panels.nth(1).wait_for()
    choose(panels.nth(0), "open-team")
    choose(panels.nth(1), "vpc-team")
    panels.nth(0).locator(".gts-title .gts-who").get_by_text("open-team").wait_for()
    panels.nth(1).locator(".gts-title .gts-who").get_by_text("vpc-team").wait_for()
    assert panels.nth(0).locator(".gts-title .gts-who").get_by_text("vpc-team").count() == 0


def test_one_panel_in_two_cells_shows_the_same(open_notebook: Any) -> None:
    notebook = open_notebook("same.ipynb", SHOW, "p", height=3000)
    notebook.run_all()
    panels = notebook.page.locator(".gts-panel")
    panels.nth(1).wait_for()
    choose(panels.nth(0), "open-team")
    panels.nth(1).locator(".gts-title .gts-who").get_by_text("open-team").wait_for()


def test_a_page_reload_brings_the_panel_back_with_its_state(open_notebook: Any) -> None:
    notebook = open_notebook("reload.ipynb", SHOW, height=2400)
    notebook.run_all()
    choose(notebook.panel, "radiology-team")
    notebook.panel.get_by_role("button", name="Allow", exact=True, expanded=True).wait_for()
    notebook.save()
    notebook.lab.load(notebook.page, f"/tree/{notebook.name}")
    notebook.panel.wait_for()
    notebook.panel.locator(".gts-title .gts-who").get_by_text("radiology-team").wait_for()
    choose(notebook.panel, "open-team")
    notebook.panel.locator(".gts-title .gts-who").get_by_text("open-team").wait_for()


def test_after_a_kernel_restart_the_panel_runs_again_and_can_undo(open_notebook: Any) -> None:
    show = (
        "import gt_secure\np = gt_secure.panel(team='open-team', bucket='gt-images',"
        " addresses=['203.0.113.0/24']); p"
    )
    notebook = open_notebook("restart.ipynb", show, height=3000)
    notebook.run_all()
    panel = notebook.panel
    notebook.agree("Nobody uses the VPC portal")
    notebook.agree("No worker of radiology-team needs what is refused")
    notebook.click(panel.get_by_role("button", name=re.compile("^Apply 2")))
    panel.get_by_text("Applied and read back.").wait_for()
    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    notebook.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status ==="
        " 'idle'"
    )
    notebook.run_all()
    fresh = notebook.page.locator(".gts-panel").last
    fresh.get_by_text("Nothing to change").first.wait_for()
    remove(notebook, "gt-images", fresh)
    fresh.get_by_text("Undone: what the change had set is as before.").wait_for()


ERRORS = {
    "no-credentials": (
        (
            "import os\nfor k in [k for k in os.environ if k.startswith('AWS_') and 'REGION' not in"
            " k]: del os.environ[k]\nos.environ['AWS_EC2_METADATA_DISABLED'] = 'true'"
        ),
        "No AWS credentials were found",
    ),
    "no-region": (
        (
            "import os\nfor k in ('AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_CONFIG_FILE'):"
            " os.environ.pop(k, None)"
        ),
        "No AWS region is set",
    ),
    "no-answer": (
        "import os\nos.environ['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:9'",
        "No response from",
    ),
    "wrong-key": (
        (
            "import os\nos.environ.update(AWS_ACCESS_KEY_ID='AKIA' + 'NOSUCHKEY0000000',"
            " AWS_SECRET_ACCESS_KEY='x')"
        ),
        "does not accept these credentials",
    ),
    "no-team": ("", 'There is no workteam "no-such-team"'),
}


@pytest.mark.parametrize("case", sorted(ERRORS))
def test_an_error_is_a_sentence_with_the_next_step(open_notebook: Any, case: str) -> None:
    prepare, part = ERRORS[case]
    team = "team='no-such-team'" if case == "no-team" else ""
    notebook = open_notebook(
        f"error_{case}.ipynb",
        f"{prepare}\nimport gt_secure\np = gt_secure.panel({team}); p",
        height=1800,
    )
    notebook.run_all()
    alert = notebook.panel.get_by_role("alert").filter(has_text=part).first
    alert.wait_for()
    notebook.shoot(f"error-{case}")
    text = notebook.page.inner_text("body")
    assert "Traceback" not in text
    assert "NOSUCHKEY" not in notebook.panel.inner_text()


def test_the_whole_job_by_keyboard(open_notebook: Any) -> None:
    show = "import gt_secure\np = gt_secure.panel(team='open-team', bucket='gt-images'); p"
    notebook = open_notebook("keyboard.ipynb", show, height=3000)
    notebook.run_all()
    page, panel = notebook.page, notebook.panel
    panel.get_by_role("button", name="Allow", exact=True, expanded=True).wait_for()

    def tab_to(name: str, most: int = 60) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            label = page.evaluate(FOCUSED)
            if label.strip() == name:
                ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
                assert ring not in ("none", ""), f"{name} shows that it has the focus"
                return
        raise AssertionError(f"{name} cannot be reached with Tab")

    def press(name: str, key: str = "Enter") -> None:
        # Tab passes over a button that is disabled while its step works.
        panel.get_by_role("button", name=re.compile(f"^{name}$"), disabled=False).wait_for()
        tab_to(name)
        page.keyboard.press(key)

    panel.get_by_role("button", name="Team or bucket", exact=True).focus()
    if panel.get_by_role("button", name="Allow", exact=True, expanded=True).count() == 0:
        press("Allow")
    tab_to("Allowed addresses")
    page.keyboard.type("203.0.113.0/24")
    page.keyboard.press("Enter")
    press("Review")
    panel.get_by_label("Nobody uses the VPC portal").wait_for()  # the plan takes a moment
    tab_to("Nobody uses the VPC portal")
    page.keyboard.press("Space")
    tab_to("No worker of radiology-team needs what is refused")
    page.keyboard.press("Space")
    press("Apply 2 changes to open-team")
    panel.get_by_text("Applied and read back.").wait_for()
    press("Test it")
    panel.get_by_text("•••••••").first.wait_for()
    panel.get_by_text("Probe results").wait_for(state="attached")
    tab_to("Probe from")
    press("Probe", "Space")
    press("Requests")
    press("Plot requests")
    panel.locator(".gts-plot svg").first.wait_for(state="attached")
    panel.get_by_role("button", name=UNDO).focus()
    page.keyboard.press("Enter")
    panel.get_by_label(re.compile("to remove its protection")).fill("gt-images")
    panel.get_by_role("button", name=re.compile(r"^Undo 2 changes"), disabled=False).focus()
    page.keyboard.press("Enter")
    panel.get_by_text("Undone: what the change had set is as before.").wait_for()


SLOW = """
import time, gt_secure
from pathlib import Path
from gt_secure.connection import Connection

class Slow(Connection):
    def endpoints(self):
        while not Path("endpoints.go").exists():
            time.sleep(0.02)
        return super().endpoints()

    def apply(self, *args, **more):
        Path("apply.held").touch()
        while not Path("apply.go").exists():
            time.sleep(0.02)
        applied = super().apply(*args, **more)
        Path("apply.done").touch()
        return applied

p = gt_secure.panel(Slow(gt_secure.connect().aws), team="open-team", bucket="gt-images"); p
"""


WAITING = """
Path("cell.held").touch()
while not Path("cell.go").exists():
    time.sleep(0.02)
"the cell has " + "ended"
"""


@pytest.fixture
def signs(lab: Any) -> Any:
    """Files by which tests and kernels tell each other to go on."""
    names = ("endpoints.go", "apply.held", "apply.go", "apply.done", "cell.held", "cell.go")

    def forget() -> None:
        for name in names:
            (lab.folder / name).unlink(missing_ok=True)

    forget()
    yield lab.folder
    forget()


def test_what_is_typed_stays_while_choices_arrive(open_notebook: Any, signs: Path) -> None:
    notebook = open_notebook("typing.ipynb", SLOW, height=3000)
    notebook.run_all()
    panel = notebook.panel
    panel.get_by_role("button", name="More options").click()
    box = panel.get_by_label("VPC endpoints", exact=True)
    box.wait_for()
    box.press_sequentially("vpce-0a1")
    (signs / "endpoints.go").touch()
    panel.get_by_text("Endpoints that cannot serve S3 are left out").wait_for(state="attached")
    assert box.input_value() == "vpce-0a1"
    box.press_sequentially("b2c3d4e5f6a7b")
    box.press("Enter")
    panel.get_by_role("button", name="vpce-0a1b2c3d4e5f6a7b").wait_for()
    assert box.input_value() == "", "entered: the kernel has emptied it"
    # Typed on before the kernel has answered; the window is left and entered again.
    box.press_sequentially("vpce-0b1b2c3d4e5f6a7b")
    box.evaluate(
        "e => { e.dispatchEvent(new Event('change', {bubbles: true}));"
        " document.execCommand('insertText', false, 'v') }"
    )
    box.press_sequentially("pce-0c1b2c3d4e5f6a7b")
    panel.get_by_role("button", name="vpce-0b1b2c3d4e5f6a7b").wait_for()
    box.evaluate("e => e.dispatchEvent(new FocusEvent('blur'))")
    assert box.input_value() == "vpce-0c1b2c3d4e5f6a7b"
    box.press("Enter")
    panel.get_by_role("button", name="vpce-0c1b2c3d4e5f6a7b").wait_for()
    box.press_sequentially("vpce-9")
    for _ in "vpce-9":
        box.press("Backspace")
    panel.get_by_label("Key prefix", exact=True).fill("scans/")
    panel.get_by_label("Key prefix", exact=True).press("Tab")
    panel.locator(".gts-summary").get_by_text("under scans/").wait_for()
    assert box.input_value() == ""


@pytest.mark.parametrize("over", ["perCommTarget", "perComm", "disabled"])
def test_the_panel_beside_a_cell_that_runs(open_notebook: Any, signs: Path, over: str) -> None:
    """The kernel handles an entry on the thread of its cells or on another one,
    which may change each time.
    """
    notebook = open_notebook(f"beside_{over}.ipynb", SLOW, WAITING, height=3400)
    notebook.page.evaluate(
        "over => { window.jupyterapp.serviceManager.kernels.commsOverSubshells = over }", over
    )
    (signs / "endpoints.go").touch()
    notebook.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    panel = notebook.panel
    panel.wait_for()
    box = panel.get_by_label("Allowed addresses", exact=True)
    box.fill("203.0.113.0/24, 198.51.100.7")
    box.press("Enter")
    wait_for_file(signs / "cell.held")
    (signs / "cell.go").touch()
    panel.get_by_role("button", name="198.51.100.7 · IPv4 · 1").wait_for()
    panel.locator(".gts-title .gts-who").get_by_text("open-team").wait_for()
    panel.get_by_text("Endpoints that cannot serve S3 are left out").wait_for(state="attached")
    notebook.page.get_by_text("the cell has ended").wait_for()
    panel.locator(".gts-summary").get_by_text("2 changes").wait_for()
    for name in ("cell.go", "cell.held"):
        (signs / name).unlink()
    notebook.page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }"
    )
    notebook.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell') }")
    wait_for_file(signs / "cell.held")
    box.fill("192.0.2.0/24")
    box.press("Enter")
    notebook.page.wait_for_timeout(500)  # time for the other thread, if this kernel sends it there
    (signs / "cell.go").touch()
    panel.get_by_role("button", name="192.0.2.0/24 · IPv4 · 256").wait_for()
    # the plan is new, too
    panel.locator(".gts-part").get_by_text("192.0.2.0/24").first.wait_for(state="attached")
    notebook.settle()
    assert panel.get_by_role("alert").count() == 0


def test_what_is_applied_while_the_notebook_is_closed_is_shown_when_it_is_opened(
    open_notebook: Any, signs: Path, sandbox: Any
) -> None:
    notebook = open_notebook("closed.ipynb", SLOW, height=3400)
    (signs / "endpoints.go").touch()
    notebook.run_all()
    panel = notebook.panel
    panel.get_by_label("Allowed addresses", exact=True).fill("203.0.113.0/24")
    panel.get_by_label("Allowed addresses", exact=True).press("Enter")
    open_step(panel, "Review & apply")
    notebook.agree("Nobody uses the VPC portal")
    notebook.agree("No worker of radiology-team needs what is refused")
    apply = panel.get_by_role("button", name=re.compile("Apply . change"))
    notebook.click(apply)
    wait_for_file(signs / "apply.held")
    notebook.save()
    notebook.command("application:close")
    notebook.page.locator(".jp-NotebookPanel").wait_for(state="detached")
    (signs / "apply.go").touch()
    wait_for_file(signs / "apply.done")
    notebook.page.wait_for_timeout(500)  # time for the panel to show it to nobody
    notebook.command("docmanager:open", path=notebook.name)
    notebook.panel.wait_for()
    panel.get_by_text("Applied", exact=False).first.wait_for()
    notebook.settle()
    remove(notebook, "gt-images")
    panel.get_by_text("Undone", exact=False).first.wait_for()
