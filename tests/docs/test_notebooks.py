"""The tutorials: what all of them promise, and that they keep it on an account too."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from gt_secure.check import no_code_cell_skipped, no_secret_saved
from gt_secure.sandbox import Sandbox
from support.blocks import ROOT
from support.kernels import START_S, NotebookClient
from support.subjects import subjects

NOTEBOOKS = subjects(sorted((ROOT / "notebooks").rglob("*.ipynb")), 11)
# The quickstart is the demo: it refuses to run anywhere but on the sandbox.
TUTORIALS = [path for path in NOTEBOOKS if path.stem != "01_quickstart"]
CHANGES = {"apply", "undo", "reset"}


def name_of(path: Path) -> str:
    return path.stem


def code(path: Path) -> list[str]:
    return [
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_committed_notebook(path: Path) -> None:
    assert no_code_cell_skipped.look(path, run_within="any").passed
    assert no_secret_saved.look(path).passed
    book = nbformat.read(path, as_version=4)
    assert book.cells[0].cell_type == "markdown"
    assert book.cells[0].source.startswith("# ")
    assert not [
        o for cell in book.cells for o in cell.get("outputs", []) if o.output_type == "error"
    ]
    links = re.findall(
        r"\]\((\d\d_\w+\.ipynb)\)",
        "\n".join(c.source for c in book.cells if c.cell_type == "markdown"),
    )
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_a_panel_has_a_picture_where_no_widget_is_shown() -> None:
    books = [nbformat.read(path, as_version=4) for path in NOTEBOOKS]
    shown = [
        o.data
        for book in books
        for cell in book.cells
        for o in cell.get("outputs", [])
        if "data" in o
    ]
    panels = [data for data in shown if "gt_secure panel" in data.get("text/plain", "")]
    assert len(panels) >= 1
    assert all(len(data.get("image/png", "")) > 10_000 for data in panels)


@pytest.mark.parametrize("path", TUTORIALS, ids=name_of)
def test_it_runs_on_the_sandbox_unless_told_otherwise(path: Path) -> None:
    text = "\n".join(code(path))
    assert re.search(r"^ON_AWS = False\b", text, re.MULTILINE)
    if path.stem != "06_logs_at_scale":  # it reads a file
        assert re.findall(r"gt_secure\.connect\((sandbox=\w+ ?\w*)", text) == ["sandbox=not ON_AWS"]


CONNECTING = subjects(
    (path for path in NOTEBOOKS if "gt_secure.connect(sandbox=" in "\n".join(code(path))), 10
)


@pytest.mark.parametrize("path", CONNECTING, ids=name_of)
def test_it_starts_from_the_demo_data(path: Path) -> None:
    text = "\n".join(code(path))
    assert text.index("gt_secure.sandbox.reset()") < text.index("gt_secure.connect(sandbox=")


def _changes(tree: ast.AST) -> list[tuple[str, bool]]:
    """Calls that change something, and whether a question or
    ``if not ON_AWS`` stands before each.
    """
    questions = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"confirm", "input"}
    ]
    sandbox_only = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "not ON_AWS"
    ]
    found = []
    for node in ast.walk(tree):
        name = (
            node.func.attr
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            else ""
        )
        if name in CHANGES or name.startswith(("put_", "delete_", "update_", "create_")):
            asked = any(line < node.lineno for line in questions) or any(
                node.lineno in r for r in sandbox_only
            )
            found.append((ast.unparse(node), asked))
    return found


CHANGING = subjects(
    (path for path in TUTORIALS if any(_changes(ast.parse(source)) for source in code(path))), 8
)


@pytest.mark.parametrize("path", CHANGING, ids=name_of)
def test_cells_that_change_an_account_ask_first(path: Path) -> None:
    for source in code(path):
        for call, guarded in _changes(ast.parse(source)):
            assert guarded, f"{path.name}: {call} without asking"


def test_a_change_without_a_question_is_noticed() -> None:
    assert _changes(ast.parse("gt.apply(plan)")) == [("gt.apply(plan)", False)]
    assert _changes(ast.parse("gt.apply(plan)\nconfirm('x')")) == [("gt.apply(plan)", False)]
    assert _changes(ast.parse("confirm('x')\ngt.apply(plan)")) == [("gt.apply(plan)", True)]
    assert _changes(ast.parse("if not ON_AWS:\n    gt.undo()")) == [("gt.undo()", True)]


def test_twenty_lines_are_twenty_lines() -> None:
    longest = max(code(ROOT / "notebooks" / "08_twenty_lines.ipynb"), key=len)
    assert 15 <= len(longest.splitlines()) <= 20


@pytest.mark.slow
def test_the_tutorials_run_in_any_order_and_twice_in_one_sandbox(tmp_path: Path) -> None:
    ours = [path for path in NOTEBOOKS if path.parent.name == "notebooks"]
    with Sandbox(log_delay_s=0.2) as sandbox:
        seed = state(sandbox)
        env = kernel_environment(sandbox, tmp_path)
        for path in [*ours, *reversed(ours)]:
            book = nbformat.read(path, as_version=4)
            folder = {"metadata": {"path": str(tmp_path)}}
            NotebookClient(book, timeout=180, kernel_name="python3", resources=folder).execute(
                env=env
            )
            assert state(sandbox) == seed, f"{path.name} left something behind"


def kernel_environment(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """The environment of a kernel that sees the sandbox and nothing of the person's own account."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **env,
        **sandbox.environment(),
        "GT_SECURE_JOURNAL": str(folder / "journal"),
        "PYTHONWARNINGS": "ignore",
    }


