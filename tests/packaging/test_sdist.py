"""The source archive: it holds the whole checkout, builds the same wheel, and tests itself."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from support.rooms import clean, fresh_checkout, source_files

pytestmark = pytest.mark.slow
_BUILD = (
    "import sys; from setuptools import build_meta; print(getattr(build_meta,"
    " sys.argv[1])(sys.argv[2]))"
)


def build(kind: str, source: Path, out: Path) -> Path:
    """Build with the setuptools of these tests: nothing is fetched."""
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, f"build_{kind}", str(out)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed files, as a clone has them."""
    return fresh_checkout(tmp_path_factory.mktemp("checkout") / "here")


@pytest.fixture(scope="module")
def unpacked(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive of the checkout, unpacked in a folder without a neighbour."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(build("sdist", checkout, folder / "sdist")) as packed:
        packed.extractall(folder / "alone", filter="data")
    [source] = (folder / "alone").iterdir()
    return source


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_of_the_source_archive_is_that_of_the_checkout(
    checkout: Path, unpacked: Path, tmp_path: Path
) -> None:
    from_archive = contents(build("wheel", unpacked, tmp_path / "one"))
    from_checkout = contents(build("wheel", checkout, tmp_path / "two"))
    assert sorted(from_archive) == sorted(from_checkout)
    assert {name for name, body in from_archive.items() if body != from_checkout[name]} == set()
    assert any(name.endswith("share/man/man1/gt-secure.1") for name in from_archive)


def test_nothing_of_the_checkout_is_missing(checkout: Path, unpacked: Path) -> None:
    committed = {
        name: (checkout / name).read_bytes()
        for name in source_files()
        if (checkout / name).is_file()
    }
    packed = {
        name: (unpacked / name).read_bytes() for name in committed if (unpacked / name).is_file()
    }
    assert set(committed) - set(packed) == set()
    changed = {name for name, body in committed.items() if body != packed[name]}
    assert changed <= {"setup.cfg", "PKG-INFO"}, "setuptools adds a section to setup.cfg"


def python_in(source: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Python of these tests in the unpacked archive, on its package and not on this one."""
    env = {**clean(), "PYTHONPATH": str(source), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=source, env=env, capture_output=True, text=True
    )


def test_it_tests_itself(unpacked: Path, tmp_path: Path) -> None:
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow and not browser"]
    done = python_in(unpacked, tmp_path, *options, "--collect-only")
    assert done.returncode == 0, done.stdout[-3000:]
    parts = ["engine/iam", "engine/policies", "restriction", "findings", "tools", "presign", "docs/test_pages.py",
             "test_package.py", "test_layers.py", "test_wording.py", "logs/test_parser.py",
             "logs/test_dialects.py"]  # fmt: skip
    done = python_in(unpacked, tmp_path, *options, *(f"tests/{part}" for part in parts))
    assert done.returncode == 0, done.stdout[-3000:]
    done = python_in(unpacked, tmp_path, "tools/make_wheel.py")
    assert "sha256:" in done.stdout, done.stderr[-3000:]
