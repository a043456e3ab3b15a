"""Try each way by which a stranger gets gt_secure, and keep when that was and what came of it.

    python tools/ways.py                     print the table
    python tools/ways.py --try [NAME ...]    try all ways, or those named, and write docs/ways.json and docs/ways.md

A way is tried by its own steps, in an empty folder or environment, as the tests do them. A way
whose tests were all skipped was not tried. A release commits the table.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "ways.json"
PAGE = ROOT / "docs" / "ways.md"
SECONDS = 3600
"""The longest that the tests of one way may take."""


@dataclass(frozen=True)
class Way:
    """A way to gt_secure: what a stranger does, the tests that do it, and what no test reaches."""

    name: str
    does: str
    tests: tuple[str, ...]
    beyond: str


_TESTS = "tests/packaging/test_doors.py::"
WAYS = (
    Way(
        "wheel",
        "install the wheel in a new environment, without the checkout, and run the demo",
        ("tests/packaging/test_wheel.py",),
        "the upload to the package index",
    ),
    Way(
        "index and extension manager",
        "read the summary, the links and the description",
        (f"{_TESTS}test_the_summary_says_what_it_guards_and_a_person_can_find_it",
         f"{_TESTS}test_the_links_of_a_release_lead_to_its_own_repository",
         f"{_TESTS}test_an_index_accepts_the_wheel_and_renders_its_description"),
        "the pages of the index and of JupyterLab's manager",
    ),
    Way(
        "lowest versions and images",
        "read every form of a log, and run the tests of each part",
        ("tests/packaging/test_lowest_versions.py",),
        "an image itself, whose other packages are not here",
    ),
    Way(
        "conda",
        "build by the recipe and run its smoke test",
        (f"{_TESTS}test_the_recipe_has_the_requirements_of_the_package",
         f"{_TESTS}test_the_smoke_test_of_the_recipe_holds_for_the_wheel"),
        "the feedstock of conda-forge and its review",
    ),
    Way(
        "Studio",
        "run the start script on the package sets of three images",
        (f"{_TESTS}test_the_app_starts_whatever_happens",
         f"{_TESTS}test_the_app_starts_without_python_and_the_script_fits",
         f"{_TESTS}test_the_script_installs_the_wheel_and_nothing_else"),
        "a domain, and its limit of five minutes",
    ),
    Way(
        "GitHub Action",
        "run its two steps in bash, with hostile inputs and hostile modules beside",
        (f"{_TESTS}test_the_action_runs_by_its_own_step",
         f"{_TESTS}test_no_expression_of_the_action_is_in_a_script",
         f"{_TESTS}test_the_action_installs_by_its_own_step_and_proves"),
        "a hosted runner",
    ),
    Way(
        "container",
        "do the steps of the Containerfile",
        (f"{_TESTS}test_the_container_copies_what_it_needs_and_runs_as_nobody",
         f"{_TESTS}test_the_container_builds_by_its_own_steps"),
        "a registry, and the base image itself",
    ),
    Way(
        "dev container",
        "start the demo as its start script does, or see why not",
        (f"{_TESTS}test_a_dev_container_starts_the_demo_or_shows_why_not",),
        "Codespaces, and its forwarding of ports",
    ),
    Way(
        "Binder",
        "prepare the machine by its own files, and start with a sandbox or without",
        (f"{_TESTS}test_binder_starts_with_a_sandbox_or_without",
         f"{_TESTS}test_binder_prepares_the_machine_by_its_own_files"),
        "mybinder.org",
    ),
    Way(
        "policy lab",
        "open the page in a browser, decide policies, follow a link, drop a log",
        ("tests/docs/test_lab.py", "tests/browser/test_lab_edits.py"),
        "the published site, and its line",
    ),
    Way(
        "Prowler",
        "run Prowler with the wheel of checks on the sandbox",
        ("tests/integrations/test_prowler.py",),
        "Prowler on a real account",
    ),
    Way(
        "git hook and mask",
        "install the small wheel beside gt_secure, run the hook and pytest with it",
        ("tests/integrations/test_redact.py", f"{_TESTS}test_the_wheel_of_the_mask_is_small_and_both_may_be_installed"),
        "pre-commit itself, which clones the repository by its address",
    ),
    Way(
        "files for GitHub",
        "ask the schema and the linters",
        (f"{_TESTS}test_its_linter_finds_nothing", f"{_TESTS}test_the_files_for_github_have_its_schema"),
        "whether the pinned commits are still those of their tags",
    ),
)  # fmt: skip
HEAD = """# Ways to get gt_secure, and when each was last tried

