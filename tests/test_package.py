"""What users rely on before they call anything: a cheap import, true names, types."""

import ast
import importlib
import pydoc
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

import gt_secure
from support.subjects import subjects

HEAVY = (
    "boto3",
    "botocore",
    "matplotlib",
    "duckdb",
    "ipywidgets",
    "pandas",
    "pyarrow",
    "numpy",
    "ministack",
    "IPython",
)


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_loads_nothing_heavy():
    loaded = fresh(f"import gt_secure, sys; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == "[]"


def test_the_command_line_parser_loads_nothing_heavy():
    code = "from gt_secure.cli.main import build_parser; build_parser(); import sys; "
    assert fresh(f"{code}print([m for m in {HEAVY!r} if m in sys.modules])") == "[]"


def test_all_is_true():
    for name in gt_secure.__all__:
        assert getattr(gt_secure, name) is not None
    assert sorted(gt_secure.__all__) == gt_secure.__all__
    assert set(dir(gt_secure)) >= set(gt_secure.__all__)


def test_version_is_that_of_the_package():
    assert gt_secure.__version__ == metadata.version("gt_secure")


def test_every_module_can_be_imported_and_says_what_it_is():
    root = Path(gt_secure.__file__).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if parts[-1] == "__main__":
            continue
        name = ".".join(p for p in parts if p != "__init__")
        assert importlib.import_module(name).__doc__, f"{name} has no docstring"


def test_types_are_shipped():
    assert (Path(gt_secure.__file__).parent / "py.typed").exists()


def test_the_drawn_tree_of_errors_has_all_of_them():
    """The tree in the docstring, read line by line, against the classes."""
    import re

    from gt_secure.base import errors

    for path in (root := Path(gt_secure.__file__).parent).rglob("*.py"):
        if path.name != "__main__.py":
            importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))

    def below(kind):
        return {kind, *(each for child in kind.__subclasses__() for each in below(child))}

    lines = re.findall(r"[├└]── ([\w.]*?)(\w+)(?: \((\w+)\))?  ", str(errors.__doc__))
    drawn = {name: standard for _, name, standard in lines}
    real = {
        kind.__name__: kind
        for kind in below(errors.GtSecureError)
        if kind.__module__.startswith("gt_secure.")
    }
    assert set(drawn) == {name for name in real if not name.startswith("_")} - {"GtSecureError"}
    for place, name, standard in lines:
        assert (
            getattr(import_module(f"gt_secure.{place or 'errors'}".rstrip(".")), name) is real[name]
        )
        assert not standard or standard in [base.__name__ for base in real[name].__mro__], name
        assert standard or not [b for b in real[name].__bases__ if b.__module__ == "builtins"], name


def test_the_help_on_errors_has_their_tree_and_each_of_them() -> None:
    """They are defined in a part, and people look for them in the package."""
    from gt_secure import errors
    from gt_secure.base import errors as home

    page = pydoc.render_doc(errors, renderer=pydoc.plaintext)
    assert "├── NotFound (LookupError)" in page
    kinds = {
        each
        for each in vars(home).values()
        if isinstance(each, type) and issubclass(each, home.GtSecureError)
    }
    assert {getattr(errors, name) for name in errors.__all__} == kinds
    assert {each for each in kinds if f"    class {each.__name__}(" not in page} == set()


def _faces() -> list[str]:
    root = Path(gt_secure.__file__).parent
    faces = (
        path.parent for path in root.glob("*/**/__init__.py") if "__getattr__" in path.read_text()
    )
    return sorted(".".join(folder.relative_to(root).parts) for folder in faces)


@pytest.mark.parametrize("package", subjects(_faces(), 14))
def test_a_face_lists_each_name_once_and_can_load_it(package: str) -> None:
    face = import_module(f"gt_secure.{package}")
    tree = ast.parse(Path(str(face.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    listed = [
        alias for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert sorted(alias.name for alias in listed) == face.__all__
    # else type checkers of users take it as private
    assert all(alias.asname == alias.name for alias in listed)
    for name in face.__all__:
        assert getattr(face, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        face.nothing  # noqa: B018


def test_a_name_of_a_face_outlives_the_import_of_the_module_of_that_name() -> None:
    code = (
        "import gt_secure.changes.plan, gt_secure.presign.sign, gt_secure.logs.plots.draw\nfrom"
        " gt_secure import changes, plots, presign\nprint([f.__class__.__name__ for f in"
        " (changes.plan, presign.sign, presign.probe, plots.draw)])"
    )
    assert fresh(code) == str(["function"] * 4)
