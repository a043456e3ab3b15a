"""Run the account tests on a real account.

python tools/live.py my-profile                              # says whose account it is, and refuses
python tools/live.py my-profile --confirm 111122223333       # a few minutes
python tools/live.py my-profile --confirm 111122223333 --log-wait-min 240
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Hand the settings to the tests, as variables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("profile", help="profile of the AWS configuration")
    parser.add_argument("--confirm", default="", metavar="ID", help="account id of the profile")
    parser.add_argument(
        "--log-wait-min", default="", metavar="N", help="minutes to wait for access logs"
    )
    args, more = parser.parse_known_args()
    settings = {"PROFILE": args.profile, "CONFIRM": args.confirm, "LOG_WAIT_MIN": args.log_wait_min}
    env = {**os.environ, **{f"GT_SECURE_LIVE_{name}": value for name, value in settings.items()}}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-m",
        "live",
        "tests/live",
        *more,
    ]
    return subprocess.run(command, env=env, cwd=Path(__file__).resolve().parents[1]).returncode


if __name__ == "__main__":
    sys.exit(main())
