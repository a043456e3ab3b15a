"""The Chromium of this machine, and files of npm packages that pages of tests load."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .rooms import ROOT

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = """async () => {
  const found = await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']});
  return found.violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 120)}`);
}"""
"""The violations of a page in which the script of ``axe_script`` was evaluated."""


def chromium_program() -> str | None:
    """The path of Chromium; None without one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextlib.contextmanager
def start_chromium(program: str) -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=list(FLAGS), headless=True)
        yield browser
        browser.close()


def npm_file(package: str, member: str) -> Path:
    """A file of an npm package, kept in the build folder;
    skips the test where npm cannot fetch it.
    """
    kept = ROOT / "out" / "npm" / package.replace("/", "_")
    path = kept / Path(member).name
    if not path.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip(f"npm is not installed: {package} cannot be fetched")
        kept.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [npm, "pack", package, "--silent"],
            cwd=kept,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if made.returncode != 0:
            pytest.skip(f"{package} cannot be fetched: {made.stderr[-200:]}")
        with tarfile.open(kept / made.stdout.strip().splitlines()[-1]) as archive:
            found = archive.extractfile(f"package/{member}")
            assert found is not None
            path.write_bytes(found.read())
    return path


def axe_script() -> str:
    """axe-core from npm."""
    return npm_file("axe-core@4.14.1", "axe.min.js").read_text(encoding="utf-8")
