"""A warm copy ends as a process of its own: what its original made stays,
for the original and for other copies.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.warm import Warm

ORIGINAL = """
import atexit, shutil, sys
import gt_secure.check.ledger
from support import warm
warm._warm_up = lambda: atexit.register(shutil.rmtree, sys.argv[2])
warm.main()
"""
"""A process that has made a folder, as matplotlib does at its import where the home
folder cannot be written.
"""


@pytest.fixture
def program() -> Iterator[tuple[Path, Path]]:
    """A program whose processes are copies, and the folder of the original."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:  # short: it holds a socket
        made = Path(folder, "made")
        made.mkdir()
        warm = Warm(Path(folder))
        warm.bin.mkdir()
        python = warm._program("warm-python", "")
        command = [sys.executable, "-c", ORIGINAL, str(Path(folder, "asked")), str(made)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, env={"PYTHONPATH": ":".join(sys.path)}, **pipes) as original:  # type: ignore[call-overload]
            assert original.stdout.readline() == b"ready\n"
            yield python, made
            original.communicate()
        assert original.returncode == 0
        assert not made.exists(), "the original removes what it made"


def test_a_copy_ends_quietly_and_leaves_the_folders_of_its_original(
    program: tuple[Path, Path],
) -> None:
    python, made = program
    for _ in range(2):
        done = subprocess.run(
            [python, "-c", "print('done')"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
        assert made.is_dir()


def test_a_copy_runs_what_it_registers_itself(program: tuple[Path, Path], tmp_path: Path) -> None:
    own = tmp_path / "own"
    code = (
        f"import atexit, os, shutil; os.mkdir({str(own)!r}); atexit.register(shutil.rmtree,"
        f" {str(own)!r}); print(1)"
    )
    assert (
        subprocess.run([program[0], "-c", code], capture_output=True, text=True, check=False).stdout
        == "1\n"
    )
    assert not own.exists()
