"""How long until a person can choose a team, and until a click has its result, against bare
ipywidgets.

The bare notebook does the same boto3 calls in its button handlers, as most notebooks do: on the
event loop. Both run in a fresh Python each time, against the same sandbox; a wait is added to each
SageMaker call, since AWS is farther away than loopback.

    python benchmarks/panel.py [--runs 5] [--latency 0.15] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from gt_secure.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[1]

COMMON = """
import asyncio, json, os, time
LATENCY = float(os.environ["BENCH_LATENCY"])

def slow(client):
    client.meta.events.register("before-send.sagemaker", lambda **_: time.sleep(LATENCY))

class Watch:
    "How long the event loop did not turn."
    def __init__(self): self.worst = 0.0
    async def run(self):
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.worst = max(self.worst, time.perf_counter() - before - 0.001)
"""

OURS = (
    COMMON
    + """
async def main():
    watch = Watch(); task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.01)
    start = time.perf_counter()
    import gt_secure, gt_secure.connection
    connect = gt_secure.connection.connect
    def connect_slowly(**given):  # called by the panel, on its own thread
        gt = connect(**given)
        slow(gt.aws.client("sagemaker"))
        return gt
    gt_secure.connection.connect = connect_slowly
    panel = gt_secure.panel()
    shown = time.perf_counter()
    await asyncio.sleep(0.01)  # the cell has ended: from here on other cells and widgets should be able to run
    watch.worst = 0.0
    while not panel.picker.teams:
        await asyncio.sleep(0.001)
    usable = time.perf_counter()
    panel.picker.select.value = panel.picker.teams[0].arn
    clicked = time.perf_counter()
    while panel.picker.details is None:
        await asyncio.sleep(0.001)
    done = time.perf_counter()
    task.cancel()
    print(json.dumps({"shown": shown - start, "usable": usable - start, "click_to_result": done - clicked,
                      "click_blocks": clicked - usable, "loop_blocked": watch.worst}))
    os._exit(0)
asyncio.run(main())
"""
)

BARE = (
    COMMON
    + """
async def main():
    watch = Watch(); task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.01)
    start = time.perf_counter()
    import boto3, ipywidgets
    client = boto3.client("sagemaker")
    slow(client)
    select = ipywidgets.Select(description="Workteam")
    out = ipywidgets.HTML()
    shown_box = ipywidgets.VBox([select, out])
    names = [t["WorkteamName"] for page in client.get_paginator("list_workteams").paginate() for t in page["Workteams"]]
    names += [t["MarketplaceTitle"] for page in client.get_paginator("list_subscribed_workteams").paginate()
              for t in page["SubscribedWorkteams"]]
    select.options = names
    usable = time.perf_counter()
    state = {}
    def chosen(change):
        forces = client.list_workforces()["Workforces"]
        arn = client.describe_workteam(WorkteamName=change["new"])["Workteam"]["WorkteamArn"]
        jobs = client.list_labeling_jobs_for_workteam(WorkteamArn=arn)["LabelingJobSummaryList"]
        out.value = f"{forces[0]['WorkforceName']} {len(jobs)}"
        state["done"] = time.perf_counter()
    select.value = None
    select.observe(chosen, "value")
    await asyncio.sleep(0.01)
    watch.worst = 0.0
    clicked = time.perf_counter()
    select.value = names[0]
    returned = time.perf_counter()
    await asyncio.sleep(0.01)
    task.cancel()
    print(json.dumps({"shown": usable - start, "usable": usable - start, "click_to_result": state["done"] - clicked,
                      "click_blocks": returned - clicked, "loop_blocked": watch.worst}))
    os._exit(0)
asyncio.run(main())
"""
)


def measure(
    codes: dict[str, str], environment: dict[str, str], runs: int
) -> dict[str, dict[str, float]]:
    """Median of each time over some fresh processes, after one that is not counted; turn by turn,
    as load changes.
    """
    results: dict[str, list[dict[str, float]]] = {name: [] for name in codes}
    for _ in range(runs + 1):
        for name, code in codes.items():
            command = [sys.executable, "-c", code]
            made = subprocess.run(
                command, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=300
            )
            if made.returncode:
                raise SystemExit(made.stderr)
            results[name].append(json.loads(made.stdout.strip().splitlines()[-1]))
    return {
        name: {key: statistics.median(each[key] for each in found[1:]) for key in found[0]}
        for name, found in results.items()
    }


SAYS = {
    "shown": "until something is on the screen",
    "usable": "until a team can be chosen",
    "click_to_result": "from the choice to its details",
    "click_blocks": "of that, the kernel does nothing else",
    "loop_blocked": "longest time the event loop stood still",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--latency", type=float, default=0.15, help="seconds added to each SageMaker call"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with Sandbox() as sandbox:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # as people have it: modules are compiled once
        environment = {
            **kept,
            **sandbox.environment(),
            "BENCH_LATENCY": str(args.latency),
            "PYTHONPATH": str(ROOT),
        }
        environment["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp()
        found = measure({"ours": OURS, "bare": BARE}, environment, args.runs)
    ours, bare = found["ours"], found["bare"]
    if args.json:
        print(
            json.dumps(
                {
                    "gt_secure": ours,
                    "bare ipywidgets": bare,
                    "latency_s": args.latency,
                    "runs": args.runs,
                }
            )
        )
        return
    print(
        f"{'milliseconds, median of ' + str(args.runs):<42}{'gt_secure':>12}{'bare':>10}{'ratio':>9}"
    )
    for name, words in SAYS.items():
        ratio = ours[name] / bare[name] if bare[name] else float("inf")
        print(f"{words:<42}{ours[name] * 1000:>12.0f}{bare[name] * 1000:>10.0f}{ratio:>9.2f}")


if __name__ == "__main__":
    main()
