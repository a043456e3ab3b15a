"""What only a browser can do: copy the URL, probe from the person's own network,
and keep no trace of it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="make browser installs playwright")

from playwright.sync_api import expect

from .conftest import SECRETS

pytestmark = pytest.mark.browser

SHOW = "import gt_secure\np = gt_secure.panel(bucket='gt-images', addresses=['203.0.113.0/24']); p"


def test_copy_and_probe_from_this_browser(open_notebook: Any) -> None:
    notebook = open_notebook("browser_part.ipynb", SHOW, height=3000)
    notebook.run_all()
    panel = notebook.panel
    notebook.click(panel.get_by_role("button", name="Test URL", exact=True))
    copy = panel.get_by_role("button", name="Copy", exact=True)
    probe = panel.get_by_role("button", name="Probe from this browser")
    copy.wait_for()  # the kernel opens the step
    expect(copy).to_be_disabled()
    notebook.click(panel.get_by_role("button", name="Sign test URL"))
    panel.get_by_text("•••••••").first.wait_for()

    notebook.click(copy)
    panel.get_by_text("Copied.").wait_for()
    copied = notebook.page.evaluate("() => navigator.clipboard.readText()")
    assert SECRETS.search(copied)

    notebook.click(probe)
    panel.get_by_text("Opened by this browser").wait_for()

    panel.get_by_role("button", name="More options").locator("visible=true").click()
    panel.get_by_label("Bind to address").fill("203.0.113.7")
    panel.get_by_label("Bind to address").press("Enter")
    notebook.click(panel.get_by_role("button", name="Sign test URL"))
    panel.get_by_text("bound to 203.0.113.7").first.wait_for()
    notebook.click(probe)
    panel.get_by_text(re.compile("Refused to this browser|Not opened by this browser")).wait_for()
    notebook.shoot("4-browser-probe")

    html = notebook.page.content()
    assert "X-Amz-Signature" not in html, "the page never holds the URL"
    notebook.click(panel.get_by_role("button", name="Clear", exact=True))
    panel.get_by_text("No test URL.").wait_for()
    expect(copy).to_be_disabled()
    saved = notebook.save()
    assert '"widgets"' in saved, "the state of the widgets is saved, so the search means something"
    assert not SECRETS.search(saved)
    assert notebook.problems == []
