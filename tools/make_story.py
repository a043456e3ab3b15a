"""Make the table of the README from a run: real requests to the sandbox, before and after each
change.

python tools/make_story.py           write the table between the story marks of README.md
python tools/make_story.py --check   exit with 1 if the table is not what a run gives
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import gt_secure
from gt_secure import Connection, Restriction
from gt_secure.sandbox import Sandbox, create_job, open_task

README = Path(__file__).resolve().parent.parent / "README.md"
MARKS = re.compile(r"(<!-- story -->\n).*?(<!-- end of story -->)", re.DOTALL)
KEY, PREFIX, BUCKET = "scans/0001.png", "scans/", "gt-images"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
INSIDE = f"10.0.3.4 via {ENDPOINT}"
ASKS = ["loses-access:open-team", "url-lock-one-path", "loses-access:radiology-team"]
HEAD = ("", "worker in the office", "forwarded outside", "worker in the VPC")


def story(gt: Connection) -> list[tuple[str, ...]]:
    """Return the rows: what S3 answers to each person, before and after each change."""
    create_job(gt.aws, "open-team")
    rows = [("before", *_answers(gt, "open-team"))]
    office = Restriction("open-team", addresses=["203.0.113.0/24"], bucket=BUCKET, prefix=PREFIX)
    gt.apply(gt.plan(office), confirm=ASKS)
    rows.append(("`open-team` restricted to 203.0.113.0/24", *_answers(gt, "open-team")))
    listed = Restriction(
        "open-team",
        addresses=["203.0.113.0/24"],
        endpoints=[ENDPOINT],
        bucket=BUCKET,
        prefix=PREFIX,
    )
    gt.apply(gt.plan(listed), confirm=ASKS)
    rows.append(("the VPC endpoint listed too", *_answers(gt, "open-team")))
    create_job(gt.aws, "vpc-team")
    rows.append(("a team with `VpcSourceIp`, same list", *_answers(gt, "vpc-team")))
    return rows


def _answers(gt: Connection, team: str) -> tuple[str, ...]:
    return (
        _status(gt, team, OFFICE, OFFICE),
        _status(gt, team, OFFICE, ELSEWHERE),
        _status(gt, team, INSIDE, INSIDE),
    )


def _status(gt: Connection, team: str, worker: str, source: str) -> str:
    probe = gt.probe(open_task(gt.aws, team, KEY, worker), source)
    return str(probe.status) if probe.status == 200 else f"**{probe.status}**"


def table() -> str:
    """Run the story on a fresh sandbox and return it as a Markdown table."""
    with (
        Sandbox(log_delay_s=60, workforce_delay_s=0.05) as sandbox,
        tempfile.TemporaryDirectory() as journal,
    ):
        os.environ.update(sandbox.environment(), GT_SECURE_JOURNAL=journal)
        rows = story(gt_secure.connect())
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main() -> int:
    """Write or check the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    old = README.read_text(encoding="utf-8")
    made = table()
    new = MARKS.sub(lambda match: match[1] + made + match[2], old)
    if check:
        if new != old:
            print(f"The table in README.md is not current. A run gives:\n{made}")
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
