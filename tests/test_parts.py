"""A part is used alone: in a copy with what it may import it is imported,
and its example and its quick tests run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from support.blocks import ROOT, blocks_of
from support.parts import PACKAGE, PARTS, PartTests, copy_part, run_in

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
    """In a copy with what it may import, each of its modules is imported,
    and no other part is found.
    """
    copy = copy_of(part)
    paths = (
        path.relative_to(copy).with_suffix("")
        for path in sorted((copy / "gt_secure" / part).rglob("*.py"))
    )
    names = [
        ".".join(path.parts).removesuffix(".__init__") for path in paths if path.name != "__main__"
    ]
    copied = ("__pycache__", part, *PARTS[part])
    others = [f"gt_secure.{path.stem}" for path in PACKAGE.iterdir() if path.name not in copied]
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names}]; import"
        " gt_secure\nfrom importlib.util import find_spec\nassert not {'boto3', 'botocore',"
        f" 'ipywidgets'}} & {{*sys.modules}}\nassert not [name for name in {others} if name !="
        " 'gt_secure.__init__' and find_spec(name)]\nprint(gt_secure.__file__)"
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
    assert re.findall("^## (.*)$", text, re.MULTILINE) == [
        "Example",
        "Types",
        "Where to add something",
        "Imports",
    ]
    assert [name for name in _PATH.findall(text) if not (ROOT / name).exists()] == []
    rows = _ROW.findall(text)
    assert len(rows) >= 2
    for types, module in rows:
        assert module.startswith(f"gt_secure/{part}/")
        defined = (ROOT / module).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", types):
            assert re.search(rf"^(class )?{name}\b", defined, re.MULTILINE), (
                f"{name} is not defined in {module}"
            )


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


@pytest.mark.parametrize("part", PARTS)
def test_the_tests_of_a_part_import_only_it(part: str) -> None:
    """A test that needs more is one of the product: it is in the folder of what it tests."""
    assert PartTests(part).foreign() == []


def test_an_import_of_the_product_is_named_however_it_is_written(tmp_path: Path) -> None:
    """In a test, in a function, relative, and in modules of support that others import."""
    files = {
        "logs/test_a.py": (
            "from gt_secure.logs import Hits\nimport gt_secure.base.text\nfrom .near import x"
        ),
        "logs/near.py": "def f():\n    from gt_secure import Connection, engine",
        "logs/deep/test_b.py": (
            "import os, gt_secure\nfrom ...support import c\nfrom .. import near"
        ),
        "support/__init__.py": "",
        "support/c.py": "from . import d",
        "support/d.py": "import gt_secure.cli.main as main, support.e.f",
        "support/e/__init__.py": "from gt_secure.secrets import redact",
        "support/e/f.py": "",
        "support/unused.py": "import gt_secure.widgets",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert PartTests("logs", tmp_path).foreign() == [
        "logs/deep/test_b.py imports gt_secure",
        "logs/near.py imports gt_secure.Connection",
        "logs/near.py imports gt_secure.engine",
        "support/d.py imports gt_secure.cli.main",
        "support/e/__init__.py imports gt_secure.secrets.redact",
    ]


AT_LEAST = {"base": 170, "secrets": 800, "engine": 2500, "logs": 400, "sandbox": 500}
"""How many quick tests of a part run in its copy: a copy in which none is found is no success."""


@pytest.mark.parametrize("part", PARTS)
def test_the_quick_tests_of_a_part_pass_alone(part: str, tmp_path: Path) -> None:
    """They run in a copy of the part and of what it may import,
    with the support that they import and no other.
    """
    copy = copy_part(part, tmp_path / "alone")
    PartTests(part).copy_to(copy)
    done = run_in(
        copy, "-m", "pytest", "-q", "-p", "no:gt_secure", "-p", "no:cacheprovider", "-m", "quick"
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert not done.returncode, done.stdout + done.stderr
    assert passed is not None
    assert int(passed[1]) >= AT_LEAST[part]
