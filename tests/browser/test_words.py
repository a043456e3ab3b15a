"""Outputs of the tutorials and the panel at five widths, in both themes: no word is broken, nothing
is cut off.

The saved outputs are shown with the style of today, in one page each, as JupyterLab would place
them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.base.html import style_sheet
from support.rig import Rig

from .conftest import ROOT, SHOTS
from .test_access import violations
from .test_elsewhere import THEMES, widgets
from .widget_page import write_page

__all__ = ["widgets"]

pytestmark = pytest.mark.browser

WIDTHS = (280, 370, 430, 660, 1160)
TUTORIALS = ("01_quickstart", "02_restrict_a_team", "03_vpc_and_endpoints", "04_prove_it")
# What JupyterLab says about tables in outputs.
LAB = """
body { margin: 0; font: 14px/1.6 system-ui, sans-serif; }
body[data-jp-theme-light="false"] { background: #111; color: #eee; }
.jp-RenderedHTMLCommon table { border-collapse: collapse; border-spacing: 0; border: none; font-size: 12px;
  table-layout: fixed; margin-left: auto; margin-bottom: 1em; margin-right: auto; }
.jp-RenderedHTMLCommon :is(td, th) { vertical-align: middle; padding: .5em; line-height: normal; border: none; }
.jp-RenderedHTMLCommon:not(.jp-RenderedMarkdown) :is(td, th) { text-align: right; }
.jp-RenderedHTMLCommon :is(img, svg) { max-width: 100%; height: auto; }
"""

# A word is broken if it stands on two lines; ids and paths may be, and a word may go on after a
# hyphen or a slash.
PROBLEMS = """root => {
  const found = [], edge = document.documentElement.clientWidth + 1;
  const ids = 'code, pre, svg, style, script, option, thead, .gts-mono, .gts-unseen, .gts-chip';
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const parent = node.parentElement;
    if (!parent.checkVisibility() || parent.closest(ids)) continue;
    for (const match of node.data.matchAll(/[^\\s\\u200b]+/g)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const tops = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
      if (tops.size > 1 && !/[-\\/:._@?=,]/.test(match[0])) found.push(`broken: ${match[0]}`);
    }
  }
  const parts = '.gts-scroll, table, svg, img, .gts-summary, .gts-notice, button, td, th, input[type=text]';
  for (const e of root.querySelectorAll(parts)) {
    if (!e.checkVisibility() || e.closest('.gts-pre, .gts-style, thead')) continue;
    const box = e.getBoundingClientRect(), name = `${e.tagName} ${e.textContent.trim().slice(0, 40)}`;
    if (box.width && (box.right > edge || box.left < -1)) found.push(`sticks out: ${name}`);
    const is_cut = e.matches('.gts-scroll, .gts-summary, td, th') && e.scrollWidth > e.clientWidth + 1;
    if (is_cut) found.push(`cut: ${name}`);
  }
  return found;
}"""

STYLE = style_sheet() + style_sheet("gts-plan")
"""The rules of all outputs; a plan that was saved by an earlier version has a box of its own."""


def outputs(name: str) -> Iterator[str]:
    """The HTML outputs of a tutorial, without the style that was saved with them."""
    book = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in book["cells"]:
        for each in cell.get("outputs", ()):
            data = each.get("data", {})
            if "text/html" in data:
                yield re.sub(r"<style>.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
            elif "image/svg+xml" in data:
                yield "".join(data["image/svg+xml"])


def measure(page: Any, name: str, *, roots: str = "body") -> list[str]:
    """What is wrong at each width; pictures are kept where they are wanted."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if os.environ.get("GT_SECURE_PICTURES"):
            SHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SHOTS / f"words-{name}-{width}.png", full_page=True)
        found += [f"at {width} px, {each}" for each in page.locator(roots).first.evaluate(PROBLEMS)]
    return found