# On an account the kernel has one address and no request is simulated. This cell makes the sandbox
# look like one.
AS_AN_ACCOUNT = """
from gt_secure.aws.client import Aws
Aws.is_local = property(lambda self: False)
asked = []
"""
ANSWER = 'input = lambda question="": (asked.append(question), {answer!r})[1]'


def run(path: Path, sandbox: Sandbox, folder: Path, answer: str | None) -> Any:
    """Run as on an account; without an answer there is nobody to ask, as in a job."""
    book = copy.deepcopy(nbformat.read(path, as_version=4))
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(
                r"^ON_AWS = False\b", "ON_AWS = True", cell.source, flags=re.MULTILINE
            )
    first = AS_AN_ACCOUNT + ("" if answer is None else ANSWER.format(answer=answer))
    last = "import json; print('ASKED', json.dumps(asked))"
    book.cells.insert(0, nbformat.v4.new_code_cell(first))
    book.cells.append(nbformat.v4.new_code_cell(last))
    env = kernel_environment(sandbox, folder)
    NotebookClient(
        book, timeout=180, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute(env=env)
    return book


def state(sandbox: Sandbox) -> tuple[object, ...]:
    """What a tutorial could change."""
    import boto3

    from gt_secure import connect

    env = sandbox.environment()
    session = boto3.session.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )
    gt = connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)
    return (
        gt.state(bucket="gt-images").bucket.policy.value,
        tuple(team.url_lock for team in gt.workteams()),
        gt.workforce(),
    )


# 06 reads a log without an account, 01 refuses an account, and the template needs a restriction
# that is in force.
ON_ACCOUNT = [
    path for path in TUTORIALS if path.stem not in {"06_logs_at_scale", "regression_tests"}
]


@pytest.mark.slow
@pytest.mark.parametrize("path", ON_ACCOUNT, ids=name_of)
def test_on_an_account_it_runs_through_and_leaves_nothing_behind(
    path: Path, tmp_path: Path
) -> None:
    with Sandbox(log_delay_s=0.2) as sandbox:
        before = state(sandbox)
        book = run(path, sandbox, tmp_path, "yes")
        asked = json.loads(book.cells[-1].outputs[0].text.partition(" ")[2])
        assert state(sandbox) == before
    calls = [call for source in code(path) for call, _ in _changes(ast.parse(source))]
    assert bool(asked) == any(not call.startswith("gt_secure.sandbox.") for call in calls)
    assert all("111122223333" in question for question in asked)


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["no", "", None])
@pytest.mark.parametrize("path", [p for p in ON_ACCOUNT if p.stem != "07_report"], ids=name_of)
def test_on_an_account_nothing_changes_without_a_yes(
    path: Path, answer: str | None, tmp_path: Path
) -> None:
    with Sandbox(log_delay_s=0.2) as sandbox:
        before = state(sandbox)
        said = (
            r"Nothing was changed|AssertionError"
            if answer is not None
            else "StdinNotImplementedError"
        )
        with pytest.raises(CellExecutionError, match=said):
            run(path, sandbox, tmp_path, answer)
        assert state(sandbox) == before
    # a signature changes nothing
    assert {path.name for path in (tmp_path / "journal").glob("*")} <= {"test-urls"}


