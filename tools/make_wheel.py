"""Build the wheel twice from the tracked files and compare the bytes; the wheel is left in dist/.

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


def main() -> int:
    """Build, compare, and print the digest."""
    (ROOT / "dist").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        first, second = (build(Path(folder) / name) for name in ("first", "second"))
        if first.read_bytes() != second.read_bytes():
            print("Two builds of the same commit differ.", file=sys.stderr)
            return 1
        wheel = shutil.copy(first, ROOT / "dist")
    print(f"dist/{Path(wheel).name} sha256:{hashlib.sha256(Path(wheel).read_bytes()).hexdigest()}")
    return 0


def build(folder: Path) -> Path:
    """Build once, from a copy of the tracked files."""
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
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], env=environment, check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


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
