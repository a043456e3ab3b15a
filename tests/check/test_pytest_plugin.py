"""The plugin as users have it: installed by its entry point, in a pytest of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from importlib import metadata
from pathlib import Path

import pytest

from gt_secure import pytest_plugin
from support.kernels import NBVAL, run_notebooks
from support.sample import sample

GOOD = {"cell_type": "code", "execution_count": 1, "source": "1", "outputs": [], "metadata": {}}
SKIPPED = {**GOOD, "execution_count": None}
SECRET = {**GOOD, "source": "'?X-Amz-Signature=" + "0f" * 32 + "'"}


BESIDE_NBVAL = ("--gt-secure-notebooks", *NBVAL)


@pytest.fixture
def project(tmp_path, warm):
    """A folder with a test file and notebooks, and pytest in a process of its own."""

    def run(*args, test="", **notebooks):
        if test:
            (tmp_path / "test_it.py").write_text(test)
        for name, cell in notebooks.items():
            book = {
                "cells": [cell], "nbformat": 4, "nbformat_minor": 5,
                "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            }  # fmt: skip
            cell.setdefault("id", "a")
            (tmp_path / f"{name}.ipynb").write_text(json.dumps(book))
        command = [warm.bin / "pytest", "-p", "no:cacheprovider", "-rA", *args]
        done = run_notebooks(command, cwd=tmp_path, env=warm.environment(), timeout=900)
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_entry_point_is_there():
    found = [
        point.value
        for point in metadata.entry_points(group="pytest11")
        if point.name == "gt_secure"
    ]
    assert found == ["gt_secure.pytest_plugin"]


def test_importing_the_plugin_is_cheap():
    heavy = (
        "boto3",
        "matplotlib",
        "duckdb",
        "ipywidgets",
        "ministack",
        "gt_secure.sandbox.process",
        "gt_secure.check.running",
    )
    code = f"import gt_secure.pytest_plugin, sys; print([m for m in {heavy!r} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "[]"
    )


def test_fixtures_give_a_local_aws(project):
    code, out = project(test='''
from gt_secure import check

def test_teams(gt_secure_connection):
    assert "radiology-team" in [team.name for team in gt_secure_connection.workteams()]
    assert gt_secure_connection.aws.is_local

def test_same_sandbox(gt_secure_sandbox, gt_secure_connection):
    assert gt_secure_connection.aws.endpoint_url == gt_secure_sandbox.endpoint_url
    assert check.team_is_restricted(gt_secure_connection, "radiology-team")

def test_a_guard_that_is_not_there(gt_secure_connection):
    check.guard_is_in_place(gt_secure_connection, "gt-images")
''')  # fmt: skip
    assert "2 passed" in out, out
    assert "1 failed" in out
    assert "guard_is_in_place(gt-images) failed: The bucket policy has no guard of gt_secure" in out
    assert code == 1


def test_without_the_extra_a_test_is_an_error_and_not_skipped(project):
    code, out = project(test='''
import os
from importlib import metadata
real = metadata.version

def version(name):
    if name == "ministack":
        raise metadata.PackageNotFoundError(name)
    return real(name)

metadata.version = version
os.environ["GT_SECURE_SANDBOX_ENV"] = os.path.abspath("nowhere")

def test_nothing():
    pass

def test_sandbox(gt_secure_sandbox):
    pass
''')  # fmt: skip
    assert "1 passed" in out
    assert "1 error" in out
    assert "gt-secure sandbox install" in out
    assert code == 1


def test_notebooks_are_checked_only_on_demand(project):
    code, out = project(*BESIDE_NBVAL, good=GOOD, skipped=SKIPPED, secret=SECRET)
    assert "2 failed, 10 passed" in out, out
    assert "cell 0" in out
    assert "0f0f" not in out
    assert "Traceback" not in out
    assert code == 1
    code, out = project()
    assert code == 5, "nothing is collected without the option"


def test_beside_nbval_both_look_at_a_notebook(project):
    cell = {**GOOD, "source": "object()", "metadata": {"tags": ["nbval-check-output"]}}
    shown = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
    cell["outputs"] = [{**shown, "data": {"text/plain": "<object at 0x7f>"}}]
    code, out = project(*BESIDE_NBVAL, changing=cell)
    assert "4 passed" in out, out
    code, out = project(*NBVAL, changing=cell)
    assert code == 1, "without our sanitizer file the address differs"


@pytest.mark.parametrize(
    "options", [["--gt-secure-notebooks"], ["--nbval-lax", "--gt-secure-checks", "1"]]
)
def test_options_that_would_run_no_check_end_with_a_sentence(project, options):
    code, out = project(*options, good=GOOD)
    assert code == 4
    assert "--nbval-lax" in out or "add --gt-secure-notebooks" in out
    assert "Traceback" not in out


@pytest.mark.parametrize(
    ("source", "options", "said"),
    sample(
        [
            (
                "import gt_secure",
                (),
                "no check ran, and the notebook does not state that it has none",
            ),
            ("import gt_secure", ("--gt-secure-checks", "0"), "4 passed"),
            ("1", (), "4 passed"),
            ("1", ("--gt-secure-checks", "1"), "0 of at least 1 checks passed"),
            (
                "from gt_secure import check; check.no_secret_saved('it.ipynb')",
                (),
                "Checks: 1 passed",
            ),
            (
                "from gt_secure import check; check.no_secret_saved('it.ipynb')",
                ("--gt-secure-checks", "2"),
                "1 of at least 2",
            ),
        ],
        3,
    ),
)
def test_what_a_notebook_promises(project, source, options, said):
    _, out = project(*BESIDE_NBVAL, *options, it={**GOOD, "source": source})
    assert said in out, out
    assert "Traceback" not in out


CHAIN = ["a = 1", "a += 1", "a += 1", "a += 1", "assert a == 4"]
"""Cells that fail in any other order, or in two kernels."""


@pytest.fixture
def chain(tmp_path):
    cells = [
        {**GOOD, "source": text, "execution_count": n, "id": f"c{n}"}
        for n, text in enumerate(CHAIN, 1)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for name in ("one", "two"):
        book = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": kernel}
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(book))
    return tmp_path


def test_cells_keep_their_order_whatever_shuffles_tests(project, chain):
    (chain / "conftest.py").write_text("""
