"""Sabotages of a notebook that is kept as a test: none may turn a check green in silence,
under any of the runners.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gt_secure import check
from gt_secure.base.errors import GtSecureError
from gt_secure.check import CheckFailed, SecretCheck
from gt_secure.check.ledger import fingerprint
from support.kernels import NBVAL, START_S, NotebookClient, run_notebooks

Cell = dict[str, Any]
SHOWN = {
    "output_type": "execute_result",
    "execution_count": 2,
    "metadata": {},
    "data": {"text/plain": "passed"},
}
IMPORT = "from gt_secure import check"
CHECK = "check.no_secret_saved('secret.ipynb')"
"""A check that fails: the notebook that it names holds a key."""
PROMISE = 'check.promise(no_secret_saved=["secret.ipynb"])'
ENTRY = {
    "check": "no_secret_saved",
    "subject": "secret.ipynb",
    "status": "passed",
    "time": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
    "source": fingerprint(CHECK),
}
RECORD = {
    "output_type": "display_data",
    "metadata": {"gt_secure": {"checks": [ENTRY]}},
    "data": {},
}


def code(source: str, count: int | None, *outputs: Any, **metadata: Any) -> Cell:
    return {
        "cell_type": "code", "execution_count": count, "source": source, "outputs": list(outputs), "metadata": metadata,
        "id": f"cell-{count}",
    }  # fmt: skip


def tagged(tag: str) -> Callable[[Cell], None]:
    return lambda cell: cell["metadata"].update(tags=[tag])


def source(text: str) -> Callable[[Cell], None]:
    return lambda cell: cell.update(source=text)


def raw(cell: Cell) -> None:
    cell["cell_type"] = "raw"
    for name in ("outputs", "execution_count"):
        cell.pop(name)


def markdown(text: str = CHECK) -> Callable[[Cell], None]:
    return lambda cell: (
        [cell.pop(name) for name in ("outputs", "execution_count")]
        and cell.update(cell_type="markdown", source=text)
    )


SOURCES: dict[str, str] = {
    # nothing runs it
    "commented out": f"# {CHECK}",
    "commented out without a space": f"#{CHECK}",
    "commented out over lines": "# check.no_secret_saved(\n#     'secret.ipynb',\n# )",
    "commented out beside code": f"x = 1  # {CHECK}",
    "in a text": f'"""\n{CHECK}\n"""',
    "emptied": "",
    "deleted but for its name": "'no_secret_saved'",
    "no parentheses": "check.no_secret_saved",
    "look without parentheses": "check.no_secret_saved.look",
    "asserted without parentheses": "assert check.no_secret_saved",
    "help": f"{CHECK}?",
    "a function that is never called": f"def test_it():\n    {CHECK}",
    "a coroutine that nobody awaits": f"async def test_it():\n    {CHECK}\ntest_it()",
    "a lambda": f"run = lambda: {CHECK}",
    "a generator that nobody reads": f"results = ({CHECK} for _ in range(1))",
    "a class that nobody uses": f"class T:\n    def test_it(self):\n        {CHECK}",
    "partial": (
        "from functools import partial\nrun = partial(check.no_secret_saved, 'secret.ipynb')"
    ),
    "if ON_AWS": f"ON_AWS = False\nif ON_AWS:\n    {CHECK}",
    "if False": f"if False:\n    {CHECK}",
    "while 0": f"while 0:\n    {CHECK}",
    "no teams": f"for _ in []:\n    {CHECK}",
    "and": f"False and {CHECK}",
    "early return": f"def test_it():\n    return\n    {CHECK}\ntest_it()",
    "early break": f"for _ in range(3):\n    break\n    {CHECK}",
    "SystemExit": f"raise SystemExit(0)\n{CHECK}",
    "sys.exit": f"import sys\nsys.exit()\n{CHECK}",
    "exit": f"exit()\n{CHECK}",
    "the environment": f"import os\nif os.environ.get('RUN_CHECKS'):\n    {CHECK}",
    "eval of nothing": "text = \"check.no_secret_saved('secret.ipynb')\"",
    "skipped by hand": "check.no_secret_saved.skip('later')",
    # its failure is not seen
    "look": "check.no_secret_saved.look('secret.ipynb')",
    "look, assigned": "result = check.no_secret_saved.look('secret.ipynb')",
    "look, printed": "print(check.no_secret_saved.look('secret.ipynb'))",
    "look, compared": "check.no_secret_saved.look('secret.ipynb') == True",
    "look, as a tuple": "assert (check.no_secret_saved.look('secret.ipynb'), 'no secret')",
    "look, or true": "assert check.no_secret_saved.look('secret.ipynb') or True",
    "except pass": f"try:\n    {CHECK}\nexcept Exception:\n    pass",
    "bare except": f"try:\n    {CHECK}\nexcept:\n    print('fine')",
    "except and print": f"try:\n    {CHECK}\nexcept AssertionError as error:\n    print(error)",
    "finally return": f"def run():\n    try:\n        {CHECK}\n    finally:\n        return\nrun()",
    "suppress": f"import contextlib\nwith contextlib.suppress(AssertionError):\n    {CHECK}",
    "pytest.raises": f"import pytest\nwith pytest.raises(AssertionError):\n    {CHECK}",
    "a thread": (
        f"import threading\nt = threading.Thread(target=lambda: {CHECK})\nt.start()\nt.join()"
    ),
    "a pool": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as p:\n"
        f"    p.submit(lambda: {CHECK})"
    ),
    "a task": (
        f"import asyncio\nasync def run():\n    {CHECK}\nawait"
        " asyncio.wait([asyncio.ensure_future(run())])"
    ),
    "run_file": "report = check.run_file(None, 'checks.json')",
    "run_file, shown": "check.run_file(None, 'checks.json')",
    "run_file, asserted": "assert check.run_file(None, 'checks.json')",
    "run_file, not run": "def run():\n    return check.run_file(None, 'checks.json')",
    "magic": "%load_ext gt_secure\n%gt_secure check no-secret-saved --path secret.ipynb",
    "magic, assigned": (
        "%load_ext gt_secure\nreport = %gt_secure check no-secret-saved --path secret.ipynb"
    ),
    "magic as JSON": (
        "%load_ext gt_secure\n%gt_secure check no-secret-saved --path secret.ipynb --json"
    ),
    "magic, commented out": "# %gt_secure check no-secret-saved --path secret.ipynb",
    "shell": "!gt-secure check no-secret-saved --path secret.ipynb",
    "shell as JSON": "!gt-secure check no-secret-saved --path secret.ipynb --json",
    "shell to nowhere": "!gt-secure check no-secret-saved --path secret.ipynb > /dev/null",
    "shell, assigned": "out = !gt-secure check no-secret-saved --path secret.ipynb",
    "shell or true": "!gt-secure check no-secret-saved --path secret.ipynb || true",
    "shell of a file": "!gt-secure check -f checks.json",
    "shell, commented out": "# !gt-secure check no-secret-saved --path secret.ipynb",
    "subprocess": "import subprocess\nsubprocess.run(['gt-secure', 'check', '-f', 'checks.json'])",
    "subprocess, captured": (
        "import subprocess\nsubprocess.getoutput('gt-secure check -f checks.json')"
    ),
    "os.system": "import os\nos.system('gt-secure check no-secret-saved --path secret.ipynb')",
    "script magic": f"%%script true\n{CHECK}",
    "bash magic": "%%bash --no-raise-error\ngt-secure check -f checks.json",
    "written to a file": f"%%writefile checks.py\n{CHECK}",
    "captured": f"%%capture\ntry:\n    {CHECK}\nexcept AssertionError:\n    pass",
    "an error handler": (
        f"get_ipython().set_custom_exc((Exception,), lambda *_, **__: None)\n{CHECK}"
    ),
    # it is another one
    "replaced function": f"check.no_secret_saved = lambda *_: True\n{CHECK}",
    "replaced module": f"check = __import__('unittest.mock').mock.MagicMock()\n{CHECK}",
    "a class of that name": (
        f"class check:\n    no_secret_saved = staticmethod(lambda *_: True)\n{CHECK}"
    ),
    "replaced call": f"type(check.no_secret_saved).__call__ = lambda *_, **__: True\n{CHECK}",
    "replaced look": (
        "check.no_secret_saved.look = lambda *_: True\ncheck.no_secret_saved.look('secret.ipynb')"
    ),
    "replaced require": f"check.CheckResult.require = lambda self: self\n{CHECK}",
    "replaced inside": (
        f"import gt_secure.check.notebooks as n\nn.find_secrets = lambda *_: []\n{CHECK}"
    ),
    "mock.patch": (
        "from unittest import mock\nwith mock.patch('gt_secure.check.notebooks.find_secrets',"
        f" list):\n    {CHECK}"
    ),
    "an assert about something else": "import gt_secure\nassert gt_secure.__version__",
    "replaced recorder": (
        "import gt_secure.check.result as r\nr.record = lambda *_, **__: None\n"
        f"try:\n    {CHECK}\nexcept AssertionError:\n    pass"
    ),
}
"""The cell of the check, after somebody changed it."""

SABOTAGES: dict[str, Callable[[Cell], None]] = {
    **{name: source(text) for name, text in SOURCES.items()},
    **{
        f"tag {tag}": tagged(tag)
        for tag in (
            "raises-exception",
            "nbval-raises-exception",
            "nbval-skip",
            "nbval-ignore-output",
            "skip-execution",
        )
    },
    **{
        f"comment {word}": source(f"# {word}\n{CHECK}")
        for word in (
            "NBVAL_SKIP",
            "NBVAL_RAISES_EXCEPTION",
            "NBVAL_IGNORE_OUTPUT",
            "PYTEST_VALIDATE_IGNORE_OUTPUT",
        )
    },
    "never run": lambda cell: cell.update(execution_count=None, outputs=[]),
    "raw cell": raw,
    "Markdown": markdown(),
    "Markdown of a magic": markdown("%gt_secure check no-secret-saved --path secret.ipynb"),
    "Markdown with a fence": markdown(f"```python\n{CHECK}\n```"),
    "deleted": lambda cell: cell.update(source="x = 1", outputs=[]),
}
ONLY_A_RUN = ("tag ", "comment ")
"""A saved run in which the check passed is one, also beside a tag: the next run is not."""
FEW = (
    "commented out",
    "deleted",
    "Markdown",
    "no parentheses",
    "if ON_AWS",
    "look",
    "except pass",
    "a thread",
    "magic",
    "shell",
    "replaced inside",
    "tag raises-exception",
)
"""Those that run in every suite; the others are slow."""


def book(sabotage: Callable[[Cell], None] | None = None, text: str = CHECK) -> dict[str, Any]:
    """A notebook that was run, saved and promised while all was well, and is sabotaged after that;
    one with another cell promises nothing.
    """
    cells = [code(IMPORT, 1), code(text, 2, copy.deepcopy(SHOWN))]
    if text == CHECK:
        cells[1]["outputs"].append(copy.deepcopy(RECORD))
        cells.append(code(PROMISE, 3))
    if sabotage is not None:
        sabotage(cells[1])
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook that holds a key, so that the check fails."""
    path = tmp_path_factory.mktemp("books")
    secret = {
        "cells": [code("'AKIA" + "Q3EGRZ5NV7B2YTKD'", 1)],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (path / "secret.ipynb").write_text(json.dumps(secret))
    checks = {"version": 1, "checks": [{"check": "no_secret_saved", "path": "secret.ipynb"}]}
    (path / "checks.json").write_text(json.dumps(checks))
    return path


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a kernel find gt-secure where this Python is."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


@pytest.mark.parametrize("name", [each for each in SABOTAGES if not each.startswith(ONLY_A_RUN)])
def test_a_sabotaged_check_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps(book(SABOTAGES[name])))
    result = check.no_code_cell_skipped.look(path)
    assert result.status == "failed"
    assert "cell 1" in result.message or "no_secret_saved(secret.ipynb) ran" in result.message
    with pytest.raises(CheckFailed):
        check.no_code_cell_skipped(path)


