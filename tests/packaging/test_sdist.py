"""The source archive: it builds, and the wheel from it is the wheel from the checkout."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from support.rooms import ROOT

pytestmark = pytest.mark.slow
_BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def build(kind: str, source: Path, out: Path) -> Path:
    """Build with the setuptools of these tests: nothing is fetched."""
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, f"build_{kind}", str(out)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed files, as a clone has them."""
    copy = tmp_path_factory.mktemp("checkout") / "here"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(copy)], check=True)
    return copy


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_of_the_source_archive_is_that_of_the_checkout(checkout: Path, tmp_path: Path) -> None:
    archive = build("sdist", checkout, tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    [source] = (tmp_path / "unpacked").iterdir()
    from_archive = contents(build("wheel", source, tmp_path / "one"))
    from_checkout = contents(build("wheel", checkout, tmp_path / "two"))
    assert sorted(from_archive) == sorted(from_checkout)
    assert {name for name, body in from_archive.items() if body != from_checkout[name]} == set()
    assert any(name.endswith("share/man/man1/gt-secure.1") for name in from_archive)
