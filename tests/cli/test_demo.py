"""The demo as a process: it opens JupyterLab on the quickstart,
and leaves nothing running when it ends.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from gt_secure.cli.main import main
from support.box import until

PATIENCE_S = 300
"""A bound for a busy machine: nothing waits for it when all is well."""


def test_the_lab_demo_starts_and_stops_cleanly(tmp_path):
    demo, text, children = start_demo(tmp_path, "--no-browser")
    try:
        address = re.search(r"JupyterLab\s+(\S+)", text)[1]
        sandbox = re.search(r"sandbox\s+(http\S+)", text)[1]
        assert urllib.request.urlopen(address, timeout=PATIENCE_S).status == 200
        assert (
            urllib.request.urlopen(f"{sandbox}/_gt_secure/health", timeout=PATIENCE_S).status == 200
        )
        assert f"export AWS_ENDPOINT_URL={sandbox}\n" in text
        assert "export GT_SECURE_JOURNAL=" in text
        assert (tmp_path / "out" / "demo" / "01_quickstart.ipynb").exists()
        assert (tmp_path / "out" / "demo" / "templates" / "regression_tests.ipynb").exists()
        until(lambda: "ipykernel" in "".join(arguments_of(below(children))))
        rest = stop(demo, signal.SIGINT)
    finally:
        if demo.poll() is None:
            demo.kill()
    assert "Stopped." in rest
    assert "WARNING" not in text + rest, "the demo says nothing that is not its own"
    assert running(children) == []


def stop(demo, how):
    """Stop a demo as Ctrl-C or a system does; returns the rest of what it prints."""
    demo.send_signal(how)
    rest, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 0, rest
    assert "Traceback" not in rest
    return rest


def start_demo(folder, *options, **environment):
    """Start the demo; returns the process, what it said, and its two servers."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "gt_secure.cli", "demo", *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | environment,
    )  # fmt: skip
    text = ""
    for line in demo.stdout:
        text += line
        if "Ctrl-C" in line:
            break
    # By their modules: a browser that the demo opens is its child too, and stays open when the demo
    # ends.
    servers = "gt_secure.*(sandbox|watched_lab)"
    found = subprocess.run(
        ["pgrep", "-P", str(demo.pid), "-f", servers], capture_output=True, text=True
    )
    children = known(map(int, found.stdout.split()))
    assert len(children) == 2, text
    return demo, text, children


def below(pids):
    """Process ids of all that run below these processes, and their own."""
    found = set(pids)
    for pid in pids:
        listed = subprocess.run(
            ["pgrep", "-P", str(pid)], capture_output=True, text=True
        ).stdout.split()
        found |= below([int(child) for child in listed])
    return found


def known(pids):
    """Those of these processes that run, each with the time of its start:
    a process id is given again later.
    """
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                found[pid] = rest[18]
    return found


def running(processes):
    """The ids of those of these processes that still run."""
    now = known(processes)
    return [pid for pid, start in processes.items() if now.get(pid) == start]


