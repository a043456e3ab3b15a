"""Smoke test of an installed package: its files are in place, and a policy is decided.
No network, no account.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

SHARED = (
    "share/jupyter/labextensions/gt_secure/package.json",
    "share/jupyter/labextensions/gt_secure/install.json",
    "share/gt_secure/notebooks/01_quickstart.ipynb",
    "share/man/man1/gt-secure.1",
)
POLICY = {"Version": "2012-10-17", "Statement": []}


def main() -> int:
    """Look at the files, and ask the command line for a proof of a bucket without a policy."""
    missing = [name for name in SHARED if not (Path(sys.prefix) / name).is_file()]
    assert not missing, f"not installed: {missing}"
    entry = Path(sys.prefix) / "share/jupyter/labextensions/gt_secure/package.json"
    load = json.loads(entry.read_text(encoding="utf-8"))["jupyterlab"]["_build"]["load"]
    assert (entry.parent / load).is_file(), f"{load} is not installed"
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.json"
        policy.write_text(json.dumps(POLICY), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "gt_secure",
            "prove",
            "s3://gt-images",
            "--bucket-policy",
            str(policy),
        ]
        command += ["--account", "111122223333", "--allow", "203.0.113.0/24", "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["counterexample"]["finding"] == "guard-missing"
    print(
        f"gt_secure {metadata.version('gt_secure')}: {len(SHARED)} shared files in place, a policy"
        " was decided"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