Each way to gt_secure was tried by its own steps, as somebody does who has never used it. `python tools/ways.py --try`
tries them again, `--try NAME` one of them, and a release commits this page. `ways.json` has the command of each. *Not
reached* is what no test of ours can do.

"""


def results() -> dict[str, dict[str, str]]:
    """Return what came of the last try of each way, by its name."""
    return dict(json.loads(RESULTS.read_text(encoding="utf-8"))) if RESULTS.is_file() else {}


def table() -> str:
    """Return the table as Markdown."""
    found = results()
    never = {"date": "never", "result": "not tried"}
    lines = ["| way | its steps | last tried | result | not reached |", "|---|---|---|---|---|"]
    for way in WAYS:
        row = found.get(way.name, never)
        lines.append(
            f"| {way.name} | {way.does} | {row['date']} | {row['result']} | {way.beyond} |"
        )
    return "\n".join(lines) + "\n"


def tried(way: Way) -> dict[str, str]:
    """Run the tests of a way; return the day, and how many passed, failed or could not run."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # A folder of its own: pytest first clears the folders of former runs, which may hold
        # environments of gigabytes.
        options = [
            "-q",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            f"--basetemp={folder}/tests",
        ]
        command = [sys.executable, "-m", "pytest", *options, *way.tests]
        output, result = Path(folder) / "output.txt", "**not run**: pytest ended early"
        try:
            with output.open("w", encoding="utf-8") as file:
                subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, timeout=SECONDS)
            if report.is_file():
                result = result_of(ElementTree.parse(report).getroot())
        except subprocess.TimeoutExpired:
            result = f"**not finished** in {SECONDS // 60} minutes"
        print(output.read_text(encoding="utf-8"), file=sys.stderr)
        return {
            "date": today,
            "result": result,
            "command": f"python -m pytest -n 0 {' '.join(way.tests)}",
        }


def result_of(report: ElementTree.Element) -> str:
    """Return the result of a report of pytest in words; what was skipped is not passed."""
    cases = list(report.iter("testcase"))
    wrong = sum(
        each.find("failure") is not None or each.find("error") is not None for each in cases
    )
    skips = [each for case in cases if (each := case.find("skipped")) is not None]
    passed = len(cases) - wrong - len(skips)
    parts = [f"**{wrong} failed**"] if wrong else []
    parts += [f"{passed} passed"] if passed else []
    reasons = "; ".join(sorted({text for each in skips if (text := each.get("message"))}))
    parts += [f"{len(skips)} not tried{f' ({reasons})' if reasons else ''}"] if skips else []
    return ", ".join(parts) or "not tried"


def main() -> int:
    """Print, or try and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--try", nargs="*", dest="names", metavar="NAME", help="try these, or all")
    names = parser.parse_args().names
    known = [way.name for way in WAYS]
    if unknown := [name for name in names or () if name not in known]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(known)}")
    for way in WAYS if names is not None else ():
        if not names or way.name in names:
            last = tried(way)
            kept = {**results(), way.name: last}  # others may have been tried meanwhile
            ordered = {name: kept[name] for name in known if name in kept}
            RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
            PAGE.write_text(HEAD + table(), encoding="utf-8")
    print(table(), end="")
    return int("**" in table()) if names is not None else 0


if __name__ == "__main__":
    sys.exit(main())
