"""Write the address of the policy lab into README and the docs' home: an absolute one, or none as
long as none is set.

    python tools/site_links.py           write the links anew
    python tools/site_links.py --check   exit with 1 if they differ

The owner sets ``REPOSITORY`` below once the docs site is published. A page on a code host shows the
source of the lab, not the lab, so a relative link there leads nowhere.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = ""
"""Address of the repository, such as https://github.com/OWNER/NAME;
empty until its docs site is published.
"""
PAGES = ("README.md", "docs/index.md")
_LINK = re.compile(r"<!-- lab: (?P<words>.*?) -->.*?<!-- end of lab -->", re.DOTALL)
"""The words hold #LINK in place of the address."""


def docs_site(repository: str) -> str:
    """Return the address of the docs site that the workflow *Docs* publishes."""
    owner, name = repository.split("/")[-2:]
    return f"https://{owner.lower()}.github.io/{name}/"


def lab_of(repository: str) -> str:
    """Return the address of the policy lab; empty without a repository."""
    return f"{docs_site(repository)}lab.html" if repository else ""


def linked(text: str, lab: str) -> str:
    """Return a page with its words about the lab, or without them if the lab has no address."""

    def words(match: re.Match[str]) -> str:
        shown = match["words"].replace("#LINK", lab) if lab else ""
        shown = f"\n\n{shown.strip()}\n\n" if "\n" in shown else shown  # a heading begins a line
        return f"<!-- lab: {match['words']} -->{shown}<!-- end of lab -->"

    return _LINK.sub(words, text)


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check, wrong = parser.parse_args().check, []
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        new = linked(text, lab_of(REPOSITORY))
        if new != text:
            wrong.append(name)
            if not check:
                (ROOT / name).write_text(new, encoding="utf-8")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return int(bool(wrong) and check)


if __name__ == "__main__":
    sys.exit(main())
