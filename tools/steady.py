"""Run tests, and each of those that failed once more: what passes alone is unsteady, and a landing
may have two.

    python tools/steady.py ROWS [OPTIONS OF PYTEST ...]

``.ci/run`` uses it in place of pytest. A test that failed runs alone, in a new process. A test that
passes there is named with its first output, and gets a row in the file ROWS, which the steps of a
landing share. The exit code is pytest's, unless every test that failed is unsteady and ROWS has at
most two rows. Nothing else is repeated: an error of the collection, a run that was ended, and a
budget that is exceeded fail as they do without this tool.

``tests/unsteady.toml`` has the rows of all landings. A test that is in two landings in a row is
mended or leaves.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTEST = (sys.executable, "-m", "pytest")
PAGE = "tests/unsteady.toml"
MOST = 2
"""Unsteady tests of a landing that passes."""
REPEATED = 10
"""Where more tests fail, a change broke them: none is repeated."""
TESTS_FAILED = 1
"""Exit code of pytest if tests failed and nothing else went wrong."""
FIRST, OUTPUT = 160, 6000
"""Most characters of the line that is kept, and of the output that is printed."""


@dataclass(frozen=True)
class Run:
    """Result of one pytest process; without a record, the process ended before its last test."""

    code: int
    failed: dict[str, dict[str, str]]
    passed: int = 0


def main(arguments: Sequence[str]) -> int:
    """Run the tests; return the exit code for make."""
    rows, *options = arguments
    first = run(*options)
    if first.code != TESTS_FAILED or not first.failed:
        return first.code
    if len(first.failed) > REPEATED:
        print(
            f"{len(first.failed)} tests failed, more than {REPEATED}: none of them is repeated.",
            flush=True,
        )
        return first.code
    unsteady = [test for test in first.failed if passes_alone(test)]
    add_rows(Path(rows), {test: first.failed[test]["first"] for test in unsteady})
    for test in unsteady:
        print(
            f"UNSTEADY {test}: failed, and passed alone. Its first output:",
            first.failed[test]["output"][:OUTPUT],
            sep="\n",
        )
    for test in first.failed.keys() - set(unsteady):
        print(f"FAILED TWICE {test}")
    count = len(read(Path(rows)))
    if count > MOST:
        print(f"{count} tests are unsteady: at most {MOST} may be.")
    sys.stdout.flush()
    return 0 if len(unsteady) == len(first.failed) and count <= MOST else first.code


def run(*options: str) -> Run:
    """Run pytest, with its output where ours goes."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "failures.json")
        code = subprocess.call([*PYTEST, f"--write-failures={record}", *options])
        if not record.exists():
            return Run(code, {})
        found = json.loads(record.read_text(encoding="utf-8"))
    return Run(code, found["failed"], found["passed"])


def passes_alone(test: str) -> bool:
    """Run a test in a process of its own; a test that is skipped there did not pass."""
    print(f"once more, alone: {test}", flush=True)
    alone = run("-n", "0", test)
    return alone.code == 0 and alone.passed == 1


def add_rows(rows: Path, unsteady: dict[str, str]) -> None:
    """Add rows in the form of the committed page."""
    told = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=False
    )
    landing = told.stdout.strip() or "unknown"
    with rows.open("a", encoding="utf-8") as file:
        for test, first in unsteady.items():
            file.write(f"\n[[unsteady]]\ntest = {_quoted(test)}\nlanding = {_quoted(landing)}\n")
            file.write(
                f"date = {dt.datetime.now(dt.UTC).date()}\nfirst = {_quoted(first[:FIRST])}\n"
            )


def _quoted(text: str) -> str:
    """Return a text as a string of TOML, which has the escapes of JSON but
    escapes one character more.
    """
    storable = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(storable, ensure_ascii=False).replace("\x7f", "\\u007f")


def read(rows: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, which may be missing."""
    return (
        tomllib.loads(rows.read_text(encoding="utf-8")).get("unsteady", []) if rows.exists() else []
    )


def twice_in_a_row(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the tests that were unsteady in two landings of the page that follow each other.

    A row with a text for ``mended`` does not count. Landings without unsteady tests have no row, so
    the rule is stricter than its name.
    """
    landings: dict[str, set[str]] = {}
    for row in rows:
        landings.setdefault(row["landing"], set()).update(
            [] if row.get("mended") else [row["test"]]
        )
    in_order = list(landings.values())
    return sorted({test for one, after in itertools.pairwise(in_order) for test in one & after})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
