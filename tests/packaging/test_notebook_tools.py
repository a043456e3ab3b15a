"""Tools that are not in the set-up, each with the real package: programs that run notebooks, and
that rewrite them.

A runner is green only if every promised check passed, by its own exit code or by the check of what
it saved. What rewrites a notebook keeps its promise: jupytext in both directions, nbstripout,
papermill, formatters, merges of Git.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest

from gt_secure.check.notebooks import write_promise
from gt_secure.check.promise import Promise, promise_of
from gt_secure.sandbox import Sandbox
from support.kernels import NotebookClient
from support.promised import AS_IT_WAS, CHANGES, PROMISE, promised, write_promised
from support.rooms import Room, clean

pytestmark = pytest.mark.slow
PACKAGES = (
    *(
        "boto3",
        "ipykernel",
        "nbval==0.11.*",
        "papermill",
        "nbclient",
        "nbmake",
        "jupytext",
        "nbstripout",
        "nbdime",
    ),
    *("pytest-xdist", "pytest-randomly", "pytest-rerunfailures", "pytest-timeout", "nbconvert"),
    "sagemaker-headless-execution-driver",
)
"""The last one is the program of SageMaker's notebook jobs;
it is in the images of SageMaker Distribution.
"""
PAIRS = {("team_is_restricted", "radiology-team"), ("team_is_restricted", "vpc-team")}


@pytest.fixture(scope="module")
def room(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """The wheel without what draws and reads logs, boto3 and the tools."""
    room = Room(tmp_path_factory.mktemp("room") / "room", sys.executable)
    room.install(*PACKAGES)
    room.install("--no-deps", str(wheel))
    return room


@pytest.fixture
def env(room: Room, running_sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    running_sandbox.reset()
    path = os.pathsep.join([str(room.python.parent), os.environ["PATH"]])
    return {
        **clean(),
        **running_sandbox.environment(),
        "PATH": path,
        "HOME": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
    }


class Tools:
    """The programs of the room, in a folder that sees the sandbox."""

    def __init__(self, room: Room, env: dict[str, str], folder: Path) -> None:
        self.room, self.env, self.folder = room, env, folder

    def __call__(self, *words: str, **more: str) -> int:
        """Run a module; return its exit code."""
        command = [str(self.room.python), "-m", *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.env, **more},
            capture_output=True,
            text=True,
            timeout=1500,
        )
        (self.folder / "log.txt").write_text(done.stdout + done.stderr)
        return done.returncode

    def accepts(self, name: str) -> bool:
        return self("gt_secure", "check", "no-code-cell-skipped", "--path", name) == 0


@pytest.fixture
def tools(room: Room, env: dict[str, str], tmp_path: Path) -> Tools:
    return Tools(room, env, tmp_path)


ALONE = ("-p", "no:xdist", "-p", "no:randomly", "-p", "no:rerunfailures", "-p", "no:timeout")
START = "--nbval-kernel-startup-timeout=300"
SLOWLY = ("--start-timeout", "300")
"""A busy machine starts a kernel slowly."""
NBVAL: dict[str, tuple[str, ...]] = {
    "nbval": ALONE,
    "two workers": ("-n", "2", *ALONE[2:]),
    "pytest-randomly": ("-p", "no:xdist", "--randomly-seed=7"),
    "pytest-rerunfailures": (*ALONE[:4], "--reruns", "2"),
    "pytest-timeout": (*ALONE[:6], "--timeout", "600"),
    "all of them": ("-n", "2", "--randomly-seed=11", "--reruns", "1", "--timeout", "600"),
}


def verdicts(report: Path) -> dict[str, bool]:
    """Return by notebook whether all of its tests passed."""
    green: dict[str, bool] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("classname", "").removesuffix(".ipynb")
        failed = case.find("failure") is not None or case.find("error") is not None
        green[name] = green.get(name, True) and not failed
    return green


def written(folder: Path) -> dict[str, str]:
    """Write a notebook for each change, as it was saved after a good run;
    return the changes by the notebook's name.
    """
    names = {change.replace(" ", "-"): change for change in CHANGES}
    for name, change in names.items():
        book = promised(change)
        for number, cell in enumerate(book.cells, 1):
            cell.execution_count = number
        nbformat.write(book, folder / f"{name}.ipynb")
    return names


@pytest.mark.parametrize("name", NBVAL)
def test_nbval_and_its_companions(name: str, tools: Tools) -> None:
    names = written(tools.folder)
    options = [
        "--nbval-lax",
        "--nbval-current-env",
        "--gt-secure-notebooks",
        "--junitxml=report.xml",
        START,
        *NBVAL[name],
    ]
    assert tools("pytest", *options, *(f"{each}.ipynb" for each in names)) == 1
    expected = {each: change == AS_IT_WAS for each, change in names.items()}
    assert verdicts(tools.folder / "report.xml") == expected, (
        tools.folder / "log.txt"
    ).read_text()[-3000:]


def by_nbmake(tools: Tools) -> bool:
    done = tools("pytest", "--nbmake", "--overwrite", *ALONE, "book.ipynb")
    return tools.accepts("book.ipynb") and done == 0


def by_jupytext(tools: Tools) -> bool:
    return tools(
        "jupytext", "--execute", "--to", "ipynb", "-o", "out.ipynb", "book.ipynb"
    ) == 0 and tools.accepts("out.ipynb")


def by_nbconvert(tools: Tools) -> bool:
    words = (
        "--to",
        "notebook",
        "--execute",
        "--allow-errors",
        "--output",
        "out.ipynb",
        "book.ipynb",
        f"--ExecutePreprocessor.startup_timeout={SLOWLY[1]}",
    )
    return tools("nbconvert", *words) == 0 and tools.accepts("out.ipynb")


def by_papermill(tools: Tools) -> bool:
    return tools("papermill", "book.ipynb", "out.ipynb", *SLOWLY) == 0 and tools.accepts(
        "out.ipynb"
    )


def by_our_engine(tools: Tools) -> bool:
    return tools("papermill", "book.ipynb", "out.ipynb", "--engine", "gt_secure", *SLOWLY) == 0


def by_a_notebook_job(tools: Tools) -> bool:
    """Run the program of the job's container, with its environment; its parameters are texts."""
    folder = tools.folder
    first = nbformat.read(folder / "book.ipynb", as_version=4).cells[0].source
    (folder / "parameters.json").write_text(
        json.dumps({"TEAM": json.loads(first.partition("=")[2])})
    )
    job = {
        "SM_PAPERMILL_INPUT": str(folder / "book.ipynb"),
        "SM_PAPERMILL_OUTPUT": str(folder / "out.ipynb"),
        "SM_PAPERMILL_PARAMS_PATH": str(folder / "parameters.json"),
        "SM_PAPERMILL_FAILURE_FILE": str(folder / "failure"),
        "SM_KERNEL_NAME": "python3",
    }
    done = tools("sagemaker_headless_execution_driver.notebookrunner", **job)
    assert (done != 0) == (folder / "failure").exists()
    return tools.accepts("out.ipynb") and done == 0


