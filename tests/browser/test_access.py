"""Usable by everybody: axe-core finds nothing serious in either theme."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from .conftest import open_step, wait_for_hits

pytestmark = pytest.mark.browser

RUN = """async () => {
  const found = await axe.run('.gts-panel', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']});
  return found.violations.map(v => ({id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.html.slice(0, 200) + ' | '
    + n.any.map(a => a.message).join(' '))}));
}"""


def violations(page: Any, axe: str) -> list[dict[str, Any]]:
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return found


def test_axe_finds_nothing_serious_in_either_theme(
    open_notebook: Any, sandbox: Any, axe: str
) -> None:
    started = time.time()
    show = (
        "import gt_secure\np = gt_secure.panel(team='radiology-team', addresses=['203.0.113.0/24',"
        " '10.0.0.0/8']); p"
    )
    notebook = open_notebook("axe.ipynb", show, height=3600)
    notebook.run_all()
    panel = notebook.panel
    panel.get_by_text(re.compile(r"\d invalid")).first.wait_for()
    open_step(panel, "Allow")
    notebook.click(panel.get_by_role("button", name="10.0.0.0/8"))
    open_step(panel, "Review & apply")
    panel.get_by_text("Every case, now and after").wait_for()
    open_step(panel, "Test URL")
    notebook.click(panel.get_by_role("button", name="Sign test URL"))
    notebook.click(panel.get_by_role("button", name="Probe", exact=True))
    panel.get_by_text("Probe results").wait_for()
    wait_for_hits(sandbox, "198.51.100.9", started)
    open_step(panel, "Requests")
    notebook.click(panel.get_by_role("button", name="Plot requests"))
    panel.locator(".gts-plot svg").first.wait_for(state="attached")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        found = violations(notebook.page, axe)
        assert [
            each for each in found if each["impact"] in ("serious", "critical", "moderate")
        ] == [], json.dumps(found, indent=1)


def test_what_opens_says_whether_it_is_open(open_notebook: Any) -> None:
    show = "import gt_secure\np = gt_secure.panel(bucket='gt-images'); p"
    notebook = open_notebook("expanded.ipynb", show, "p.hits", height=2400)
    notebook.run_all()
    panel = notebook.panel

    def expanded(name: str, on: bool) -> Any:
        return panel.get_by_role("button", name=name, exact=True, expanded=on)

    expanded("Allow", True).wait_for()
    notebook.click(expanded("Test URL", False))
    expanded("Test URL", True).wait_for()
    expanded("Allow", False).wait_for()
    notebook.click(expanded("More options", False).locator("visible=true"))
    expanded("More options", True).wait_for()
    panel.get_by_label("Signing role").wait_for()
    notebook.click(expanded("Test URL", True))
    expanded("Test URL", False).wait_for()
    alone = notebook.page.locator(".gts-step:not(.gts-panel .gts-step)")
    alone.get_by_role("button", name="Requests", exact=True, expanded=False).wait_for()
