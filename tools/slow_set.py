"""Run the slow set file by file and print the time and the result of each part.

    python tools/slow_set.py [--jobs 2] [tests/packaging tests/integrations/test_spark.py ...]
    python tools/slow_set.py --oldest 20     the parts that ran longest ago, for about 20 minutes

``tests/slow_set.md`` has when and on which commit each part ran last; each run writes its rows. A
landing that ends an issue runs the oldest 20 minutes, so that the whole set comes round.

A part is a file of tests. It runs in a pytest process of its own, so its processor time includes
all processes that it starts. ``tests/integrations/test_spark.py`` runs whole with ``.venv/spark`` if that
is there (``make .venv/spark/.done``). The output of the parts and the table (``table.md``) stay in
``build/slow``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "slow"
PAGE = ROOT / "tests" / "slow_set.md"
PAGE_HEAD = """# When each part of the slow set ran last

Written by `tools/slow_set.py`; the commit may have had changes beside it that were not committed. A part without a row never ran.

| part | date | commit | failed | wall s |
|---|---|---|---|---|
"""
UNKNOWN_S = 60.0
"""Seconds that a part may take of which nobody knows."""
SPARK = ROOT / ".venv" / "spark" / "bin" / "python"
SPARK_TESTS = "tests/integrations/test_spark.py"
CHOICE = ("-m", "slow or hypothesis", "--hypothesis-profile=new")
NOTHING_CHOSEN = 5
"""Exit code of pytest."""
HEAD = (
    "| part | tests | passed | failed | skipped | processor s | wall s"
    " |\n|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Part:
    """Result of one file of tests."""

    name: str
    code: int
    passed: int = 0
    failed: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    processor_s: float = 0.0
    wall_s: float = 0.0

    @property
    def broken(self) -> bool:
        """True if a test failed, or if the process ended without a result of its tests."""
        return bool(self.failed) or self.code not in (0, NOTHING_CHOSEN)

    def row(self) -> str:
        tests = self.passed + len(self.failed) + len(self.skipped)
        failed = (
            str(len(self.failed)) if self.failed or not self.broken else f"exit code {self.code}"
        )
        numbers = [
            tests,
            self.passed,
            failed,
            len(self.skipped),
            f"{self.processor_s:.1f}",
            f"{self.wall_s:.0f}",
        ]
        return f"| {' | '.join([self.name, *map(str, numbers)])} |"


def main() -> int:
    """Run the parts; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description="run the slow set; print time and result by part")
    parser.add_argument(
        "paths", nargs="*", default=["tests"], metavar="PATH", help="files or folders of tests"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="parts that run at once"
    )
    parser.add_argument(
        "--oldest", type=float, metavar="MINUTES", help="only the parts that ran longest ago"
    )
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    files = parts_of(options.paths)
    kept = rows_of(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "")
    if options.oldest is not None:
        files = oldest(files, kept, 60 * options.oldest * options.jobs)
    with ThreadPoolExecutor(options.jobs) as pool:
        parts = [_printed(part) for part in pool.map(run, files)]
    text = report(parts)
    (OUT / "table.md").write_text(text, encoding="utf-8")
    ran = {part.name: ran_row(part) for part in parts}
    PAGE.write_text(page_of(kept | ran, parts_of(["tests"])), encoding="utf-8")
    print(f"\n{text}\nThe output of the parts is in {OUT}.")
    return int(any(part.broken for part in parts))


def parts_of(paths: Sequence[str]) -> list[str]:
    """Return the files that have slow tests, in the order in which the suite starts them."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "-q", *CHOICE, *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, NOTHING_CHOSEN):
        raise SystemExit(done.stdout + done.stderr)
    files = dict.fromkeys(line.split("::")[0] for line in done.stdout.splitlines() if "::" in line)
    return list(files)


def rows_of(page: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of the page, by part: date, commit, failed tests, seconds."""
    found = re.findall(
        r"^\| (tests/\S+) \| (\S+) \| (\S+) \| (.+?) \| (\d+) \|$", page, re.MULTILINE
    )
    return {name: tuple(values) for name, *values in found}


