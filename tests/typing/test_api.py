"""The public names have the types that users' checkers see."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for both runs, apart from that of ``make types``, which may run at the same time."""
    return tmp_path_factory.mktemp("cache")


def mypy(path: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    options = ["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache)]
    command = [sys.executable, "-m", "mypy", *options, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)


def test_the_contract_holds(cache):
    done = mypy(HERE / "api.py", cache)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_contract_is_seen(tmp_path, cache):
    """Without its marks the same file is refused, once for each mark."""
    text = (HERE / "api.py").read_text(encoding="utf-8")
    marked = {number for number, line in enumerate(text.splitlines(), 1) if "  # type: ignore[" in line}
    assert len(marked) >= 10
    bare = tmp_path / "bare.py"
    bare.write_text("\n".join(line.split("  # type: ignore[")[0] for line in text.splitlines()) + "\n")
    done = mypy(bare, cache)
    refused = {int(number) for number in re.findall(r"bare\.py:(\d+): error:", done.stdout)}
    assert refused == marked, done.stdout
