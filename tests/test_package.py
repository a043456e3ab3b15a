"""What users rely on before they call anything: a cheap import, true names, types."""

import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import gt_secure

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
    assert set(gt_secure._HOMES) == set(gt_secure.__all__)


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


LEVELS = [
    ["errors"],
    ["pasted", "awserrors", "textfiles"],
    ["network"],
    ["aws"],
    ["teams", "buckets", "endpoints", "policy", "logs"],
    ["restriction", "presign", "plots", "sandbox"],
    ["connection"],
    ["check", "doctor"],
    ["widgets"],
    ["commands", "pytest_plugin"],
    ["cli"],
    ["magics", "__init__"],
]


def test_imports_only_go_down():
    import ast

    level = {name: i for i, names in enumerate(LEVELS) for name in names}
    root = Path(gt_secure.__file__).parent
    wrong = []
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root).with_suffix("").parts
        room = inside[0]
        assert room in level, f"{room} has no place in the house"
        package = ["gt_secure", *inside[:-1]]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = []
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = [*base, *(node.module or "").split(".")] if node.module else base
                targets = [[*module, alias.name] for alias in node.names]
            elif isinstance(node, ast.Import):
                targets = [alias.name.split(".") for alias in node.names]
            for target in targets:
                if target[0] != "gt_secure" or len(target) < 2 or target[1] not in level or room == "__init__":
                    continue
                other = target[1]
                if (
                    other != room
                    and level[other] >= level[room]
                    and not (
                        # Doors know the command modules; read models may share a floor.
                        level[other] == level[room]
                        and room in {"presign", "restriction", "teams", "buckets", "logs", "plots", "sandbox"}
                    )
                ):
                    wrong.append(f"{'/'.join(inside)} imports {'.'.join(target)}")
    assert not wrong, wrong


def test_only_doors_know_the_sandbox():
    root = Path(gt_secure.__file__).parent
    for path in root.rglob("*.py"):
        room = path.relative_to(root).parts[0]
        if room not in {"sandbox", "commands", "cli.py", "pytest_plugin.py"}:
            assert ".sandbox" not in path.read_text(encoding="utf-8").replace("gt_secure.sandbox`", ""), path


def test_the_drawn_tree_of_errors_has_all_of_them():
    """The tree in the docstring, read line by line, against the classes."""
    import re

    from gt_secure import errors

    for path in (root := Path(gt_secure.__file__).parent).rglob("*.py"):
        if path.name != "__main__.py":
            importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))

    def below(kind):
        return {kind, *(each for child in kind.__subclasses__() for each in below(child))}

    drawn = dict(re.findall(r"[├└]── (?:\w+\.)*(\w+)(?: \((\w+)\))?", errors.__doc__))
    real = {kind.__name__: kind for kind in below(errors.GtSecureError) if kind.__module__.startswith("gt_secure.")}
    assert set(drawn) == {name for name in real if not name.startswith("_")} - {"GtSecureError"}
    for name, standard in drawn.items():
        assert not standard or standard in [base.__name__ for base in real[name].__mro__], name
        assert standard or not [b for b in real[name].__bases__ if b.__module__ == "builtins"], name
