"""``gt-secure tutorials``: copies of the notebooks in the package, to run and to change."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from ..base.errors import InvalidInput, NotFound
from .output import note, say, show_json
from .parser import Commands

FIRST, OF_AN_APPLICATION = "01_quickstart.ipynb", "10_guard_mlflow_artifacts.ipynb"
_SHARE = Path("share") / "gt_secure" / "notebooks"


def add(commands: Commands) -> None:
    """Add the command tutorials."""
    parser = commands.add(
        "tutorials",
        _run,
        account=False,
        description=(
            "Copy the tutorial notebooks, and templates/regression_tests.ipynb, into a folder."
            " Existing files are kept. gt-secure demo opens the same notebooks on the sandbox."
        ),
        examples=(
            ("gt-secure tutorials", "copy them into gt_secure-tutorials"),
            (
                "gt-secure tutorials notebooks --json",
                "copy them elsewhere, and list the files as JSON",
            ),
        ),
    )
    parser.add_argument(
        "folder",
        nargs="?",
        default="gt_secure-tutorials",
        metavar="DIR",
        help="default: gt_secure-tutorials",
    )


def _run(args: argparse.Namespace) -> int:
    folder = Path(args.folder)
    written, kept = copy_notebooks(folder)
    if args.json:
        show_json({"folder": str(folder), "written": written, "kept": kept})
        return 0
    for name in sorted([*written, *kept]):
        say(f"{folder / name}{'  (exists, kept)' if name in kept else ''}")
    return 0


def copy_notebooks(folder: Path) -> tuple[list[str], list[str]]:
    """Copy the notebooks; return those that are copied or identical,
    and those that the user had changed and keeps.
    """
    source = notebooks_dir()
    written = []
    kept = []
    for original in (*sorted(source.glob("*.ipynb")), *sorted(source.glob("templates/*.ipynb"))):
        name = original.relative_to(source)
        copy = folder / name
        try:
            if copy.exists() and copy.read_bytes() != original.read_bytes():
                note(
                    f"note: {copy} differs from the original and is kept; delete it to get the"
                    " original again."
                )
                kept.append(name.as_posix())
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)
        except OSError as error:
            raise InvalidInput(
                f"The notebooks cannot be written to {folder}: {error.strerror}.",
                next_step="Choose a folder that you can write to.",
                field="folder",
            ) from error
        written.append(name.as_posix())
    _trust(folder / name for name in written)
    return written, kept


def _trust(notebooks: Iterable[Path]) -> None:
    """Sign copies for the JupyterLab of this user:
    outputs of a notebook that it does not trust lose their style.
    """
    try:
        from nbformat import read, sign
    except ImportError:
        return  # without JupyterLab here, there is nobody to trust them
    with contextlib.suppress(OSError, sqlite3.Error):
        notary = sign.NotebookNotary()  # type: ignore[no-untyped-call]
        with contextlib.closing(notary.store):
            for each in notebooks:
                notary.sign(read(each, as_version=4))  # type: ignore[no-untyped-call]


def notebooks_dir() -> Path:
    """Find the tutorial notebooks: next to the package in a checkout,
    under ``share`` in an installation.
    """
    for place in _places():
        if (place / FIRST).is_file():
            return place
    raise NotFound(
        "The tutorial notebooks are not installed.",
        next_step="Install gt_secure again, from its wheel.",
    )


def _places() -> Iterator[Path]:
    package = Path(__file__).parents[1]
    yield package.parent / "notebooks"
    # The installer has recorded their location, which may also be under the user's home.
    for file in metadata.files("gt_secure") or ():
        if file.name == FIRST:
            yield Path(str(file.locate())).resolve().parent
    yield Path(sys.prefix) / _SHARE
    yield package.parent / _SHARE  # pip install --target
