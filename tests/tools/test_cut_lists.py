"""The lint of cut lists finds each slice of a list that is shown,
unless its function names the rest.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lint() -> ModuleType:
    """Return tools/lint_style.py as a module."""
    spec = importlib.util.spec_from_file_location("lint_style", ROOT / "tools" / "lint_style.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lint_style"] = module
    spec.loader.exec_module(module)
    return module


SILENT = [
    "for usage in tried.usages[:MOST_USAGES]:\n        yield usage.words",
    "return [usage.words for usage in usages[:10]]",
    'return ", ".join(wrong[:10])',
    'return ", ".join(map(str, missing[:5]))',
    "shown = rows[:_MOST]\n    return table(shown)",
    "return [*named[:_SHOWN]]",
    'return {"sources": sources[:50]}',
    "return table(found[:top])",
    "return [each for each in islice(rows, 10)]",
    "return [each for each in itertools.islice(rows, most)]",
    "shown = [each for each in rows if each.odd][:4]\n    return shown",
    "return some_table(sorted(rows)[:MOST])",
    "return f\"Use one of: {', '.join(names)[:200]}.\"",
    '"""Return the first rows; there may be more."""\n    return rows[:10]',
]
SPOKEN = [
    "return some(words)",
    'text = ", ".join(words[:most])\n    return text + f" and {len(words) - most} more"',
    (
        "left = usages[len(shown):]\n    for usage in usages[:10]:\n        yield usage\n    yield"
        " _of(left)"
    ),
    "return text[:40]",
    'return f"{key[:80]} is odd"',
    "return str(value)[:40]",
    "return digest.hexdigest()[:16]",
    "return names[:1]",
    "return rows[1:10]",
]


@pytest.mark.parametrize("body", SILENT)
def test_a_cut_is_found(lint: ModuleType, body: str) -> None:
    assert len(list(lint.cut_lists(f"def shown(rows):\n    {body}\n"))) == 1, body


@pytest.mark.parametrize("body", SPOKEN)
def test_texts_and_lists_with_their_rest_are_none(lint: ModuleType, body: str) -> None:
    assert not list(lint.cut_lists(f"def shown(rows):\n    {body}\n")), body