import random
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    random.Random(7).shuffle(items)
""")
    code, out = project(*BESIDE_NBVAL)
    assert "16 passed" in out, out
    assert code == 0


OTHERS = [
    pytest.param(dist, marks=pytest.mark.slow) for dist in ("loadscope", "loadgroup", "loadfile")
]
"""Other ways of pytest-xdist to divide tests."""


@pytest.mark.parametrize("dist", [None, *OTHERS])
def test_cells_of_a_notebook_stay_on_one_worker(project, chain, warm, dist):
    workers = (
        ["-n", "2"]
        if dist is None
        else ["--tx", f"2*popen//python={warm.bin / 'warm-python'}", "--dist", dist]
    )
    code, out = project(*BESIDE_NBVAL, *workers)
    assert "16 passed" in out, out
    assert code == 0


@pytest.mark.parametrize("dist", ["each", "worksteal"])
def test_dividing_a_notebook_ends_with_a_sentence(project, chain, dist):
    code, out = project(*BESIDE_NBVAL, "-n", "2", "--dist", dist)
    assert "use --dist loadfile" in out
    assert "Traceback" not in out
    assert code == 4


def test_a_kernel_whose_port_was_taken_is_started_again(tmp_path):
    program = """
from pathlib import Path
runs = Path("runs")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
print("ready" if len(runs.read_text()) == 2 else "RuntimeError: Kernel died before replying to kernel_info")
"""
    assert run_notebooks([sys.executable, "-c", program], cwd=tmp_path).stdout == "ready\n"
    assert (tmp_path / "runs").read_text() == "xx"


def test_cells_of_a_notebook_are_together_and_in_order_whatever_shuffled_them():
    class item(types.SimpleNamespace):
        __hash__ = object.__hash__  # as the nodes of pytest have

    book, other = Path("a.ipynb"), Path("b.ipynb")
    test, last = (
        item(path=Path("test_it.py"), name="first"),
        item(path=Path("test_it.py"), name="last"),
    )
    cells = {
        each: item(path=path, cell_num=each)
        for each, path in ((2, book), (0, book), (7, other), (1, book))
    }
    ran = item(path=book)  # a test of ours for the notebook
    items = [test, cells[2], cells[7], cells[0], last, ran, cells[1]]
    config = item(getoption=lambda name: name == "--gt-secure-notebooks")
    pytest_plugin.pytest_collection_modifyitems(config, items)
    assert items == [test, ran, cells[0], cells[1], cells[2], cells[7], last]
    shuffled = [cells[2], test, cells[0]]
    pytest_plugin.pytest_collection_modifyitems(item(getoption=lambda name: False), shuffled)
    assert shuffled == [cells[2], test, cells[0]], "without the option nothing moves"
