"""Report what has grown old: pinned actions, kinds of secrets, and ways to get gt_secure.

    python tools/ages.py                   print a line for each; exit with 1 if there is one
    python tools/ages.py --on 2027-12-01   as on that day

The workflow *Ages* runs it every week. No test compares today with a committed day, so the same
commit passes on every day.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KINDS = ROOT / "gt_secure" / "secrets" / "kinds.json"
WAYS = ROOT / "docs" / "ways.json"
YEAR = dt.timedelta(days=366)
HALF_A_YEAR = dt.timedelta(days=183)
"""Oldest try of a way: services and images change faster than formats of secrets."""


def pins(today: dt.date) -> Iterator[str]:
    """Yield a line for each action whose commit is old, or is not the one in the table."""
    tool = runpy.run_path(str(ROOT / "tools" / "pins.py"))
    for name in tool["too_old"](today):
        yield (
            f"{name} {tool['PINS'][name]['version']} is older than twelve months: write a newer"
            " commit into .github/pins.json, then run tools/pins.py."
        )
    for path in tool["pages"]():
        text = path.read_text(encoding="utf-8")
        if tool["pinned"](text) != text:
            yield (
                f"{path.relative_to(ROOT).as_posix()} has other pins than .github/pins.json: write"
                " the newer commit there with its day, then run tools/pins.py."
            )


def kinds(today: dt.date, path: Path = KINDS) -> Iterator[str]:
    """Yield a line for each kind of secret whose source nobody has read for a year."""
    for kind in json.loads(path.read_text(encoding="utf-8"))["kinds"]:
        if today - dt.date.fromisoformat(kind["read"]) > YEAR:
            yield (
                f"{kind['what']} was last compared with its source on {kind['read']}: open the"
                f" source in {path.name}, change pattern and examples if the format did, and set"
                " 'read' to that day."
            )


def ways(today: dt.date, path: Path = WAYS) -> Iterator[str]:
    """Yield a line for each way that was last tried half a year ago, or never."""
    tried: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for way in runpy.run_path(str(ROOT / "tools" / "ways.py"))["WAYS"]:
        day = tried.get(way.name, {}).get("date")
        if day is None or today - dt.date.fromisoformat(day) > HALF_A_YEAR:
            yield (
                f"The way {way.name!r} was last tried {f'on {day}' if day else 'never'}: run"
                f" tools/ways.py --try {way.name!r}."
            )


def main() -> int:
    """Print the lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--on",
        type=dt.date.fromisoformat,
        default=dt.datetime.now(dt.UTC).date(),
        metavar="DAY",
        help="report what is old on that day (default: today)",
    )
    today = parser.parse_args().on
    old = [*pins(today), *kinds(today), *ways(today)]
    print(*old, sep="\n", end="\n" if old else "")
    return int(bool(old))


if __name__ == "__main__":
    sys.exit(main())
