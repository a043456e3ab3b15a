"""Run the browser suite under each JupyterLab and ipywidgets that is supported, in environments of
their own.

    python tools/labs.py                 # all of them
    python tools/labs.py 4.4 -- -k keys  # one, with arguments for pytest

The versions are those of the SageMaker Distribution images: the oldest of each line with the lowest
ipywidgets, and the newest line. Everything else is as locked in requirements/dev.txt. The
environments stay in out/labs for the next time.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "out" / "labs"
LABS = {"4.4": "8.1.8", "4.5": "8.1.8", "4.6": "8.1.9"}
"""The line of JupyterLab, and the ipywidgets that goes with it."""

NEEDED = ("nbclient", "nbformat", "ipykernel", "playwright", "pytest", "hypothesis")
# What JupyterLab brings along in versions of its own.
_FREE = re.compile(r"^(jupyter|ipywidgets|widgetsnbextension|notebook)")


def main() -> int:
    """Make the environments, run the suite in each, and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labs", nargs="*", metavar="LINE", help=f"of {', '.join(LABS)}")
    ours, _, theirs = " ".join(sys.argv[1:]).partition("-- ")
    chosen = parser.parse_args(ours.split()).labs or list(LABS)
    if unknown := [each for each in chosen if each not in LABS]:
        parser.error(f"{unknown[0]} is none of {', '.join(LABS)}")
    said, worst = [], 0
    for line in chosen:
        python = environment(line)
        start = time.monotonic()
        code = subprocess.run(
            [python, "-m", "pytest", "-q", "-m", "browser", "tests/browser", *theirs.split()],
            cwd=ROOT,
        ).returncode
        worst = max(worst, code)
        said.append(
            f"{versions(python)}: {'passed' if code == 0 else 'FAILED'} in"
            f" {time.monotonic() - start:.0f} s"
        )
    print(*said, sep="\n")
    return worst


def environment(line: str) -> Path:
    """Make an environment with one line of JupyterLab, or bring it up to date;
    returns its Python.
    """
    folder = FOLDER / line
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{pin}\n" for pin in pins()), encoding="utf-8")
    wanted = [f"jupyterlab=={line}.*", f"ipywidgets=={LABS[line]}", *NEEDED]
    tool = shutil.which("uv")
    head = (
        [tool, "pip", "install", "--python", python] if tool else [python, "-m", "pip", "install"]
    )
    subprocess.run(
        [*head, "--quiet", "-c", constraints, *wanted, "-e", ".[sandbox,browser]"],
        cwd=ROOT,
        check=True,
    )
    return python


def pins() -> list[str]:
    """The locked versions, without those that JupyterLab decides."""
    text = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    # A constraint has no extras.
    found = re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?(==[^\s\\]+(?: ;[^\\\n]+)?)", text, flags=re.MULTILINE
    )
    return [f"{name}{version}".strip() for name, version in found if not _FREE.match(name)]


def versions(python: Path) -> str:
    """What was run."""
    code = "from importlib.metadata import version as v; print(v('jupyterlab'), v('ipywidgets'))"
    lab, widgets = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    return f"JupyterLab {lab} with ipywidgets {widgets}"


if __name__ == "__main__":
    sys.exit(main())
