"""Build the source archive and the wheels twice from the tracked files and compare the bytes; they
are left in dist/.

    python tools/make_wheel.py [--repository https://github.com/OWNER/NAME]

With the address of the repository, the metadata has its links and the README's links lead there:
package indexes and JupyterLab's extension manager show both, and neither knows the checkout. A
fork's wheel so never names another project. Its README says how to install it from the index.

Times in the archive are those of the last commit, file modes are normal, and nothing untracked gets
in. In an unpacked source archive, its own list of files and its own time replace those of git.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import posixpath
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from site_links import REPOSITORY, docs_site, lab_of, linked  # noqa: E402 - the path comes first

PARTS = (
    ".",
    "integrations/agents",
    "integrations/prowler",
    "integrations/redact",
    "integrations/spark",
)
"""Folders that make a wheel."""


def main() -> int:
    """Build, compare, and print the digests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repository", metavar="URL", default=REPOSITORY, help="its address, for the links"
    )
    repository = parser.parse_args().repository.rstrip("/")
    (ROOT / "dist").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        first, second = (build(Path(folder) / name, repository) for name in ("first", "second"))
        for one, other in zip(first, second, strict=True):
            if one.read_bytes() != other.read_bytes():
                print(f"Two builds of {one.name} from the same commit differ.", file=sys.stderr)
                return 1
            shutil.copy(one, ROOT / "dist")
            print(f"dist/{one.name} sha256:{hashlib.sha256(one.read_bytes()).hexdigest()}")
    return 0


def build(folder: Path, repository: str = "") -> list[Path]:
    """Build the source archive and each wheel once, from a copy of the tracked files."""
    source = folder / "source"
    for name in source_files(ROOT):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)
    if repository:
        add_links(source, repository)
    if (ROOT / ".git").exists():
        date = _output("git", "log", "-1", "--format=%ct").strip()
    else:
        date = str(int((ROOT / "PKG-INFO").stat().st_mtime))
    archive = _source_archive(source, folder, int(date))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": date, "PYTHONHASHSEED": "0"}
    parts = [str(source / part) for part in PARTS]
    subprocess.run([*command, "--wheel-dir", str(folder), *parts], env=environment, check=True)
    return [archive, *sorted(folder.glob("*.whl"))]


def _source_archive(source: Path, folder: Path, date: int) -> Path:
    """Build the source archive, in which every member has the time of the last commit."""
    build = "from setuptools.build_meta import build_sdist; build_sdist('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, stdout=subprocess.DEVNULL)
    [built] = folder.glob("*.tar.gz")
    with tarfile.open(built) as packed:
        members = [(each, packed.extractfile(each)) for each in packed.getmembers()]
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as normal:
            for member, data in sorted(members, key=lambda pair: pair[0].name):
                member.mtime, member.pax_headers = date, {}
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                normal.addfile(member, data)
    built.write_bytes(gzip.compress(plain.getvalue(), mtime=date))
    shutil.rmtree(source / "gt_secure.egg-info", ignore_errors=True)
    return built


PACKAGE = "gt_secure"
UNPUBLISHED = "gt_secure is not on a package index yet: run `pip install .` in a clone"
"""The README has these words. A person who reads the README in a package index has found the
package there, so a release replaces them.
"""
_RELATIVE = re.compile(r"(!?)(\[[^]]*\])\((?![a-z]+:|#)([^)\s]+)\)")
_SHOWN = re.compile(r'\b(src|srcset)="(?![a-z]+:)([^"]+)"')
"""A picture in an HTML element."""


def add_links(source: Path, repository: str) -> None:
    """Write the project's addresses into the metadata of each wheel, and make the READMEs' relative
    links absolute.

    The names are those that package indexes and JupyterLab's extension manager look for.
    """
    version = runpy.run_path(str(source / "gt_secure" / "base" / "version.py"))["__version__"]
    docs = docs_site(repository)
    links = {
        "Source Code": repository,
        "Documentation": docs,
        "Try it in your browser": lab_of(repository),
        "Bug Tracker": f"{repository}/issues",
        "Changes": f"{repository}/blob/v{version}/CHANGELOG.md",
    }
    lines = "".join(f"\n    {name} = {url}" for name, url in links.items())
    for part in PARTS:
        config = source / part / "setup.cfg"
        text = config.read_text(encoding="utf-8")
        config.write_text(
            text.replace("[metadata]\n", f"[metadata]\nurl = {docs}\nproject_urls ={lines}\n", 1),
            "utf-8",
        )
        readme = source / part / "README.md"
        text = linked(readme.read_text(encoding="utf-8"), lab_of(repository))
        text = text.replace(UNPUBLISHED, f"Run `pip install {PACKAGE}`")
        files = f"{repository}/{{}}/v{version}"
        text = _RELATIVE.sub(partial(_absolute, docs, files, part), text)
        place = f"{files.format('raw')}/{part}/".replace("/./", "/")
        readme.write_text(_SHOWN.sub(rf'\1="{place}\2"', text), "utf-8")


def _absolute(docs: str, files: str, part: str, match: re.Match[str]) -> str:
    """Return a link of the README of a part as an absolute one."""
    picture, label, target = match.groups()
    target = posixpath.normpath(posixpath.join(part, target))
    page = re.fullmatch(r"docs/(.+)\.md(#.*)?", target)
    if page:
        return f"{label}({docs}{page[1]}.html{page[2] or ''})"
    return f"{picture}{label}({files.format('raw' if picture else 'blob')}/{target})"


def source_files(root: Path, *options: str) -> list[str]:
    """Return the names of the files of a checkout (``git ls-files`` with these options)
    or of a source archive.
    """
    if (root / ".git").exists():
        listing = ["git", "ls-files", "-z", *options]
        names = subprocess.run(
            listing, cwd=root, capture_output=True, text=True, check=True
        ).stdout.split("\0")
    else:
        names = (
            (root / "gt_secure.egg-info" / "SOURCES.txt").read_text(encoding="utf-8").splitlines()
        )
        names = [name for name in names if not name.startswith("gt_secure.egg-info/")]
    return [name for name in names if name and (root / name).is_file()]


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
