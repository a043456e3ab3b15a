"""Every Python and shell block of the README and the docs is executed, page by page, on a fresh sandbox."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import ROOT, Block, pages, runnable

from gt_secure.sandbox import Sandbox

PAGES = [path for path in pages() if runnable(path)]
# The README has no comments for machines; these blocks of it set up a machine or need a package index.
README_NOT_RUN = {"make demo": "sets itself up, opens a browser", "pip install": "needs the package index"}
MOST_NOT_RUN = 7
# A list of commands in the README is one block; these answers of a single command are documented and are no errors.
README_CODES = """gt-secure() { command gt-secure "$@" || { code=$?; case "$1:$code" in plan:2 | probe:3) ;; *) return $code ;; esac; }; }
"""  # noqa: E501


def not_run(path: Path, block: Block) -> str:
    if block.word == "not run":
        return block.value
    if path.name == "README.md" and path.parent == ROOT:
        return next((why for start, why in README_NOT_RUN.items() if block.text.startswith(start)), "")
    return ""


def shell(text: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a person would type it: there is a terminal, and its answer to every question is y."""
    person, terminal = pty.openpty()
    os.write(person, b"y\n" * 20)
    try:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            stdin=terminal, capture_output=True, text=True, env=env, cwd=folder, timeout=300,
        )  # fmt: skip
    finally:
        os.close(person)
        os.close(terminal)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with Sandbox(log_delay_s=0.2, workforce_delay_s=0.1) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.chdir(tmp_path)
        names: dict[str, object] = {"__name__": "__docs__"}
        for block in runnable(page):
            where = f"{page.name}:{block.line}"
            if block.word == "file":
                (tmp_path / block.value).write_text(block.text, encoding="utf-8")
            elif not_run(page, block):
                continue
            elif block.language == "python":
                exec(compile(block.text, where, "exec"), names)
            elif block.language == "bash":
                prelude = README_CODES if page.parent == ROOT else ""
                done = shell(prelude + block.text, dict(os.environ), tmp_path)
                wanted = [int(code) for code in (block.value or "0").split(",")]
                assert done.returncode in wanted, f"{where}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_few_blocks_are_left_out_and_each_says_why() -> None:
    left_out = [(p.name, b.line, not_run(p, b)) for p in PAGES for b in runnable(p) if not_run(p, b)]
    assert all(len(why) > 10 for _, _, why in left_out)
    assert len(left_out) <= MOST_NOT_RUN, left_out


def test_most_blocks_are_run() -> None:
    run = [b for p in PAGES for b in runnable(p) if b.word != "file" and not not_run(p, b)]
    assert len(run) >= 35