@pytest.mark.slow
@pytest.mark.parametrize("fail_on", ["", "high", "medium"])
def test_the_report_runs_under_papermill(
    fail_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papermill = pytest.importorskip("papermill")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with Sandbox(log_delay_s=0.2) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        arguments = (
            str(ROOT / "notebooks" / "07_report.ipynb"),
            str(tmp_path / "report.ipynb"),
        )
        parameters = {"FAIL_ON": fail_on, "OUT": str(tmp_path / "report.json")}
        options = {
            "parameters": parameters,
            "kernel_name": "python3",
            "progress_bar": False,
            "start_timeout": START_S,
        }
        if fail_on:  # a presigned URL is opened from anywhere
            with pytest.raises(
                papermill.exceptions.PapermillExecutionError,
                match=f"of severity {fail_on} or higher",
            ):
                papermill.execute_notebook(*arguments, **options)
        else:
            papermill.execute_notebook(*arguments, **options)
    made = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "portal-public-beside-vpc" in {finding["code"] for finding in made["findings"]}
    assert [leak["kind"] for leak in made["leaks"]] == ["leak"]
    assert made["unread"] == []


SCHEDULED = [
    ROOT / "notebooks" / "07_report.ipynb",
    ROOT / "notebooks" / "templates" / "regression_tests.ipynb",
]


@pytest.mark.slow
@pytest.mark.parametrize("path", SCHEDULED, ids=name_of)
@pytest.mark.parametrize("on_aws", ["False", "True"])
def test_parameters_as_a_notebook_job_passes_them(
    path: Path, on_aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As text: ``NotebookJobStep(parameters: dict[str, str])`` of the SageMaker SDK.
    Any text is true in an ``if``.
    """
    papermill = pytest.importorskip("papermill")
    with Sandbox(log_delay_s=0.2) as sandbox:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in {
            **sandbox.environment(),
            "GT_SECURE_JOURNAL": str(tmp_path / "journal"),
        }.items():
            monkeypatch.setenv(name, value)
        before = state(sandbox)
        given = {
            "parameters": {"ON_AWS": on_aws, "SINCE": "2d"},
            "kernel_name": "python3",
            "progress_bar": False,
        }
        given["start_timeout"] = START_S
        if on_aws == "False":
            papermill.execute_notebook(str(path), str(tmp_path / "out.ipynb"), **given)
        elif path.stem == "07_report":  # it only reads what the credentials name
            papermill.execute_notebook(str(path), str(tmp_path / "out.ipynb"), **given)
            assert state(sandbox) == before
        else:  # nothing is restricted there, and the notebook restricts nothing
            with pytest.raises(
                papermill.exceptions.PapermillExecutionError, match="team_is_restricted"
            ):
                papermill.execute_notebook(str(path), str(tmp_path / "out.ipynb"), **given)
            assert state(sandbox) == before


@pytest.mark.slow
def test_the_template_passes_and_fails_when_the_guard_is_gone(tmp_path: Path) -> None:
    source = ROOT / "notebooks" / "templates" / "regression_tests.ipynb"
    with Sandbox(log_delay_s=0.2) as sandbox:
        env = kernel_environment(sandbox, tmp_path)
        book = nbformat.read(source, as_version=4)
        client = {
            "timeout": 180,
            "kernel_name": "python3",
            "resources": {"metadata": {"path": str(tmp_path)}},
        }
        NotebookClient(book, **client).execute(env=env)
        broken = nbformat.read(source, as_version=4)
        place = next(
            i for i, cell in enumerate(broken.cells) if "check.team_is_restricted" in cell.source
        )
        gone = "gt.aws.client('s3').delete_bucket_policy(Bucket=RESTRICTION.bucket)"
        broken.cells.insert(place, nbformat.v4.new_code_cell(gone))
        with pytest.raises(CellExecutionError, match="guard_is_in_place"):
            NotebookClient(broken, **client).execute(env=env)
