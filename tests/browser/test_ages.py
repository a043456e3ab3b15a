"""What a panel says ages in the page, without its kernel: after 90 seconds nothing is green, and
where the kernel has gone, a sentence says so.
"""

from __future__ import annotations

import os
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .conftest import Lab
from .widget_page import executed, widgets_of, write_page

pytestmark = pytest.mark.browser

PANEL = """
import gt_secure
gt = gt_secure.connect()
plan = gt.plan(gt_secure.Restriction(bucket="gt-images", addresses=["203.0.113.0/24"]))
gt.apply(plan, confirm=[each.code for each in plan.asks])
p = gt_secure.panel(gt, bucket="gt-images", addresses=["203.0.113.0/24"])
await p.wait_idle()
p
"""
CELL = f"""
import sys
sys.modules["anywidget"] = None
{PANEL}"""
SKIP = "ms => document.getAnimations().forEach(each => { each.currentTime += ms })"
COLOUR = "e => getComputedStyle(e).color"
NO_KERNEL = '"This panel has no kernel. Run the cell again."'
AGE = "e => getComputedStyle(e, '::after').content"


@pytest.fixture(scope="module")
def shown(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    sandbox.reset()
    yield widgets_of(executed(sandbox, CELL, tmp_path_factory.mktemp("ages")))
    sandbox.reset()


def test_green_becomes_grey_and_the_age_is_said(shown: Any, chromium: Any, tmp_path: Path) -> None:
    """No kernel is behind the page, as behind one whose kernel is paused."""
    page = chromium.new_page()
    try:
        page.goto(write_page(tmp_path, shown, {}, 'style="margin:0"'))
        headline, age = page.locator(".gts-headline"), page.locator(".gts-age")
        headline.wait_for()
        assert headline.inner_text().startswith("Only 203.0.113.0/24")
        green = headline.evaluate(COLOUR)
        page.evaluate(SKIP, 25_000)
        assert " s ago" in age.evaluate(AGE)
        assert headline.evaluate(COLOUR) == green
        page.evaluate(SKIP, 65_000)
        grey = headline.evaluate(COLOUR)
        assert grey != green
        lightness, *chroma, _ = (float(each) for each in re.findall(r"-?[\d.]+(?:e-\d+)?", grey))
        assert max(map(abs, chroma)) < 0.001 < lightness, "as grey as it can be, in oklab"
        assert "more than 90 s ago. Press Refresh." in age.evaluate(AGE)
    finally:
        page.close()


def test_a_panel_without_a_kernel_is_a_sentence_and_its_text(
    shown: Any, chromium: Any, tmp_path: Path
) -> None:
    page = chromium.new_page()
    try:
        page.goto(write_page(tmp_path, shown, {}, 'style="margin:0"', is_live=False))
        panel = page.locator(".gts-panel").first
        panel.wait_for()
        said = panel.evaluate("e => getComputedStyle(e, '::before').content")
        assert said == NO_KERNEL
        headline = panel.locator(".gts-headline")
        assert headline.inner_text().startswith("Only 203.0.113.0/24")
        assert headline.evaluate(COLOUR) == panel.locator(".gts-read").evaluate(COLOUR)
        assert panel.locator("button:visible:not(.gts-toggle), input:visible").count() == 0
        assert panel.get_by_text("gt-images").first.is_visible()
    finally:
        page.close()


KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"


def test_in_jupyterlab_a_paused_kernel_leaves_no_green(
    open_notebook: Any, sandbox: Any, lab: Lab
) -> None:
    """A kernel that sleeps sends nothing; one that another tab restarts sends nothing of the panel."""
    sandbox.reset()
    notebook = open_notebook("ages.ipynb", f"import os\nprint('pid', os.getpid())\n{PANEL}")
    notebook.run_all()
    page, headline = notebook.page, notebook.panel.locator(".gts-headline")
    notebook.panel.get_by_text("Only 203.0.113.0/24").first.wait_for()
    notebook.settle()
    green = headline.evaluate(COLOUR)
    said = page.locator(".jp-OutputArea-output", has_text="pid ").first.inner_text()
    kernel = int(said.split()[1])
    os.kill(kernel, signal.SIGSTOP)
    try:
        assert headline.evaluate(COLOUR) == green
        page.evaluate(SKIP, 95_000)
        grey = headline.evaluate(COLOUR)
        assert grey != green
        assert "more than 90 s ago" in notebook.panel.locator(".gts-age").first.evaluate(AGE)
    finally:
        os.kill(kernel, signal.SIGCONT)
    name = page.evaluate(f"() => {KERNEL}.id")
    asked = urllib.request.Request(
        f"{lab.url}/api/kernels/{name}/restart?token={lab.token}", method="POST"
    )
    urllib.request.urlopen(asked, timeout=60).close()
    page.evaluate(SKIP, 95_000)
    left = page.locator(".gts-panel .gts-headline")
    assert left.count() == 0 or left.first.evaluate(COLOUR) == grey
