"""A newcomer's path: from nothing to the first plot, with the commands of the README and of the
page on installing.

Clones the repository into a temporary folder and types each command there, with nothing of this
checkout's environment. What is in pip's own cache stays there unless ``--cold`` is given. Prints
one line of JSON and a table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADLESS = 'make demo ARGS="--headless --out DIR"'
PIP = "pip install gt_secure-*.whl jupyterlab"
SANDBOX = "gt-secure sandbox install"
LIMIT_S = 1200


def documented() -> None:
    """What is typed here is what the pages tell people to type."""
    pages = [
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("README.md", "docs/how-to/install.md")
    ]
    for command in (HEADLESS, "make demo ", "gt_secure-*.whl", SANDBOX):
        assert any(command in page for page in pages), f"{command} is not documented any more"


def typed(
    command: str, folder: Path, env: dict[str, str], until: Callable[[str], bool] | None = None
) -> float:
    """Type a command; returns the seconds until it ended,
    or until a line of its output satisfies ``until``.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    said: list[str] = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            said.append(line)
            if until is not None and until(line):
                return time.perf_counter() - started
            if time.perf_counter() - started > LIMIT_S:
                break
        code = process.wait(60)
        if code or until is not None:
            raise SystemExit(f"{command}: exit code {code}\n{''.join(said)[-3000:]}")
        return time.perf_counter() - started
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def clean_environment(home: Path, *, cold: bool) -> dict[str, str]:
    """The environment of somebody who has a Python, make and git, and nothing of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("AWS_", "PYTHON", "VIRTUAL", "GT_SECURE", "MAKE", "MFLAGS", "JUPYTER")
        )
    }
    own = Path(sys.prefix) / "bin"
    kept["PATH"] = os.pathsep.join(
        part for part in kept["PATH"].split(os.pathsep) if Path(part) != own
    )
    if cold:
        kept["PIP_NO_CACHE_DIR"] = "1"
    return {**kept, "GT_SECURE_JOURNAL": str(home / "journal")}


def first_plot(folder: Path) -> bool:
    """Whether the plot is there: a picture with the stranger's address in it."""
    return (
        "198.51.100.9" in (folder / "hits.svg").read_text()
        and (folder / "hits.png").stat().st_size > 5_000
    )


def from_a_clone(home: Path, env: dict[str, str]) -> list[tuple[str, float]]:
    """The README's way."""
    rows = [
        (
            "git clone URL gt_secure; cd gt_secure",
            typed(f"git clone --quiet {ROOT} gt_secure", home, env),
        )
    ]
    clone = home / "gt_secure"
    for said in ("first plot, set-up included", "again"):
        seconds = typed(HEADLESS.replace("DIR", "out/first"), clone, env)
        assert first_plot(clone / "out" / "first")
        rows.append((f"{HEADLESS} ({said})", seconds))
        summary = json.loads((clone / "out" / "first" / "summary.json").read_text())
        assert summary["as_expected"]
    lab = typed(
        'make demo ARGS="--no-browser"',
        clone,
        env,
        until=lambda line: bool(re.search(r"JupyterLab\s+http", line)),
    )
    return [*rows, ("make demo (JupyterLab answers, set up before)", lab)]


def from_a_wheel(
    home: Path, env: dict[str, str], *, built_from_clone: bool
) -> list[tuple[str, float]]:
    """The README's way; building the wheel is not counted."""
    venv = home / "env"
    source, python = (
        (home / "gt_secure", home / "gt_secure" / ".venv" / "bin" / "python")
        if built_from_clone
        else (ROOT, Path(sys.executable))
    )
    build = [
        python,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        home,
        source,
    ]
    subprocess.run(build, check=True, env=env)
    [wheel] = home.glob("gt_secure-*.whl")
    prepare = typed(f"python3 -m venv {venv}", home, env)
    there = {**env, "PATH": f"{venv / 'bin'}{os.pathsep}{env['PATH']}"}
    install = typed(PIP.replace("gt_secure-*.whl", str(wheel)) + " --quiet", home, there)
    there["GT_SECURE_SANDBOX_ENV"] = str(home / "sandbox")
    sandbox = typed(SANDBOX, home, there)
    demo = typed("gt-secure demo --headless --out first", home, there)
    assert first_plot(home / "first")
    return [
        ("python3 -m venv", prepare),
        (PIP, install),
        (SANDBOX, sandbox),
        ("gt-secure demo --headless (first plot)", demo),
    ]


def main() -> int:
    """Time both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only the wheel's way, with the wheel of this checkout"
    )
    parser.add_argument(
        "--cold", action="store_true", help="without pip's cache: everything is downloaded"
    )
    args = parser.parse_args()
    documented()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        home = Path(folder)
        env = clean_environment(home, cold=args.cold)
        ways = {} if args.quick else {"clone": from_a_clone(home, env)}
        ways["wheel"] = from_a_wheel(home, env, built_from_clone=not args.quick)
    counted = {way: rows[:2] if way == "clone" else rows for way, rows in ways.items()}
    firsts = {way: sum(seconds for _, seconds in rows) for way, rows in counted.items()}
    for way, rows in ways.items():
        print(f"\nfrom a {way}: {len(counted[way])} commands, "
              f"{firsts[way]:.0f} s to the first plot")  # fmt: skip
        for command, seconds in rows:
            print(f"  {seconds:7.1f} s  {command}")
    print(json.dumps({"python": platform.python_version(), "cores": os.cpu_count(), "cold": args.cold,
                      "first_plot_s": {way: round(seconds, 1) for way, seconds in firsts.items()}}))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
