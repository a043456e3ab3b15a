"""Processor time for who can sign, of many users and roles, reading included; and a plan of 500
buckets.

    python benchmarks/signers.py [--principals 10000] [--buckets 500]

Goals for 10,000 principals and one object, a prefix or the bucket: *real* (most have narrow
policies, and share managed ones) 0.5 s, *odd* (conditions, boundaries, tags and denials at random)
2 s, *worst* (nobody's policies are like another's) 5 s; at most 200 MB. A Terraform plan of 500
buckets: 5 s.
"""

import argparse
import json
import random
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import support.principals as made  # noqa: E402
from gt_secure.engine.access import Exposure, locks_of_policies  # noqa: E402
from gt_secure.engine.access.identities import parse_principals  # noqa: E402
from gt_secure.engine.access.signers import signers_of  # noqa: E402
from gt_secure.engine.access.terraform_plan import terraform_policies  # noqa: E402
from gt_secure.engine.policies.bucket_guard import build_guard  # noqa: E402
from gt_secure.findings.planned import findings_of  # noqa: E402

KEY, PREFIX = "scans/0001.png", "scans/"
GOALS = {"real": 0.5, "odd": 2, "worst": 5, "plan": 5}


def real(size, draw):
    services = ("ec2", "sqs", "dynamodb", "logs", "sns", "lambda", "ecr", "cloudwatch")
    managed = [
        made.policy(f"m{i}", made.doc(made.st(f"{draw.choice(services)}:*", "*")))
        for i in range(40)
    ]
    reading = made.policy("reading", made.doc(made.READ))
    for i in range(size):
        more = [draw.choice(managed)["Arn"], *([reading["Arn"]] if i % 25 == 0 else [])]
        own = made.st(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::app-{i % 900}/*")
        yield (
            made.user(f"u{i}", own, managed=more)
            if i % 5 == 0
            else made.role(f"r{i}", own, managed=more, trusts=made.trust(made.ROOT))
        )
    yield from (*managed, reading)


def odd(size, draw):
    account, _, _ = made.random_account(draw, size)
    yield from (each for items in account.values() for each in items)


def worst(size, draw):
    for i in range(size):
        address = f"{draw.randint(11, 190)}.{draw.randint(0, 255)}.{draw.randint(0, 255)}.0/24"
        own = made.st(
            "s3:GetObject", "arn:aws:s3:::gt-images/*", IpAddress={"aws:SourceIp": address}
        )
        yield made.role(
            f"r{i}",
            own,
            made.st("sts:AssumeRole", f"arn:aws:iam::{made.ACCOUNT}:role/r{i // 2}"),
            trusts=made.trust(made.ROOT),
        )


def plan(buckets):
    changes = []
    for i in range(buckets):
        name = f"gt-{i}"
        after = {
            "bucket": name,
            "policy": json.dumps(made.doc(build_guard(name, networks=["203.0.113.0/24"]))),
        }
        for kind, value in (("aws_s3_bucket", {"bucket": name}), ("aws_s3_bucket_policy", after)):
            change = {"actions": ["create"], "after": value, "after_unknown": {}}
            changes.append(
                {
                    "address": f"{kind}.b{i}",
                    "mode": "managed",
                    "type": kind,
                    "name": f"b{i}",
                    "change": change,
                }
            )
    configuration = {"root_module": {}}
    return json.dumps(
        {"format_version": "1.2", "resource_changes": changes, "configuration": configuration}
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--principals", type=int, default=10_000)
    parser.add_argument("--buckets", type=int, default=500)
    parser.add_argument("--only", choices=tuple(GOALS))
    args = parser.parse_args()
    locks = locks_of_policies("gt-images", None, made.ACCOUNT)
    for flavour in (real, odd, worst):
        if args.only not in (None, flavour.__name__):
            continue
        text = json.dumps(made.details(*flavour(args.principals, random.Random(7))))
        started = time.process_time()
        people = parse_principals(text)
        print(f"{flavour.__name__:6} {time.process_time() - started:6.2f} s to read", flush=True)
        for key in (KEY, PREFIX, ""):
            started = time.process_time()
            found = signers_of(Exposure(locks, key, is_prefix=key != KEY), people)
            seconds = time.process_time() - started
            said = f"{len(found):,} of {args.principals:,} (goal {GOALS[flavour.__name__]} s)"
            print(f"{'':6} {seconds:6.2f} s for {key or 'the bucket'}: {said}", flush=True)
    if args.only in (None, "plan"):
        text = plan(args.buckets)
        started = time.process_time()
        found = findings_of(terraform_policies(text).policies(), made.ACCOUNT)
        print(
            f"plan   {time.process_time() - started:6.2f} s: {args.buckets} buckets (goal"
            f" {GOALS['plan']} s)"
        )
    print(
        f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:,.0f} MB at most (goal"
        " 200)"
    )


if __name__ == "__main__":
    main()
