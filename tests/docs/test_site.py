"""The site is built strictly, every link inside it leads somewhere,
and nothing in it is fetched from elsewhere.
"""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pytest

from support.blocks import ROOT
from support.chromium import AXE, axe_script, chromium_program, start_chromium

pytest.importorskip(
    "myst_nb", reason="the docs tools are not installed here: make docs runs these tests"
)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in {"script", "img", "iframe", "source"} and "src" in values:
            self.fetched.append(values["src"])
        if tag == "link" and values.get("rel") in {"stylesheet", "icon", "preload", "preconnect"}:
            self.fetched.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site that ``make docs`` has built, or build it."""
    if "GT_SECURE_SITE" in os.environ:
        return Path(os.environ["GT_SECURE_SITE"])
    folder = tmp_path_factory.mktemp("site")
    # A proxy that nobody answers at: whatever would be fetched at build time fails.
    nowhere = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/build_docs.py"), "--out", f"{folder}/site", "--pages", f"{folder}/pages"],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **nowhere},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, _Links]:
    found = {}
    for page in site.rglob("*.html"):
        if "_static" in page.parts:  # templates of the theme
            continue
        found[page] = _Links()
        found[page].feed(page.read_text(encoding="utf-8"))
    return found


def test_every_internal_link_and_anchor_resolves(site: Path, parsed: dict[Path, _Links]) -> None:
    broken, looked = [], 0
    for page, links in parsed.items():
        for link in {*links.links, *links.fetched}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            looked += 1
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            missing = not target.is_file()
            # fields of the lab
            in_lab = target.name == "lab.html" and parts.fragment.startswith("1.")
            if not missing and parts.fragment and target in parsed and not in_lab:
                missing = unquote(parts.fragment) not in parsed[target].ids
            if missing:
                broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []
    assert looked > 500


def test_nothing_is_fetched_from_elsewhere(site: Path, parsed: dict[Path, _Links]) -> None:
    foreign = [f for links in parsed.values() for f in links.fetched if urlsplit(f).netloc]
    assert foreign == []
    styles = [style.read_text(encoding="utf-8") for style in site.rglob("*.css")]
    assert [
        url for text in styles for url in re.findall(r"url\(['\"]?(https?://[^)]+)", text)
    ] == []


def test_every_tutorial_is_in_the_site_with_its_figures(
    site: Path, parsed: dict[Path, _Links]
) -> None:
    for book in (ROOT / "notebooks").rglob("*.ipynb"):
        page = site / "tutorials" / f"{book.stem}.html"
        figures = book.read_text(encoding="utf-8").count('"image/svg+xml"')
        assert (
            len([f for f in parsed[page].fetched if f.endswith(".svg") and "_images" in f])
            == figures
        )


@pytest.mark.parametrize(
    ("folder", "index"), [("decisions", "index"), ("reference/findings", "../findings")]
)
def test_every_page_of_a_folder_is_in_its_index(
    folder: str, index: str, site: Path, parsed: dict[Path, _Links]
) -> None:
    where = site / folder
    links = {link.rpartition("/")[2] for link in parsed[(where / f"{index}.html").resolve()].links}
    pages = {path.with_suffix(".html").name for path in (ROOT / "docs" / folder).glob("*.md")}
    assert pages - links - {"index.html"} == set()


def test_diagrams_have_a_dark_twin(site: Path, parsed: dict[Path, _Links]) -> None:
    pictures = {link.rpartition("/")[2] for link in parsed[site / "index.html"].fetched}
    assert {"three-locks.svg", "three-locks-dark.svg"} <= pictures


def test_public_names_have_an_anchor(site: Path, parsed: dict[Path, _Links]) -> None:
    """Autodoc has documented them: a page that lists a name without its text
    would pass the build.
    """
    ids = {
        anchor for page, links in parsed.items() if "python" in page.parts for anchor in links.ids
    }
    for name in (
        "connection.Connection.plan",
        "restriction.Restriction",
        "logs.Hits.count",
        "errors.AccessDenied",
    ):
        assert f"gt_secure.{name}" in ids


def test_the_search_works_from_a_folder(site: Path) -> None:
    """The index is a script, not a file that a page would fetch,
    which browsers forbid without a server.
    """
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    assert "counterexampl" in index


def test_the_lab_has_what_it_loads(site: Path) -> None:
    if "GT_SECURE_SITE" not in os.environ:
        pytest.skip("make docs builds the engine of the lab first")
    lab = site / "_static" / "lab"
    names = {path.relative_to(lab).as_posix() for path in lab.rglob("*")}
    assert {
        "lab.js",
        "worker.js",
        "mistakes.json",
        "engine.zip",
        "started.bin.gz",
        "pyodide.asm.wasm.gz",
    } <= names


class Counted(http.server.SimpleHTTPRequestHandler):
    """The site, with the names of the files that were asked for."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *_: Any) -> None:
        self.asked.append(urlsplit(self.path).path.strip("/"))


