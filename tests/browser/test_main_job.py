"""The whole job in a real JupyterLab, by the names that people and screen readers see."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from .conftest import SECRETS, open_step, remove, wait_for_hits

pytestmark = pytest.mark.browser

PANEL = "import gt_secure\ngt_secure.panel()"


def test_five_steps_from_choice_to_hits(open_notebook: Any, sandbox: Any) -> None:
    started = time.time()
    notebook = open_notebook("main_job.ipynb", PANEL, height=3600)
    notebook.run_all()
    panel = notebook.panel
    notebook.command("application:toggle-left-area")

    team = panel.get_by_label("Workteam", exact=True)
    team.select_option(label="radiology-team · private · URL lock on (SourceIp)")
    panel.get_by_role("button", name="Allow", exact=True, expanded=True).wait_for()
    notebook.shoot("1-workteam")

    open_step(panel, "Allow")
    addresses = panel.get_by_label("Allowed addresses", exact=True)
    addresses.fill("203.0.113.0/24, 2001:db8:113::/48")
    addresses.press("Enter")
    panel.get_by_role("button", name="203.0.113.0/24").wait_for()
    notebook.shoot("2-allow")

    notebook.click(panel.get_by_role("button", name="Review", exact=True))
    apply = panel.get_by_role("button", name=re.compile("^Apply"))
    panel.get_by_text("Every case, now and after").wait_for()
    assert apply.is_disabled(), "workers may be working: a person agrees first"
    notebook.agree("No worker of radiology-team needs what is refused")
    notebook.shoot("3-review")
    notebook.click(apply)
    panel.get_by_text("Applied and read back.").wait_for()
    notebook.shoot("3-applied")

    open_step(panel, "Test URL")
    panel.get_by_role("button", name="More options").locator("visible=true").click()
    panel.get_by_label("Bind to address").fill("203.0.113.7")
    panel.get_by_label("Bind to address").press("Enter")
    notebook.click(panel.get_by_role("button", name="Sign test URL"))
    panel.get_by_text(re.compile(r"\d:\d\d left")).first.wait_for()
    notebook.click(panel.get_by_role("button", name="Probe", exact=True))
    panel.get_by_text("Probe results").wait_for()
    notebook.shoot("4-test-url")

    wait_for_hits(sandbox, "198.51.100.9", started)
    open_step(panel, "Requests")
    notebook.click(panel.get_by_role("button", name="Plot requests"))
    panel.locator(".gts-plot svg").first.wait_for(state="attached")
    notebook.settle()  # a bar that is drawn again loses the focus
    panel.locator("button.gts-bar[title^='198.51.100.9']").press("Enter")
    panel.get_by_text("Today a presigned URL from there").wait_for()
    notebook.shoot("5-hits")

    remove(notebook, "gt-images")
    panel.get_by_text("Undone: what the change had set is as before.").wait_for()
    assert not SECRETS.search(notebook.save())
    assert notebook.problems == []
