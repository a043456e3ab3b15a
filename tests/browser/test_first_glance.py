"""Before the first Apply a panel says six ideas in at most 120 words, at 430 and 1160 pixels,
whichever door is taken.

Warnings that need a tick, names and addresses are not counted; each such warning is in sight.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .glance import WANTED, WORDS, counted, nouns
from .widget_page import executed, widgets_of, write_page

pytestmark = pytest.mark.browser

CELL = """
import sys
sys.modules["anywidget"] = None
import asyncio
import gt_secure
p = gt_secure.panel(gt_secure.connect(), {})
await p.wait_idle()
p.examine()
while p.diagnosis is None:
    await asyncio.sleep(0.05)
p
"""
ADDRESS = "addresses=['203.0.113.0/24']"
DOORS = {
    "start": "",
    "team": f"team='open-team', bucket='gt-images', {ADDRESS}",
    "jobs": f"team='radiology-team', bucket='gt-images', {ADDRESS}",
    "bucket": f"bucket='gt-images', {ADDRESS}",
}
MOST_WORDS, MOST_IDEAS = 120, 6
PLANNED = ("locks", "endpoint")
"""Ideas of the lines of a plan, which are there where addresses were given."""
ASKS = {"team": 2, "jobs": 1, "bucket": 1}
"""Warnings that need a tick: of the two portals, and of a running job of the other team."""


@pytest.mark.parametrize("door", DOORS)
def test_six_ideas_in_120_words(sandbox: Any, chromium: Any, tmp_path: Path, door: str) -> None:
    book = executed(sandbox, CELL.format(DOORS[door]), tmp_path)
    page = chromium.new_page()
    try:
        page.goto(write_page(tmp_path, widgets_of(book), {}, 'style="margin:0"'))
        panel = page.locator(".gts-panel").first
        panel.wait_for()
        for width in (430, 1160):
            page.set_viewport_size({"width": width, "height": 900})
            texts = panel.evaluate(WORDS)
            words = counted(texts)
            print(f"{door} at {width} px: {len(words)} words, {sorted(nouns(texts))}")
            assert len(words) <= MOST_WORDS, f"{len(words)} words at {width} px: {' '.join(words)}"
            known = {*WANTED, *(() if door == "start" else PLANNED)}
            assert nouns(texts) <= known, (
                f"at {width} px: {nouns(texts) - known} in {' '.join(words)}"
            )
            assert len(WANTED) == MOST_IDEAS
            ticks = panel.locator(".gts-ask input[type=checkbox]")
            assert [ticks.nth(n).is_visible() for n in range(ticks.count())] == [True] * ASKS.get(
                door, 0
            )
    finally:
        page.close()


def test_the_count_sees_what_a_panel_said_before() -> None:
    """The words of a former panel, to show that the lists of this test would have found them."""
    former = [
        "11 of 13 features are available. To use sign, choose a role to sign with.",
        "Portal lock", "open to everybody", "Member groups", "Labeling jobs", "none waiting for workers",
        "Key prefix", "Age limit", "any other presigned URL, an upload form", "any VPC endpoint such as", "Undo",
        "optional: a ticket, or why; kept in the journal", "Access logs arrive hours late.",
    ]  # fmt: skip
    extra = nouns(former) - set(WANTED)
    assert extra >= {
        "role",
        "locks",
        "workforce",
        "labeling jobs",
        "prefix",
        "age",
        "form",
        "endpoint",
        "undo",
        "log",
    }
    assert counted(["Only 203.0.113.0/24 can open gt-images (open-team)."]) == [
        "Only",
        "can",
        "open",
    ]
