"""Secrets in notebooks, before and after they are saved, and their masks."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from gt_secure import check
from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.check import (
    CheckFailed,
    SecretCheck,
    find_secrets,
    mask_secrets,
    no_secret_saved,
    papermill_engine,
    remove_secrets,
)
from gt_secure.cli.main import main
from gt_secure.secrets.recogniser import table
from support.kernels import START_S, NotebookClient
from support.notebooks import (
    HARMLESS,
    HEX,
    KEY,
    PLACES,
    S3,
    SECRET,
    SECRETS,
    TOKEN,
    all_notebooks,
    notebook,
)

ROOT = Path(check.__file__).resolve().parents[2]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found_in_its_place_and_masked(name: str, place: str) -> None:
    text, kinds = SECRETS[name]
    book = notebook(text, place)
    found = find_secrets(book)
    assert set(kinds) <= {each.what for each in found}
    where = {
        "metadata": "cell 1, metadata",
        "widget": "the widget state",
        "source": "cell 1, source",
    }
    where["attachment"] = "cell 1, attachment"
    assert where.get(place, "cell 1, output") in {each.place for each in found}
    masked = copy.deepcopy(book)
    assert mask_secrets(masked) == found
    rest = json.dumps(masked).replace('"image/png": ' + json.dumps(text), "")
    for secret in (HEX, TOKEN[:40], SECRET, KEY, "rxLwTSb0", "RHIX5Xcg0"):
        assert secret not in rest
    assert "***" in rest
    assert find_secrets(masked) == []
    nbformat.validate(json.loads(json.dumps(masked)))


def test_harmless_text_is_left_alone() -> None:
    for text in HARMLESS:
        for place in PLACES:
            book = notebook(text, place)
            before = copy.deepcopy(book)
            assert find_secrets(book) == []
            assert mask_secrets(book) == []
            assert book == before


def test_only_the_secret_of_a_url_is_masked() -> None:
    book = notebook(S3)
    mask_secrets(book)
    text = book["cells"][1]["outputs"][0]["data"]["text/plain"]
    assert (
        text
        == "https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Expires=600&X-Amz-Signature=***"
    )


def test_masking_what_is_masked_changes_nothing() -> None:
    for book in all_notebooks():
        mask_secrets(book)
        again = copy.deepcopy(book)
        assert mask_secrets(again) == []
        assert again == book


def test_the_extension_has_the_same_table() -> None:
    built = "".join(
        path.read_text() for path in (ROOT / "gt_secure" / "labextension" / "static").glob("*.js")
    )
    assert all(what in built for what in table().kinds)


def test_a_long_text_without_secrets_takes_time_in_proportion() -> None:
    line = (
        "epoch 12 of 40: loss=0.1234 token accuracy 0.99, signature secret credential sig=1 lorem"
        " ipsum\n"
    )

    def seconds(size: int) -> float:
        book = notebook(line * (size // len(line)))
        start = time.process_time()
        assert find_secrets(book) == []
        return time.process_time() - start

    seconds(10_000)
    assert (
        min(seconds(1_000_000) for _ in range(3))
        < 60 * min(seconds(100_000) for _ in range(3)) + 0.05
    )


# the file, the command


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "my book.ipynb"
    path.write_text(json.dumps(notebook(S3), indent=1), encoding="utf-8")
    return path


def test_the_command_finds_and_removes(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean = saved.with_name("clean.ipynb")
    clean.write_text(json.dumps(notebook("fine")))
    before = clean.stat().st_mtime_ns
    assert main(["check", "no-secret-saved", "--path", str(clean), str(saved)]) == 2
    said = capsys.readouterr()
    assert "cell 1, output" in said.out
    assert "check no-secret-saved --fix --path 'my book.ipynb'" in said.err
    assert HEX not in said.out + said.err
    assert main(["check", "no-secret-saved", "--fix", "--path", str(clean), str(saved)]) == 0
    said = capsys.readouterr()
    assert (
        "41 kinds of secrets searched in 2 cells, outputs, metadata and widget state: none found."
        in said.out
    )
    assert "masked the signature of a presigned URL in cell 1, output" in said.err
    assert clean.stat().st_mtime_ns == before
    book = json.loads(saved.read_text(encoding="utf-8"))
    assert book["cells"][0] == notebook("")["cells"][0]
    assert HEX not in saved.read_text(encoding="utf-8")
    assert [path.name for path in saved.parent.iterdir() if path.name.startswith("tmp")] == []


def test_other_checks_do_not_remove(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "no-code-cell-skipped", "--fix", "--path", str(saved)]) == 64
    assert "--fix needs no-secret-saved" in capsys.readouterr().err
    assert HEX in saved.read_text(encoding="utf-8")


# accepted secrets, and notebooks as text

ONE = f"https://b.s3.amazonaws.com/k?X-Amz-Expires=600&X-Amz-Signature={HEX}"


def entry(subject: str, until: str = "2099-01-31") -> dict[str, str]:
    return {
        "finding": "saved-secret",
        "subject": subject,
        "reason": "a key of the sandbox",
        "until": until,
    }


def test_an_accepted_secret_passes_until_its_last_day(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved.write_text(json.dumps(notebook(ONE)))
    looked = no_secret_saved.look(saved)
    (found,) = looked.details["found"]
    assert re.fullmatch("[0-9a-f]{16}", found["id"])
    assert f"the subject: {found['id']}." in looked.next_step
    baseline = saved.with_name("baseline.json")
    for subject, until, code in (
        (found["id"], "2099-01-31", 0),
        (found["id"], "2020-01-31", 2),
        (found["id"][:-1] + "x", "2099-01-31", 2),
    ):
        baseline.write_text(json.dumps({"accepted": [entry(subject, until)]}))
        assert (
            main(["check", "no-secret-saved", "--path", str(saved), "--accepted", str(baseline)])
            == code
        )
    assert HEX not in capsys.readouterr().out + baseline.read_text()
    passed = no_secret_saved(saved, accepted=[entry(found["id"])])
    assert passed.message.endswith("none found except 1 accepted one.")
    assert passed.details["accepted"] == [found]
    checks = {
        "checks": [{"check": "no_secret_saved", "path": saved.name}],
        "accepted": [entry(found["id"])],
    }
    baseline.write_text(json.dumps(checks))
    assert main(["check", "-f", str(baseline)]) == 0


def test_the_same_secret_has_one_id_and_another_kind_another() -> None:
    places = find_secrets(notebook(ONE)), find_secrets(notebook(f"see\n{ONE}\nend"))
    assert {each.id for found in places for each in found} == {places[0][0].id}
    assert {each.id for each in find_secrets(notebook(ONE.replace(HEX, HEX[::-1])))} != {
        places[0][0].id
    }


def test_the_guard_lets_accepted_secrets_stay(caplog: pytest.LogCaptureFixture) -> None:
    (found,) = find_secrets(notebook(ONE))
    book = notebook(ONE)
    with caplog.at_level(logging.WARNING, "gt_secure"):
        assert SecretCheck(accepted=[entry(found.id)]).check(book, "a.ipynb") == []
    assert book == notebook(ONE)
    assert caplog.text == ""
    assert SecretCheck(accepted=[entry("0" * 16)]).check(book, "a.ipynb") == [found]
    assert HEX not in json.dumps(book)


@pytest.mark.parametrize("name", ["my book.py", "my book.md", "my book.nb.py"])
def test_pairs_of_jupytext_are_searched(saved: Path, name: str) -> None:
    book = {
        **notebook("fine"),
        "metadata": {"jupytext": {"formats": f"ipynb,{name[len('my book') :]}:percent"}},
    }
    saved.write_text(json.dumps(book))
    assert no_secret_saved.look(saved).passed is None, "its pair is not there"
    pair = saved.with_name(name)
    pair.write_text(f"# %%\nx = 1\nurl = '{ONE}'\n")
    looked = no_secret_saved.look(saved)
    assert not looked.passed
    assert f"line 3 of {name}" in looked.message
    assert no_secret_saved.look(pair).details["found"] == looked.details["found"]
    assert [each.place for each in remove_secrets(saved)] == [f"line 3 of {name}"]
    assert HEX not in pair.read_text()
    assert pair.read_text().startswith("# %%\nx = 1\nurl = 'https://")
    assert no_secret_saved(saved).message.endswith(
        f"metadata and widget state, {name}: none found."
    )
    assert no_secret_saved(pair).message == f"41 kinds of secrets searched in {name}: none found."


def test_a_pair_in_another_folder_is_unknown(saved: Path) -> None:
    formats = "notebooks///ipynb,scripts///py:percent"
    saved.write_text(
        json.dumps({**notebook("fine"), "metadata": {"jupytext": {"formats": formats}}})
    )
    looked = no_secret_saved.look(saved)
    assert looked.passed is None
    assert "scripts///py" in looked.message


@pytest.mark.parametrize("damaged", [b"\xff\xfe", b"{"])
def test_what_is_no_notebook_is_an_error(saved: Path, damaged: bytes) -> None:
    saved.write_bytes(damaged)
    with pytest.raises(InvalidInput, match=r"is not (UTF-8 text|JSON)"):
        no_secret_saved(saved)


def test_the_server_hook_refuses_texts_of_jupytext() -> None:
    from tornado.web import HTTPError

    text = {
        "type": "file",
        "content": f"# ---\n# jupyter:\n#   jupytext:\n# ---\n\n# %%\nurl = '{ONE}'\n",
    }
    with pytest.raises(HTTPError, match=r"line 7 of a\.py"):
        SecretCheck().before_save(model=text, path="src/a.py")
    SecretCheck().before_save(model={"type": "file", "content": f"url = '{ONE}'"}, path="src/b.py")


# hooks


def test_the_server_hook_masks_or_refuses(caplog: pytest.LogCaptureFixture) -> None:
    from tornado.web import HTTPError

    model = {"type": "notebook", "content": notebook(S3)}
    with pytest.raises(HTTPError) as refused:
        SecretCheck(strict=True).before_save(model=model, path="a%sb.ipynb", contents_manager=None)
    assert refused.value.status_code == 403
    assert "cell 1, output" in str(refused.value)
    assert HEX not in str(refused.value)
    assert HEX in json.dumps(model)
    with caplog.at_level(logging.WARNING, "gt_secure"):
        SecretCheck().before_save(model=model, path="a.ipynb", contents_manager=None)
    assert HEX not in json.dumps(model)
    assert "a.ipynb is saved without secrets" in caplog.text
    assert HEX not in caplog.text
    text = {"type": "file", "content": S3}
    SecretCheck(strict=True).before_save(model=text, path="a.txt")
    assert text["content"] == S3


def test_the_server_hook_says_once_what_it_does_not_search(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard = SecretCheck()
    for path in ("a.py", "b/c.PY", "d.qmd", "page.html", "Makefile"):
        guard.before_save(model={"type": "file", "content": f"url = '{ONE}'"}, path=path)
    guard.before_save(model={"type": "notebook", "content": notebook("")}, path="a.ipynb")
    guard.before_save(model={"type": "directory", "content": None}, path="d")
    assert [record.getMessage() for record in caplog.records] == [
        "Files that end in .py are saved, and not searched for secrets.",
        "Files that end in .qmd are saved, and not searched for secrets.",
        "Files that end in .html are saved, and not searched for secrets.",
        "Files without an ending are saved, and not searched for secrets.",
    ]


@pytest.mark.parametrize("secret", ["", S3])
@pytest.mark.parametrize("is_text", [False, True])
def test_the_server_hook_keeps_the_form_of_what_is_saved(secret: str, is_text: bool) -> None:
    """Without a secret the text stays as it is; the content of a notebook stays data."""
    book = notebook(secret)
    content: Any = f"{json.dumps(book)}  " if is_text else copy.deepcopy(book)
    model = {"type": "file" if is_text else "notebook", "content": content}
    SecretCheck().before_save(model=model, path="a.ipynb")
    saved = model["content"]
    assert isinstance(saved, str) == is_text
    assert (saved == content) == (not secret or not is_text)
    assert ((json.loads(saved) if is_text else saved) == book) == (not secret)


def test_the_server_hook_searches_notebooks_that_are_saved_as_text() -> None:
    from tornado.web import HTTPError

    model = {"type": "file", "content": json.dumps(notebook(S3))}
    SecretCheck().before_save(model=model, path="a.ipynb")
    assert HEX not in model["content"]
    assert find_secrets(json.loads(model["content"])) == []
    with pytest.raises(HTTPError):
        SecretCheck(strict=True).before_save(
            model={"type": "file", "content": json.dumps(notebook(S3))}, path="A.IPYNB"
        )
    for text in ('{"cells": [', "[]"):
        half = {"type": "file", "content": text}
        SecretCheck(strict=True).before_save(model=half, path="a.ipynb")
        assert half["content"] == text
    with pytest.raises(HTTPError):
        SecretCheck().before_save(
            model={"type": "file", "content": '{"cells": [' + S3}, path="a.ipynb"
        )


def test_nobody_changes_a_source_unattended() -> None:
    book = notebook(S3, "source")
    before = book["cells"][1]["source"]
    with pytest.raises(GtSecureError, match="cell 1, source"):
        SecretCheck().check(book, "a.ipynb")
    assert book["cells"][1]["source"] == before
    shown = notebook(S3)
    shown["cells"][0]["source"] = f"url = {S3!r}"
    with pytest.raises(GtSecureError, match="cell 0, source"):
        SecretCheck().after_run(shown)
    assert HEX not in json.dumps(shown["cells"][1]), "what was shown is masked all the same"


CODE = {
    'aws_session_token=assumed["SessionToken"]': None,
    "sessionToken = getSessionTokenFromService()": None,
    "secret_key=sagemakerSessionCredentialsProviderValue": None,
    f"s3 = client(aws_secret_access_key='{SECRET}')": "s3 = client(aws_secret_access_key='***')",
    f"# was {KEY}": "# was ***",
    f"!aws configure set aws_secret_access_key {SECRET}": (
        "!aws configure set aws_secret_access_key ***"
    ),
    f"%%bash\nexport AWS_SECRET_ACCESS_KEY={SECRET}": "%%bash\nexport AWS_SECRET_ACCESS_KEY=***",
    f'url = (\n    "https://h/k?X-Amz-Signature={HEX}"\n)': (
        'url = (\n    "https://h/k?X-Amz-Signature=***"\n)'
    ),
}


@pytest.mark.parametrize("source", CODE)
def test_only_strings_and_comments_of_a_source_are_masked(source: str) -> None:
    book = notebook("1")
    book["cells"][0]["source"] = source
    found = mask_secrets(book)
    assert book["cells"][0]["source"] == (CODE[source] or source)
    assert bool(found) == bool(CODE[source])


def test_code_that_is_no_string_is_left_and_found() -> None:
    book = notebook("1")
    book["cells"][0]["source"] = f"x = {KEY}"
    mask_secrets(book)
    assert book["cells"][0]["source"] == f"x = {KEY}"
    assert [each.place for each in find_secrets(book)] == ["cell 0, source"]


CELL = f"print('https://b.s3.amazonaws.com/k?X-Amz-Signature=' + '0f' * 32)\n'{KEY[::-1]}'[::-1]"


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path


def book_of(*cells: str) -> Any:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return book


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["", "1 / 0"])
def test_nbclient_runs_with_the_guard(jupyter: Path, ends: str) -> None:
    book = book_of(CELL, ends)
    client = NotebookClient(
        book, kernel_name="python3", on_notebook_complete=SecretCheck().after_run, allow_errors=True
    )
    client.execute()
    text = nbformat.writes(book)
    assert "X-Amz-Signature=***" in text
    assert HEX not in text
    assert KEY not in text
    strict = NotebookClient(book_of(CELL), on_notebook_complete=SecretCheck(strict=True).after_run)
    with pytest.raises(GtSecureError, match="cell 0, output"):
        strict.execute()


CALL = "from gt_secure import check\ncheck.no_secret_saved('x.ipynb')"


@pytest.mark.parametrize(
    ("source", "error", "raises"),
    [
        ("1 + 1", None, False),
        (CALL, None, True),
        (CALL, ("SystemExit", ""), True),
        (CALL, ("SystemExit", "0"), True),
        (CALL, ("SystemExit", "1"), False),
        (CALL, ("ValueError", "0"), False),
    ],
)
def test_a_run_to_its_end_without_the_promised_check_fails(
    source: str, error: tuple[str, str] | None, raises: bool
) -> None:
    """For the error of a cell papermill itself raises: ours would hide it."""

    class Papermill:
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str) -> str:
            nb_man.save(nb=nb_man.nb)
            return kernel_name

    book = book_of(source)
    if error is not None:
        book.cells[0].outputs = [nbformat.v4.new_output("error", ename=error[0], evalue=error[1])]
    saved: list[Any] = []
    run = SimpleNamespace(nb=book, output_path="out.ipynb", save=lambda nb: saved.append(nb))
    with pytest.raises(CheckFailed) if raises else contextlib.nullcontext():
        assert (
            papermill_engine._engine(Papermill).execute_managed_notebook(run, "python3")
            == "python3"
        )
    assert saved == [book]


def test_the_engine_can_be_asked_for_while_papermill_is_imported() -> None:
    pytest.importorskip("papermill", reason="papermill is not installed")
    code = """
