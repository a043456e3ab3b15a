"""Build the JupyterLab extension: labextension/ (TypeScript) to gt_secure/labextension/ (what
JupyterLab loads).

    python tools/build_labextension.py          # needs Node and npm; the packages are those of the lock file
    python tools/build_labextension.py --check  # build elsewhere, and compare with what is committed

The builder is JupyterLab's own, with the shared versions of labextension/core: the result depends
on neither the JupyterLab nor the machine, nor the folder: labextension/webpack.config.js names the
parts by what they are.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "labextension"
BUILT = ROOT / "gt_secure" / "labextension"
KINDS = ROOT / "gt_secure" / "secrets" / "kinds.json"
BUILDER = Path("node_modules", "@jupyterlab", "builder", "lib", "build-labextension.js")


def main() -> int:
    """Build, or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit code 1 if the built files differ"
    )
    if not parser.parse_args().check:
        build(SOURCE, BUILT)
        print(
            *(f"{path.stat().st_size:8} {path.relative_to(ROOT)}" for path in files(BUILT)),
            sep="\n",
        )
        return 0
    with tempfile.TemporaryDirectory() as folder:
        different = compare(Path(folder))
    for name in different:
        print(
            f"{name} differs from what labextension/ builds: run python tools/build_labextension.py"
        )
    return 1 if different else 0


def compare(folder: Path) -> list[str]:
    """Build from a copy of the source, and name the files that differ from those committed."""
    copy = folder / "labextension"
    shutil.copytree(
        SOURCE, copy, ignore=shutil.ignore_patterns("node_modules", "lib", "out", "*.tsbuildinfo")
    )
    (folder / "gt_secure").mkdir()
    if (SOURCE / "node_modules").is_dir():
        # A link to them would show in the build: webpack names a module by where it really is.
        shutil.copytree(SOURCE / "node_modules", copy / "node_modules", symlinks=True)
    built = folder / "gt_secure" / "labextension"
    build(copy, built)
    names = {str(path.relative_to(base)) for base in (BUILT, built) for path in files(base)}
    return sorted(name for name in names if not same(BUILT / name, built / name))


def build(source: Path, built: Path) -> None:
    """Build one folder; ``built`` is where its package.json lets the result go."""
    if not (source / "node_modules").exists():
        run("npm", "ci", "--no-audit", "--no-fund", cwd=source)
    write_kinds(source)
    run("node", "node_modules/typescript/bin/tsc", cwd=source)
    run("node", str(BUILDER), "--core-path", str(source / "core"), str(source), cwd=source)
    shutil.copyfile(source / "install.json", built / "install.json")


def write_kinds(source: Path) -> None:
    """Write the secret check's table: that of gt_secure.secrets without its examples."""
    table = json.loads(KINDS.read_text(encoding="utf-8"))
    del table["about"]
    for kind in table["kinds"]:
        for name in ("source", "read", "example", "counter", "far"):
            kind.pop(name, None)
    for name in ("turn", "digit", "lower", "upper", "other"):
        del table["patterns"][name]
    (source / "src" / KINDS.name).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def files(folder: Path) -> list[Path]:
    """All files of a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def same(one: Path, other: Path) -> bool:
    """Compare two files byte for byte; one that is missing equals none."""
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def run(*command: str, cwd: Path) -> None:
    """Run a command that must succeed; its output is shown when it does not."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
