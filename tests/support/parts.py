"""The parts that import alone: what each may import,
and a copy of it and of its tests in an empty folder.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import gt_secure

PACKAGE = Path(gt_secure.__file__).parent
TESTS = Path(__file__).parents[1]

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
"""The package in a copy: an editable installation finds no module for it that
the copy does not have.
"""


def copy_part(part: str, folder: Path) -> Path:
    """Copy a part with what it may import; return the folder,
    from which ``gt_secure`` is that copy.
    """
    copy = folder / "gt_secure"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text(ALONE)
    for name in (part, *PARTS[part]):
        shutil.copytree(PACKAGE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Python of these tests in a folder, whose modules come first,
    also in what it starts elsewhere.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GT_SECURE_TESTS_", "PYTEST_"))
    }
    env = {**kept, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True
    )


class PartTests:
    """The tests of a part, with the modules of support and the plugins that they need.

    Imports are read from the files, those inside functions too. Names in texts, such as the code of
    a process that a test starts, are not read: running the tests in a copy finds these.
    """

    def __init__(self, part: str, tests: Path = TESTS) -> None:
        self.folder, self.tests = tests / part, tests
        self._allowed = {part, *PARTS[part]}

    def foreign(self) -> list[str]:
        """Return each import of anything else in ``gt_secure``,
        in a test or in what it imports of all tests.
        """
        return self._foreign(self.folder.rglob("*.py"))

    def plugins(self) -> list[str]:
        """Return those plugins of all tests that import nothing else of ``gt_secure``."""
        tree = ast.parse((self.tests / "conftest.py").read_text(encoding="utf-8"))
        [names] = (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytest_plugins"
        )
        return [name for name in names if not self._foreign(self._files_of(name))]

    def copy_to(self, folder: Path) -> None:
        """Copy the tests beside the copy of their part, with what they need,
        their data and the settings of pytest.
        """
        copy, plugins = folder / "tests", self.plugins()
        shutil.copytree(
            self.folder, copy / self.folder.name, ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(self.tests / "data", copy / "data")
        shared = (file for name in plugins for file in self._files_of(name))
        for path in (
            *self._closure([*self.folder.rglob("*.py"), *shared]),
            self.tests / "costs.toml",
        ):
            target = copy / path.relative_to(self.tests)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        (copy / "conftest.py").write_text(f"pytest_plugins = {plugins}\n", encoding="utf-8")
        shutil.copy(self.tests.parent / "setup.cfg", folder)

    def _foreign(self, files: Iterable[Path]) -> list[str]:
        return [
            f"{path.relative_to(self.tests)} imports {name}"
            for path in sorted(self._closure(files))
            for name in sorted(_imports(path, self.tests))
            if re.match(r"gt_secure(\.|$)", name) and not self._allowed & {*name.split(".")[1:2]}
        ]

    def _closure(self, files: Iterable[Path]) -> set[Path]:
        """Return the files with all files of the tests that they import, directly or not."""
        found, left = set[Path](), [*files]
        while left:
            if (path := left.pop()) not in found:
                found.add(path)
                left += (
                    file for name in _imports(path, self.tests) for file in self._files_of(name)
                )
        return found

    def _files_of(self, name: str) -> list[Path]:
        """Return the files that importing a name runs: packages and a module;
        none if it is not of the tests.
        """
        steps = name.split(".")
        places = [self.tests.joinpath(*steps[:end]) for end in range(1, len(steps) + 1)]
        return [
            file
            for place in places
            for file in (place / "__init__.py", place.with_suffix(".py"))
            if file.is_file()
        ]


@cache
def _imports(path: Path, tests: Path) -> frozenset[str]:
    """Return the whole names of what a file imports, of relative imports too."""
    package, found = path.relative_to(tests).parts[:-1], set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            found |= {
                ".".join([*start, *([node.module] if node.module else []), alias.name])
                for alias in node.names
            }
    return frozenset(found)
