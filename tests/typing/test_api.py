"""The public names have the types that users' checkers see."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def mypy(path: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    options = ["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", *options, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_the_contract_holds(tmp_path):
    done = mypy(HERE / "api.py", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_contract_is_seen(tmp_path):
    """Without its marks the same file is refused, once for each mark."""
    text = (HERE / "api.py").read_text(encoding="utf-8")
    marked = {number for number, line in enumerate(text.splitlines(), 1) if "  # type: ignore[" in line}
    assert len(marked) >= 10
    bare = tmp_path / "bare.py"
    bare.write_text("\n".join(line.split("  # type: ignore[")[0] for line in text.splitlines()) + "\n")
    done = mypy(bare, tmp_path)
    refused = {int(number) for number in re.findall(r"bare\.py:(\d+): error:", done.stdout)}
    assert refused == marked, done.stdout