def test_the_saved_run_passes_before_that(tmp_path: Path) -> None:
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps(book()))
    assert check.no_code_cell_skipped(path)


def written(folder: Path, name: str, **kwargs: Any) -> Path:
    path = folder / f"{name.replace(' ', '-').replace('/', '-')}.ipynb"
    path.write_text(json.dumps(book(SABOTAGES.get(name), **kwargs)))
    return path


def by_nbclient(path: Path) -> bool:
    """Whether the run is green: by the hook, and by the check of what a run without it saves."""
    place = {
        "resources": {"metadata": {"path": str(path.parent)}},
        "kernel_name": "python3",
        "timeout": 120,
    }
    done = nbformat.read(path, as_version=4)
    raised = saved = False
    client = NotebookClient(done, on_notebook_complete=SecretCheck().after_run, **place)
    try:
        client.execute()
    except (CellExecutionError, DeadKernelError, GtSecureError):
        raised = True
    nbformat.write(done, path.with_suffix(".out.ipynb"))
    saved = not check.no_code_cell_skipped.look(path.with_suffix(".out.ipynb"))
    assert raised == saved, "the hook and the check of the saved notebook agree"
    return not raised


def by_papermill(path: Path) -> bool:
    """Whether the run is green: with our engine, and by the check of what papermill's own saves."""
    papermill = pytest.importorskip("papermill")
    given = {
        "kernel_name": "python3",
        "progress_bar": False,
        "cwd": str(path.parent),
        "start_timeout": START_S,
    }
    out = path.with_suffix(".out.ipynb")
    green = []
    for engine in ("gt_secure", None):
        try:
            papermill.execute_notebook(str(path), str(out), engine_name=engine, **given)
            green.append(engine is not None or bool(check.no_code_cell_skipped.look(out)))
        except (papermill.exceptions.PapermillExecutionError, DeadKernelError, GtSecureError):
            green.append(False)
    return any(green)


