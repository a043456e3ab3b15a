"""Print the notes of a release: the section of a version in CHANGELOG.md.

python tools/release_notes.py          the section of the version of this checkout
python tools/release_notes.py 0.2.0    the section of another one
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes_of(version: str, changelog: str) -> str:
    """Return the section of a version without its heading; empty if there is none."""
    found = re.search(
        rf"(?ms)^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)\n(.*?)(?=^## |\Z)", changelog
    )
    return found[1].strip() if found else ""


def main() -> int:
    """Print the section; exit with 1 if there is none."""
    here = runpy.run_path(str(ROOT / "gt_secure" / "base" / "version.py"))["__version__"]
    version = sys.argv[1] if len(sys.argv) > 1 else here
    notes = notes_of(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    print(
        notes or f"CHANGELOG.md has no section for {version}.",
        file=sys.stdout if notes else sys.stderr,
    )
    return int(not notes)


if __name__ == "__main__":
    sys.exit(main())