RUNNERS: dict[str, Any] = {
    "nbmake": by_nbmake,
    "jupytext --execute": by_jupytext,
    "nbconvert --execute --allow-errors": by_nbconvert,
    "papermill": by_papermill,
    "papermill --engine gt_secure": by_our_engine,
    "a SageMaker notebook job": by_a_notebook_job,
}


FEW = (AS_IT_WAS, "a check that is gone", "a team that is open", "a command that fails")


@pytest.mark.parametrize("change", FEW)
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_runner_is_green_only_if_all_is_well(runner: str, change: str, tools: Tools) -> None:
    write_promised(tools.folder / "book.ipynb", change)
    assert RUNNERS[runner](tools) == (change == AS_IT_WAS), (tools.folder / "log.txt").read_text()[
        -3000:
    ]


# Tools that rewrite a notebook.


@pytest.fixture
def saved(tools: Tools, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook that was run, saved and written with its promise, as documented."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    book = promised()
    del book.cells[-1]
    NotebookClient(book, kernel_name="python3", startup_timeout=300).execute()
    path = tools.folder / "book.ipynb"
    nbformat.write(book, path)
    assert write_promise(path).passed
    assert pairs(path) == PAIRS
    return path


def pairs_of(promise: Promise) -> set[tuple[str, str]]:
    return {each[:2] for each in promise.claims}


def pairs(path: Path) -> set[tuple[str, str]]:
    promise = promise_of(json.loads(path.read_text(encoding="utf-8")))
    assert promise.stated == "cell"
    return pairs_of(promise)


def chain(*steps: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(steps)


REWRITES: dict[str, list[tuple[str, ...]]] = {
    "nbstripout": chain(("nbstripout", "book.ipynb")),
    "nbstripout with all options": chain(
        ("nbstripout", "--drop-empty-cells", "--extra-keys", "metadata.gt_secure cell.metadata.tags", "book.ipynb")
    ),
    "papermill": chain(("papermill", "book.ipynb", "out.ipynb", "-p", "TEAM", "radiology-team", *SLOWLY)),
    "nbconvert": chain(("nbconvert", "--clear-output", "--inplace", "book.ipynb")),
    **{
        f"jupytext as {form}": chain(
            ("jupytext", "--to", form, "-o", f"book{suffix}", "book.ipynb"),
            ("jupytext", "--to", "ipynb", "-o", "out.ipynb", f"book{suffix}"),
        )
        for form, suffix in {"py:percent": ".py", "py:light": ".py", "md": ".md", "Rmd": ".Rmd"}.items()
    },
    "jupytext --update": chain(
        ("jupytext", "--to", "py:percent", "-o", "book.py", "book.ipynb"),
        ("jupytext", "--update", "--to", "ipynb", "-o", "book.ipynb", "book.py"),
    ),
    "jupytext --sync": chain(
        ("jupytext", "--set-formats", "ipynb,py:percent", "book.ipynb"), ("jupytext", "--sync", "book.py")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REWRITES)
def test_the_promise_survives(name: str, tools: Tools, saved: Path) -> None:
    for words in REWRITES[name]:
        assert tools(*words) == 0, (tools.folder / "log.txt").read_text()[-2000:]
    out = tools.folder / "out.ipynb"
    path = out if out.exists() else saved
    assert pairs(path) == PAIRS
    assert tools("papermill", path.name, "again.ipynb", "--engine", "gt_secure", *SLOWLY) == 0


def test_the_promise_survives_a_formatter(tools: Tools, saved: Path) -> None:
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", saved], check=True)
    assert pairs(saved) == PAIRS
    assert tools.accepts(saved.name), "no check was changed"


# Merges: both branches add a check after a run, and write the promise.

MERGES = ("plain", "ours", "theirs", "union", "nbdime")
PLACES = {"one beside the other": (3, 3), "apart": (2, 4)}


class Branches:
    def __init__(self, tools: Tools, path: Path) -> None:
        self.tools, self.path = tools, path

    def git(self, *words: str) -> int:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
        return subprocess.run(
            command, cwd=self.tools.folder, env=self.tools.env, capture_output=True
        ).returncode

    def add(self, branch: str, number: int, name: str, subject: str) -> None:
        """Commit one more check, with its record and in the promise."""
        book = json.loads(self.path.read_text())
        cell = json.loads(json.dumps(book["cells"][2]))
        [record] = [each for each in cell["outputs"] if each.get("metadata", {}).get("gt_secure")]
        record["metadata"]["gt_secure"]["checks"][0].update(check=name, subject=subject)
        cell["source"], cell["id"] = [f"check.{name}(gt, {subject!r})"], f"new-{branch}"
        book["cells"].insert(number, cell)
        self.path.write_text(json.dumps(book, indent=1) + "\n")
        assert write_promise(self.path).passed
        assert self.git("commit", "-qam", branch) == 0


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("how", MERGES)
def test_a_merge_loses_no_promised_check(how: str, places: str, tools: Tools, saved: Path) -> None:
    branches = Branches(tools, saved)
    assert branches.git("init", "-q", "-b", "main") == 0
    if how == "union":
        (tools.folder / ".gitattributes").write_text("*.ipynb merge=union\n")
    if how == "nbdime":
        done = subprocess.run([tools.room.python.with_name("nbdime"), "config-git", "--enable"], cwd=tools.folder,
                              env=tools.env, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert branches.git("add", ".") == branches.git("commit", "-qm", "base") == 0
    first, second = PLACES[places]
    branches.git("checkout", "-qb", "other")
    branches.add("other", first, "team_is_restricted", "a-team")
    branches.git("checkout", "-q", "main")
    branches.add("main", second, "guard_is_in_place", "b-bucket")
    code = branches.git("merge", "-q", *(["-X", how] if how in ("ours", "theirs") else []), "other")
    try:
        promise = promise_of(json.loads(saved.read_text(encoding="utf-8")))
    except ValueError:
        assert how in ("plain", "union"), "no notebook any more, which every tool refuses"
        return
    assert pairs_of(promise) == PAIRS | {
        ("team_is_restricted", "a-team"),
        ("guard_is_in_place", "b-bucket"),
    }
    assert promise.stated == ("metadata" if code else "cell"), (
        "a cell with marks of a conflict states nothing"
    )


def test_the_promise_is_the_one_that_is_written(saved: Path) -> None:
    assert "".join(json.loads(saved.read_text())["cells"][-1]["source"]) == PROMISE
