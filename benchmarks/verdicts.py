"""Verdicts a second for the conformance cases, beside two other evaluators where they are
installed.

    python benchmarks/verdicts.py [--rounds 20]

Policies are compiled once and requests are new each time, as when a plot asks for one verdict per
address.
"""

import argparse
import importlib.util
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from gt_secure.engine.iam import batch as ndjson  # noqa: E402
from gt_secure.engine.iam.evaluate import evaluate  # noqa: E402
from gt_secure.engine.iam.request import Policies, Request  # noqa: E402

CASES = [
    json.loads(line)
    for line in (ROOT / "tests/data/policy-cases.ndjson").read_text(encoding="utf-8").splitlines()
]
GOAL = 20_000


def engines():
    spec = importlib.util.spec_from_file_location(
        "engines", ROOT / "tests/support/policy_engines.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rate(run, count, rounds):
    """Verdicts a second of processor time: the best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(rounds):
            run()
        best = min(best, time.process_time() - started)
    return count * rounds / best


def ours(rounds):
    prepared = []
    for case in CASES:
        r = case["request"]
        policies = Policies(case["identityPolicies"], case["sessionPolicy"], case["resourcePolicy"])
        prepared.append(
            (
                (
                    r["action"],
                    r["resource"],
                    r["principal"],
                    r["context"],
                    r.get("resourceAccount"),
                ),
                policies,
            )
        )
    return rate(
        lambda: [evaluate(Request(*request), policies) for request, policies in prepared],
        len(CASES),
        rounds,
    )


def score(answers):
    gated = [(c, a) for c, a in zip(CASES, answers, strict=True) if c["confidence"] != "contested"]
    good = sum(a in (c["expect"], *c.get("accept", ())) for c, a in gated)
    return f"{good} of {len(gated)} documented verdicts"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    lines = [json.dumps(case) for case in CASES]
    speed = ours(rounds)
    answers = [json.loads(line)["verdict"] for line in ndjson.run(lines)]
    print(f"{'gt_secure':24} {speed:10,.0f} verdicts/s   {score(answers)}; goal {GOAL:,}")
    text = rate(lambda: list(ndjson.run(lines)), len(CASES), 2)
    print(
        f"{'gt_secure, NDJSON':24} {text:10,.0f} verdicts/s   parsing, compiling and a reason"
        " included"
    )
    other = engines()
    try:
        prepare, decide = other.ministack_engine()
    except ImportError:
        print("ministack is not installed")
    else:
        prepared = [prepare(case) for case in CASES]
        answers = [decide(each) for each in prepared]
        speed_there = rate(lambda: [decide(each) for each in prepared], len(CASES), rounds)
        print(
            f"{'ministack':24} {speed_there:10,.0f} verdicts/s   {score(answers)}; requests"
            " prepared beforehand"
        )
    if other.npm_folder() is None:
        print("node, npm or the registry is missing")
    else:
        answers, seconds = other.npm_answers(CASES * 5)
        print(
            f"{'iam-simulate (node)':24} {len(CASES) * 5 / seconds:10,.0f} verdicts/s  "
            f" {score(answers[: len(CASES)])}"
        )


if __name__ == "__main__":
    main()
