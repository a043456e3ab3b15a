"""Clean environments: a venv each, filled from the package index, with uv where it is there and pip otherwise."""

from __future__ import annotations

import os
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


def uv() -> str | None:
    """The path of uv, if it is installed."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


class Room:
    """One venv, with nothing in it at first."""

    def __init__(self, path: Path, python: str = sys.executable) -> None:
        self.path = path
        self.python = path / ("Scripts" if os.name == "nt" else "bin") / "python"
        if tool := uv():
            run(tool, "venv", "--quiet", "--python", python, str(path))
        else:
            run(python, "-m", "venv", str(path))

    def install(self, *what: str) -> None:
        """Install, or skip the test where no package index can be reached."""
        tool = uv()
        head = [tool, "pip", "install", "--quiet", "--python", str(self.python)] if tool else [
            str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]  # fmt: skip
        done = subprocess.run([*head, *what], capture_output=True, text=True, timeout=900)
        if done.returncode and any(word in done.stderr for word in _NO_INDEX) and not _reachable(self):
            pytest.skip(f"not installable here: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr[-3000:]

    def versions(self) -> dict[str, str]:
        """What is installed."""
        code = "from importlib.metadata import distributions as d; print(*(f'{x.name}=={x.version}' for x in d()))"
        pairs = (word.split("==") for word in self.run("-c", code).split())
        return {name.lower().replace("_", "-"): version for name, version in pairs}

    def run(self, *args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        """Run Python there, outside the checkout, so that only what is installed is found."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "VIRTUAL"))}
        return run(str(self.python), *args, env={**kept, **(env or {})}, cwd=cwd or self.path)


def _reachable(room: Room) -> bool:
    """Whether the index answers at all: a package that everybody has can be found."""
    tool = uv()
    head = (
        [tool, "pip", "install", "--python", str(room.python)] if tool else [str(room.python), "-m", "pip", "install"]
    )
    return subprocess.run([*head, "--dry-run", "packaging"], capture_output=True, timeout=120).returncode == 0


def run(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a command that must succeed; returns its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, timeout=900)
    assert done.returncode == 0, f"{command[-3:]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def pythons() -> dict[str, str]:
    """Interpreters of the supported versions on this machine, by version."""
    found: dict[str, str] = {}
    for minor in (11, 12, 13, 14):
        places = [
            shutil.which(f"python3.{minor}"),
            *map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")),
        ]
        for place in places:
            if place is None:
                continue
            done = subprocess.run([place, "-c", "import sys, venv, ensurepip; print(sys.version_info[1])"],
                                  capture_output=True, text=True)  # fmt: skip
            if done.returncode == 0 and done.stdout.strip() == str(minor):
                found[f"3.{minor}"] = place
                break
    return found
