"""Every tutorial passes under nbval, shows what is committed, and holds no secret when it is executed and saved."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "notebooks").rglob("*.ipynb"))


@pytest.fixture(scope="session")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "tools" / "run_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs_as_committed_and_saves_no_secret(path: Path, runner: ModuleType) -> None:
    cells, _, problems = runner.check(path)
    assert problems == []
    assert cells