def ran_row(part: Part) -> tuple[str, ...]:
    """Return the row of a part that ran now."""
    head = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = str(len(part.failed)) if part.failed or not part.broken else f"exit code {part.code}"
    commit = head.stdout.strip() or "unknown"
    return str(dt.datetime.now(dt.UTC).date()), commit, failed, f"{part.wall_s:.0f}"


def page_of(rows: Mapping[str, tuple[str, ...]], parts: Iterable[str]) -> str:
    """Return the page; a part that is gone has no row."""
    return PAGE_HEAD + "".join(
        f"| {' | '.join([name, *rows[name]])} |\n" for name in sorted(parts) if name in rows
    )


def oldest(files: Sequence[str], rows: Mapping[str, tuple[str, ...]], most_s: float) -> list[str]:
    """Return the parts that ran longest ago, those that never ran first,
    as many as end in so many seconds; at least one.
    """
    chosen, used_s = list[str](), 0.0
    for name in sorted(files, key=lambda name: rows.get(name, ("",))[0]):
        used_s += float(rows[name][-1]) if name in rows else UNKNOWN_S
        if chosen and used_s > most_s:
            break
        chosen.append(name)
    return chosen


def run(name: str) -> Part:
    """Run one part and wait for it, with the processor time of its processes."""
    stem = name.removeprefix("tests/").removesuffix(".py").replace("/", "_")
    results, log = OUT / f"{stem}.xml", OUT / f"{stem}.log"
    results.unlink(missing_ok=True)
    command, env = [sys.executable, "-m", "pytest", *CHOICE], dict(os.environ)
    if name == SPARK_TESTS and SPARK.exists():
        command, env["PYTHONPATH"] = [str(SPARK), "-m", "pytest"], str(ROOT)
    command += ["-n", "0", f"--junitxml={results}", name]
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
        # which knows the time of this child and its children alone
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.monotonic() - started
    passed, failed, skipped = results_of(results)
    return Part(
        name, process.returncode, passed, failed, skipped, usage.ru_utime + usage.ru_stime, wall_s
    )


def results_of(path: Path) -> tuple[int, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the number of tests that passed, those that failed,
    and those that were skipped with their reasons.
    """
    passed, failed, skipped = 0, [], []
    for case in ElementTree.parse(path).iter("testcase") if path.exists() else ():
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif (reason := case.find("skipped")) is not None:
            skipped.append((name, reason.get("message") or ""))
        else:
            passed += 1
    return passed, tuple(dict.fromkeys(failed)), tuple(skipped)


def _printed(part: Part) -> Part:
    """Print a part's row as soon as it is known."""
    print(part.row(), flush=True)
    return part


def report(parts: Iterable[Part]) -> str:
    """Return the table of parts and folders, and the tests that failed or were skipped."""
    parts = list(parts)
    folders: dict[str, list[Part]] = {}
    for part in parts:
        folders.setdefault(Path(part.name).parent.as_posix(), []).append(part)
    lines = [
        HEAD,
        *(part.row() for part in sorted(parts, key=lambda part: -part.processor_s)),
        "",
        HEAD,
    ]
    lines += [_sum(folder, of_folder).row() for folder, of_folder in sorted(folders.items())]
    lines += [_sum("all", parts).row(), ""]
    lines += [f"FAILED {name}" for part in parts for name in part.failed]
    lines += [
        f"FAILED {part.name}: exit code {part.code}"
        for part in parts
        if part.broken and not part.failed
    ]
    lines += [f"SKIPPED {name}: {reason}" for part in parts for name, reason in part.skipped]
    return "\n".join(lines)


def _sum(name: str, parts: Sequence[Part]) -> Part:
    return Part(
        name,
        max((part.code for part in parts if part.broken), default=0),
        sum(part.passed for part in parts),
        tuple(name for part in parts for name in part.failed),
        tuple(each for part in parts for each in part.skipped),
        sum(part.processor_s for part in parts),
        sum(part.wall_s for part in parts),
    )


if __name__ == "__main__":
    sys.exit(main())