import entrypoints, sys
import gt_secure.check.papermill_engine
assert "papermill" not in sys.modules
ours = entrypoints.EntryPoint("gt_secure", "gt_secure.check.papermill_engine", "GuardedEngine")
entrypoints.get_group_all = lambda group: [ours] if group == "papermill.engine" else []
from gt_secure.check.papermill_engine import GuardedEngine
from papermill.engines import papermill_engines
assert papermill_engines.get_engine("gt_secure") is GuardedEngine
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["", "1 / 0"])
def test_papermill_runs_with_the_guard(jupyter: Path, ends: str) -> None:
    papermill = pytest.importorskip("papermill", reason="papermill is not installed")
    from papermill.engines import papermill_engines

    from gt_secure.check.papermill_engine import GuardedEngine

    papermill_engines.register("gt_secure", GuardedEngine)
    nbformat.write(book_of(CELL, ends), jupyter / "in.ipynb")
    run = {
        "engine_name": "gt_secure",
        "progress_bar": False,
        "autosave_cell_every": 0,
        "start_timeout": START_S,
    }
    if ends:
        with pytest.raises(papermill.PapermillExecutionError):
            papermill.execute_notebook(jupyter / "in.ipynb", jupyter / "out.ipynb", **run)
    else:
        papermill.execute_notebook(jupyter / "in.ipynb", jupyter / "out.ipynb", **run)
    text = (jupyter / "out.ipynb").read_text(encoding="utf-8")
    assert "X-Amz-Signature=***" in text
    assert HEX not in text
    assert KEY not in text


def test_the_guard_needs_neither_boto3_nor_duckdb() -> None:
    code = """
import sys
from gt_secure.check import SecretCheck
assert SecretCheck().check({"cells": [], "metadata": {}}, "x") == []
print([name for name in ("boto3", "botocore", "duckdb", "numpy", "ipywidgets") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_masked_notebook_keeps_who_may_read_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(S3)), encoding="utf-8")
    path.chmod(mode)
    assert remove_secrets(path)
    assert path.stat().st_mode & 0o777 == mode
    assert HEX not in path.read_text(encoding="utf-8")
