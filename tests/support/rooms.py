"""Clean environments: a venv each, filled from the package index, with uv where it is there and pip
otherwise.

Their Pythons are those of this machine, and where one is missing, that of
``tools/ensure-python.sh``.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_NO_INDEX = (
    "Could not find a version",
    "No matching distribution",
    "error sending request",
    "Failed to fetch",
    "NewConnectionError",
    "dns error",
    "was not found in the package registry",
    "Temporary failure",
)


WAIT_S = 3600
"""A bound for what hangs: pip alone takes more than ten minutes for an
environment on a busy machine.
"""


def uv() -> str | None:
    """The path of uv, if it is installed."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def built_part(name: str, folder: Path) -> Path:
    """Return a wheel of ``integrations``, built in a folder from a copy of its sources."""
    source = shutil.copytree(
        ROOT / "integrations" / name,
        folder / "integrations" / name,
        ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"),
    )
    (folder / "gt_secure").symlink_to(ROOT / "gt_secure")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", str(folder / "dist"), str(source)], check=True, env=clean())
    [wheel] = (folder / "dist").glob(f"gt_secure_{name}-*.whl")
    return wheel


class Room:
    """One venv, with nothing in it at first."""

    def __init__(self, path: Path, python: str = sys.executable) -> None:
        self.path = path
        self.python = path / ("Scripts" if os.name == "nt" else "bin") / "python"
        if tool := uv():
            run(tool, "venv", "--quiet", "--python", python, str(path))
        else:
            run(python, "-m", "venv", "--without-pip", str(path))  # the pip of these tests fills it

    def install(self, *what: str) -> None:
        """Install, or skip the test where no package index can be reached."""
        command = self._install("--quiet", *what)
        done = subprocess.run(command, env=clean(), capture_output=True, text=True, timeout=WAIT_S)
        if (
            done.returncode
            and any(word in done.stderr for word in _NO_INDEX)
            and not self.reachable()
        ):
            pytest.skip(f"not installable here: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr[-3000:]

    def _install(self, *what: str) -> list[str]:
        """A command that installs into this environment, which has no pip itself."""
        if tool := uv():
            return [tool, "pip", "install", "--python", str(self.python), *what]
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--python",
            str(self.python),
        ]
        # as uv does: most modules are never imported there
        return [
            *pip,
            "install",
            "--no-compile",
            *what,
        ]

    def reachable(self) -> bool:
        """Whether the index answers at all: a package that everybody has can be found."""
        command = self._install("--dry-run", "packaging")
        return (
            subprocess.run(command, env=clean(), capture_output=True, timeout=WAIT_S).returncode
            == 0
        )

    def versions(self) -> dict[str, str]:
        """What is installed."""
        code = (
            "from importlib.metadata import distributions as d; print(*(f'{x.name}=={x.version}'"
            " for x in d()))"
        )
        pairs = (word.split("==") for word in self.run("-c", code).split())
        return {name.lower().replace("_", "-"): version for name, version in pairs}

    def run(self, *args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        """Run Python there, outside the checkout, so that only what is installed is found."""
        return run(str(self.python), *args, env={**clean(), **(env or {})}, cwd=cwd or self.path)


def source_files(*options: str) -> list[str]:
    """The names of the tracked files; in an unpacked source archive,
    of all files that came with it.
    """
    names: list[str] = runpy.run_path(str(ROOT / "tools" / "make_wheel.py"))["source_files"](
        ROOT, *options
    )
    return names


def fresh_checkout(folder: Path) -> Path:
    """Fill a folder with the committed files, as a clone has them; in a source archive,
    with all its files.
    """
    if (ROOT / ".git").exists():
        run("git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(folder))
        return folder
    for name in source_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def clean() -> dict[str, str]:
    """The environment without ours.

    pip takes what PYTHONPATH shows it, such as a checkout, for installed, and a kernel is that of
    JUPYTER_PATH.
    """
    ours = ("AWS_", "PYTHON", "VIRTUAL", "JUPYTER_PATH", "GT_SECURE_TESTS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def run(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a command that must succeed; returns its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, timeout=WAIT_S)
    assert done.returncode == 0, f"{command[-3:]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def python_of(version: str) -> str:
    """The interpreter of a version; skips the test, with the reason, where none can be had."""
    if found := _here(version):
        return found
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "ensure-python.sh"), version],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    if found := _here(version):
        return found
    why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    pytest.skip(f"NOT TRIED on Python {version}, which is not on this machine: {why}")


def _here(version: str) -> str | None:
    fetched = ROOT / "build" / f"python{version}" / "usr" / "bin" / f"python{version}"
    places = [
        shutil.which(f"python{version}"),
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python"),
        fetched,
    ]
    for place in places:
        if place is None or not Path(place).exists():
            continue
        done = subprocess.run([place, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"],
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode == 0 and done.stdout.strip() == version:
            return str(place)
    return None
