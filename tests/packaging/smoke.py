"""The main job, once, with whatever is installed: run in a clean environment, prints one line of
JSON.

The sandbox is the one of the environment's ``AWS_ENDPOINT_URL``; with ``--sandbox`` one is started
here, which needs the emulator, and with it the botocore that the emulator pins.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path


def command_line() -> list[str]:
    """Every command of the installed script shows its help."""
    script = Path(sys.executable).with_name("gt-secure")
    text = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert "plan" in text
    from gt_secure.cli.main import build_parser

    action = next(each for each in build_parser()._actions if each.dest == "command")
    for name in action.choices:
        subprocess.run([script, name, "--help"], capture_output=True, check=True)
    return sorted(action.choices)


def main_job() -> dict[str, object]:
    """Restrict, prove, look, watch, undo."""
    import gt_secure
    from gt_secure import Restriction, check, expect
    from gt_secure.doctor import examine

    wish = Restriction(
        "open-team", addresses=["203.0.113.0/24"], bucket="gt-images", prefix="scans/",
        expectations=[expect.allowed("203.0.113.7"), expect.refused("198.51.100.9")],
    )  # fmt: skip
    with sandbox_here(), tempfile.TemporaryDirectory() as journal:
        gt = gt_secure.connect(journal=journal)
        assert gt.aws.is_local
        change = gt.apply(
            gt.plan(wish), confirm=["url-lock-one-path", "loses-access:radiology-team"]
        )
        url = gt.sign("gt-images", "scans/0001.png")
        statuses = [gt.probe(url, source).status for source in ("203.0.113.7", "198.51.100.9")]
        checks = [
            check.team_is_restricted(gt, "open-team").status,
            check.guard_is_in_place(gt, "s3://gt-images/scans/").status,
            check.nothing_drifted(gt, wish).status,
        ]
        hits = wait_for_hits(gt)
        from gt_secure.logs.plots import svg

        figure = svg(gt.plot(hits.filter(presigned=True), restriction=wish))
        panel = type(gt_secure.panel(gt)).__name__
        facts = {fact.name: fact.mark for fact in examine(gt, features=["teams"]).facts}
        gt.undo(change)
        return {
            "statuses": statuses, "checks": checks, "plotted": "198.51.100.9" in figure, "panel": bool(panel),
            "wrong": [name for name, mark in facts.items() if mark == "wrong"],
            "notes": [name for name, mark in facts.items() if mark == "note"],
        }  # fmt: skip


@contextlib.contextmanager
def sandbox_here():
    """Start a sandbox in this environment, if asked to."""
    if "--sandbox" not in sys.argv:
        yield
        return
    from gt_secure.sandbox import Sandbox

    with Sandbox(log_delay_s=0.1) as sandbox:
        os.environ.update(sandbox.environment())
        yield


def wait_for_hits(gt):
    """Read the log until it shows the refused request of this job:
    the sandbox may have rows of other tests.
    """
    import time

    until = time.monotonic() + 120
    while time.monotonic() < until:
        hits = gt.hits("gt-images")
        if len(hits.filter(presigned=True, refused=True, address="198.51.100.9")):
            return hits
        time.sleep(0.1)
    raise AssertionError("the refused request did not arrive in the log")


if __name__ == "__main__":
    import gt_secure

    assert "site-packages" in gt_secure.__file__, gt_secure.__file__
    names = ("boto3", "botocore", "ipywidgets", "matplotlib", "duckdb")
    installed = {each: metadata.version(each) for each in names}
    said = {
        "commands": command_line(),
        **main_job(),
        "installed": installed,
        "python": sys.version.split()[0],
    }
    print(json.dumps(said))
