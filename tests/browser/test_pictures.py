"""The scenes of the animated picture in the README: a forwarded URL opens, then is refused,
then is plotted.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from .conftest import open_step, remove, wait_for_hits

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not os.environ.get("GT_SECURE_PICTURES"),
        reason="only tools/screenshots.py needs these scenes",
    ),
]

PANEL = 'import gt_secure\ngt_secure.panel(team="open-team", bucket="gt-images")'


def show(panel: Any, name: str) -> None:
    """Open this step, which folds the others."""
    open_step(panel, name)
    panel.page.mouse.move(0, 0)
    panel.page.evaluate("() => document.activeElement.blur()")


def test_a_forwarded_url_turns_into_a_refusal(open_notebook: Any, sandbox: Any) -> None:
    started = time.time()
    notebook = open_notebook("pictures.ipynb", PANEL, height=2400)
    notebook.run_all()
    panel = notebook.panel
    notebook.command("application:toggle-left-area")
    panel.get_by_text("open-team · private").first.wait_for(state="attached")
    notebook.settle()
    show(panel, "Team or bucket")
    notebook.shoot("film-1-workteam")

    show(panel, "Test URL")
    panel.get_by_label("Probe from", exact=True).locator("option").nth(6).wait_for(state="attached")
    panel.get_by_label("Object", exact=True).fill("scans/0001.png")
    panel.get_by_label("Object", exact=True).press("Enter")
    notebook.click(panel.get_by_role("button", name="Sign test URL"))
    probe = panel.get_by_role("button", name="Probe", exact=True)
    notebook.click(probe)
    panel.get_by_text("opened (200)").nth(6).wait_for()
    notebook.settle()
    notebook.shoot("film-2-opened")

    show(panel, "Allow")
    addresses = panel.get_by_label("Allowed addresses", exact=True)
    addresses.fill("203.0.113.0/24, 2001:db8:113::/48")
    addresses.press("Enter")
    apply = panel.get_by_role("button", name="Apply 2 changes to open-team", exact=True)
    notebook.click(panel.get_by_role("button", name="Review", exact=True))
    panel.get_by_role("button", name="Apply (confirm 2 warnings above)", exact=True).wait_for()
    notebook.settle()
    notebook.agree("Nobody uses the VPC portal")
    notebook.agree("No worker of radiology-team needs what is refused")
    notebook.shoot("film-3-review")
    notebook.click(apply)
    panel.get_by_text("Applied and read back.").wait_for()

    show(panel, "Test URL")
    notebook.click(probe)
    panel.get_by_text("refused (403)").first.wait_for()
    notebook.settle()
    notebook.shoot("film-4-refused")

    wait_for_hits(sandbox, "198.51.100.9", started)
    show(panel, "Requests")
    notebook.click(panel.get_by_role("button", name="Plot requests"))
    panel.locator(".gts-plot svg").first.wait_for(state="attached")
    notebook.settle()
    notebook.shoot("film-5-hits")
    remove(notebook, "gt-images")
    panel.get_by_text("Undone: what the change had set is as before.").wait_for()
