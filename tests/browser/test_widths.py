"""The whole panel in its tab at four widths: nothing is wider than it, bars answer,
and axe finds nothing.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

import pytest

from .conftest import SHOTS, open_step, wait_for_hits
from .test_access import violations
from .test_extension import Workbench, setting, workbench

__all__ = ["workbench"]

pytestmark = pytest.mark.browser

WIDTHS = (420, 700, 1000, 1600)

# Plots scroll where their words would be too small to read, and code has a box; all else fits.
TOO_WIDE = """() => {
  const tab = document.querySelector('.gts-lab-tab'), panel = tab.querySelector('.gts-panel');
  const edge = panel.getBoundingClientRect().right + 1, found = [];
  const name = e => `${e.tagName}.${e.className?.baseVal ?? e.className} ${e.textContent.trim().slice(0, 40)}`;
  if (tab.scrollWidth > tab.clientWidth) found.push(`the tab: ${tab.scrollWidth} > ${tab.clientWidth}`);
  for (const e of panel.querySelectorAll('table, .gts-scroll, .widget-box, .widget-vbox, .widget-hbox, .gts-step')) {
    if (e.closest('.gts-linked, .gts-plot') || !e.clientWidth) continue;
    if (e.scrollWidth > e.clientWidth + 1) found.push(`${name(e)}: ${e.scrollWidth} > ${e.clientWidth}`);
  }
  for (const e of panel.querySelectorAll('*')) {
    if (e.closest('.gts-linked, .gts-style, .gts-summary, .gts-pre, option, .gts-plot')) continue;
    const head = e.closest('thead');  // where rows are cards, only screen readers get the names of columns
    if (head && getComputedStyle(head).clipPath !== 'none') continue;
    if (e.getBoundingClientRect().right > edge) found.push(`${name(e)} sticks out`);
  }
  return found.slice(0, 8);
}"""

CUT = """() => [...document.querySelectorAll('.gts-lab-tab .gts-panel button')]
  .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && !e.classList.contains('gts-chip'))
  .map(e => e.textContent)"""


@pytest.fixture
def done(workbench: Workbench, sandbox: Any) -> Workbench:
    """The panel with each step open and filled."""
    page = workbench.page
    started = time.time()
    setting(workbench, team="radiology-team", bucket="gt-images", region="us-east-1")
    page.set_viewport_size({"width": 1400, "height": 1000})
    workbench.command("gt-secure:open")
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    panel = workbench.panel
    panel.locator(".gts-title", has_text="radiology-team").wait_for()
    open_step(panel, "Allow")
    box = panel.get_by_label("Allowed addresses", exact=True)
    box.fill("203.0.113.7/24 203.0.113.0/26 2001:db8:113::/48")
    box.press("Enter")
    panel.get_by_role("button", name="Use 203.0.113.0/24").click()
    panel.get_by_text("Every case, now and after").wait_for(state="attached")
    open_step(panel, "Test URL")
    panel.get_by_role("button", name="Sign test URL").press("Enter")
    panel.get_by_role("button", name="Probe", exact=True, disabled=False).press("Enter")
    panel.get_by_text("Probe results").wait_for(state="attached")
    wait_for_hits(sandbox, "198.51.100.9", started)
    open_step(panel, "Requests")
    panel.get_by_role("button", name="Plot requests", disabled=False).press("Enter")
    panel.locator(".gts-plot svg").first.wait_for(state="attached")
    for name in ("How it is decided", "More options"):
        button = panel.get_by_role("button", name=name, exact=True).locator("visible=true")
        if button.get_attribute("aria-expanded") != "true":
            button.press("Enter")
    return workbench


def width_of_tab(workbench: Workbench, width: int) -> None:
    """Make the page so wide that the tab has a width."""
    page = workbench.page
    measure = "() => document.querySelector('.gts-lab-tab').clientWidth"
    rest = page.viewport_size["width"] - page.evaluate(measure)
    page.set_viewport_size({"width": width + rest, "height": 1000})
    page.wait_for_function(f"() => ({measure})() === {width}")


def shoot(workbench: Workbench, name: str) -> None:
    """Keep a picture of the whole panel in both themes, where pictures are wanted."""
    if os.environ.get("GT_SECURE_PICTURES"):
        SHOTS.mkdir(parents=True, exist_ok=True)
        page = workbench.page
        size = page.viewport_size
        height = page.evaluate("() => document.querySelector('.gts-lab-tab').scrollHeight")
        # what scrolls is in no picture of an element
        page.set_viewport_size({**size, "height": height + 200})
        for theme in ("Light", "Dark"):
            theme_of(workbench, theme)
            workbench.panel.screenshot(path=SHOTS / f"{name}-{theme.lower()}.png")
        page.set_viewport_size(size)


def theme_of(workbench: Workbench, theme: str) -> None:
    workbench.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    light = str(theme == "Light").lower()
    workbench.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
    workbench.page.wait_for_selector("#jupyterlab-splash", state="detached")


def test_nothing_is_wider_than_the_panel_and_a_bar_shows_its_requests(
    done: Workbench, axe: str
) -> None:
    page, panel = done.page, done.panel
    bar = panel.locator("button.gts-bar[title^='198.51.100.9']")
    bar.focus()
    page.keyboard.press("Enter")
    panel.get_by_text("Requests from 198.51.100.9").wait_for()
    panel.get_by_text("Today a presigned URL from there").wait_for()
    panel.locator("button.gts-bar[title^='198.51.100.9'][aria-pressed='true']").wait_for()
    page.evaluate(
        "() => document.querySelectorAll('.gts-panel details').forEach(each => { each.open ="
        " true })"
    )
    for width in WIDTHS:
        width_of_tab(done, width)
        shoot(done, f"tab-{width}")
        assert page.evaluate(TOO_WIDE) == [], f"at {width} pixels"
        assert page.evaluate(CUT) == [], f"at {width} pixels"
        # The button lies over its bar, whatever the width.
        row = bar.bounding_box()
        plot = panel.locator(".gts-plot svg:visible").bounding_box()
        assert plot["y"] < row["y"] < row["y"] + row["height"] < plot["y"] + plot["height"]
        assert abs(row["width"] - plot["width"]) < 2
    for theme in ("Light", "Dark"):
        theme_of(done, theme)
        found = violations(page, axe)
        serious = [each for each in found if each["impact"] in ("serious", "critical", "moderate")]
        assert serious == [], json.dumps(found, indent=1)
    bar.click()
    panel.get_by_text("Requests from 198.51.100.9").wait_for(state="detached")
    assert not re.search("Traceback", panel.inner_text())
