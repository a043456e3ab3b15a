"""Every tutorial runs, passes under nbval, shows what is committed,
and sends no secret that could be saved.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from gt_secure.sandbox import Sandbox
from support.warm import Warm
from support.subjects import subjects

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = subjects(sorted((ROOT / "notebooks").rglob("*.ipynb")), 11)
FIGURES = subjects(
    (path for path in TUTORIALS if "image/svg+xml" in path.read_text(encoding="utf-8")), 4
)


@pytest.fixture(scope="session")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "run_notebooks", ROOT / "tools" / "run_notebooks.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sandbox(running_sandbox: Sandbox, warm: Warm, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """One as it was seeded, and kernels that start warm."""
    running_sandbox.reset()
    for name, value in warm.environment().items():
        monkeypatch.setenv(name, value)
    return running_sandbox


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs_as_committed_and_saves_no_secret(
    path: Path, sandbox: Sandbox, runner: ModuleType
) -> None:
    cells, _, problems = runner.check(path, sandbox, None)
    assert problems == []
    assert cells


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_passes_under_nbval(path: Path, sandbox: Sandbox, runner: ModuleType, warm: Warm) -> None:
    cells, _, problems = runner.check(path, sandbox, [str(warm.bin / "pytest")])
    assert problems == []
    assert cells


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_figure_is_saved_once(path: Path, runner: ModuleType) -> None:
    """The wheel has the notebooks: a PNG beside each SVG was a third of it."""
    book = nbformat.read(path, as_version=4)
    saved = nbformat.writes(book)
    runner.keep_one_picture(book)
    assert nbformat.writes(book) == saved, "python tools/run_notebooks.py --write saves it so"


@pytest.mark.parametrize("program", ["nbclient", "pytest"])
def test_a_secret_in_an_output_or_a_widget_is_noticed(
    program: str, tmp_path: Path, sandbox: Sandbox, runner: ModuleType, warm: Warm
) -> None:
    """Also one that the cell takes back before it ends."""
    source = """
import ipywidgets
shown = ipywidgets.HTML(value="?X-Amz-" + "Signature=" + "0f" * 32)
shown.value = "***"
print("id AK" + "IAIOSFODNN7EXAMPLE")
"""
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    path = tmp_path / "secrets.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), path)
    cells, _, problems = runner.check(
        path, sandbox, [str(warm.bin / program)] if program == "pytest" else None
    )
    assert cells == 1
    assert problems == [
        f"when executed, it shows or keeps “{name}”" for name in ("AKIA", "X-Amz-Signature=")
    ]
