"""Pictures of the states of the panel at three widths and in both themes, to look at;
nothing is cut off in any.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gt_secure.sandbox import Sandbox

from .conftest import SHOTS
from .test_elsewhere import THEMES
from .test_words import LAB, PROBLEMS
from .widget_page import executed, widgets_of, write_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not os.environ.get("GT_SECURE_PICTURES"),
        reason="only tools/screenshots.py needs these scenes",
    ),
]

WIDTHS = (390, 800, 1400)
OFFICE = 'addresses=["203.0.113.0/24", "2001:db8:40::/48"]'
HEAD = "import sys\nsys.modules['anywidget'] = None\nimport gt_secure\ngt = gt_secure.connect()\n"
IDLE = "await p.wait_idle()\n"
AGREE = "for ask in p.review.confirms.children:\n    ask.children[1].value = True\n"
STATES = {
    "start": f"p = gt_secure.panel(gt)\n{IDLE}",
    "team": f"p = gt_secure.panel(gt, team='open-team', bucket='gt-images')\n{IDLE}",
    "review": (
        "p = gt_secure.panel(gt, team='open-team', bucket='gt-images', prefix='scans/',"
        f" {OFFICE})\n{IDLE}"
    ),
    "jobs": f"p = gt_secure.panel(gt, team='radiology-team', bucket='gt-images', {OFFICE})\n{IDLE}",
    "folder": (
        "south = gt_secure.Restriction(bucket='gt-shared', prefix='south/',"
        " addresses='192.0.2.0/24')\nplan = gt.plan(south)\ngt.apply(plan, confirm=[each.code for"
        " each in plan.asks])\np = gt_secure.panel(gt,"
        f" team='north-team', {OFFICE})\n{IDLE}"
    ),
    "portal-lock": (
        f"p = gt_secure.panel(gt, team='vpc-team', bucket='gt-images', {OFFICE})\n{IDLE}"
        f"p.allow.portal_lock = True\n{IDLE}"
    ),
    "invalid": (
        "p = gt_secure.panel(gt, team='open-team', bucket='gt-images',"
        f" addresses=['203.0.113.7/24', '10.0.0.0/8', 'x.example.com'])\n{IDLE}"
        "p.allow.bucket_input.value = 'UPPER_bucket'\n"
    ),
    "bucket": f"p = gt_secure.panel(gt, bucket='gt-images', {OFFICE})\n{IDLE}",
    "applied": (
        "p = gt_secure.panel(gt, team='open-team', bucket='gt-images', prefix='scans/',"
        f" {OFFICE})\n{IDLE}p.review.reason.value ="
        f" 'RISK-112'\n{AGREE}p.review.apply()\n{IDLE}p.test.sign()\n{IDLE}p.test.probe()\n{IDLE}import"
        f" asyncio\nawait asyncio.sleep(2)\np.hits.plot_hits()\n{IDLE}"
    ),
    "no-teams": f"p = gt_secure.panel(gt_secure.connect(region='eu-west-1'))\n{IDLE}",
}
OUTPUTS = {
    "plan": "from gt_secure import Restriction\n"
    f"gt.plan(Restriction('open-team', bucket='gt-images', {OFFICE}), reason='RISK-112')",
    "exposure": "gt.who_can_open('gt-images', 'scans/0001.png')",
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_of_the_panel(
    running_sandbox: Sandbox, chromium: Any, tmp_path: Path, name: str
) -> None:
    running_sandbox.reset()
    last = "for step in p.steps:\n    step.opened = True\np" if name == "applied" else "p"
    book = executed(running_sandbox, HEAD + STATES[name] + last, tmp_path)
    problems = []
    for theme, (foreground, background, _) in THEMES.items():
        colours = {"editor-foreground": foreground, "editor-background": background}
        body = f'class="{theme}" style="margin:0;background:{background}"'
        url = write_page(tmp_path, widgets_of(book), colours, body)
        page = chromium.new_page()
        try:
            page.goto(url)
            page.locator(".gts-panel").first.wait_for()
            page.wait_for_load_state("networkidle")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                SHOTS.mkdir(parents=True, exist_ok=True)
                page.screenshot(
                    path=SHOTS / f"state-{name}-{width}-{theme.removeprefix('vscode-')}.png",
                    full_page=True,
                )
                found = page.locator(".gts-panel").first.evaluate(PROBLEMS)
                problems += [f"{theme} at {width} px, {each}" for each in found]
        finally:
            page.close()
    assert problems == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output(running_sandbox: Sandbox, chromium: Any, tmp_path: Path, name: str) -> None:
    running_sandbox.reset()
    book = executed(running_sandbox, HEAD + OUTPUTS[name], tmp_path)
    shown = book.cells[0].outputs[-1].data["text/html"]
    for theme, light in (("light", "true"), ("dark", "false")):
        page = chromium.new_page()
        try:
            page.set_content(
                f'<!doctype html><style>{LAB}</style><body data-jp-theme-light="{light}"><div '
                f'class="jp-RenderedHTMLCommon" style="padding:12px">{shown}</div></body>'
            )
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=SHOTS / f"output-{name}-{width}-{theme}.png", full_page=True)
        finally:
            page.close()