@pytest.fixture(scope="module")
def rendered(sandbox: Any) -> dict[str, str]:
    """Outputs by name: those of the tutorials, and a plan, its page and an exposure made now."""
    gt = Rig(sandbox).gt
    office = ["203.0.113.0/24", "2001:db8:40::/48"]
    plan = gt.plan(Restriction("open-team", addresses=office, bucket="gt-images", prefix="scans/"))
    found = {name: "<hr>".join(outputs(name)) for name in TUTORIALS}
    return found | {
        "plan": plan._repr_html_(),
        "exposure": gt.who_can_open("gt-images", "scans/0001.png")._repr_html_(),
    }


@pytest.mark.parametrize("light", ["true", "false"])
@pytest.mark.parametrize("name", [*TUTORIALS, "plan", "exposure"])
def test_no_word_of_an_output_is_broken(
    rendered: dict[str, str], chromium: Any, name: str, light: str
) -> None:
    page = chromium.new_page()
    try:
        page.set_content(
            f'<!doctype html><html lang="en"><head><style>{LAB}{STYLE}</style></head><body'
            f' data-jp-theme-light="{light}"><div'
            f' class="jp-RenderedHTMLCommon">{rendered[name]}</div></body>'
        )
        page.evaluate(
            "() => document.querySelectorAll('details').forEach(each => { each.open = true })"
        )
        assert measure(page, f"{name}-{'light' if light == 'true' else 'dark'}") == []
    finally:
        page.close()


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_no_word_of_the_panel_is_broken(
    widgets: Any, chromium: Any, tmp_path: Path, theme: str
) -> None:
    foreground, background, _ = THEMES[theme]
    colours = {"editor-foreground": foreground, "editor-background": background}
    url = write_page(tmp_path, widgets, colours, f'class="{theme}" style="margin:0"')
    page = chromium.new_page()
    try:
        page.goto(url)
        page.locator(".gts-panel").first.wait_for()
        page.get_by_text("Probe results").wait_for(state="attached")
        assert measure(page, f"panel-{theme}", roots=".gts-panel") == []
    finally:
        page.close()


CLIPPED = """root => [...root.querySelectorAll('*')].filter(e => {
  const style = getComputedStyle(e), hides = /hidden|clip/.test(style.overflowX + style.overflowY);
  if (!e.checkVisibility() || e.closest('svg, thead, .gts-unseen, .gts-style')) return false;
  if (e.matches('option')) return e.scrollWidth > e.clientWidth + 1 || e.clientWidth > e.parentElement.clientWidth;
  if (!hides || !e.innerText?.trim()) return false;
  return e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
}).map(e => `${e.tagName} ${e.className} ${e.innerText.slice(0, 60)}`)"""


@pytest.mark.slow
@pytest.mark.parametrize("theme", sorted(THEMES))
def test_at_400_percent_nothing_is_clipped(
    widgets: Any, chromium: Any, axe: str, tmp_path: Path, theme: str
) -> None:
    """A window of 1280 pixels at four times the size is 320 pixels wide for a page."""
    foreground, background, _ = THEMES[theme]
    colours = {"editor-foreground": foreground, "editor-background": background}
    url = write_page(
        tmp_path, widgets, colours, f'class="{theme}" style="margin:0;background:{background}"'
    )
    page = chromium.new_page(viewport={"width": 320, "height": 256}, device_scale_factor=4)
    try:
        page.goto(url)
        panel = page.locator(".gts-panel").first
        panel.get_by_text("Probe results").wait_for(state="attached")
        page.evaluate(
            "() => document.querySelectorAll('details').forEach(each => { each.open = true })"
        )
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"zoom-{theme}.png", full_page=True, scale="css")
        assert page.evaluate("() => document.documentElement.scrollWidth") == 320
        assert panel.evaluate(PROBLEMS) == []
        assert panel.evaluate(CLIPPED) == []
        found = [
            each
            for each in violations(page, axe)
            if each["impact"] in ("serious", "critical", "moderate")
        ]
        assert found == [], json.dumps(found, indent=1)
    finally:
        page.close()
