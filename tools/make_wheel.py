"""Build the wheels twice from the tracked files and compare the bytes; the wheels are left in dist/.

Times in the archive are those of the last commit, file modes are normal, and nothing untracked gets in. In an unpacked
source archive, its own list of files and its own time replace those of git.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


PARTS = (".", "integrations/prowler")
"""Folders that make a wheel."""


def main() -> int:
    """Build, compare, and print the digests."""
    (ROOT / "dist").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        first, second = (build(Path(folder) / name) for name in ("first", "second"))
        for one, other in zip(first, second, strict=True):
            if one.read_bytes() != other.read_bytes():
                print(f"Two builds of {one.name} from the same commit differ.", file=sys.stderr)
                return 1
            shutil.copy(one, ROOT / "dist")
            print(f"dist/{one.name} sha256:{hashlib.sha256(one.read_bytes()).hexdigest()}")
    return 0


def build(folder: Path) -> list[Path]:
    """Build each wheel once, from a copy of the tracked files."""
    source = folder / "source"
    for name in source_files(ROOT):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)
    if (ROOT / ".git").exists():
        date = _output("git", "log", "-1", "--format=%ct").strip()
    else:
        date = str(int((ROOT / "PKG-INFO").stat().st_mtime))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": date, "PYTHONHASHSEED": "0"}
    parts = [str(source / part) for part in PARTS]
    subprocess.run([*command, "--wheel-dir", str(folder), *parts], env=environment, check=True)
    return sorted(folder.glob("*.whl"))


def source_files(root: Path, *options: str) -> list[str]:
    """Return the names of the files of a checkout (``git ls-files`` with these options) or of a source archive."""
    if (root / ".git").exists():
        listing = ["git", "ls-files", "-z", *options]
        names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    else:
        names = (root / "gt_secure.egg-info" / "SOURCES.txt").read_text(encoding="utf-8").splitlines()
        names = [name for name in names if not name.startswith("gt_secure.egg-info/")]
    return [name for name in names if name and (root / name).is_file()]


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
