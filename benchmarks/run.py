"""All benchmarks, one after the other: ``python benchmarks/run.py [--quick] [NAME...]``.

``--quick`` shows in some minutes that each runs through; its numbers mean nothing. The tests run it
so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FULL: dict[str, list[str]] = {
    "verdicts": [],
    "access": [],
    "logs": [],
    "panel": [],
    "lab": [],
    "newcomer": [],
    "secret_check": [],
    "report": ["--accounts", "40"],
    "signers": [],
}
"""Arguments of each benchmark."""
QUICK: dict[str, list[str]] = {
    "verdicts": ["--rounds", "1"],
    "access": [],
    "logs": [
        "--size",
        "2e6",
        "--files",
        "20",
        "--repeat",
        "1",
        "--only",
        "ours",
        "--store",
        "sandbox",
    ],
    "panel": ["--runs", "1", "--latency", "0"],
    "lab": ["--runs", "1"],
    "newcomer": ["--quick"],
    "secret_check": ["--megabytes", "0.2", "--rounds", "1"],
    "report": ["--accounts", "2", "--regions", "2"],
    "signers": ["--principals", "60", "--buckets", "5"],
}
NEED_CHROMIUM = ("lab",)


def main() -> int:
    """Run those that are named, or all; returns 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", choices=[[], *FULL], metavar="NAME", help=", ".join(FULL)
    )
    parser.add_argument(
        "--quick", action="store_true", help="run each through, for the sake of running it"
    )
    args = parser.parse_args()
    failed = []
    for name in args.names or FULL:
        print(f"== {name}", flush=True)
        if name in NEED_CHROMIUM:
            subprocess.run(["sh", str(FOLDER.parent / "tools" / "ensure-chromium.sh")], check=True)
        command = [
            sys.executable,
            str(FOLDER / f"{name}.py"),
            *(QUICK if args.quick else FULL)[name],
        ]
        if subprocess.run(command).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
