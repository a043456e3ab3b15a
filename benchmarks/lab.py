"""Time until a person can choose a team in JupyterLab: with the extension's card, and with a
notebook by hand.

Both begin at the launcher of a JupyterLab that is open already, in a real Chromium, against one
sandbox, turn by turn. By hand means: click the notebook's card, type the cell, run it. The typing
of a person is not counted.

    python benchmarks/lab.py [--runs 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from gt_secure.sandbox import Sandbox  # noqa: E402 - the path comes first
from tests.browser.conftest import Lab, start_lab  # noqa: E402
from tests.support.chromium import chromium_program, start_chromium  # noqa: E402

TITLE = "Presigned access"
CELL = "import gt_secure\ngt_secure.panel()"
TEAM = '.gts-panel option:has-text("radiology-team")'


def page_of(browser: Any, lab: Lab) -> Any:
    """Open JupyterLab on its launcher."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.locator(f'.jp-LauncherCard:has-text("{TITLE}")').wait_for()
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    return page


def by_card(page: Any) -> float:
    """Return the seconds from the click on the extension's card to a team that can be chosen."""
    start = time.perf_counter()
    page.locator(f'.jp-LauncherCard:has-text("{TITLE}")').click()
    page.locator(TEAM).first.wait_for(state="attached")
    return time.perf_counter() - start


def by_hand(page: Any) -> float:
    """Return the seconds from the click on the notebook's card."""
    start = time.perf_counter()
    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.wait_for()
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
    )
    cell.click()
    page.keyboard.insert_text(CELL)
    page.keyboard.press("Shift+Enter")
    page.locator(TEAM).first.wait_for(state="attached")
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    program = chromium_program()
    if program is None:
        raise SystemExit(
            "Chromium is not installed: install it, for example with tools/ensure-chromium.sh."
        )
    found: dict[str, list[float]] = {"card": [], "by hand": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox() as sandbox,
        start_chromium(program) as browser,
        start_lab(
            sys.executable, Path(folder), {**sandbox.environment(), "PYTHONPATH": str(ROOT)}
        ) as lab,
    ):
        for _ in range(args.runs + 1):  # the first is not counted
            for name, way in (("card", by_card), ("by hand", by_hand)):
                page = page_of(browser, lab)
                found[name].append(way(page))
                page.evaluate(
                    "async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll() }"
                )
                page.context.close()
    medians = {name: statistics.median(times[1:]) for name, times in found.items()}
    if args.json:
        print(json.dumps({**medians, "runs": args.runs, "load": os.getloadavg()[0]}))
        return
    for name, seconds in medians.items():
        print(f"{name:<10}{seconds:>7.1f} s until a team can be chosen")
    print(f"median of {args.runs}, load {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
