"""Make pictures of pages and plots in out/screenshots, to look at before a release: nothing of them
is committed.

python tools/page_pictures.py [plan] [plots] [docs] [readme]   all of them without a name; docs needs make docs first

The plan page for an approver at 420 and 1,200 px and on paper, each plot in both themes, the front
page of the docs in both themes, and the README roughly as GitHub renders it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "out" / "screenshots"
THEMES = ("light", "dark")
PAGES = {"light": "#ffffff", "dark": "#111111"}
KINDS = ("ip", "network", "time", "age", "refused")
GITHUB = """<style>body { max-width: 830px; margin: 2rem auto; color: #1f2328;
font: 16px/1.5 -apple-system, "Segoe UI", Helvetica, Arial, sans-serif } h1, h2 { padding-bottom: .3em;
border-bottom: 1px solid #d1d9e0 } img { max-width: 100% }
code { background: #818b981f; padding: .2em .4em; border-radius: 6px; font-size: 85% } a { color: #0969da }
pre { background: #f6f8fa; padding: 16px; overflow: auto; border-radius: 6px } pre code { background: none; padding: 0 }
table { border-collapse: collapse } td, th { border: 1px solid #d1d9e0; padding: 6px 13px }</style>"""


def shoot(
    browser: Any, url: str, name: str, width: int, theme: str = "light", *, height: int = 900
) -> None:
    """Save a picture of a page; a height of 0 means the whole page."""
    page = browser.new_page(viewport={"width": width, "height": height or 900}, color_scheme=theme)
    page.goto(url)
    page.wait_for_timeout(300)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.screenshot(path=SHOTS / f"{name}.png", full_page=not height)
    page.close()
    print(
        f"out/screenshots/{name}.png"
        + (f"  wider than the window: {wide} px" if wide > width else "")
    )


def plan(browser: Any) -> None:
    """Picture the page that an approver reads, on a phone, a screen and paper."""
    from gt_secure import Restriction, connect, expect
    from gt_secure.sandbox import Sandbox

    expectations = [expect.allowed("203.0.113.7"), expect.refused("198.51.100.9")]
    os.environ["GT_SECURE_JOURNAL"] = tempfile.mkdtemp()  # not the changes of other sandboxes
    with Sandbox(log_delay_s=0.2) as sandbox:
        wanted = Restriction(
            "open-team",
            addresses=["203.0.113.0/24"],
            bucket="gt-images",
            prefix="scans/",
            expectations=expectations,
        )
        html = connect(sandbox=sandbox).plan(wanted).to_html(standalone=True)
    path = SHOTS / "plan.html"
    path.write_text(html, encoding="utf-8")
    for width in (420, 1200):
        shoot(browser, path.as_uri(), f"plan-{width}", width, height=0)
    shoot(browser, path.as_uri(), "plan-1200-dark", 1200, "dark", height=0)
    page = browser.new_page()
    page.goto(path.as_uri())
    page.pdf(path=SHOTS / "plan.pdf", format="A4", print_background=False)
    page.close()
    print("out/screenshots/plan.pdf")


def plots(_: Any) -> None:
    """Draw each plot of the log that notebook 06 generates, in both themes."""
    from gt_secure.logs.plots import draw, png

    names: dict[str, Any] = {}
    book = json.loads((ROOT / "notebooks" / "06_logs_at_scale.ipynb").read_text(encoding="utf-8"))
    for cell in book["cells"]:
        if cell["cell_type"] == "code" and "hits" not in names:
            exec("".join(cell["source"]), names)
    for kind in KINDS:
        for theme in THEMES:
            figure = draw(names["hits"], kind, networks=names["NETWORKS"], theme=theme)  # type: ignore[arg-type]
            (SHOTS / f"plot-{kind}-{theme}.png").write_bytes(png(figure, ground=PAGES[theme]))
            print(f"out/screenshots/plot-{kind}-{theme}.png")


def docs(browser: Any) -> None:
    """Picture the front page of the docs."""
    front = ROOT / "build" / "site" / "index.html"
    if not front.is_file():
        raise SystemExit("The docs are not built: run make docs.")
    for theme in THEMES:
        shoot(browser, front.as_uri(), f"docs-{theme}", 1280, theme, height=1000)
    shoot(browser, front.as_uri(), "docs-420", 420, height=1000)


def readme(browser: Any) -> None:
    """Render the README with the look of GitHub."""
    import mistune

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])(text)
    path = ROOT / "README.preview.html"  # beside the pictures that it shows
    path.write_text(f"<meta charset=utf-8>{GITHUB}{body}", encoding="utf-8")
    try:
        shoot(browser, path.as_uri(), "readme", 900, height=0)
    finally:
        path.unlink()


PICTURES: dict[str, Callable[[Any], None]] = {
    "plan": plan,
    "plots": plots,
    "docs": docs,
    "readme": readme,
}


def main() -> int:
    """Make the pictures that are named, or all."""
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    program = next(
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    )
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        for name in sys.argv[1:] or PICTURES:
            PICTURES[name](browser)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
