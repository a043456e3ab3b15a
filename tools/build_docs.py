"""Build the docs site with Sphinx: the pages of docs/, the tutorial notebooks with their saved
outputs, the decisions.

python tools/build_docs.py [--out build/site]   exit with 1 on any warning, such as a link that leads nowhere

The notebooks are not executed here (tools/run_notebooks.py does that), and nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from build_lab import NOT_SERVED  # noqa: E402 - the path comes first
from site_links import linked  # noqa: E402 - the path comes first

SUBJECTS = {
    "000": "Structure and packaging",
    "001": "Policies and verdicts",
    "002": "Sandbox",
    "003": "Access logs",
    "004": "Plan, apply, undo",
    "005": "Panel and plots",
    "006": "Checks and doctor",
    "007": "Documentation and secrets",
    "008": "Tests and parts",
}
LAB = ROOT / "build" / "lab"
BINDER = "*This page is the notebook `{where}`. `gt-secure demo` opens it on the sandbox.*"

NOTEBOOK = re.compile(r"\]\((?:\.\./)+notebooks/(?:templates/)?(?=[\w-]+\.ipynb)")
"""The start of a link from a page in a folder of ``docs`` to a notebook."""


def notebooks() -> list[Path]:
    """Return the tutorials in their order, templates last."""
    folder = ROOT / "notebooks"
    return [*sorted(folder.glob("*.ipynb")), *sorted((folder / "templates").glob("*.ipynb"))]


def assemble(folder: Path) -> None:
    """Copy the pages into ``folder`` and add those that are made from notebooks and records."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("__pycache__", "_build"))
    if LAB.is_dir():
        shutil.copytree(
            LAB,
            folder / "assets" / "lab",
            ignore=shutil.ignore_patterns(*NOT_SERVED),
            dirs_exist_ok=True,
        )
    else:
        print(
            "The policy lab has no engine: run python tools/build_lab.py first (it needs Node and"
            " npm).",
            file=sys.stderr,
        )
    for page in folder.rglob("*.md"):  # in a clone the notebooks are beside the folder of the pages
        text = page.read_text(encoding="utf-8")
        page.write_text(NOTEBOOK.sub("](../tutorials/", text), encoding="utf-8")
    home = folder / "index.md"
    # here the lab is beside it
    home.write_text(linked(home.read_text(encoding="utf-8"), "lab.md"), encoding="utf-8")
    tutorials = folder / "tutorials"
    tutorials.mkdir()
    rows = [
        "# Tutorials\n",
        "Notebooks that run on the sandbox, in any order.\n",
        "| notebook | contents |",
        "|---|---|",
    ]
    for path in notebooks():
        book = json.loads(path.read_text(encoding="utf-8"))
        title, lead = add_origin(book, path)
        (tutorials / path.name).write_text(json.dumps(book), encoding="utf-8")
        rows.append(f"| [{title}]({path.name}) | {lead} |")
    (tutorials / "index.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with (folder / "decisions" / "index.md").open("a", encoding="utf-8") as index:
        index.write(decisions_list())


def add_origin(book: dict[str, list[dict[str, object]]], path: Path) -> tuple[str, str]:
    """Add a line below the title of a notebook that names its file;
    return the title and the first sentence.
    """
    source = book["cells"][0]["source"]
    text = (
        source
        if isinstance(source, str)
        else "".join(map(str, source if isinstance(source, list) else ()))
    )
    heading, _, rest = text.partition("\n")
    where = path.relative_to(ROOT).as_posix()
    book["cells"][0]["source"] = f"{heading}\n\n{BINDER.format(where=where)}\n{rest}"
    lead = re.split(r"(?<=[.?]) (?=[A-Z*])", " ".join(rest.split()), maxsplit=1)[0]
    return heading.removeprefix("# "), lead


def decisions_list() -> str:
    """List the records by subject."""
    lines: list[str] = []
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    for number, subject in SUBJECTS.items():
        lines += [f"\n## {subject}\n"]
        for record in (record for record in records if record.name.startswith(number)):
            title = record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            lines.append(f"- [{title.replace('. ', ' · ', 1)}]({record.name})")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Assemble the pages and run Sphinx over them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "site", help="folder of the site"
    )
    parser.add_argument(
        "--pages", type=Path, default=ROOT / "build" / "docs", help="folder of the assembled pages"
    )
    args = parser.parse_args()
    assemble(args.pages)
    shutil.rmtree(args.out, ignore_errors=True)
    cache = args.pages.with_name(f"{args.pages.name}.cache")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-d", str(cache)]
    code = subprocess.call(
        [sys.executable, "-m", "sphinx", *options, str(args.pages), str(args.out)], cwd=ROOT
    )
    if code == 0:
        print(f"{(args.out / 'index.html').as_uri()}")
    return code


if __name__ == "__main__":
    sys.exit(main())
