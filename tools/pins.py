"""Write the pinned actions of ``.github/pins.json`` into the workflows, the action and the guides.

    python tools/pins.py           write each "uses:" anew
    python tools/pins.py --check   exit with 1 if one differs from the table

A new version is one row: its commit, the day of that commit, and what runs it, as its
``action.yml`` names it. ``tools/ages.py`` reports pins that are old or differ from the table.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = {
    row["action"]: row
    for row in json.loads((ROOT / ".github" / "pins.json").read_text(encoding="utf-8"))
}
OURS = {"OWNER/gt_secure", "OWNER/gt_secure/integrations/pull_request"}
"""The actions of this repository in the guides: a reader writes the owner and the commit of a release."""
OLDEST = dt.timedelta(days=366)
_USES = re.compile(r"(?m)^( *(?:- )?uses: )([\w.-]+/[\w./-]+)@.*$")


def pages() -> list[Path]:
    """Return the files that may use an action."""
    guides = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    return [
        *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
        ROOT / "action.yml",
        *sorted(guides),
    ]


def pinned(text: str) -> str:
    """Return a text with the commits and versions of the table."""

    def line(match: re.Match[str]) -> str:
        row = PINS.get(match[2])
        return (
            match[0] if row is None else f"{match[1]}{match[2]}@{row['commit']}  # {row['version']}"
        )

    return _USES.sub(line, text)


def used(text: str) -> set[str]:
    """Return the actions that a text uses, except ours."""
    return {match[2] for match in _USES.finditer(text)} - OURS


def commits(text: str) -> set[tuple[str, str]]:
    """Return the actions that a text uses, except ours, with the commit and the version of each."""
    found = (match for match in _USES.finditer(text) if match[2] not in OURS)
    return {(match[2], match[0].partition("@")[2]) for match in found}


def too_old(today: dt.date) -> list[str]:
    """Return the actions whose pinned commit is older than twelve months."""
    return [
        name for name, row in PINS.items() if today - dt.date.fromisoformat(row["date"]) > OLDEST
    ]


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wrong = []
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if pinned(text) != text and check:
            wrong.append(path.relative_to(ROOT).as_posix())
        elif pinned(text) != text:
            path.write_text(pinned(text), encoding="utf-8")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
