"""Give the checkout the version of the next release: one number everywhere, and its section in
CHANGELOG.md.

    python tools/set_version.py 0.5.0

What is made from the files that changed is made anew by the commands that it prints.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "gt_secure/base/version.py": 1,
    "setup.cfg": 1,
    "recipe/recipe.yaml": 1,
    "CITATION.cff": 1,
    "labextension/package.json": 1,
    "labextension/package-lock.json": 2,
    "README.md": 0,
    "docs/releasing.md": 0,
    "integrations/terraform/README.md": 0,
    "docs/how-to/review-a-policy.md": 0,
    "docs/how-to/watch-in-ci.md": 0,
    "studio/on-start.sh": 0,
}
"""Files that name the version, and how many of its first places are meant; 0 means all."""
MADE = {
    "python tools/build_labextension.py": ("gt_secure/labextension/",),
    "python tools/run_notebooks.py --write notebooks/07_report.ipynb"
    " notebooks/09_companys_teams.ipynb": ("notebooks/",),
    "GT_SECURE_UPDATE=1 python -m pytest -n 0 tests/test_every_document.py": (
        "tests/every_document.md",
    ),
    "GT_SECURE_RELEASE=1 python -m pytest -n 0 tests/packaging/test_what_is_new.py": (
        "tests/offered.txt",
    ),
}
"""Commands, and what they make from the version or at a release."""
UNRELEASED = "## Unreleased\n"


def set_version(root: Path, version: str, day: dt.date) -> list[str]:
    """Write a version into each file of a checkout, and return what could not be done."""
    path = root / "gt_secure" / "base" / "version.py"
    now = runpy.run_path(str(path))["__version__"]
    old = re.compile(rf"(?<![\d.]){re.escape(now)}(?![\d.]*\d)")
    texts = {name: (root / name).read_text(encoding="utf-8") for name in FILES}
    problems = [f"{name} does not name {now}" for name in FILES if not old.search(texts[name])]
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = changes.partition(UNRELEASED)[2].partition("\n## ")[0]
    if not notes.strip():
        problems.append("CHANGELOG.md has nothing under Unreleased")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or version == now:
        problems.append(f"{version} is not a new version of three numbers, such as 1.2.3")
    if problems:
        return problems
    for name, places in FILES.items():
        (root / name).write_text(old.sub(version, texts[name], count=places), encoding="utf-8")
    heading = f"{UNRELEASED}\n## {version} ({day})\n"
    (root / "CHANGELOG.md").write_text(changes.replace(UNRELEASED, heading, 1), encoding="utf-8")
    return []


def main() -> int:
    """Write the version; exit with 1, and change nothing, if a file does not name the old one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="VERSION", help="three numbers, such as 0.5.0")
    problems = set_version(ROOT, parser.parse_args().version, dt.datetime.now(dt.UTC).date())
    print("\n".join(problems), end="\n" if problems else "", file=sys.stderr)
    if not problems:
        print("Now run:", *MADE, sep="\n  ")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
