"""Generate ``gt_secure_redact``: the part that recognises secrets under another name, and a pytest
plugin.

Nothing of it is written twice: the texts are those of ``gt_secure/secrets``, and of the two modules
that mask reports.
"""

from __future__ import annotations

import ast
from pathlib import Path

NAME = "gt_secure_redact"
PACKAGE = Path(__file__).resolve().parents[2] / "gt_secure"
PLUGIN = '''"""A pytest plugin: masks for secrets in tracebacks, captured and live logs, warnings and properties."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from .tracebacks import MaskedFormatter, mask_properties, mask_report, mask_warning

_FAILED = pytest.StashKey[set[Path]]()
'''
HOOKS = (
    "pytest_runtest_makereport",
    "pytest_make_collect_report",
    "pytest_warning_recorded",
    "pytest_sessionstart",
    "pytest_sessionfinish",
)


def files() -> dict[str, str]:
    """Return the text of each file of the package by its name."""
    found = {
        path.name: path
        for path in sorted((PACKAGE / "secrets").iterdir())
        if path.suffix in {".py", ".json"}
    }
    texts = {
        name: path.read_text(encoding="utf-8").replace("gt_secure.secrets", NAME)
        for name, path in found.items()
    }
    tracebacks = (PACKAGE / "base" / "tracebacks.py").read_text(encoding="utf-8")
    return {
        **texts,
        "tracebacks.py": tracebacks.replace("from .mask import", "from .masks import"),
        "pytest_plugin.py": plugin(),
    }


def plugin() -> str:
    """Return the plugin: the hooks of gt_secure's own that mask."""
    text = (PACKAGE / "pytest_plugin.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    nodes: dict[str, ast.FunctionDef | ast.Assign] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                nodes[name] = node
    hooks = []
    for name in HOOKS:
        node = nodes[name]
        decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        first = min([node.lineno, *(each.lineno for each in decorators)])
        hooks.append("\n".join(lines[first - 1 : node.end_lineno]))
    return PLUGIN + "".join(f"\n\n{hook}\n" for hook in hooks)


def write(folder: Path) -> None:
    """Write the package below a folder."""
    (folder / NAME).mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / NAME / name).write_text(text, encoding="utf-8")