def by_nbval(*paths: Path) -> dict[str, bool]:
    """Whether each notebook is green, from one run of pytest."""
    folder = paths[0].parent
    options = [*NBVAL, "--gt-secure-notebooks", "-p", "no:cacheprovider", "-q", "-n0"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *options,
        "--junitxml=report.xml",
        *(path.name for path in paths),
    ]
    done = run_notebooks(command, cwd=folder, timeout=1200)
    red = {
        case.get("classname", "").removesuffix(".ipynb")
        for case in ElementTree.parse(folder / "report.xml").iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    }
    return {path.stem: path.stem not in red and "Traceback" not in done.stderr for path in paths}


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=() if each in FEW else pytest.mark.slow) for each in SABOTAGES],
)
def test_nbclient_is_not_green(name: str, folder: Path) -> None:
    assert not by_nbclient(written(folder, name))


@pytest.mark.slow
@pytest.mark.parametrize("name", SABOTAGES)
def test_papermill_is_not_green(name: str, folder: Path) -> None:
    assert not by_papermill(written(folder, name))


def test_nbval_is_not_green(folder: Path) -> None:
    assert [
        name for name, green in by_nbval(*(written(folder, name) for name in FEW)).items() if green
    ] == []


@pytest.mark.slow
def test_nbval_is_never_green(folder: Path) -> None:
    assert [
        name
        for name, green in by_nbval(*(written(folder, name) for name in SABOTAGES)).items()
        if green
    ] == []


