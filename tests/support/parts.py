"""The parts that import alone: what each may import, and a copy of it in an empty folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import gt_secure

PACKAGE = Path(gt_secure.__file__).parent

PARTS: dict[str, tuple[str, ...]] = {
    "base": (),
    "secrets": (),
    "engine": ("base",),
    "logs": ("base",),
    "sandbox": ("base",),
}
"""Parts that import alone, and the parts that each may import."""


ALONE = """import sys

sys.meta_path[:] = [each for each in sys.meta_path if not getattr(each, "__module__", "").startswith("__editable__")]
"""
"""The package in a copy: an editable installation finds no module for it that the copy does not have."""


def copy_part(part: str, folder: Path) -> Path:
    """Copy a part with what it may import; return the folder, from which ``gt_secure`` is that copy."""
    copy = folder / "gt_secure"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text(ALONE)
    for name in (part, *PARTS[part]):
        shutil.copytree(PACKAGE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Python of these tests in a folder, whose modules come first."""
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