def arguments_of(pids):
    """Return the command lines of those of these processes that still run."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().decode())
    return [line for line in found if line]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_killed_demo_leaves_nothing_running(tmp_path):
    demo, text, children = start_demo(tmp_path, "--no-browser")
    address = re.search(r"JupyterLab\s+(\S+)", text)[1]
    try:
        base, token = address.split("/lab/")[0], address.rpartition("token=")[2]
        ask = urllib.request.Request(
            f"{base}/api/kernels",
            data=b"{}",
            method="POST",
            headers={"Authorization": f"token {token}"},
        )
        assert urllib.request.urlopen(ask, timeout=PATIENCE_S).status == 201
        everything = known(below(children))
        assert len(everything) >= 3, "the sandbox, JupyterLab and a kernel"
        demo.kill()
        demo.wait()
        until(lambda: running(everything) == [])
    finally:
        demo.kill()
        demo.communicate()
        for pid in running(children):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_token_is_in_no_list_of_processes(tmp_path):
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\nsleep 5\n')
    browser.chmod(0o755)
    demo, text, children = start_demo(
        tmp_path, BROWSER=f"{browser} %s &", JUPYTER_RUNTIME_DIR=str(tmp_path / "run")
    )
    address = re.search(r"JupyterLab\s+(\S+)", text)[1]
    try:
        token = address.rpartition("token=")[2]
        until(lambda: seen.exists() and seen.read_text())
        listed = arguments_of(below([demo.pid]))
        assert len(listed) >= 4, "the demo, the sandbox, JupyterLab and the browser"
        assert not [line for line in listed if token in line]
        argument = seen.read_text()
        assert argument.startswith("file://")
        assert token not in argument
        page = Path(argument.removeprefix("file://"))
        assert token in page.read_text()
        assert page.stat().st_mode & 0o077 == 0
        rest = stop(demo, signal.SIGTERM)
    finally:
        if demo.poll() is None:
            demo.kill()
    assert "Stopped." in rest
    assert not page.exists()
    assert running(children) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_interrupted_headless_demo_ends_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gt_secure.cli", "demo", "--headless", "--out", str(tmp_path)]
    # the kernel of an installation
    env = {name: value for name, value in os.environ.items() if name != "JUPYTER_PATH"}
    demo = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    try:
        # the sandbox and the kernel have started
        until(lambda: demo.poll() is not None or len(below([demo.pid])) > 2)
        started = known(below([demo.pid]))
        demo.send_signal(signal.SIGINT)
        shown, _ = demo.communicate()
    finally:
        demo.kill()
    assert (demo.returncode, shown) == (130, "Interrupted.\n")
    until(lambda: running(started) == [])


@pytest.mark.slow
def test_two_headless_demos_at_once_leave_their_results(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    demos = [
        subprocess.Popen(
            [sys.executable, "-m", "gt_secure.cli", "demo", "--headless", "--out", str(folder), "--json"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for folder in folders
    ]  # fmt: skip
    replies = [demo.communicate(timeout=2 * PATIENCE_S) for demo in demos]
    assert [demo.returncode for demo in demos] == [0, 0], replies
    for folder, (stdout, _) in zip(folders, replies, strict=True):
        summary = json.loads((folder / "summary.json").read_text())
        assert {"format_version": "1.0", **summary} == json.loads(stdout)
        found = {(s["source"], s["expected"], s["http_status"]) for s in summary["scenes"]}
        expected = {
            ("198.51.100.9", "opened", 200),
            ("198.51.100.9", "refused", 403),
            ("203.0.113.7", "opened", 200),
        }
        assert expected <= found
        assert summary["as_expected"]
        assert (folder / "hits.png").read_bytes().startswith(b"\x89PNG")
        assert "198.51.100.9" in (folder / "hits.svg").read_text()
        assert not re.search(
            r"X-Amz-Signature=(?!X{8})|X-Amz-Security-Token|\b(AKIA|ASIA)[A-Z0-9]{12}",
            (folder / "01_quickstart.ipynb").read_text(),
        )


@pytest.mark.slow
def test_headless_fails_when_a_scene_is_not_as_expected(tmp_path):
    import nbformat

    from gt_secure.cli.headless import run_headless
    from gt_secure.cli.tutorials import notebooks_dir

    book = nbformat.read(notebooks_dir() / "01_quickstart.ipynb", as_version=4)
    for cell in book.cells:
        cell.source = cell.source.replace(
            'gt.probe(url, ELSEWHERE), "opened")', 'gt.probe(url, ELSEWHERE), "refused")'
        )
    altered = tmp_path / "altered.ipynb"
    altered.write_text(nbformat.writes(book))
    assert run_headless(altered, tmp_path / "out") == 2
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["as_expected"] is False


def test_headless_in_a_place_that_cannot_be_written(tmp_path, capsys):
    """Before the minutes of work, and not as a traceback."""
    (tmp_path / "file").touch()
    assert main(["demo", "--headless", "--out", str(tmp_path / "file" / "out")]) == 64
    shown = capsys.readouterr().err
    assert "cannot be written" in shown
    assert "--out DIR" in shown