SOUND = {
    "a call": "check.no_secret_saved('checks.ipynb')",
    "look, asserted": "assert check.no_secret_saved.look('checks.ipynb')",
    "in a loop": "for _ in range(3):\n    check.no_secret_saved('checks.ipynb')",
    "in a function": (
        "def test(path):\n   "
        " check.no_secret_saved(path)\ntest('checks.ipynb')\ntest('checks.ipynb')"
    ),
    "in threads": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
        "    list(pool.map(check.no_secret_saved, ['checks.ipynb']))"
    ),
    "for one mode": (
        "ON_AWS = False\nif ON_AWS:\n    check.no_secret_saved('x')\nelse:\n   "
        " check.no_secret_saved.skip('there is no"
        " account')\ncheck.no_code_cell_skipped('checks.ipynb')"
    ),
    "either": (
        "a = 0\nif a:\n    check.no_secret_saved('x')\nelse:\n   "
        " check.no_secret_saved('checks.ipynb')"
    ),
    "captured": "%%capture\ncheck.no_secret_saved('checks.ipynb')",
    "timed": "%%time\ncheck.no_secret_saved('checks.ipynb')",
    "another name": "from gt_secure.check import no_secret_saved as f\nf('checks.ipynb')",
    "a report": "check.run_file(None, 'sound.json').require()",
    "magic": "%load_ext gt_secure\n%gt_secure check no-secret-saved --path checks.ipynb",
    "shell": "!gt-secure check no-secret-saved --path checks.ipynb",
    "shell as JSON": "!gt-secure check -f sound.json --json",
    "a comment about it": (
        "# check.no_secret_saved(path) reads the file again\ncheck.no_secret_saved('checks.ipynb')"
    ),
}


@pytest.mark.slow
def test_sound_notebooks_are_green(folder: Path) -> None:
    run = book(text="1 + 1")
    (folder / "checks.ipynb").write_text(json.dumps({**run, "cells": [code("1 + 1", 1)]}))
    checks = {"version": 1, "checks": [{"check": "no_secret_saved", "path": "checks.ipynb"}]}
    (folder / "sound.json").write_text(json.dumps(checks))
    paths = [written(folder, f"sound {name}", text=text) for name, text in SOUND.items()]
    assert [name for name, green in by_nbval(*paths).items() if not green] == []
    assert [path.stem for path in paths if not by_nbclient(path)] == []
    assert [path.stem for path in paths if not by_papermill(path)] == []