@pytest.fixture(scope="module")
def lab(site: Path) -> Iterator[Any]:
    """The page of the lab in a browser, after its first answers."""
    if "GT_SECURE_SITE" not in os.environ:
        pytest.skip("make docs builds the engine of the lab first")
    program = chromium_program()
    if program is None:
        pytest.skip("no Chromium is installed")
    handler = functools.partial(Counted, directory=str(site))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        start_chromium(program) as chromium,
        chromium.new_context(bypass_csp=True) as context,  # axe is no script of the page
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/lab.html")
        page.wait_for_selector("#lab[data-answered]", timeout=240_000)
        page.files = set(Counted.asked)
        page.wait_for_selector("#lab[data-current]", timeout=240_000)
        page.evaluate(axe_script())
        yield page
        server.shutdown()


WIRE = 9_000_000
"""Bytes before the first answer, with all that the theme fetches,
unpacked as a plain server sends it.
"""


def test_the_lab_fetches_little_before_its_first_answer(site: Path, lab: Any) -> None:
    later = {f"_static/lab/{name}" for name in ("engine.zip", "stdlib.zip")}
    sizes = {
        name: (site / name).stat().st_size for name in lab.files - later if (site / name).is_file()
    }
    print(f"{sum(sizes.values()):,} bytes in {len(sizes)} files")
    assert {"lab.html", "_static/lab/lab.js", "_static/lab/started.bin.gz"} <= set(sizes)
    assert sum(sizes.values()) <= WIRE


def test_only_the_page_of_results_waits_for_the_index(parsed: dict[Path, _Links]) -> None:
    with_index = [
        page.name
        for page, links in parsed.items()
        if any("searchindex" in each for each in links.fetched)
    ]
    assert with_index == ["search.html"]


WIDTHS = (390, 430, 768, 1160, 1440)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_lab_at_any_width(lab: Any, theme: str) -> None:
    """The lab between the bars of the theme, as it is published."""
    lab.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    assert lab.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
    for width in WIDTHS:
        lab.set_viewport_size({"width": width, "height": 844})
        assert lab.evaluate(AXE) == [], width
        assert lab.evaluate("document.documentElement.scrollWidth") == width


PALE = "document.querySelector('{}').style.setProperty('color', '#9a9a9a', 'important')"
FAULTS = {
    "a field without its label": "document.querySelector('label[for=lab-policy]').remove()",
    "a word that is hard to see": PALE.format("#lab-allow-hint"),
    "a word of the theme that is hard to see": PALE.format(".bd-header .nav-link"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_axe_notices_a_fault_of_the_built_page(lab: Any, fault: str) -> None:
    lab.reload()
    lab.wait_for_selector("#lab[data-current]", timeout=240_000)
    lab.evaluate(axe_script())
    lab.set_viewport_size({"width": 1160, "height": 844})
    lab.evaluate("document.documentElement.dataset.theme = 'light'")
    assert lab.evaluate(AXE) == []
    lab.evaluate(f"() => {{ {FAULTS[fault]} }}")
    assert len(lab.evaluate(AXE)) == 1
