"""The demo as a process: it opens JupyterLab on the quickstart, and leaves nothing running when it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_lab_demo_starts_and_stops_cleanly(tmp_path, how):
    demo = subprocess.Popen(
        [sys.executable, "-m", "gt_secure.cli", "demo", "--no-browser", "--work", str(tmp_path / "work")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )  # fmt: skip
    said = []
    deadline = time.monotonic() + 90
    try:
        for line in demo.stdout:
            said.append(line)
            if "Ctrl-C" in line or time.monotonic() > deadline:
                break
        text = "".join(said)
        address = re.search(r"JupyterLab\s+(\S+)", text)[1]
        sandbox = re.search(r"sandbox\s+(http\S+)", text)[1]
        assert urllib.request.urlopen(address, timeout=20).status == 200
        assert urllib.request.urlopen(f"{sandbox}/_gt_secure/health", timeout=20).status == 200
        assert (tmp_path / "work" / "01_quickstart.ipynb").exists()
        assert (tmp_path / "work" / "templates" / "regression_tests.ipynb").exists()
        children = subprocess.run(["pgrep", "-P", str(demo.pid)], capture_output=True, text=True).stdout.split()
        assert len(children) == 2
        demo.send_signal(how)
        rest, _ = demo.communicate(timeout=40)
    finally:
        if demo.poll() is None:
            demo.kill()
    assert demo.returncode == 0, rest
    assert "Stopped." in rest
    assert "Traceback" not in rest
    for child in children:
        stat = Path(f"/proc/{child}/stat")
        assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_headless_leaves_its_results(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "gt_secure.cli", "demo", "--headless", "--out", str(tmp_path), "--json"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == json.loads(done.stdout)
    found = {(s["source"], s["expected"], s["http_status"]) for s in summary["scenes"]}
    assert {("198.51.100.9", "opened", 200), ("198.51.100.9", "refused", 403), ("203.0.113.7", "opened", 200)} <= found
    assert summary["as_expected"]
    assert (tmp_path / "hits.png").read_bytes().startswith(b"\x89PNG")
    assert "198.51.100.9" in (tmp_path / "hits.svg").read_text()
    assert not re.search(
        r"X-Amz-Signature=(?!X{8})|X-Amz-Security-Token|\b(AKIA|ASIA)[A-Z0-9]{12}",
        (tmp_path / "01_quickstart.ipynb").read_text(),
    )


def test_headless_fails_when_a_scene_is_not_as_expected(tmp_path):
    import nbformat

    from gt_secure.cli.headless import run_headless
    from gt_secure.cli.tutorials import notebooks_dir

    book = nbformat.read(notebooks_dir() / "01_quickstart.ipynb", as_version=4)
    for cell in book.cells:
        cell.source = cell.source.replace('gt.probe(url, ELSEWHERE), "opened")', 'gt.probe(url, ELSEWHERE), "refused")')
    altered = tmp_path / "altered.ipynb"
    altered.write_text(nbformat.writes(book))
    assert run_headless(altered, tmp_path / "out") == 2
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["as_expected"] is False
