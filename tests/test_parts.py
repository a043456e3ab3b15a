"""A part is used alone: in a copy with what it may import it is imported, and the example of its README runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from support.blocks import ROOT, blocks_of
from support.parts import PACKAGE, PARTS, copy_part, run_in

_PATH = re.compile(r"`((?:gt_secure|tests|tools|docs|labextension)/[^`]*)`")
_ROW = re.compile(r"^\| ([^|]*`[A-Z][^|]*) \| [^|]+ \| `(gt_secure/[^`|]*)` \|$", re.MULTILINE)
CHEAP = ("base", "secrets", "engine")
"""Parts whose example runs with the quick tests."""

CopyOf = Callable[[str], Path]


@pytest.fixture(scope="module")
def copy_of(tmp_path_factory: pytest.TempPathFactory) -> CopyOf:
    """Copy a part once for all tests."""
    return cache(lambda part: copy_part(part, tmp_path_factory.mktemp(part) / "alone"))


def _readme(part: str) -> Path:
    return PACKAGE / part / "README.md"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_imported_alone(part: str, copy_of: CopyOf) -> None:
    """In a copy with what it may import, each of its modules is imported, and no other part is found."""
    copy = copy_of(part)
    paths = (path.relative_to(copy).with_suffix("") for path in sorted((copy / "gt_secure" / part).rglob("*.py")))
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths if path.name != "__main__"]
    copied = ("__pycache__", part, *PARTS[part])
    others = [f"gt_secure.{path.stem}" for path in PACKAGE.iterdir() if path.name not in copied]
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names}]; import gt_secure\n"
        "from importlib.util import find_spec\n"
        "assert not {'boto3', 'botocore', 'ipywidgets'} & {*sys.modules}\n"
        f"assert not [name for name in {others} if name != 'gt_secure.__init__' and find_spec(name)]\n"
        "print(gt_secure.__file__)"
    )
    done = run_in(copy, "-c", code)
    assert not done.returncode, done.stderr
    assert done.stdout.strip() == str(copy / "gt_secure" / "__init__.py")


@pytest.mark.parametrize("part", PARTS)
def test_a_readme_names_what_is_there(part: str) -> None:
    """It is one page; its paths exist, and each type is defined in the module beside it."""
    text = _readme(part).read_text(encoding="utf-8")
    assert text.startswith(f"# {part}\n")
    assert len(text.splitlines()) <= 120
    assert re.findall("^## (.*)$", text, re.MULTILINE) == ["Example", "Types", "Where to add something", "Imports"]
    assert [name for name in _PATH.findall(text) if not (ROOT / name).exists()] == []
    rows = _ROW.findall(text)
    assert len(rows) >= 2
    for types, module in rows:
        assert module.startswith(f"gt_secure/{part}/")
        defined = (ROOT / module).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", types):
            assert re.search(rf"^class {name}\b", defined, re.MULTILINE), f"{name} is not defined in {module}"


def _check_example(part: str, copy: Path) -> None:
    example, output = blocks_of(_readme(part))
    assert (example.language, output.language) == ("python", "text")
    done = run_in(copy, "-c", example.text)
    assert not done.returncode, done.stderr
    assert done.stdout == output.text


@pytest.mark.parametrize("part", CHEAP)
def test_an_example_runs_alone(part: str, copy_of: CopyOf) -> None:
    """The example of a README gives the output that the page shows, in a copy of the part."""
    _check_example(part, copy_of(part))


@pytest.mark.parametrize("part", [part for part in PARTS if part not in CHEAP])
def test_a_dear_example_runs_alone(part: str, copy_of: CopyOf) -> None:
    """Reading a log with DuckDB and starting a sandbox cost more than a quick test may."""
    _check_example(part, copy_of(part))
