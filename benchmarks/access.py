"""Time of an exposure, a proof and a plan, in milliseconds of processor time: the best of five.

    python benchmarks/access.py

Goals: exposure of a bucket policy with 5 statements, for all five kinds of request, under 50 ms;
with 900 ranges under 1 s.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from gt_secure.changes.journal import Journal  # noqa: E402
from gt_secure.changes.plan import plan  # noqa: E402
from gt_secure.engine.access import Exposure, locks_of_policies  # noqa: E402
from gt_secure.engine.access.proof import Claim, prove  # noqa: E402
from gt_secure.engine.policies.bucket_guard import build_guard  # noqa: E402
from gt_secure.restriction.model import Restriction  # noqa: E402
from support.states import BUCKET, state  # noqa: E402

OFFICE = ["203.0.113.0/24", "2001:db8:40::/48"]
MANY = [f"10.{index // 256}.{index % 256}.0/25" for index in range(900)]
GOALS = {"exposure, 5 statements": 50, "exposure, 900 ranges": 1000}


def deny(condition):
    base = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    return {**base, "Condition": condition}


FIVE = [
    build_guard("gt-images", networks=OFFICE, endpoints=["vpce-0a1b2c3d4e5f60718"]),
    deny({"Bool": {"aws:SecureTransport": "false"}}),
    deny({"NumericGreaterThan": {"s3:signatureAge": "900000"}}),
    deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-abc123"}}),
    {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/public/*",
    },
]


def document(statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def best(run):
    times = []
    for _ in range(5):
        started = time.process_time()
        run()
        times.append((time.process_time() - started) * 1000)
    return min(times)


def main():
    five = locks_of_policies("gt-images", document(FIVE), "111122223333")
    many = locks_of_policies(
        "gt-images", document([deny({"NotIpAddress": {"aws:SourceIp": MANY}})]), "111122223333"
    )
    seen = state(bucket=BUCKET)
    wish = Restriction(team="radiology-team", addresses=OFFICE, bucket="gt-images", prefix="scans/")
    claim = Claim(allowed=[*OFFICE, "vpce-0a1b2c3d4e5f60718"])
    rows = {
        "exposure, 5 statements": best(lambda: Exposure(five, "scans/0001.png").to_dict()),
        "exposure, 900 ranges": best(lambda: Exposure(many, "scans/0001.png").to_dict()),
        "proof, 5 statements": best(lambda: prove(five, claim)),
    }
    with tempfile.TemporaryDirectory() as folder:  # a journal of this machine would be read too
        rows["plan"] = best(lambda: plan(None, wish, state=seen, journal=Journal(folder)))
    for name, milliseconds in rows.items():
        goal = f"   goal {GOALS[name]} ms" if name in GOALS else ""
        print(f"{name:26} {milliseconds:8.1f} ms{goal}")


if __name__ == "__main__":
    main()
