"""The public names have the types that users' checkers see."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_contract_is_checked_with_the_package():
    """``make lint`` checks both in one run,
    where a mark that suppresses no error is an error too.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert {"gt_secure", "tests/typing/api.py"} <= set(settings["files"])
    assert settings["strict"]
    assert settings.get("warn_unused_ignores", True)


@pytest.mark.slow
def test_a_broken_contract_is_seen(tmp_path):
    """Without its marks the same file is refused, once for each mark."""
    text = (HERE / "api.py").read_text(encoding="utf-8")
    marked = {
        number for number, line in enumerate(text.splitlines(), 1) if "  # type: ignore[" in line
    }
    assert len(marked) >= 10
    bare = tmp_path / "bare.py"
    bare.write_text(
        "\n".join(line.split("  # type: ignore[")[0] for line in text.splitlines()) + "\n"
    )
    options = [
        "--strict",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    command = [sys.executable, "-m", "mypy", *options, str(bare)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    refused = {int(number) for number in re.findall(r"bare\.py:(\d+): error:", done.stdout)}
    assert refused == marked, done.stdout
